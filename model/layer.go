package model

import (
	"fmt"

	"euryale/internal/ir"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Layer replaces the constant weight of a node.
type Layer struct {
	Weight      *qtensor.QTensor // of the constant's shape
	Activations Activations      // Default is Fixed24; a Gather, which has no arithmetic, takes no other
	Params      qtensor.Params   // of the activations, under StaticInt8 alone
}

// layer is a Layer whose weight may still be in a file.
type layer struct {
	weight      *weight
	activations Activations
	params      qtensor.Params
}

// own returns the layers with one weight for each QTensor, and nil for a nil QTensor.
func own(layers map[string]Layer) map[string]layer {
	list, weights := map[string]layer{}, map[*qtensor.QTensor]*weight{}
	for name, l := range layers {
		if l.Weight != nil && weights[l.Weight] == nil {
			weights[l.Weight] = inMemory(l.Weight)
		}
		list[name] = layer{weights[l.Weight], l.Activations, l.Params.Clone()}
	}
	return list
}

// weight is a quantized weight, in memory or in a file.
type weight struct {
	scheme qtensor.Scheme
	shape  []int
	read   func() (*qtensor.QTensor, error)
}

// elements returns the number of elements, which an int holds.
func (w *weight) elements() int64 { return int64(tensor.Shape(w.shape).TotalSize()) }

func inMemory(q *qtensor.QTensor) *weight {
	return &weight{q.Scheme(), q.Shape(), func() (*qtensor.QTensor, error) { return q, nil }}
}

const (
	// maxSharing bounds how many convolutions share a weight, on average by size: each prepares the offsets
	// of its elements.
	maxSharing = 16
	// smallSharing is how many elements convolutions may have in any case.
	smallSharing = 1 << 22
)

// checkSharing returns an error for convolutions that would take much more memory than the weights that they
// share.
func checkSharing(nodes []ir.Node, layers map[string]layer) error {
	have, want, seen := int64(0), int64(0), map[*weight]bool{}
	for _, n := range nodes {
		w := layers[n.Name].weight
		if w == nil {
			continue
		}
		if !seen[w] {
			have, seen[w] = have+w.elements(), true
		}
		if n.Op == ir.OpConv {
			want += w.elements()
		}
	}
	if want > maxSharing*have+smallSharing {
		return fmt.Errorf("%w: got convolutions with %d elements, of weights with %d, want at most %d times as many: "+
			"give some a QTensor of their own",
			qtensor.ErrParams, want, have, maxSharing)
	}
	return nil
}

// epilogue is what follows a product with quantized weights.
type epilogue struct {
	bias   []float32 // or nil
	relu   bool
	packed map[packKey]any // functions that pack
}

// packKey names what is packed once, however many nodes read it.
type packKey struct {
	weight   *weight
	transB   bool
	groups   int // of channels; 0 for a matrix
	channels int // of rows that are NHWC images; 1 for other rows; 0 for an embedding, not packed
}

// prepared runs a layer.
type prepared struct {
	shared, singleThreaded *nn.Layer
	sample                 int // elements of x for each of its samples
}

func newPrepared(l *nn.Layer, err error) (*prepared, error) {
	if err != nil {
		return nil, err
	}
	return &prepared{l, l.SingleThreaded(), l.InSize()}, nil
}

// options returns the activations and the epilogue of the layer.
func (q *quantizedLayer) options() nn.Options {
	return nn.Options{Activations: q.layer.activations, Params: q.layer.params, Bias: q.epilogue.bias, ReLU: q.epilogue.relu}
}

// check returns an error for a layer that packing would refuse for any elements of its weight.
func (q *quantizedLayer) check(n *node) error {
	s, x, axis := q.layer.weight.scheme, q.sizes[0], 1
	if n.TransB || q.groups > 0 {
		axis = 0
	}
	if channelAxis, ok := s.Axis(); ok && channelAxis != axis {
		return fmt.Errorf("%w: got %v, want scales per tensor or along axis %d", qtensor.ErrScheme, s, axis)
	}
	if q.groups == 0 {
		if len(q.sizes[1]) != 2 || x[len(x)-1] < 0 {
			return fmt.Errorf("%w: got %v and quantized %v, want (…, k) and a matrix", qtensor.ErrShape, x, q.sizes[1])
		}
	} else {
		if s.IsFloat() {
			return fmt.Errorf("%w: got filters %v, want integers: 16-bit floats are for matrices", qtensor.ErrScheme, s)
		}
		pad := n.windows.pad
		padded := int64(q.sizes[1][1]) * int64(x[2]+2*pad[0]) * int64(x[3]+2*pad[1])
		if padded > maxElements {
			return fmt.Errorf("%w: %d channels of images %v with a padding of %v are %d numbers, want at most %d",
				qtensor.ErrShape, q.sizes[1][1], x, pad, padded, maxElements)
		}
	}
	return q.options().Check(s, max(1, len(q.epilogue.bias)))
}

// work returns the depth, how many products are summed for an element of the result, and the bytes of the
// weight.
func (q *quantizedLayer) work(n *node) (depth int, bytes int64) {
	w, out := q.sizes[1], 0
	if q.groups == 0 && !n.TransB {
		out = 1
	}
	return w.elements() / w[out], int64(w.elements()) * int64(q.layer.weight.scheme.Storage().Bits()) / 8
}

// once returns the function that packs for a key. All callers with that key share its result.
func once[T any](packed map[packKey]any, key packKey, pack func(w *qtensor.QTensor) (T, error)) func() (T, error) {
	if old, ok := packed[key]; ok {
		return old.(func() (T, error))
	}
	first := onceValues(func() (T, error) {
		w, err := key.weight.read()
		if err != nil {
			var none T
			return none, err
		}
		return pack(w)
	})
	packed[key] = first
	return first
}

func gemmLayer(n *node, q *quantizedLayer, channels int) func() (*prepared, error) {
	packed := once(q.epilogue.packed, packKey{q.layer.weight, n.TransB, 0, channels}, func(w *qtensor.QTensor) (*nn.Weight, error) {
		if n.TransB {
			var err error
			if w, err = w.T(); err != nil {
				return nil, err
			}
		}
		return nn.PackImages(w, channels)
	})
	return func() (*prepared, error) {
		w, err := packed()
		if err != nil {
			return nil, err
		}
		return newPrepared(w.Prepare(q.options()))
	}
}

func convLayer(n *node, q *quantizedLayer, _ int) func() (*prepared, error) {
	packed := once(q.epilogue.packed, packKey{q.layer.weight, false, q.groups, 1}, func(w *qtensor.QTensor) (*nn.Filters, error) {
		return nn.PackFilters(w, q.groups)
	})
	return func() (*prepared, error) {
		w, err := packed()
		if err != nil {
			return nil, err
		}
		window, err := nn.NewWindow(n.Pads, n.Strides, n.Dilations)
		if err != nil {
			return nil, err
		}
		return newPrepared(w.Prepare(q.sizes[0][2], q.sizes[0][3], window, q.options()))
	}
}
