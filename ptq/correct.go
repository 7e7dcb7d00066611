package ptq

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"euryale/qtensor"
)

// corrector returns what is to be added to the biases of layers, whose quantized weights are by name. want is
// how many samples there are, if that is known.
type corrector interface {
	correct(
		ctx context.Context, net *network, p *plan, weights map[string]*qtensor.QTensor, want int,
	) (corrections, error)
}

// corrections are those of layers by name, of so many samples: 0 where none was looked at.
type corrections struct {
	layers  map[string]*correction
	samples int
}

// kept reports whether anything is added to a bias.
func (c corrections) kept() bool {
	for _, of := range c.layers {
		if of.reason == "" {
			return true
		}
	}
	return false
}

// drop leaves all biases as they are.
func (c corrections) drop(reason string) {
	for _, of := range c.layers {
		of.shift, of.reason = nil, cmp.Or(of.reason, reason)
	}
}

// correction is what is added to the bias of a layer, or why nothing is.
type correction struct {
	place  biasPlace
	shift  []float64 // for each output
	reason string
}

// uncorrected leaves biases as they are.
type uncorrected struct{}

func (uncorrected) correct(
	context.Context, *network, *plan, map[string]*qtensor.QTensor, int,
) (corrections, error) {
	return corrections{}, nil
}

// biasCorrector adds what each output of a layer is off by on average, for the same activations: what the
// layers before it are off by is corrected there.
type biasCorrector struct{ walker }

func (c biasCorrector) correct(
	ctx context.Context, net *network, p *plan, weights map[string]*qtensor.QTensor, want int,
) (corrections, error) {
	of := corrections{layers: net.correctable(p)}
	if !of.kept() {
		return of, nil
	}
	probe, err := newProbe(net, p, weights, of.layers)
	if err != nil {
		of.drop(fmt.Sprintf("it cannot be measured: %v", err)) // the model is there: too many names, say
		return of, nil
	}
	if of.samples, err = c.walk(ctx, "correct", want, func(s Sample) error { return probe.observe(ctx, s) }); err != nil {
		return of, err
	}
	for _, l := range probe.layers {
		l.shift, l.reason = l.mean()
	}
	return of, nil
}

// Why biases stay, besides those of biasPlace.
const (
	trainedSo   = "its weight was quantized in training, and its bias with it"
	noEvidence  = "what it is off by on one half of the samples does not help the other"
	largeShift  = "what it is off by on average is twice its result or more"
	worseOutput = "the outputs of the model are no better with corrected biases"
)

// report returns what a LayerReport says of a correction; nil for none.
func (c *correction) report() (shift float64, reason string) {
	if c == nil {
		return 0, ""
	}
	squares := 0.0
	for _, s := range c.shift {
		squares += float64(s * s)
	}
	return math.Sqrt(squares / float64(max(1, len(c.shift)))), c.reason
}
