package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// row is an architecture. SQNRs are in dB, sizes in bytes of files.
type row struct {
	Name        string   `json:"name"`
	Size        string   `json:"size"`
	Trained     string   `json:"trained"`
	Saved       bool     `json:"saved"` // all four, and loaded again
	DynamicDB   float64  `json:"dynamic_db"`
	StaticDB    float64  `json:"static_db"`
	Int4DB      float64  `json:"int4_db"`       // a learned codebook
	Int4PlainDB float64  `json:"int4_plain_db"` // rounded to nearest
	Times64     float64  `json:"times_gorgonia_64"`
	Times1      float64  `json:"times_gorgonia_1"`
	Bytes       int64    `json:"bytes"` // of the static model
	FloatBytes  int64    `json:"float_bytes"`
	KeptFloat   []string `json:"kept_float"` // by the static model
	Error       string   `json:"error,omitempty"`

	Ranges map[string]float64 `json:"static_db_by_range,omitempty"` // by range estimator, under -ranges
}

// What an architecture is to reach, in dB.
const (
	leastDynamic = 35
	leastStatic  = 25
)

func writeJSON(w io.Writer, rows []row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

// writeTable writes a line for each architecture, and a summary.
func writeTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "architecture\tdynamic dB\tstatic dB\tint4 dB\tint4 plain dB\t× Gorgonia at 64\tat 1\tbytes\tof float\tin float32\ttrained\tsize")
	for _, r := range rows {
		if r.Error != "" {
			fmt.Fprintf(t, "%s\terror: %s\n", r.Name, r.Error)
			continue
		}
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%s\t%d\t%.3f\t%d\t%s\t%s\n", r.Name, r.DynamicDB, r.StaticDB, r.Int4DB, r.Int4PlainDB, figure(r.Times64),
			figure(r.Times1), r.Bytes, float64(r.Bytes)/float64(r.FloatBytes), len(r.KeptFloat), r.Trained, r.Size)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", summary(rows)); err != nil {
		return err
	}
	return writeRanges(w, rows)
}

// summary counts who has reached what.
func summary(rows []row) string {
	var saved, dynamic, static int
	var logs [2]float64
	for _, r := range rows {
		if r.Error != "" {
			continue
		}
		if r.Saved {
			saved++
		}
		if r.DynamicDB >= leastDynamic {
			dynamic++
		}
		if r.StaticDB >= leastStatic {
			static++
		}
		logs[0] += math.Log(r.Times64)
		logs[1] += math.Log(r.Times1)
	}
	text := fmt.Sprintf("Of %d architectures %d are saved, %d dynamic ones reach %d dB and %d static ones %d dB.",
		len(rows), saved, dynamic, leastDynamic, static, leastStatic)
	mean := func(log float64) float64 { return math.Exp(log / float64(saved)) }
	if a, b := mean(logs[0]), mean(logs[1]); a > 0 && b > 0 {
		text += fmt.Sprintf(" Against Gorgonia: %.1f times at batch %d, %.1f at 1, geometric means.", a, manyBatch, b)
	}
	return text
}

// figure writes a speed, and nothing for 0, which was not measured.
func figure(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", x)
}
