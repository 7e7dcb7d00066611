package ptq

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"euryale/calib"
	"euryale/model"
	"euryale/qtensor"
)

// Config says how a model is quantized. The zero Config gives weights of 8 bits, symmetric, with a scale for
// each output of a layer, and activations in block floating point of 24 bits (model.Fixed24).
//
// A weight, or the input of a layer, that the network itself fake-quantizes keeps the scheme and the
// parameters of that op, in place of Weights, Activations and Rules. LayerRule.Float alone overrides it.
type Config struct {
	// Passes change the float model before anything else, in this order. Nil is FoldBatchNormalization alone,
	// and an empty list none.
	Passes []Pass

	// Weights is the scheme of weights; nil is qtensor.PerChannelSymmetric of 8 bits. The number of its
	// channel axis does not matter: it stands for the outputs of a layer, or the rows of an embedding.
	Weights *qtensor.Scheme
	// WeightQuantizer quantizes weights by their schemes; nil is ScaleSearch{}, which searches for the
	// parameters of schemes below 8 bits. RoundToNearest{} does not.
	WeightQuantizer WeightQuantizer

	// Activations is the way in which layers represent their inputs; Default is model.Fixed24. Embeddings
	// have no arithmetic, and ignore it.
	Activations model.Activations
	// Range estimates the ranges of activations under StaticInt8 from the histograms of what was observed;
	// nil is calib.MSE(). The scheme is qtensor.Affine(8). A calib.MovingAverageMinMax follows the samples, and
	// needs them for all values that it is asked for: a Profile has no averages.
	//
	// MSE is the default by measurement, on samples that no calibration saw, with biases as they are
	// (KeepBiases). On 23 networks, nearly all trained (20 of bench/zoo and 3 of examples/mnist), outputs have
	// 0.4 dB more than by MinMax in the mean, 3.0 dB at best and 0.7 dB less at worst; on 8 of random weights
	// (bench/estimators) 0.1 dB less. On the 23, Percentile(99.999) and HistogramL2 gain 0.2 dB in the mean;
	// Percentile(99.99) loses 0.5 dB and Entropy 1.0 dB, 4.0 dB and 10.6 dB at worst, by clipping what matters.
	Range calib.RangeEstimator
	// Profile is an earlier calibration, by the names of values: a Report.Profile, or what a calib.Calibrator
	// recorded in model.Model.Observe. If Passes change the model, it is of the model that they return.
	// Values that it has are not calibrated again. Quantize does not change it.
	Profile *calib.Profile

	// KeepBiases leaves biases as they are. Otherwise they are corrected where the samples say that it helps:
	// see the package doc.
	KeepBiases bool

	// Rules are exceptions for layers by name. The first whose Pattern matches a layer holds for it; a rule
	// all of whose layers match earlier rules has no effect. A Pattern that matches none of Report.Layers is
	// an error.
	Rules []LayerRule
	// AllowFloat accepts a network of which nothing is quantized, which is ErrNothingQuantized otherwise.
	AllowFloat bool
	// Progress, if not nil, is called after each sample of a stage, "calibrate", "correct" or "compare", with
	// the number of samples so far, and after each weight of the stage "quantize", with that of weights.
	Progress func(stage string, count int)
}

// LayerRule says how layers are quantized whose names match Pattern, a pattern of path.Match in which * and ?
// match a / too, and brackets do not. Zero fields are as the Config says.
type LayerRule struct {
	Pattern     string
	Float       bool // the layers stay float, and Weights and Activations are ignored
	Weights     *qtensor.Scheme
	Activations model.Activations
	Range       calib.RangeEstimator // of the layer's input
}

// settings are what a Config says of one layer.
type settings struct {
	float       bool
	weights     qtensor.Scheme
	activations model.Activations
	estimator   calib.RangeEstimator
}

// settings returns what holds for a layer: the fields of its rule, in place of those left zero the Config's.
func (c Config) settings(layer string) settings {
	s := settings{
		weights: qtensor.PerChannelSymmetric(8, 0), activations: cmp.Or(c.Activations, model.Fixed24), estimator: c.estimator(),
	}
	if c.Weights != nil {
		s.weights = *c.Weights
	}
	at := slices.IndexFunc(c.Rules, func(r LayerRule) bool { return r.matches(layer) })
	if at < 0 {
		return s
	}
	r := c.Rules[at]
	if r.Weights != nil {
		s.weights = *r.Weights
	}
	s.float, s.activations, s.estimator = r.Float, cmp.Or(r.Activations, s.activations), cmp.Or(r.Range, s.estimator)
	return s
}

// estimator returns that of all values but the inputs of layers with a rule.
func (c Config) estimator() calib.RangeEstimator { return cmp.Or(c.Range, calib.MSE()) }

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
	if at := slices.Index(c.Passes, nil); at >= 0 {
		return fmt.Errorf("Config: %w: pass %d: got nil, want a Pass", qtensor.ErrParams, at)
	}
	if err := checkFields(c.Weights, c.Activations, c.Range); err != nil {
		return fmt.Errorf("Config: %w", err)
	}
	for i, r := range c.Rules {
		_, err := path.Match(flat.Replace(r.Pattern), "")
		if err != nil {
			err = fmt.Errorf("%w: %w", qtensor.ErrParams, err)
		} else {
			err = checkFields(r.Weights, r.Activations, r.Range)
		}
		if err != nil {
			return fmt.Errorf("Config: rule %d: pattern %q: %w", i, r.Pattern, err)
		}
	}
	return nil
}

// checkFields reports what Config and LayerRule both have.
func checkFields(weights *qtensor.Scheme, a model.Activations, r calib.RangeEstimator) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if c, ok := r.(calib.MovingAverageMinMax); ok {
		if _, err := calib.NewMovingAverage(float64(c)); err != nil {
			return err
		}
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
