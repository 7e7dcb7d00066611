package ops

import (
	"fmt"
	"slices"

	"euryale/internal/half"
	"euryale/internal/kernel"
	"euryale/internal/pack"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Weight is a quantized matrix, (in, out), laid out for multiplying by it. It is immutable: any number of
// ops, graphs and goroutines may share one. The zero Weight, and a nil one, are qtensor.ErrShape wherever a
// layer is made, and give zeros elsewhere.
type Weight struct {
	in, out int
	scheme  qtensor.Scheme
	ints    *pack.Matrix // or
	halves  *pack.Half
}

// Pack lays out w, of shape (in, out), quantized per tensor, per axis 1 or in groups of axis 1: a scale may
// be shared by a column or by part of one, but not by a row. A weight of shape (out, in) is w.T(). Each
// call makes a new layout; pack once and share the Weight.
//
// Errors: qtensor.ErrShape for another rank, and for a layout of more than MaxNumbers codes: depth is filled
// up to a multiple of 4, or of 64 without groups, and columns to one of 16. qtensor.ErrScheme for scales kept
// along axis 0.
func Pack(w *qtensor.QTensor) (*Weight, error) {
	packed, err := packChannels(w, 1)
	if err != nil {
		return nil, fmt.Errorf("ops: Pack: %w", err)
	}
	return packed, nil
}

// PackImages works like Pack for samples that are flattened images, and reads them by pixels: the (in) of w
// is (channel, pixel), that of the samples (pixel, channel), as an image of Samples that is codes lies.
//
// Errors: those of Pack; qtensor.ErrShape for channels that do not divide in; qtensor.ErrScheme for scales in
// groups where channels are more than 1, which the order would tear apart.
func PackImages(w *qtensor.QTensor, channels int) (*Weight, error) {
	packed, err := packChannels(w, channels)
	if err != nil {
		return nil, fmt.Errorf("ops: PackImages: %w", err)
	}
	return packed, nil
}

func packChannels(w *qtensor.QTensor, channels int) (*Weight, error) {
	if w == nil {
		return nil, fmt.Errorf("%w: got nil, want a matrix (in, out)", qtensor.ErrShape)
	}
	shape, scheme := w.Shape(), w.Scheme()
	if shape.Dims() != 2 {
		return nil, fmt.Errorf("%w: got %v, want a matrix (in, out)", qtensor.ErrShape, shape)
	}
	if kept, ok := scheme.Axis(); ok && kept != 1 {
		return nil, fmt.Errorf("%w: got %v, want scales per tensor or along axis 1; if the weight is (out, in), pack its transpose, w.T()",
			qtensor.ErrScheme, scheme)
	}
	if channels < 1 || shape[0]%channels != 0 {
		return nil, fmt.Errorf("%w: got %d channels, want a divisor of %d", qtensor.ErrShape, channels, shape[0])
	}
	if !packable(scheme, channels) {
		return nil, fmt.Errorf("%w: got %v, want scales per tensor or along axis 1", qtensor.ErrScheme, scheme)
	}
	if err := layoutFits(1, shape[0], shape[1], scheme.GroupSize()); err != nil {
		return nil, err
	}
	columns, err := w.T()
	if err != nil {
		return nil, err
	}
	packed := &Weight{in: shape[0], out: shape[1], scheme: scheme}
	switch codes := columns.Codes(); {
	case scheme.IsHalf():
		packed.halves = pack.NewHalf(packed.in, packed.out, byPixels(codes.Uint16s(), packed, channels), halfFormat(scheme))
	case codes.Dtype() == tensor.Int8:
		packed.ints = packInts(packed, w.Params(), byPixels(codes.Int8s(), packed, channels))
	default:
		packed.ints = packInts(packed, w.Params(), byPixels(codes.Uint8s(), packed, channels))
	}
	return packed, nil
}

// layoutFits returns an error if the packed codes of so many matrices (in, out), with groups of a size or 0,
// are more than MaxNumbers.
func layoutFits(matrices, in, out, size int) error {
	groups, depth := int64(1), int64(in)
	if size > 0 && size < in {
		groups, depth = (int64(in)-1)/int64(size)+1, int64(size)
	}
	if groups == 1 {
		depth = roundUp(depth, 64)
	}
	packed := []int64{int64(matrices), groups, roundUp(depth, kernel.StepDepth), roundUp(int64(out), kernel.PanelColumns)}
	total := int64(1)
	for _, n := range packed {
		if total > MaxNumbers/n {
			return fmt.Errorf("%w: %d layouts of (%d, %d) in groups of %d are too big, want at most %d codes in all with what fills them up",
				qtensor.ErrShape, matrices, in, out, size, MaxNumbers)
		}
		total *= n
	}
	return nil
}

func roundUp(n, multiple int64) int64 { return (n + multiple - 1) / multiple * multiple }

// byPixels returns columns of (channel, pixel) as (pixel, channel).
func byPixels[T any](columns []T, w *Weight, channels int) []T {
	if channels == 1 {
		return columns
	}
	return channelsLast(columns, w.out, channels, [2]int{1, w.in / channels}, w.in)
}

func halfFormat(s qtensor.Scheme) half.Format {
	if s.Storage() == qtensor.Half {
		return half.Float16()
	}
	return half.BFloat16()
}

func packInts[C kernel.Code](w *Weight, p qtensor.Params, codes []C) *pack.Matrix {
	m := pack.Matrix{K: w.in, N: w.out, Group: w.in, Scales: p.Scales, Zeros: p.ZeroPoints, Offsets: p.Offsets}
	if size := w.scheme.GroupSize(); size > 0 {
		m.Group = min(size, w.in)
	}
	if _, perAxis := w.scheme.Axis(); !perAxis {
		m.Scales = repeat(m.Scales, w.out)
		m.Zeros = repeat(m.Zeros, w.out)
		m.Offsets = repeat(m.Offsets, w.out)
	}
	return pack.New(m, codes, w.scheme.Storage().Bits())
}

// repeat returns the only element of s n times; nil for nil.
func repeat[T any](s []T, n int) []T {
	if s == nil {
		return nil
	}
	return slices.Repeat(s, n)
}

// packed reports whether w is a weight that Pack made.
func (w *Weight) packed() bool { return w != nil && (w.ints != nil || w.halves != nil) }

// orZero returns w, and the zero Weight for nil.
func (w *Weight) orZero() *Weight {
	if w == nil {
		return new(Weight)
	}
	return w
}

// In returns the depth: the size of the last axis that goes in.
func (w *Weight) In() int { return w.orZero().in }

// Out returns the size of the last axis that comes out.
func (w *Weight) Out() int { return w.orZero().out }

// Scheme returns the scheme of the tensor that was packed.
func (w *Weight) Scheme() qtensor.Scheme { return w.orZero().scheme }

// Bytes returns the memory that the layout takes.
func (w *Weight) Bytes() int {
	switch {
	case !w.packed():
		return 0
	case w.halves != nil:
		return w.halves.Bytes()
	}
	return w.ints.Bytes()
}

// String describes the weight in a line.
func (w *Weight) String() string {
	w = w.orZero()
	return fmt.Sprintf("Weight (%d, %d) %v, %d bytes packed", w.in, w.out, w.scheme, w.Bytes())
}
