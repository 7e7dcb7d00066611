package model

import (
	"slices"
	"time"

	"euryale/internal/gemm"
	"euryale/internal/ir"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// Products and convolutions in float32 are chains of fused multiply-adds in order of depth, as package gemm
// has them: their bits depend on neither the machine nor the batch. Where weights are constants, they are
// packed once.

// floatLayer is a product by constants, or a convolution with some.
type floatLayer interface {
	Run(y, x gemm.Activations, samples int) error
}

// floatLayers are a layer by itself, and with the Relu that is the only one to read it. That has its result
// in the memory of the layer's, and is left out unless values are observed.
type floatLayers struct{ plain, relu floatLayer }

// floatKey names constants that are packed once, however many nodes and plans read them.
type floatKey struct {
	constant       string
	transB         bool
	groups         int // of a convolution; 0 of a matrix
	depth, columns int
}

// bytes returns the size of the packed weight: a matrix has panels of columns, filters have their depth apart.
func (k floatKey) bytes() float64 {
	const more = kernel.PanelColumns
	if k.groups > 0 {
		return 4 * float64(k.columns) * float64(k.depth+more)
	}
	return 4 * float64(k.columns+more) * float64(k.depth)
}

// multipliesByConstants reports whether a node is a product by constants, or a convolution with some.
func (b *builder) multipliesByConstants(s *step) bool {
	if evaluators[s.node.Op].layer == nil || s.node.Op != ir.OpConv && len(b.values[s.in[1]].size) != 2 {
		return false
	}
	return !slices.ContainsFunc(s.in[1:], func(id int) bool { return b.values[id].data == nil })
}

// fuse notes the Relu that alone reads the result of a product by constants.
func (b *builder) fuse(s *step) {
	if b.multipliesByConstants(s) {
		next := b.index.OnlyConsumer(s.node.Output)
		s.fused = next != nil && next.Op == ir.OpRelu
		b.fused[s.node.Output] = s.fused
	}
}

// addFloatLayers has steps that multiply by constants pack them when they are computed first.
func (b *builder) addFloatLayers() {
	for i := range b.steps {
		if s := &b.steps[i]; s.layer == nil && b.multipliesByConstants(s) {
			b.addFloatLayer(s)
		}
	}
}

func (b *builder) addFloatLayer(s *step) {
	n := s.node
	x, w, data := b.values[s.in[0]].size, b.values[s.in[1]].size, b.values[s.in[1]].data
	bias := func() ([]float32, error) { return nil, nil }
	if len(s.in) == 3 {
		bias = b.values[s.in[2]].data
	}
	columns := w[n.ChannelAxis()]
	key := floatKey{n.Inputs[1], n.TransB, 0, w.Elements() / columns, columns}
	matrix := func(transposed bool) func(x []float32) *pack.Floats {
		return func(x []float32) *pack.Floats {
			return pack.FloatsFrom(columns, x, orderOf(key.depth, columns, transposed), shared)
		}
	}
	var prepare func(out gemm.Output) (floatLayer, error)
	switch {
	case n.Op != ir.OpConv:
		prepare = prepareFloat(&b.m.floats, key, data, matrix(n.TransB),
			func(w *pack.Floats, out gemm.Output) floatLayer { return gemm.NewFloatProduct(w, out) })
	case b.ofPixels(s):
		key.transB, s.channelsLast = true, true
		prepare = prepareFloat(&b.m.floats, key, data, matrix(true),
			func(w *pack.Floats, out gemm.Output) floatLayer { return gemm.NewFloatPixels(convOf(n, x), w, out) })
	case b.isDepthwise(s):
		key.groups, s.channelsLast = n.Groups, true
		prepare = prepareFloat(&b.m.floats, key, data,
			func(x []float32) *gemm.DepthwiseFilters {
				return gemm.NewDepthwiseFilters(x, n.Groups, n.Windows.Kernel)
			},
			func(w *gemm.DepthwiseFilters, out gemm.Output) floatLayer {
				return gemm.NewFloatDepthwise(convOf(n, x), w, out)
			})
	default:
		key.groups = n.Groups
		prepare = prepareFloat(&b.m.floats, key, data,
			func(x []float32) *gemm.FloatFilters { return gemm.NewFloatFilters(x, w[1], n.Groups, n.Windows.Kernel) },
			func(w *gemm.FloatFilters, out gemm.Output) floatLayer {
				return gemm.NewFloatConvolution(convOf(n, x), w, out)
			})
	}
	s.depth, s.weights = key.depth, int64(key.bytes())
	s.float = onceValues(func() (layers floatLayers, err error) {
		values, err := bias()
		if err != nil {
			return layers, err
		}
		if layers.plain, err = prepare(gemm.Output{Bias: values}); err != nil || !s.fused {
			return layers, err
		}
		layers.relu, err = prepare(gemm.Output{Bias: values, ReLU: true})
		return layers, err
	})
}

// prepareFloat returns what prepares a layer with an output: its constant is read and packed once for a key.
func prepareFloat[W any](
	all *packed[floatKey], key floatKey, data func() ([]float32, error), pack func(x []float32) *W, layer func(w *W, out gemm.Output) floatLayer,
) func(out gemm.Output) (floatLayer, error) {
	w := once(all, key, func() (*W, error) {
		x, err := data()
		if err != nil {
			return nil, err
		}
		return pack(x), nil
	})
	return func(out gemm.Output) (floatLayer, error) {
		w, err := w()
		if err != nil {
			return nil, err
		}
		return layer(w, out), nil
	}
}

// orderOf returns how a matrix of a depth is stored: (depth, columns), or (columns, depth).
func orderOf(depth, columns int, transposed bool) pack.Order {
	if transposed {
		return pack.ColumnMajor(depth)
	}
	return pack.RowMajor(depth, columns)
}

// shared has threads share the packing of a matrix.
func shared(panels int, do func(panel int)) {
	const each = 10 * time.Microsecond // about
	gemm.Share(panels, time.Duration(panels)*each, do)
}

// keepPacked marks the constants that nothing reads but layers that have them packed.
func (b *builder) keepPacked() {
	read := make([]bool, len(b.values))
	for _, id := range b.outputs {
		read[id] = true
	}
	for i := range b.steps {
		s := &b.steps[i]
		for at, id := range slices.Concat(s.in, s.operands()) {
			read[id] = read[id] || s.float == nil || at == 0
		}
	}
	for id := range b.values {
		b.values[id].packed = b.values[id].data != nil && !read[id]
	}
}

// doFloat runs a step that multiplies by packed constants.
func (e *execution) doFloat(y, x array, s *step, singleThreaded bool) error {
	layers, err := s.float()
	if err != nil {
		return err
	}
	layer := layers.plain
	if s.fused && e.fused(s.out) {
		layer = layers.relu
	}
	samples := len(x.x) / s.depth
	if s.node.Op == ir.OpConv {
		samples = x.shape[0]
	}
	from := gemm.Activations{Float: x.x, ChannelsLast: e.p.values[s.in[0]].channelsLast, Stop: e.stop, SingleThreaded: singleThreaded}
	return layer.Run(gemm.Activations{Float: y.x, ChannelsLast: e.p.values[s.out].channelsLast}, from, samples)
}

// convOf returns the shape of a convolution of images.
func convOf[S ~[]int](n *ir.Resolved, x S) gemm.Conv {
	w := n.Windows
	return gemm.Conv{Channels: x[1], Height: x[2], Width: x[3], Kernel: w.Kernel, Stride: w.Strides, Dilation: w.Dilations, Pad: w.Pads}
}

// conv sets y to the convolution with filters that are computed.
func conv(n *ir.Resolved, y array, in []array, _ *scratch) {
	x, w, out := in[0], in[1], gemm.Output{}
	if len(in) == 3 {
		out.Bias = in[2].x
	}
	filters := gemm.NewFloatFilters(w.x, w.shape[1], n.Groups, n.Windows.Kernel)
	_ = gemm.NewFloatConvolution(convOf(n, x.shape), filters, out).Run(gemm.Activations{Float: y.x}, gemm.Activations{Float: x.x}, x.shape[0])
}

// product sets y = a·b + bias for a of shape (m, k) and b of shape (k, n), or (n, k) where transB.
func product(y, a, b, bias []float32, k, n int, transB bool, s *scratch) {
	s.panels.K, s.panels.N = k, n
	s.panels.Set(b, orderOf(k, n, transB), pack.Serial)
	_ = gemm.NewFloatProduct(&s.panels, gemm.Output{Bias: bias}).Run(gemm.Activations{Float: y}, gemm.Activations{Float: a}, len(a)/k)
}

// multiplyAdd sets y = x·w + b for a w that is computed.
func multiplyAdd(n *ir.Resolved, y array, in []array, s *scratch) {
	var bias []float32
	if len(in) == 3 {
		bias = in[2].x
	}
	product(y.x, in[0].x, in[1].x, bias, in[0].shape[1], y.shape[1], n.TransB, s)
}

// matMul sets y = a·b, for each of the leading axes where b has them.
func matMul(_ *ir.Resolved, y array, in []array, s *scratch) {
	a, b := in[0], in[1]
	k, n := b.shape[len(b.shape)-2], b.shape[len(b.shape)-1]
	m := len(a.x) / k
	if len(b.shape) > 2 {
		m = a.shape[len(a.shape)-2]
	}
	for i := range len(a.x) / (m * k) {
		product(y.x[i*m*n:][:m*n], a.x[i*m*k:][:m*k], b.x[i*k*n:][:k*n], nil, k, n, false, s)
	}
}
