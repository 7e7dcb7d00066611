package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// row is the figures of a case, by column.
type row struct {
	Work    string             `json:"work"`
	Network string             `json:"network"`
	Threads int                `json:"threads"`
	Case    string             `json:"case"`
	Figures map[string]float64 `json:"figures"`

	columns []string
}

func writeJSON(w io.Writer, rows []row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(append([]row{}, rows...))
}

// writeTables writes a table of each work.
func writeTables(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, r := range rows {
		if i == 0 || r.Work != rows[i-1].Work {
			if err := t.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(w, "\n%s\n", r.Work)
			fmt.Fprintf(t, "network\tthreads\tcase\t%s\t\n", strings.Join(r.columns, "\t"))
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t", r.Network, r.Threads, r.Case)
		for _, column := range r.columns {
			fmt.Fprintf(t, "%s\t", figure(r.Figures[column]))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// figure writes x with 3 digits, or all before the point.
func figure(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
