package exprgraph

import (
	"fmt"
	"math"
	"strings"

	"euryale/internal/ir"
)

// Report is how the model that was read compares with Gorgonia.
type Report struct {
	Outputs []Output // in the order of the graph's
	// Calls lists the ops that AllowGorgonia has called in Gorgonia, and why: "Foreign_1 (Gorgonia's … : want
	// …)". A model with any cannot be saved.
	Calls  []string
	Seeded bool // the comparison was on seeded random values, not on a sample
	// NotCompared is why Gorgonia could not run the float graph, which then was not compared; else "".
	NotCompared string
}

// Output is how one output compares with Gorgonia's, in dB: +Inf for equal values, NaN if it was not
// compared.
type Output struct {
	Name string
	// SQNR is that of the network as it was read, op by op. Of a float32 graph it is +Inf, or above 140 dB if
	// sums are in another order. Below 110 dB the output is what rounding leaves of larger terms that cancel.
	SQNR float64
	// FoldedSQNR is that of the model that ReadBuild returns, with normalizations and biases folded into
	// layers.
	FoldedSQNR float64
}

// newReport returns the report of a network that was not compared yet.
func newReport(g *ir.Network) *Report {
	r := &Report{}
	for _, o := range g.Outputs {
		r.Outputs = append(r.Outputs, Output{Name: o.Name, SQNR: math.NaN(), FoldedSQNR: math.NaN()})
	}
	for _, n := range g.Nodes {
		if n.Foreign != nil {
			r.Calls = append(r.Calls, fmt.Sprintf("%s (%v)", n.Name, n.Foreign))
		}
	}
	return r
}

// String returns a line for each output, and what else there is to say. For a nil Report it returns "".
func (r *Report) String() string {
	var b strings.Builder
	if r == nil {
		return ""
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "%q against Gorgonia: %.1f dB, folded %.1f dB\n", o.Name, o.SQNR, o.FoldedSQNR)
	}
	if r.Seeded {
		fmt.Fprintln(&b, "compared on seeded random values: give a sample to compare on your own")
	}
	if r.NotCompared != "" {
		fmt.Fprintf(&b, "not compared with Gorgonia: %q\n", r.NotCompared)
	}
	for _, c := range r.Calls {
		fmt.Fprintf(&b, "called in Gorgonia: %q\n", c)
	}
	return b.String()
}
