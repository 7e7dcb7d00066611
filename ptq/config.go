package ptq

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"euryale/calib"
	"euryale/model"
	"euryale/qtensor"
)

// Config says how layers are quantized where the graph does not: a weight, or an input, that is
// fake-quantized there has the scheme and the parameters that it was trained with, whatever Weights,
// Activations and Rules say but for Float. The zero Config gives symmetric weights of 8 bits, a scale for
// each output, and activations of 24 bits.
type Config struct {
	// Weights is the scheme of weights; nil is PerChannelSymmetric of 8 bits. The axis that it keeps, if any,
	// stands for the outputs of a layer, wherever that axis is; for a lookup it stands for the rows of the
	// table.
	Weights *qtensor.Scheme
	// Activations holds for every layer without a rule of its own. A lookup has none.
	Activations model.Activations
	// Range turns what the samples showed into the range of StaticInt8, of what flows into layers, and into
	// the sums and averages between them; nil is calib.MinMax.
	Range calib.RangeEstimator
	// Rules are for layers by name. The first whose pattern matches holds, so one that stands behind others
	// for all of its layers does nothing. A pattern that matches none of Report.Layers is an error.
	Rules []LayerRule
	// AllowFloat accepts a network of which nothing is quantized, which is ErrNothingQuantized otherwise.
	AllowFloat bool
	// Progress is called after every sample, in the goroutine of Quantize, where a panic of it goes up to the
	// caller; stage is "calibrate" or "compare".
	Progress func(stage string, samples int)
}

// LayerRule is how the layers are quantized whose names match Pattern: path.Match's, but that * and ? stand
// for a / too, and no range in brackets does. Fields that are left zero are the Config's.
type LayerRule struct {
	Pattern     string
	Float       bool // leave them float; the rest is not used then
	Weights     *qtensor.Scheme
	Activations model.Activations
}

// plan is what holds for one layer.
type plan struct {
	float       bool
	weights     qtensor.Scheme
	activations model.Activations
}

// or returns a, and other in place of Default.
func or(a, other model.Activations) model.Activations {
	if a == model.Default {
		return other
	}
	return a
}

// plan returns what holds for a layer.
func (c Config) plan(layer string) plan {
	p := plan{weights: qtensor.PerChannelSymmetric(8, 0), activations: or(c.Activations, model.Fixed24)}
	if c.Weights != nil {
		p.weights = *c.Weights
	}
	at := slices.IndexFunc(c.Rules, func(r LayerRule) bool { return r.matches(layer) })
	if at < 0 {
		return p
	}
	r := c.Rules[at]
	if r.Weights != nil {
		p.weights = *r.Weights
	}
	p.float, p.activations = r.Float, or(r.Activations, p.activations)
	return p
}

// checkMatches reports a rule that is for none of the layers.
func (c Config) checkMatches(layers []string) error {
	for i, r := range c.Rules {
		if !slices.ContainsFunc(layers, r.matches) {
			return fmt.Errorf("Config: %w: rule %d: pattern %q matches no layer, want one of %s", qtensor.ErrParams, i,
				r.Pattern, listed(layers))
		}
	}
	return nil
}

// mostListed bounds the names in an error.
const mostListed = 20

// listed returns names for an error, of which there may be many.
func listed(names []string) string {
	if more := len(names) - mostListed; more > 0 {
		return fmt.Sprintf("%q and %d more", names[:mostListed], more)
	}
	return fmt.Sprintf("%q", names)
}

// flat takes away what path.Match tells apart: no name that is printed has its zero byte.
var flat = strings.NewReplacer("/", "\x00")

// matches reports whether the rule is for a layer. The pattern is well formed.
func (r LayerRule) matches(name string) bool {
	ok, _ := path.Match(flat.Replace(r.Pattern), flat.Replace(name)) // checked by check
	return ok
}

// check reports what no layer could be quantized by.
func (c Config) check() error {
	if err := checkFields(c.Weights, c.Activations); err != nil {
		return fmt.Errorf("Config: %w", err)
	}
	for i, r := range c.Rules {
		_, err := path.Match(flat.Replace(r.Pattern), "")
		if err != nil {
			err = fmt.Errorf("%w: %w", qtensor.ErrParams, err)
		} else {
			err = checkFields(r.Weights, r.Activations)
		}
		if err != nil {
			return fmt.Errorf("Config: rule %d: pattern %q: %w", i, r.Pattern, err)
		}
	}
	return nil
}

// checkFields reports what Config and Rule both have.
func checkFields(weights *qtensor.Scheme, a model.Activations) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if weights == nil {
		return nil
	}
	return weights.Validate()
}

// static reports whether any layer may be so.
func (c Config) static() bool {
	ofRule := func(r LayerRule) bool { return r.Activations == model.StaticInt8 && !r.Float }
	return c.Activations == model.StaticInt8 || slices.ContainsFunc(c.Rules, ofRule)
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
