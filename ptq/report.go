package ptq

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"euryale/calib"
	"euryale/internal/ir"
	"euryale/internal/table"
	"euryale/model"
)

// Report says what became of each layer and operation of a network, and what that has cost.
type Report struct {
	// Layers are all products, convolutions and embeddings, quantized or not, in the order in which they are
	// computed.
	Layers []LayerReport
	// Kept are the other operations that are computed in float32, such as "Softmax p", and constants that
	// stay fake-quantized, such as "FakeQuantize b".
	Kept []string
	// OnQuantized are the other operations that are computed on quantized activations of 8 bits, between
	// layers under StaticInt8, such as "MaxPool p".
	OnQuantized []string
	// Outputs are those of the model, in its order.
	Outputs []OutputReport
	// Warnings are those of layers, in their order, and then those of outputs.
	Warnings []Warning
	// Samples is the number of samples that were compared.
	Samples int
	// Profile is what was observed of activations, by the names of values: all of Config.Profile, and what
	// the samples showed besides. A Config with this Profile needs no calibration of the same values.
	Profile *calib.Profile
}

// LayerReport is what became of a product, a convolution or an embedding. SQNRs are in dB.
//
// Activations, Low, High, Range and Clipped are zero for a layer that stays float, and for an embedding (Op
// "Gather"), which has no arithmetic. Weights is "" for a layer that stays float.
type LayerReport struct {
	Name, Op  string
	Quantized bool
	Reason    string // why it stays float, or ""

	Weights     string            // the scheme, such as "symmetric8@1"
	Activations model.Activations // the way in which the layer represents its input
	Low, High   float32           // the observed range of its input, before it is quantized
	Range       string            // the estimator of the range of StaticInt8, such as "minmax"; "" for one that was trained
	Clipped     float64           // the fraction of its input outside of the range of StaticInt8

	WeightSQNR float64 // of the weights against the float ones; +Inf for weights that were trained quantized
	OutputSQNR float64 // of the layer's result against the float model's after Passes, over all samples

	// BiasShift is what bias correction has added to the bias: the root mean square over outputs; 0 for none.
	BiasShift  float64
	BiasReason string // why bias correction has added nothing to a quantized layer, or ""

	FloatBytes, Bytes int // of the weights before and after; 0 for weights that are computed
}

// OutputReport is what became of an output.
type OutputReport struct {
	Name string
	// SQNR is against the float model that Quantize was given, over all samples, in dB; −Inf if NaN or an
	// infinity is in one of the two alone.
	SQNR float64
}

// Bytes returns the size of the weights of all layers, before and after. A weight that layers share counts
// for each.
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

// String returns a table with a line for each layer, each output and each warning. Names with tabs or line
// breaks are quoted.
func (r *Report) String() string {
	if r == nil {
		r = &Report{}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\top\tweights\tactivations\tobserved\trange\tclipped\tweight dB\toutput dB\tbytes\tof float")
	for _, l := range r.Layers {
		fmt.Fprintf(w, "%s\t%s\t%s\n", table.Cell(l.Name), table.Cell(l.Op), l.cells())
	}
	for _, list := range []struct {
		what  string
		nodes []string
	}{{"quantized", r.OnQuantized}, {"in float32", r.Kept}, {"biases corrected", r.corrected()}} {
		if len(list.nodes) > 0 {
			fmt.Fprintf(w, "%s: %s\n", list.what, table.Cell(strings.Join(list.nodes, ", ")))
		}
	}
	for _, l := range r.Layers {
		if l.BiasReason != "" {
			fmt.Fprintf(w, "bias of %s: %s\n", table.Cell(l.Name), table.Cell(l.BiasReason))
		}
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(w, "%s\t\t\t\t\t\t\t\t%.1f\n", table.Cell(o.Name), o.SQNR)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %s: %s\n", table.Cell(warning.Name), table.Cell(warning.Text))
	}
	_ = w.Flush() // strings.Builder gives no error
	return b.String()
}

// corrected returns the layers whose bias was corrected.
func (r *Report) corrected() (names []string) {
	for _, l := range r.Layers {
		if l.BiasShift != 0 {
			names = append(names, l.Name)
		}
	}
	return names
}

// cells returns what follows the name and the op of a layer.
func (l LayerReport) cells() string {
	if !l.Quantized {
		return fmt.Sprintf("float: %s\t\t\t\t\t\t%.1f\t%d\t1", table.Cell(l.Reason), l.OutputSQNR, l.Bytes)
	}
	activations := "-\t-\t-\t-"
	if l.Op != ir.OpGather {
		activations = fmt.Sprintf("%v\t[%.4g, %.4g]\t%s\t%.4f", l.Activations, l.Low, l.High,
			table.Cell(cmp.Or(l.Range, "-")), l.Clipped)
	}
	return fmt.Sprintf("%s\t%s\t%.1f\t%.1f\t%d\t%.3f", table.Cell(l.Weights), activations, l.WeightSQNR, l.OutputSQNR,
		l.Bytes, float64(l.Bytes)/float64(max(l.FloatBytes, 1)))
}
