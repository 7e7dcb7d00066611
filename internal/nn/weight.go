package nn

import (
	"fmt"
	"slices"

	"euryale/internal/borrow"
	"euryale/internal/gemm"
	"euryale/internal/half"
	"euryale/internal/minifloat"
	"euryale/internal/pack"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Weight is a quantized matrix, (in, out), packed for multiplying by it. It is immutable and safe for
// concurrent use. The zero Weight, and a nil one, are qtensor.ErrShape wherever a layer is made, and give
// zeros elsewhere.
type Weight struct {
	in, out int
	scheme  qtensor.Scheme
	ints    *pack.Matrix // or
	floats  *pack.Half
}

// Pack returns w, of shape (in, out), packed for the kernels. w is quantized per tensor, per axis 1 or in
// groups of axis 1: elements of a column share a scale, all or a group of them. The transpose of a weight
// (out, in) is w.T(). Each call makes a new layout.
//
// Errors: qtensor.ErrShape for another rank, and for a layout of more than layoutLimit: in is padded to a
// multiple of 4, or of 64 without groups, and out to one of 16. qtensor.ErrScheme for scales along axis 0.
func Pack(w *qtensor.QTensor) (*Weight, error) { return PackMatrix(w, false, 1) }

// PackMatrix works like Pack for a w that may be transposed, (out, in), and for samples that are flattened
// images of so many channels, 1 for others, and reads them NHWC, as quantized activations are: in is
// (channel, pixel) in w, and (pixel, channel) in samples.
//
// Errors: those of Pack; qtensor.ErrShape for channels that do not divide in; qtensor.ErrScheme for scales in
// groups, which NHWC order would split.
func PackMatrix(w *qtensor.QTensor, transposed bool, channels int) (*Weight, error) {
	if w == nil {
		return nil, fmt.Errorf("%w: got nil, want a matrix (in, out)", qtensor.ErrShape)
	}
	shape, scheme := w.Shape(), w.Scheme()
	if shape.Dims() != 2 {
		return nil, fmt.Errorf("%w: got %v, want a matrix (in, out)", qtensor.ErrShape, shape)
	}
	in, out, columns := shape[0], shape[1], 1
	if transposed {
		in, out, columns = shape[1], shape[0], 0
	}
	if axis, ok := scheme.Axis(); ok && axis != columns {
		return nil, fmt.Errorf("%w: got %v, want scales per tensor or along axis %d; if the weight is transposed, pack w.T()",
			qtensor.ErrScheme, scheme, columns)
	}
	if channels < 1 || in%channels != 0 {
		return nil, fmt.Errorf("%w: got %d channels, want a divisor of %d", qtensor.ErrShape, channels, in)
	}
	if !packable(scheme, channels) {
		return nil, fmt.Errorf("%w: got %v, want scales per tensor or along axis %d", qtensor.ErrScheme, scheme, columns)
	}
	if err := layoutFits(1, in, out, MultipliedAs(scheme).GroupSize()); err != nil {
		return nil, err
	}
	order := pack.RowMajor(in, out)
	if transposed {
		order = pack.ColumnMajor(in)
	}
	if channels > 1 {
		pixels, step := in/channels, order.Strides[2]
		order.Sizes, order.Strides = [3]int{1, pixels, channels}, [3]int{0, step, pixels * step}
	}
	packed := &Weight{in: in, out: out, scheme: scheme}
	if f := minifloatFormat(scheme); f != nil {
		scales, _, _ := lists(w.Params(), out)
		packed.floats = pack.MinifloatsFrom(borrow.Codes(w).([]uint8), f, scales, order, shared(2*in*out))
		return packed, nil
	}
	if codes, ok := borrow.Codes(w).([]uint16); ok {
		packed.floats = pack.HalfFrom(out, codes, order, floatFormat(scheme), shared(2*in*out))
		return packed, nil
	}
	m, p := pack.Matrix{K: in, N: out, Group: in}, w.Params()
	if scheme.IsCodebook() && channels == 1 {
		m.Scales = p.Scales
		packed.ints = pack.FromCodebook(m, book(p), source(w, order), shared(in*out))
		return packed, nil
	}
	if isMXFP4(scheme) {
		codes, scales, err := doubled(w)
		if err != nil {
			return nil, err
		}
		m.Group, m.Scales = min(scheme.GroupSize(), in), scales
		packed.ints = pack.From(m, pack.SourceOf(codes, order, 8), shared(in*out))
		return packed, nil
	}
	w, err := decoded(w)
	if err != nil {
		return nil, err
	}
	if size := w.Scheme().GroupSize(); size > 0 {
		m.Group = min(size, in)
	}
	m.Scales, m.Zeros, m.Offsets = lists(p, out)
	packed.ints = pack.From(m, source(w, order), shared(in*out))
	return packed, nil
}

// book returns how the codes of a Codebook are looked up.
func book(p qtensor.Params) pack.Codebook {
	return pack.Codebook{
		Bits: p.Bits(), Size: p.Scheme.GroupSize(), Levels: p.Levels, Multipliers: p.GroupMultipliers,
		Fill: uint8(max(0, slices.Index(p.Levels, 0))),
	}
}

// minifloatFormat returns the format of weights that are floats of 8 bits; nil for others.
func minifloatFormat(s qtensor.Scheme) *minifloat.Format {
	switch s.Storage() {
	case qtensor.StorageFloat8E4M3FN:
		return minifloat.E4M3FN()
	case qtensor.StorageFloat8E5M2:
		return minifloat.E5M2()
	default:
		return nil
	}
}

func floatFormat(s qtensor.Scheme) half.Format {
	if s.Storage() == qtensor.StorageFloat16 {
		return half.Float16()
	}
	return half.BFloat16()
}

// Packed reports whether w is a weight that Pack made.
func (w *Weight) Packed() bool { return w != nil && (w.ints != nil || w.floats != nil) }

// orZero returns w, and the zero Weight for nil.
func (w *Weight) orZero() *Weight {
	if w == nil {
		return new(Weight)
	}
	return w
}

// In returns the size of the last axis of x.
func (w *Weight) In() int { return w.orZero().in }

// Out returns the size of the last axis of y.
func (w *Weight) Out() int { return w.orZero().out }

// Scheme returns the scheme of the tensor that was packed.
func (w *Weight) Scheme() qtensor.Scheme { return w.orZero().scheme }

// Bytes returns the memory that the layout takes.
func (w *Weight) Bytes() int {
	switch {
	case !w.Packed():
		return 0
	case w.floats != nil:
		return w.floats.Bytes()
	}
	return w.ints.Bytes()
}

// String describes the weight in a line.
func (w *Weight) String() string {
	w = w.orZero()
	return fmt.Sprintf("Weight (%d, %d) %v, %d bytes packed", w.in, w.out, w.scheme, w.Bytes())
}

// Prepare returns y = x·w + b, or max(x·w + b, 0): a sample is a row of x, (in), and its result a row of y,
// (out). Errors: qtensor.ErrShape for the zero Weight and for a bias of another length; qtensor.ErrScheme and
// ErrParams for activations that do not go with the weight; qtensor.ErrValue for a bias that is not finite.
func (w *Weight) Prepare(o Options) (*Layer, error) {
	if !w.Packed() {
		return nil, fmt.Errorf("%w: got a weight that Pack did not make, want one that it returns", qtensor.ErrShape)
	}
	l, err := o.layer(w.scheme, w.out)
	if err != nil {
		return nil, err
	}
	l.in, l.out, l.io = tensor.Shape{w.in}, tensor.Shape{w.out}, MatrixIO(o, w.scheme, 1)
	if w.floats != nil {
		l.plan = gemm.NewHalfProduct(w.floats, l.output)
	} else {
		l.plan = gemm.NewProduct(w.ints, l.arithmetic, l.output)
	}
	return l, nil
}
