package nn

import (
	"fmt"
	"slices"
	"sync"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
	"euryale/qtensor"
)

// Filters are the quantized weights of a convolution, packed for it. They are immutable and safe for
// concurrent use. The zero Filters, and nil, are qtensor.ErrShape wherever a layer is made, and give zeros
// elsewhere.
type Filters struct {
	out, in, groups int // filters, channels that each of them sees, and groups of channels
	kernel          [2]int
	scheme          qtensor.Scheme
	nchw            bool         // the order of depth; else NHWC
	depthwise       *pack.Matrix // of a depthwise convolution, (height·width, filters); or nil

	lock    sync.Mutex
	byGroup []*pack.Matrix // of the filters of a group, (channels·height·width, filters); nil until they are needed
}

// PackFilters returns filters w, of shape (out, in/groups, height, width), packed for the kernels. w is
// quantized per tensor, per axis 0 or in groups of axis 0. groups is as in PyTorch and ONNX: the in channels
// and the out filters are split into so many groups, and a filter sees the channels of its own group. It is 1
// for an ordinary convolution, and in for a depthwise one.
//
// Errors: qtensor.ErrShape for another rank, for groups that do not divide out, and for a layout of more than
// layoutLimit, as Pack has them, for each group; qtensor.ErrScheme for scales along another axis, and for
// floats.
func PackFilters(w *qtensor.QTensor, groups int) (*Filters, error) {
	if w == nil {
		return nil, fmt.Errorf("%w: got nil, want filters (out, in/groups, height, width)", qtensor.ErrShape)
	}
	shape, scheme := w.Shape(), MultipliedAs(w.Scheme())
	if shape.Dims() != 4 || slices.Min(shape) < 1 {
		return nil, fmt.Errorf("%w: got %v, want filters (out, in/groups, height, width)", qtensor.ErrShape, shape)
	}
	if groups < 1 || shape[0]%groups != 0 {
		return nil, fmt.Errorf("%w: got %d groups of %d filters, want a divisor of them", qtensor.ErrShape, groups, shape[0])
	}
	if axis, ok := scheme.Axis(); ok && axis != 0 {
		return nil, fmt.Errorf("%w: got %v, want scales per tensor or along axis 0", qtensor.ErrScheme, scheme)
	}
	if scheme.IsFloat() {
		return nil, fmt.Errorf("%w: got %v, want integers", qtensor.ErrScheme, scheme)
	}
	row := shape[1] * shape[3] // without groups of scales, rows are padded
	if scheme.GroupSize() == 0 {
		row = (row + kernel.StepDepth - 1) / kernel.StepDepth * kernel.StepDepth
	}
	if err := layoutFits(groups, shape[2]*row, shape[0]/groups, scheme.GroupSize()); err != nil {
		return nil, err
	}
	f := &Filters{out: shape[0], in: shape[1], groups: groups, kernel: [2]int{shape[2], shape[3]}, scheme: w.Scheme()}
	// A group is elements that follow one another in the tensor: depth keeps its order, (channel, row,
	// column). Without groups, depth is (row, column, channel), so that the channels of a pixel are
	// contiguous.
	f.nchw = scheme.GroupSize() > 0
	if isMXFP4(w.Scheme()) {
		codes, scales, err := doubled(w)
		if err != nil {
			return nil, err
		}
		f.byGroup = f.packGroups(pack.SourceOf(codes, f.order(), 8), scales, nil, nil)
		return f, nil
	}
	w, err := decoded(w)
	if err != nil {
		return nil, err
	}
	depth := shape[1] * shape[2] * shape[3]
	if scales, zeros, offsets := lists(w.Params(), f.out); isDepthwise(f.out, f.in, groups, scheme) {
		f.depthwise = pack.From(pack.Matrix{K: depth, N: f.out, Group: depth, Scales: scales, Depthwise: true},
			source(w, pack.ColumnMajor(depth)), shared(f.out*depth))
	} else {
		f.byGroup = f.packGroups(source(w, f.order()), scales, zeros, offsets)
	}
	return f, nil
}

// order returns where the elements of the first group's filters lie, (filter, channel, row, column).
func (f *Filters) order() pack.Order {
	height, width := f.kernel[0], f.kernel[1]
	depth := f.in * height * width
	if f.nchw {
		return pack.ColumnMajor(depth)
	}
	o := pack.Order{
		Column: depth, Row: gemm.Conv{Channels: f.in, Kernel: f.kernel}.RowDepth(),
		Sizes: [3]int{height, width, f.in}, Strides: [3]int{width, 1, height * width},
	}
	if f.in == 1 {
		o.Sizes, o.Strides = [3]int{height, 1, width}, [3]int{width, 0, 1}
	}
	return o
}

// packGroups returns the filters of each group.
func (f *Filters) packGroups(s pack.Source, scales []float32, zeros []int32, offsets []float32) []*pack.Matrix {
	m := pack.Matrix{K: s.Depth(), N: f.out / f.groups, Group: s.Depth()}
	if size := MultipliedAs(f.scheme).GroupSize(); size > 0 {
		m.Group = min(size, m.K)
	}
	perGroup, share := len(scales)/f.groups, shared(f.out*m.K)
	packed := make([]*pack.Matrix, f.groups)
	one := func(g int, share pack.Share) {
		m, s := m, s
		m.Scales, m.Zeros, m.Offsets = part(scales, g, perGroup), part(zeros, g, perGroup), part(offsets, g, perGroup)
		s.First = g * m.N * s.Column
		packed[g] = pack.From(m, s, share)
	}
	if f.groups == 1 {
		one(0, share)
	} else {
		share(f.groups, func(g int) { one(g, pack.Serial) })
	}
	return packed
}

// matrices returns the filters of each group, which it packs when they are first needed of those that have a
// channel each.
func (f *Filters) matrices() []*pack.Matrix {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.byGroup == nil {
		s := pack.SourceOf(f.depthwise.Codes(), f.order(), MultipliedAs(f.scheme).Storage().Bits())
		f.byGroup = f.packGroups(s, f.depthwise.Scales[:f.out], nil, nil)
	}
	return f.byGroup
}

// isDepthwise reports whether each filter has one channel of its own, and scales without zero points, offsets
// or groups.
func isDepthwise(out, in, groups int, s qtensor.Scheme) bool {
	s = MultipliedAs(s)
	return groups > 1 && in == 1 && out == groups && !s.HasZeroPoint() && !s.HasOffset() && s.GroupSize() == 0
}

// Packed reports whether f are filters that PackFilters made.
func (f *Filters) Packed() bool { return f != nil && f.groups > 0 }

// orZero returns f, and the zero Filters for nil.
func (f *Filters) orZero() *Filters {
	if f == nil {
		return new(Filters)
	}
	return f
}

// Scheme returns the scheme of the tensor that was packed.
func (f *Filters) Scheme() qtensor.Scheme { return f.orZero().scheme }

// Bytes returns the memory that the layout takes. It grows when filters that have a channel each are first
// prepared for activations that are not StaticInt8.
func (f *Filters) Bytes() (n int) {
	f = f.orZero()
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, m := range f.byGroup {
		n += m.Bytes()
	}
	if f.depthwise != nil {
		n += f.depthwise.Bytes()
	}
	return n
}

// String describes the filters in a line.
func (f *Filters) String() string {
	f = f.orZero()
	return fmt.Sprintf("Filters (%d, %d, %d, %d) in %d groups, %v, %d bytes packed", f.out, f.in, f.kernel[0], f.kernel[1],
		f.groups, f.scheme, f.Bytes())
}

// Out returns how many filters there are.
func (f *Filters) Out() int { return f.orZero().out }

// In returns how many channels each filter sees, (in/groups).
func (f *Filters) In() int { return f.orZero().in }

// Kernel returns the height and the width of a filter.
func (f *Filters) Kernel() []int { return slices.Clone(f.orZero().kernel[:]) }

// Groups returns the number of groups of channels.
func (f *Filters) Groups() int { return f.orZero().groups }
