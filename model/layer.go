package model

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"euryale/internal/ir"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Layer is the quantized weight that New puts in the place of a node's constant weight, and the way in which
// the layer represents its activations.
type Layer struct {
	// Weight has the constant's shape: (in, out), or (out, in) with TransB, of a Gemm or MatMul; (out,
	// in/groups, height, width) of a Conv; (rows, width) of a Gather. Scales are per tensor, or along the
	// axis of out, or of rows.
	Weight *qtensor.QTensor
	// Activations is Fixed24 if it is Default. A Gather, which has no arithmetic, takes Default alone.
	Activations Activations
	// Params are those of the activations under StaticInt8, and zero for others.
	Params qtensor.Params
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
	view   func(use func(q *qtensor.QTensor) error) error // the same, which is there until use returns
}

// elements returns the number of elements, which an int holds.
func (w *weight) elements() int64 { return int64(tensor.Shape(w.shape).TotalSize()) }

func inMemory(q *qtensor.QTensor) *weight {
	return &weight{
		q.Scheme(), q.Shape(),
		func() (*qtensor.QTensor, error) { return q, nil },
		func(use func(q *qtensor.QTensor) error) error { return use(q) },
	}
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

// packKey names what is packed once, however many nodes read it.
type packKey struct {
	weight    *weight
	transB    bool
	groups    int  // of channels; 0 for a matrix
	depthwise bool // each filter has a channel of its own and static activations
	channels  int  // of rows that are NHWC images; 1 for other rows; 0 for an embedding, not packed
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

// quantizedLayer is a layer before its weights are packed.
type quantizedLayer struct {
	layer     layer
	x, weight ir.Size
	bias      []float32 // or nil
	relu      bool
	groups    int // of channels; 0 for a matrix
	pads      [4]int
	packed    *packed[packKey]
}

// options returns the activations and the epilogue of the layer.
func (q *quantizedLayer) options() nn.Options {
	return nn.Options{Activations: q.layer.activations, Params: q.layer.params, Bias: q.bias, ReLU: q.relu}
}

// check returns an error for a layer that packing would refuse for any elements of its weight.
func (q *quantizedLayer) check(n *ir.Resolved) error {
	s, x := q.layer.weight.scheme, q.x
	if axis, ok := s.Axis(); ok && axis != n.ChannelAxis() {
		return fmt.Errorf("%w: got %v, want scales per tensor or along axis %d", qtensor.ErrScheme, s, n.ChannelAxis())
	}
	if q.groups == 0 {
		if len(q.weight) != 2 || x[len(x)-1] < 0 {
			return fmt.Errorf("%w: got %v and quantized %v, want (…, k) and a matrix", qtensor.ErrShape, x, q.weight)
		}
	} else {
		if s.IsFloat() {
			return fmt.Errorf("%w: got filters %v, want integers: floats are for matrices", qtensor.ErrScheme, s)
		}
		padded := int64(q.weight[1]) * int64(x[2]+q.pads[0]+q.pads[2]) * int64(x[3]+q.pads[1]+q.pads[3])
		if padded > ir.MaxElements {
			return fmt.Errorf("%w: %d channels of images %v with pads of %v are %d elements, want at most %d",
				qtensor.ErrShape, q.weight[1], x, q.pads, padded, ir.MaxElements)
		}
	}
	return q.options().Check(s, max(1, len(q.bias)))
}

// work returns the depth, how many products are summed for an element of the result, and the bytes of the
// weight.
func (q *quantizedLayer) work(n *ir.Resolved) (depth int, bytes int64) {
	w := q.weight
	return w.Elements() / w[n.ChannelAxis()], int64(w.Elements()) * int64(q.layer.weight.scheme.Storage().Bits()) / 8
}

// packed is what is packed once, however many nodes and plans read it.
type packed[K comparable] struct {
	lock sync.Mutex
	list map[K]any
}

// keys returns the keys of all that is packed, or will be.
func (p *packed[K]) keys() []K {
	p.lock.Lock()
	defer p.lock.Unlock()
	return slices.Collect(maps.Keys(p.list))
}

// once returns the function that packs for a key, as the given one does. All callers with that key share its
// result.
func once[K comparable, T any](p *packed[K], key K, pack func() (T, error)) func() (T, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if old, ok := p.list[key]; ok {
		return old.(func() (T, error))
	}
	first := onceValues(pack)
	if p.list == nil {
		p.list = map[K]any{}
	}
	p.list[key] = first
	return first
}

// viewed returns what pack makes of a weight, wherever that lies.
func viewed[T any](w *weight, pack func(q *qtensor.QTensor) (T, error)) func() (T, error) {
	return func() (made T, err error) {
		err = w.view(func(q *qtensor.QTensor) (err error) {
			made, err = pack(q)
			return err
		})
		return made, err
	}
}

func gemmLayer(n *ir.Resolved, q *quantizedLayer, channels int) func() (*prepared, error) {
	weight, transposed := q.layer.weight, n.TransB
	pack := once(q.packed, packKey{weight: weight, transB: transposed, channels: channels}, viewed(weight, func(w *qtensor.QTensor) (*nn.Weight, error) {
		return nn.PackMatrix(w, transposed, channels)
	}))
	return func() (*prepared, error) {
		w, err := pack()
		if err != nil {
			return nil, err
		}
		return newPrepared(w.Prepare(q.options()))
	}
}

func convLayer(n *ir.Resolved, q *quantizedLayer, _ int) func() (*prepared, error) {
	groups := q.groups
	key := packKey{weight: q.layer.weight, groups: groups, channels: 1}
	key.depthwise = groups > 1 && nn.ConvIO(q.options(), key.weight.scheme, q.x, q.weight, q.pads[:], groups).GivesQuantized
	pack := once(q.packed, key, viewed(key.weight, func(w *qtensor.QTensor) (*nn.Filters, error) {
		return nn.PackFilters(w, groups)
	}))
	return func() (*prepared, error) {
		w, err := pack()
		if err != nil {
			return nil, err
		}
		window, err := nn.NewWindow(n.Pads, n.Strides, n.Dilations)
		if err != nil {
			return nil, err
		}
		return newPrepared(w.Prepare(q.x[2], q.x[3], window, q.options()))
	}
}
