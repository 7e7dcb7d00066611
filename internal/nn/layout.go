package nn

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"
	"unsafe"

	"euryale/internal/borrow"
	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// layoutLimit is how many elements a packed layout, and the input or the result of an op, has at most: 16 GiB
// of float32.
const layoutLimit = min(1<<32, math.MaxInt/4)

// layoutFits returns an error if the packed layouts of so many matrices (in, out), with groups of a size or
// 0, have more than layoutLimit.
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
		if total > layoutLimit/n {
			return fmt.Errorf("%w: %d layouts of (%d, %d) in groups of %d are too big, want at most %d elements in all with their padding",
				qtensor.ErrShape, matrices, in, out, size, layoutLimit)
		}
		total *= n
	}
	return nil
}

func roundUp(n, multiple int64) int64 { return (n + multiple - 1) / multiple * multiple }

// MultipliedAs returns the scheme that a layer multiplies weights of scheme s as: a Codebook's as
// PerChannelSymmetric(8), MXFP4 as Symmetric(8) in its groups, others as they are.
func MultipliedAs(s qtensor.Scheme) qtensor.Scheme {
	axis, ok := s.Axis()
	switch {
	case ok && s.IsCodebook():
		return qtensor.PerChannelSymmetric(8, axis)
	case isMXFP4(s):
		return qtensor.Symmetric(8).PerGroup(axis, s.GroupSize())
	}
	return s
}

// decoded returns w as layers multiply by it.
func decoded(w *qtensor.QTensor) (*qtensor.QTensor, error) {
	if !w.Scheme().IsCodebook() {
		return w, nil
	}
	return w.Int8()
}

// packable reports whether a weight of a scheme can be packed in NHWC order for images of so many channels.
func packable(s qtensor.Scheme, channels int) bool {
	return channels < 2 || MultipliedAs(s).GroupSize() == 0
}

// source returns the integer codes of w, as they are stored, in an order.
func source(w *qtensor.QTensor, order pack.Order) pack.Source {
	storage := w.Scheme().Storage()
	s := pack.Source{Order: order, Bits: storage.Bits(), Unsigned: !storage.IsSigned()}
	switch c := borrow.Codes(w).(type) {
	case []int8:
		s.Codes = unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(c))), len(c))
	case []uint8:
		s.Codes = c
	}
	return s
}

// lists returns the scales, the zero points and the offsets of so many columns, each with scales of its own
// or all with the same one.
func lists(p qtensor.Params, columns int) (scales []float32, zeros []int32, offsets []float32) {
	if _, perAxis := p.Scheme.Axis(); perAxis {
		return p.Scales, p.ZeroPoints, p.Offsets
	}
	return repeat(p.Scales, columns), repeat(p.ZeroPoints, columns), repeat(p.Offsets, columns)
}

// shared returns how threads share the packing of so many bytes, which may be those of a mapped file.
func shared(bytes int) pack.Share {
	const each = time.Nanosecond // about
	return func(parts int, do func(part int)) {
		gemm.Share(parts, time.Duration(bytes)*each, func(part int) {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			do(part)
		})
	}
}

// repeat returns the only element of s n times; nil for nil.
func repeat[T any](s []T, n int) []T {
	if s == nil {
		return nil
	}
	return slices.Repeat(s, n)
}

// part returns the elements of list, n for each group, of one; nil for nil.
func part[T any](list []T, g, n int) []T {
	if list == nil {
		return nil
	}
	return list[g*n:][:n]
}

// Bounded returns shape, or an error if it has more than layoutLimit or a negative axis.
func Bounded(shape tensor.Shape) (tensor.Shape, error) {
	size := 1
	for _, n := range shape {
		if n < 0 || n > 0 && size > layoutLimit/n {
			return nil, fmt.Errorf("%w: %v is too big, want at most %d elements", qtensor.ErrShape, shape, layoutLimit)
		}
		size *= n
	}
	return shape, nil
}
