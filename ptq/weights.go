package ptq

import (
	"context"
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// WeightQuantizer quantizes the weights of layers: it chooses scales, and rounds.
type WeightQuantizer interface {
	// QuantizeWeight returns w.Values quantized by exactly w.Scheme, in the same shape.
	//
	// It is called for the layers in order, but once for a weight that several products and embeddings share
	// with one scheme, by the name of the first. Weights that were quantized in training stay as they are.
	QuantizeWeight(ctx context.Context, w Weight) (*qtensor.QTensor, error)
}

// Weight is the float weight of a layer, for a WeightQuantizer.
type Weight struct {
	Layer string // its name in the Report
	// Values is finite float32, row-major, and the quantizer's own: of shape (out, in/groups, height, width) of
	// a convolution, (rows, width) of an embedding, and (in, out) or (out, in) of a product, as the network has
	// it.
	Values *tensor.Dense
	Scheme qtensor.Scheme
	// Importance is the mean square of each of the in inputs of a product over the samples, as a multiple of
	// the largest. It is nil for convolutions and embeddings, for weights of 8 bits and more or with one scale,
	// and where the input was not observed since Config.Profile has it.
	Importance []float32
}

// ScaleSearch is the WeightQuantizer that searches for the parameters of schemes below 8 bits, as
// qtensor.WithSearch has it, with the Weight's Importance. Other weights, and those of schemes without a
// search, Uniform and PowerOfTwo, are rounded to nearest. It is the default.
type ScaleSearch struct{}

// QuantizeWeight returns qtensor.Quantize of w.Values, with a search below 8 bits.
func (ScaleSearch) QuantizeWeight(ctx context.Context, w Weight) (*qtensor.QTensor, error) {
	if w.Scheme.Bits() >= 8 || !w.Scheme.CanSearch() {
		return qtensor.Quantize(w.Values, w.Scheme)
	}
	return qtensor.Quantize(w.Values, w.Scheme, qtensor.WithSearch(qtensor.Search{Context: ctx, Importance: w.Importance}))
}

// RoundToNearest is the WeightQuantizer of qtensor.Quantize: parameters are those of the range of each block,
// and values are rounded to nearest, ties to even. A Codebook is searched for in any case.
type RoundToNearest struct{}

// QuantizeWeight returns qtensor.Quantize of w.Values.
func (RoundToNearest) QuantizeWeight(ctx context.Context, w Weight) (*qtensor.QTensor, error) {
	if w.Scheme.IsCodebook() {
		return qtensor.Quantize(w.Values, w.Scheme, qtensor.WithSearch(qtensor.Search{Context: ctx}))
	}
	return qtensor.Quantize(w.Values, w.Scheme)
}

// reads reports whether a quantizer leaves what it is given as it is.
func reads(by WeightQuantizer) bool {
	switch by.(type) {
	case ScaleSearch, RoundToNearest:
		return true
	}
	return false
}

// source is a constant, and the scheme that it is quantized by.
type source struct {
	weight string
	scheme qtensor.Scheme
}

// quantizeWeights returns the quantized weights of a plan's layers, by their names. Products and embeddings
// of one constant and scheme share one, in the file too, which takes only so many convolutions of a weight.
// done is told after each how many there are.
func quantizeWeights(ctx context.Context, p *plan, by WeightQuantizer, done func(weights int)) (map[string]*qtensor.QTensor, error) {
	weights, shared := map[string]*qtensor.QTensor{}, map[source]*qtensor.QTensor{}
	for _, l := range p.layers {
		if !l.layer() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key := source{l.Weight(), l.weights}
		q := shared[key]
		if q == nil || l.Op == ir.OpConv {
			var err error
			if q, err = l.quantizeWeight(ctx, by); err != nil {
				return nil, fmt.Errorf("layer %q: %w", l.Name, err)
			}
		}
		weights[l.Name], shared[key] = q, q
		done(len(weights))
	}
	return weights, nil
}

// quantizeWeight returns the weight of a layer as it was quantized in training, or as the quantizer has it.
func (t layerPlan) quantizeWeight(ctx context.Context, by WeightQuantizer) (*qtensor.QTensor, error) {
	if trained := t.weight.Trained; trained != nil {
		return trained.Tensor, trained.Err
	}
	if err := checkFinite(t.weight.Data); err != nil {
		return nil, err
	}
	data := t.weight.Data
	if !reads(by) {
		data = slices.Clone(data) // of the model, which stays as it is whatever becomes of w
	}
	q, err := by.QuantizeWeight(ctx, Weight{t.Name, dense.New(data, t.weight.Shape), t.weights, t.importance})
	if err != nil {
		return nil, err
	}
	switch {
	case q == nil:
		err = fmt.Errorf("%w: got a nil QTensor, want the quantized weight", qtensor.ErrParams)
	case q.Scheme() != t.weights:
		err = fmt.Errorf("%w: got %v, want %v", qtensor.ErrScheme, q.Scheme(), t.weights)
	case !slices.Equal(q.Shape(), t.weight.Shape):
		err = fmt.Errorf("%w: got %v, want %v", qtensor.ErrShape, q.Shape(), t.weight.Shape)
	}
	if err != nil {
		return nil, fmt.Errorf("%T: %w", by, err)
	}
	return q, nil
}
