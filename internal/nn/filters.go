package nn

import (
	"fmt"
	"slices"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Filters are the quantized weights of a convolution, packed for it. They are immutable and safe for
// concurrent use. The zero Filters, and nil, are qtensor.ErrShape wherever a layer is made, and give zeros
// elsewhere.
type Filters struct {
	out, in   int // filters, and channels that each of them sees
	kernel    [2]int
	scheme    qtensor.Scheme
	nchw      bool           // the order of depth; else NHWC
	groups    []*pack.Matrix // of the filters of a group, (channels·height·width, filters)
	depthwise *pack.Matrix   // of a depthwise convolution, (height·width, filters); or nil
}

// PackFilters returns filters w, of shape (out, in/groups, height, width), packed for the kernels. w is
// quantized per tensor, per axis 0 or in groups of axis 0. groups is as in PyTorch and ONNX: the in channels
// and the out filters are split into so many groups, and a filter sees the channels of its own group. It is 1
// for an ordinary convolution, and in for a depthwise one.
//
// Errors: qtensor.ErrShape for another rank, for groups that do not divide out, and for a layout of more than
// layoutLimit, as Pack has them, for each group; qtensor.ErrScheme for scales along another axis, and for
// 16-bit floats.
func PackFilters(w *qtensor.QTensor, groups int) (*Filters, error) {
	if w == nil {
		return nil, fmt.Errorf("%w: got nil, want filters (out, in/groups, height, width)", qtensor.ErrShape)
	}
	shape, scheme := w.Shape(), w.Scheme()
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
	f := &Filters{out: shape[0], in: shape[1], kernel: [2]int{shape[2], shape[3]}, scheme: scheme}
	// A group is elements that follow one another in the tensor: depth keeps its order, (channel, row,
	// column). Without groups, depth is (row, column, channel), so that the channels of a pixel are
	// contiguous.
	f.nchw = scheme.GroupSize() > 0
	if q := w.Codes(); q.Dtype() == tensor.Int8 {
		packFilters(f, w.Params(), q.Int8s(), groups)
	} else {
		packFilters(f, w.Params(), q.Uint8s(), groups)
	}
	return f, nil
}

func packFilters[C kernel.Code](f *Filters, p qtensor.Params, q []C, groups int) {
	filter, perGroup := f.in*f.kernel[0]*f.kernel[1], f.out/groups
	size := filter
	if n := f.scheme.GroupSize(); n > 0 {
		size = min(n, filter)
	}
	lists := 1 // scales of a filter
	if _, perAxis := f.scheme.Axis(); perAxis {
		lists = (filter + size - 1) / size
	} else {
		p.Scales, p.ZeroPoints, p.Offsets = repeat(p.Scales, f.out), repeat(p.ZeroPoints, f.out), repeat(p.Offsets, f.out)
	}
	for g := range groups {
		of := func(n int) (begin, end int) { return g * perGroup * n, (g + 1) * perGroup * n }
		m := pack.Matrix{
			K: filter, N: perGroup, Group: size, Scales: subset(p.Scales, of, lists),
			Zeros: subset(p.ZeroPoints, of, lists), Offsets: subset(p.Offsets, of, lists),
		}
		own := subset(q, of, filter)
		if !f.nchw {
			row := gemm.Conv{Channels: f.in, Kernel: f.kernel, Planar: f.nchw}.RowDepth()
			own = channelsLast(own, perGroup, f.in, f.kernel, row)
			m.K = f.kernel[0] * row
			m.Group = m.K
		}
		f.groups = append(f.groups, pack.New(m, own, f.scheme.Storage().Bits()))
	}
	if isDepthwise(f.out, f.in, groups, f.scheme) {
		f.depthwise = pack.New(pack.Matrix{K: filter, N: f.out, Group: filter, Scales: p.Scales}, q, f.scheme.Storage().Bits())
	}
}

// isDepthwise reports whether each filter has one channel of its own, and scales without zero points, offsets
// or groups.
func isDepthwise(out, in, groups int, s qtensor.Scheme) bool {
	return groups > 1 && in == 1 && out == groups && !s.HasZeroPoint() && !s.HasOffset() && s.GroupSize() == 0
}

// Packed reports whether f are filters that PackFilters made.
func (f *Filters) Packed() bool { return f != nil && len(f.groups) > 0 }

// orZero returns f, and the zero Filters for nil.
func (f *Filters) orZero() *Filters {
	if f == nil {
		return new(Filters)
	}
	return f
}

// Scheme returns the scheme of the tensor that was packed.
func (f *Filters) Scheme() qtensor.Scheme { return f.orZero().scheme }

// Bytes returns the memory that the layout takes.
func (f *Filters) Bytes() (n int) {
	f = f.orZero()
	for _, m := range f.groups {
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
		len(f.groups), f.scheme, f.Bytes())
}

// Out returns how many filters there are.
func (f *Filters) Out() int { return f.orZero().out }

// In returns how many channels each filter sees, (in/groups).
func (f *Filters) In() int { return f.orZero().in }

// Kernel returns the height and the width of a filter.
func (f *Filters) Kernel() []int { return slices.Clone(f.orZero().kernel[:]) }

// Groups returns the number of groups of channels.
func (f *Filters) Groups() int { return len(f.orZero().groups) }
