package ptq

import (
	"fmt"
	"path"

	"euryale/calib"
	"euryale/ops"
	"euryale/qtensor"
)

// Activations is what becomes of the numbers that flow into a quantized layer. The figures are of ops.Compute.
type Activations int

// What there is, from the most exact to the fastest.
const (
	Fixed24 Activations = iota // a fixed point as good as float32
	Fixed16                    // one of half the work
	Dynamic                    // codes of a byte, over the range of each row
	Static                     // codes of a byte, over the range that the samples showed
)

var activationNames = []string{"fixed24", "fixed16", "dynamic", "static"}

// String returns the name of the constant in lower case.
func (a Activations) String() string {
	if a < 0 || int(a) >= len(activationNames) {
		return fmt.Sprintf("Activations(%d)", int(a))
	}
	return activationNames[a]
}

// Config says how layers are quantized where the graph does not: a weight, or an input, that is fake-quantized there has the
// scheme and the parameters that it was trained with, whatever Weights, Activations and Rules say but for Float. The zero
// Config gives symmetric weights of 8 bits, a scale for each output, and activations of 24 bits.
type Config struct {
	// Weights is the scheme of weights; nil is PerChannelSymmetric of 8 bits. The axis that it keeps, if any, stands for the
	// outputs of a layer, wherever that axis is; for a lookup it stands for the rows of the table.
	Weights *qtensor.Scheme
	// Activations holds for every layer without a rule of its own. A lookup has none.
	Activations Activations
	// Range turns what the samples showed into the range of Static, of what flows into layers, and into the sums and averages between
	// them; nil is calib.MinMax.
	Range calib.Rule
	// Rules are for layers by name. The first whose pattern matches holds.
	Rules []Rule
	// Progress is called after every sample; stage is "calibrate" or "compare".
	Progress func(stage string, samples int)
}

// Rule is how the layers are quantized whose names match Pattern, as path.Match has it.
type Rule struct {
	Pattern     string
	Float       bool            // leave them float; the rest is not used then
	Weights     *qtensor.Scheme // nil is Config's
	Activations Activations
}

// plan is what holds for one layer.
type plan struct {
	float       bool
	weights     qtensor.Scheme
	activations Activations
}

// planFor returns what holds for a layer.
func (c Config) planFor(name string) plan {
	p := plan{weights: qtensor.PerChannelSymmetric(8, 0), activations: c.Activations}
	if c.Weights != nil {
		p.weights = *c.Weights
	}
	for _, r := range c.Rules {
		if matches, _ := path.Match(r.Pattern, name); matches {
			p.float, p.activations = r.Float, r.Activations
			if r.Weights != nil {
				p.weights = *r.Weights
			}
			break
		}
	}
	return p
}

// check reports what no layer could be quantized by.
func (c Config) check() error {
	all := append([]Rule{{Pattern: "", Activations: c.Activations}}, c.Rules...)
	for _, r := range all {
		if _, err := path.Match(r.Pattern, ""); err != nil {
			return fmt.Errorf("%w: rule %q: %w", qtensor.ErrParams, r.Pattern, err)
		}
		if r.Activations < 0 || int(r.Activations) >= len(activationNames) {
			return fmt.Errorf("%w: rule %q: got %v, want Fixed24, Fixed16, Dynamic or Static", qtensor.ErrParams, r.Pattern, r.Activations)
		}
	}
	return nil
}

// keeping returns the scheme with the axis that it keeps, if any, replaced.
func keeping(s qtensor.Scheme, axis int) qtensor.Scheme {
	if _, ok := s.Axis(); !ok {
		return s
	}
	if size := s.GroupSize(); size > 0 {
		return s.PerGroup(axis, size)
	}
	return s.PerAxis(axis)
}

// compute returns what the activations become; params are those of Static.
func (a Activations) compute(params qtensor.Params) ops.Compute {
	switch a {
	case Fixed16:
		return ops.Fixed16()
	case Dynamic:
		return ops.DynamicInt8()
	case Static:
		return ops.StaticInt8(params)
	}
	return ops.Fixed24()
}
