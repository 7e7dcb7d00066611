package ptq

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"euryale/internal/ir"
	"euryale/internal/table"
	"euryale/model"
)

// Report is what became of a network.
type Report struct {
	// Layers are all products, convolutions and lookups, in the order in which they are computed, those too
	// that stay float.
	Layers []LayerReport
	// Kept are the other operations that are computed in float32, "Softmax p", and constants that are
	// rounded, "FakeQuantize b".
	Kept []string
	// OnQuantized are those that are computed on codes of a byte, between layers under StaticInt8: "MaxPool
	// p".
	OnQuantized []string
	Outputs     []OutputReport
	Samples     int
}

// LayerReport is what became of a product, a convolution or a lookup. A lookup, whose Op is "Gather", has no
// arithmetic: what is said of Activations and of what flows in is nothing there, nor is it for what stays
// float.
type LayerReport struct {
	Name, Op  string
	Quantized bool
	Reason    string // why it is not: what of its operands, or a rule

	Weights     string            // the scheme
	Activations model.Activations // never Default but for a lookup, and for what stays float
	Low, High   float32           // the range of what flows in, before it is fake-quantized, that the samples showed
	Clipped     float64           // the fraction of it that lies outside of the range of StaticInt8

	WeightSQNR float64 // of the weights against the graph's, dB; +Inf for those that were fake-quantized there
	OutputSQNR float64 // of what flows out, against the float network's, over all samples, dB

	FloatBytes, Bytes int // of the weights, 0 for those that are computed
}

// OutputReport is what became of one of the network's results.
type OutputReport struct {
	Name string
	// SQNR is against the float network's, over all samples, dB; −Inf where NaN or an infinity is in one
	// alone.
	SQNR float64
}

// Bytes returns the size of the weights of all layers, before and after: one that layers share counts for
// each. A nil Report has none.
func (r *Report) Bytes() (float, quantized int) {
	if r == nil {
		return 0, 0
	}
	for _, l := range r.Layers {
		float += l.FloatBytes
		quantized += l.Bytes
	}
	return float, quantized
}

// String returns a table with a line for each layer, and one for each output. Names that would tear it are
// quoted. That of a nil Report has no line.
func (r *Report) String() string {
	if r == nil {
		r = &Report{}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\top\tweights\tactivations\trange\tclipped\tweight dB\toutput dB\tbytes\tof float")
	for _, l := range r.Layers {
		fmt.Fprintf(w, "%s\t%s\t%s\n", table.Cell(l.Name), table.Cell(l.Op), l.cells())
	}
	for _, list := range []struct {
		what  string
		nodes []string
	}{{"on codes", r.OnQuantized}, {"in float32", r.Kept}} {
		if len(list.nodes) > 0 {
			fmt.Fprintf(w, "%s: %s\n", list.what, table.Cell(strings.Join(list.nodes, ", ")))
		}
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(w, "%s\t\t\t\t\t\t\t%.1f\n", table.Cell(o.Name), o.SQNR)
	}
	_ = w.Flush() // strings.Builder gives no error
	return b.String()
}

// cells returns what stands behind the name and the op of a layer.
func (l LayerReport) cells() string {
	if !l.Quantized {
		return fmt.Sprintf("float: %s\t\t\t\t\t%.1f\t%d\t1", table.Cell(l.Reason), l.OutputSQNR, l.Bytes)
	}
	activations := "-\t-\t-"
	if l.Op != ir.OpGather {
		activations = fmt.Sprintf("%v\t[%.4g, %.4g]\t%.4f", l.Activations, l.Low, l.High, l.Clipped)
	}
	return fmt.Sprintf("%s\t%s\t%.1f\t%.1f\t%d\t%.3f", table.Cell(l.Weights), activations, l.WeightSQNR, l.OutputSQNR,
		l.Bytes, float64(l.Bytes)/float64(max(l.FloatBytes, 1)))
}
