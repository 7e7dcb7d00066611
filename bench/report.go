package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"euryale/bench/limits"
	"euryale/internal/isa"
)

// row is a work on a shape.
type row struct {
	Work    string  `json:"work"`
	Shape   string  `json:"shape"`
	Tier    string  `json:"tier"`
	Threads int     `json:"threads"`
	GOPS    float64 `json:"gops,omitempty"`             // 2·m·k·n a second; conversions have none
	GBPS    float64 `json:"gbps"`                       // of the packed weight, or read and written by a conversion
	Percent float64 `json:"percent_of_limit,omitempty"` // none where no limit is known
	Limit   string  `json:"limit,omitempty"`

	intensity float64 // operations per byte of the packed weight
	planes    int
}

// limitRow is what the machine can do.
type limitRow struct {
	Name    string      `json:"name"`
	Kind    limits.Kind `json:"kind"`
	Bytes   int         `json:"bytes,omitempty"`
	Threads int         `json:"threads"`
	Rate    float64     `json:"rate"`
	Unit    string      `json:"unit"`

	tier isa.Tier
}

// report is the result of a run.
type report struct {
	Go     string     `json:"go"`
	Arch   string     `json:"arch"`
	Limits []limitRow `json:"limits"`
	Rows   []row      `json:"rows"`
}

func (r report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeTable writes a table of the limits and one of each work.
func (r report) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "%s %s\n\n", r.Go, r.Arch)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "limit\tthreads\tGOP/s\tGB/s\t")
	for _, l := range r.Limits {
		gops, gbps := figure(l.Rate), ""
		if l.Kind != limits.Peak {
			gops, gbps = gbps, gops
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t\n", l.Name, l.Threads, gops, gbps)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Limits) > 0 && !slices.ContainsFunc(r.Limits, func(l limitRow) bool { return l.Kind == limits.Peak }) {
		fmt.Fprintln(w, "No peaks: this build has no assembly, or this machine none of its instructions.")
	}
	for i, row := range r.Rows {
		if i == 0 || row.Work != r.Rows[i-1].Work {
			if err := t.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(w, "\n%s\n", row.Work)
			fmt.Fprintln(t, "shape\ttier\tthreads\tGOP/s\tGB/s\t%\tof\t")
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t\n", row.Shape, row.Tier, row.Threads, figure(row.GOPS), figure(row.GBPS),
			percent(row.Percent), row.Limit)
	}
	return t.Flush()
}

// figure writes x with 4 digits or all before the point, and nothing for 0, which stands for no figure.
func figure(x float64) string {
	switch {
	case x == 0:
		return ""
	case x >= 1000:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.4g", x)
}

// percent writes x with a digit after the point, and nothing for 0.
func percent(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", x)
}
