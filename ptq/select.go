package ptq

import (
	"fmt"

	"euryale/calib"
	"euryale/model"
	"euryale/qtensor"
)

// ruled is why a product is float whose LayerRule has Float.
const ruled = "a rule says so"

// selection is what is to be quantized by a Config, before anything is known of activations.
type selection struct {
	targets   []target // all products of the network, in order
	sums      sums
	estimator calib.RangeEstimator // of what sums read
}

// target is a product with what the Config says of it.
type target struct {
	*product
	reason      string         // why it stays float, or ""
	weights     qtensor.Scheme // along its channel axis, or that which the weight was trained with
	activations model.Activations
	estimator   calib.RangeEstimator // of its input
}

// estimated reports whether a product becomes a layer whose input has a range that an estimator makes.
func (t target) estimated() bool {
	return t.layer() && t.activations == model.StaticInt8 && t.fake == nil
}

// layer reports whether a product becomes a quantized layer.
func (t target) layer() bool { return t.reason == "" }

// selection returns what the Config selects of a network. Errors: qtensor.ErrParams for a rule that matches
// no product; ErrNothingQuantized.
func (c Config) selection(net *network) (s selection, err error) {
	var names []string
	for _, p := range net.products() {
		s.targets = append(s.targets, c.target(p))
		names = append(names, p.Name)
	}
	if err := c.checkMatches(names); err != nil {
		return selection{}, err
	}
	if err := c.checkQuantized(s.targets); err != nil {
		return selection{}, err
	}
	s.sums, s.estimator = net.sums(c.static()), c.estimator()
	return s, nil
}

// target returns what the Config says of a product.
func (c Config) target(p *product) target {
	of := c.settings(p.Name)
	t := target{
		product: p, reason: p.reason, weights: withChannelAxis(of.weights, p.ChannelAxis()),
		activations: of.activations, estimator: of.estimator,
	}
	switch {
	case of.float:
		t.reason = ruled
	case p.embedding():
		t.activations = model.Default
	case p.fake != nil:
		t.activations = model.StaticInt8
	}
	if p.weight != nil && p.weight.Trained != nil && p.weight.Trained.Err == nil {
		t.weights = p.weight.Trained.Tensor.Scheme()
	}
	return t
}

// withChannelAxis returns the scheme with its channel axis, if any, replaced.
func withChannelAxis(s qtensor.Scheme, axis int) qtensor.Scheme {
	if _, ok := s.Axis(); !ok {
		return s
	}
	if size := s.GroupSize(); size > 0 {
		return s.PerGroup(axis, size)
	}
	return s.PerAxis(axis)
}

// checkQuantized reports a network without a layer, unless the Config says so: by itself, or by rules for all
// that has a weight.
func (c Config) checkQuantized(targets []target) error {
	var reasons []string
	var asked, missed bool
	for _, t := range targets {
		if t.layer() {
			return nil
		}
		asked = asked || t.reason == ruled
		missed = missed || t.reason != ruled && t.reason != noWeight
		reasons = append(reasons, fmt.Sprintf("%s %s: %s", t.Op, t.Name, t.reason))
	}
	if c.AllowFloat || asked && !missed {
		return nil
	}
	return fmt.Errorf("%w: got %d products, convolutions and embeddings: %s, want a layer, or Config.AllowFloat",
		ErrNothingQuantized, len(reasons), listed(reasons))
}

// points returns the values whose ranges a plan needs; true for those that a layer reads, which takes finite
// ones alone.
func (s selection) points() map[string]bool {
	points := map[string]bool{}
	for _, v := range s.sums.values {
		points[v] = false
	}
	for _, t := range s.targets {
		if t.layer() && !t.embedding() {
			points[t.input()] = true
		}
	}
	return points
}
