package ptq

import (
	"fmt"
	"math"

	"euryale/internal/ir"
	"euryale/model"
)

// Warning is something in a Report that deserves a look: the model is as the Config asks, and may be less
// accurate than it could be.
type Warning struct {
	Kind WarningKind
	Name string // of a layer, or of an output for WarnOutput; either for WarnNotFinite
	Text string // what was seen, and what to try
}

// WarningKind is what a Warning is about.
type WarningKind string

const (
	// WarnClipped is about more than 0.1 % of a layer's input outside of the range of StaticInt8.
	WarnClipped WarningKind = "clipped"
	// WarnLayer is about the result of a product, quantized or not, with an SQNR below 20 dB.
	WarnLayer WarningKind = "layer below 20 dB"
	// WarnOutput is about an output with an SQNR below 20 dB.
	WarnOutput WarningKind = "output below 20 dB"
	// WarnNotFinite is about an SQNR of −Inf or NaN: NaN or an infinity is in one of the two models alone, or
	// the float one gives nothing but zeros.
	WarnNotFinite WarningKind = "not finite"
	// WarnFewSamples is about the range of a layer's input under StaticInt8 that was seen in fewer than 32
	// samples, each index of a batch being one. If n samples are drawn like those that follow, a further one
	// passes an end of the range with a probability of up to 2/(n + 1).
	WarnFewSamples WarningKind = "few samples"
	// WarnInt4Conv is about filters of a convolution of 4 bits or fewer in groups that RoundToNearest has
	// rounded, and that were not trained.
	WarnInt4Conv WarningKind = "4-bit convolution"
)

const (
	mostClipped  = 0.001 // of the input of a layer
	leastSQNR    = 20    // dB
	leastSamples = 32
)

// evidence is what warnings of a layer are made of.
type evidence struct {
	LayerReport
	layerPlan
	samples float64 // in which the range of its input was seen
	plain   bool    // weights are rounded to nearest
}

// layerWarnings are those of layers besides their SQNR; a text is "" where there is nothing to say.
var layerWarnings = []struct {
	kind WarningKind
	text func(e evidence) string
}{
	{WarnClipped, func(e evidence) string {
		if e.fake != nil || e.Clipped <= mostClipped {
			return ""
		}
		return fmt.Sprintf("%.2g %% of its input is outside of its range: try another Config.Range", 100*e.Clipped)
	}},
	{WarnFewSamples, func(e evidence) string {
		if e.fake != nil || e.Activations != model.StaticInt8 || e.samples >= leastSamples {
			return ""
		}
		return fmt.Sprintf("the range of its input was seen in %.0f samples: up to %.0f %% of others pass it, want %d or more",
			e.samples, 100*min(1, 2/(e.samples+1)), leastSamples)
	}},
	{WarnInt4Conv, func(e evidence) string {
		s := e.weights
		if !e.plain || !e.Quantized || e.Op != ir.OpConv || e.weight.Trained != nil || s.Bits() > 4 || s.GroupSize() == 0 {
			return ""
		}
		return fmt.Sprintf("%v, rounded to nearest, leaves its filters %.1f dB: try 8 bits, or ScaleSearch",
			s, e.WeightSQNR)
	}},
}

// warnings returns those of a layer.
func (e evidence) warnings() (list []Warning) {
	for _, w := range layerWarnings {
		if text := w.text(e); text != "" {
			list = append(list, Warning{w.kind, e.Name, text})
		}
	}
	return append(list, warningsOf(WarnLayer, e.Name, e.OutputSQNR)...)
}

// warningsOf returns those of an SQNR, of which kind is that of a low one.
func warningsOf(kind WarningKind, name string, sqnr float64) []Warning {
	switch {
	case math.IsNaN(sqnr) || math.IsInf(sqnr, -1):
		return []Warning{{WarnNotFinite, name, "NaN or an infinity is in one of the two models alone, or all of the float result is 0"}}
	case sqnr < leastSQNR:
		return []Warning{{kind, name, fmt.Sprintf("%.1f dB, want %d or more: try 8 bits, other Activations, or a rule with Float", sqnr, leastSQNR)}}
	}
	return nil
}
