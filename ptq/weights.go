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
	// QuantizeWeight returns w quantized by exactly the scheme. w is finite float32, row-major, and the
	// quantizer's own. Its shape, and that of the result, is (out, in/groups, height, width) of a
	// convolution, (rows, width) of an embedding, and (in, out) or (out, in) of a product, as the network has
	// it. layer is the layer's name in the Report.
	//
	// It is called for the layers in order, but once for a weight that several products and embeddings share
	// with one scheme, by the name of the first. Weights that were quantized in training stay as they are.
	QuantizeWeight(ctx context.Context, layer string, w *tensor.Dense, scheme qtensor.Scheme) (*qtensor.QTensor, error)
}

// roundToNearest is the WeightQuantizer of qtensor.Quantize.
type roundToNearest struct{}

func (roundToNearest) QuantizeWeight(_ context.Context, _ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
	return qtensor.Quantize(w, s)
}

// source is a constant, and the scheme that it is quantized by.
type source struct {
	weight string
	scheme qtensor.Scheme
}

// quantizeWeights returns the quantized weights of a plan's layers, by their names. Products and embeddings
// of one constant and scheme share one, in the file too, which takes only so many convolutions of a weight.
func quantizeWeights(ctx context.Context, p *plan, by WeightQuantizer) (map[string]*qtensor.QTensor, error) {
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
	}
	return weights, nil
}

// quantizeWeight returns the weight of a layer as it was quantized in training, or as the quantizer has it.
func (t target) quantizeWeight(ctx context.Context, by WeightQuantizer) (*qtensor.QTensor, error) {
	if trained := t.weight.Trained; trained != nil {
		return trained.Tensor, trained.Err
	}
	if err := checkFinite(t.weight.Data); err != nil {
		return nil, err
	}
	data := t.weight.Data
	if by != (roundToNearest{}) {
		data = slices.Clone(data) // of the model, which stays as it is whatever becomes of w
	}
	q, err := by.QuantizeWeight(ctx, t.Name, dense.New(data, t.weight.Shape), t.weights)
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
