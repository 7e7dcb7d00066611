package qtensor

import (
	"fmt"
	"slices"

	"euryale/internal/convert"
	"euryale/internal/dense"

	"gorgonia.org/tensor"
)

// QTensor is a quantized tensor: quantized values and the Params that turn them back into real ones.
// Quantize, QuantizeWith, FromCodes and File.QTensor return one. It is immutable and safe for concurrent use.
// The zero QTensor, and a nil one, have no elements: methods that return an error return ErrScheme, and the
// others return zero values.
type QTensor struct {
	params Params
	blocks convert.Blocks
	shape  tensor.Shape
	// store holds the quantized values in row-major order: int8, uint8, a stream of fewer bits in uint8, or
	// uint16 patterns.
	store *tensor.Dense
}

// valid returns an error for the zero QTensor.
func (q *QTensor) valid() error {
	if q.orZero().store == nil {
		return fmt.Errorf("%w: got the zero QTensor, want one that a function made", ErrScheme)
	}
	return nil
}

// orZero returns q, and the zero QTensor for nil.
func (q *QTensor) orZero() *QTensor {
	if q == nil {
		return new(QTensor)
	}
	return q
}

// Shape returns the shape of the tensor.
func (q *QTensor) Shape() tensor.Shape { return q.orZero().shape.Clone() }

// Params returns a copy of the parameters.
func (q *QTensor) Params() Params { return q.orZero().params.Clone() }

// Scheme returns the scheme of the tensor.
func (q *QTensor) Scheme() Scheme { return q.orZero().params.Scheme }

// Len returns the number of elements.
func (q *QTensor) Len() int {
	if q.valid() != nil {
		return 0
	}
	return q.shape.TotalSize()
}

// Bytes returns the size of the quantized values and their parameters, as Scheme.Bytes does.
func (q *QTensor) Bytes() int {
	if q.valid() != nil {
		return 0
	}
	return q.params.Scheme.bytes(q.blocks)
}

// BitsPerElement returns 8·Bytes()/Len(): the bits of a stored value and its share of the parameters.
func (q *QTensor) BitsPerElement() float64 { return 8 * float64(q.Bytes()) / float64(max(q.Len(), 1)) }

// String returns a line with the shape, the scheme, the bytes and the scales.
func (q *QTensor) String() string {
	q = q.orZero()
	text := fmt.Sprintf("QTensor %v %v, %d bytes, %.2f bits per element", q.shape, q.params.Scheme, q.Bytes(), q.BitsPerElement())
	switch scales := q.params.Scales; {
	case len(scales) == 1:
		text += fmt.Sprintf(", scale %.4g", scales[0])
	case len(scales) > 1:
		text += fmt.Sprintf(", %d scales %.4g to %.4g", len(scales), slices.Min(scales), slices.Max(scales))
	}
	return text
}

// Codes returns a copy of the quantized values, one to an element, as a tensor of q's shape, as PyTorch's
// int_repr does: int8 for Symmetric and Int4, uint16 bit patterns for Float16 and BFloat16, uint8 for the
// others: bit patterns for Float8E4M3FN, Float8E5M2 and MXFP4. It is nil for the zero QTensor.
func (q *QTensor) Codes() *tensor.Dense {
	if q.valid() != nil {
		return nil
	}
	switch c := q.unpack().(type) {
	case []int8:
		return dense.New(slices.Clone(c), q.shape)
	case []uint8:
		return dense.New(slices.Clone(c), q.shape)
	default:
		return dense.New(slices.Clone(c.([]uint16)), q.shape)
	}
}

// Code returns one quantized value, or one bit pattern of a float. at has an index for each axis; for a
// scalar there is none. Errors: ErrShape for too few or too many indices, or one out of range.
func (q *QTensor) Code(at ...int) (int32, error) {
	if err := q.valid(); err != nil {
		return 0, fmt.Errorf("qtensor: Code: %w", err)
	}
	flat := 0
	if len(at) != len(q.shape) {
		return 0, fmt.Errorf("qtensor: Code: %w: got index %v, want one number for each of %d axes of %v", ErrShape, at, len(q.shape), q.shape)
	}
	for axis, i := range at {
		if i < 0 || i >= q.shape[axis] {
			return 0, fmt.Errorf("qtensor: Code: %w: got index %v, want one inside shape %v", ErrShape, at, q.shape)
		}
		flat = flat*q.shape[axis] + i
	}
	switch s := q.params.Storage(); {
	case s.packed() && s.IsSigned():
		return int32(inStream[int8](q)(flat, flat+1)[0]), nil
	case s.packed():
		return int32(inStream[uint8](q)(flat, flat+1)[0]), nil
	case s == StorageInt8:
		return int32(stored[int8](q)[flat]), nil
	case s.Bits() == 8:
		return int32(stored[uint8](q)[flat]), nil
	default:
		return int32(stored[uint16](q)[flat]), nil
	}
}

// T returns the tensor with its axes permuted: axis i of the result is axis axes[i] of q. Without axes it
// reverses their order, which transposes a matrix. The channel axis moves along, and no quantized value
// changes.
//
// Under a scheme per group, the axes other than the channel axis must keep their order, because groups run
// over them in row-major order; for a matrix they always do. Errors: ErrShape for axes that are no
// permutation, ErrScheme for a permutation that splits groups.
func (q *QTensor) T(axes ...int) (*QTensor, error) {
	if err := q.valid(); err != nil {
		return nil, fmt.Errorf("qtensor: T: %w", err)
	}
	dims := len(q.shape)
	if len(axes) == 0 {
		axes = make([]int, dims) // and not in the caller's array
		for axis := range dims {
			axes[axis] = dims - 1 - axis
		}
	}
	to := make([]int, dims) // to[a] is where axis a goes
	seen := make([]bool, dims)
	for i, a := range axes {
		if len(axes) != dims || a < 0 || a >= dims || seen[a] {
			return nil, fmt.Errorf("qtensor: T: %w: got axes %v, want a permutation of %d", ErrShape, axes, dims)
		}
		seen[a], to[a] = true, i
	}
	p := q.params.Clone()
	if axis, ok := p.Scheme.Axis(); ok {
		p.Scheme.axis = to[axis]
		if p.Scheme.sharing == perGroup && q.blocks.Groups() > 1 && splitsGroups(axes, axis, q.shape) {
			return nil, fmt.Errorf("qtensor: T: %w: got axes %v for %v, want all but axis %d in their order", ErrScheme, axes, q.params.Scheme, axis)
		}
	}
	shape := make(tensor.Shape, dims)
	for i, a := range axes {
		shape[i] = q.shape[a]
	}
	switch c := q.unpack().(type) {
	case []int8:
		return build(p, shape, permute(c, q.shape, axes))
	case []uint8:
		return build(p, shape, permute(c, q.shape, axes))
	default:
		return build(p, shape, permute(c.([]uint16), q.shape, axes))
	}
}

// splitsGroups reports whether the axes other than the channel axis, those of size 1 aside, change their
// order.
func splitsGroups(axes []int, axis int, shape tensor.Shape) bool {
	var others []int
	for _, a := range axes {
		if a != axis && shape[a] > 1 {
			others = append(others, a)
		}
	}
	return !slices.IsSorted(others)
}

// permute returns the elements of x in row-major order of the permuted shape, which may be x itself.
func permute[T any](x []T, shape tensor.Shape, axes []int) []T {
	switch {
	case slices.IsSorted(axes):
		return x
	case len(axes) == 2:
		out := make([]T, len(x))
		transpose(out, x, shape[0], shape[1])
		return out
	}
	strides := make([]int, len(shape))
	step := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		strides[axis] = step
		step *= shape[axis]
	}
	out := make([]T, 0, len(x))
	var walk func(depth, from int)
	walk = func(depth, from int) {
		if depth == len(axes) {
			out = append(out, x[from])
			return
		}
		for i := range shape[axes[depth]] {
			walk(depth+1, from+i*strides[axes[depth]])
		}
	}
	walk(0, 0)
	return out
}

// stored returns the backing array of the store.
func stored[T any](q *QTensor) []T {
	s, err := dense.Slice[T](q.store)
	if err != nil {
		panic(err) // the storage of a scheme fixes the type
	}
	return s
}

// unpack returns the quantized values in row-major order as []int8, []uint8 or []uint16, for reading.
func (q *QTensor) unpack() any {
	switch s := q.params.Storage(); {
	case s.packed() && s.IsSigned():
		c := make([]int8, q.Len())
		convert.UnpackBits(c, stored[uint8](q), s.Bits())
		return c
	case s.packed():
		c := make([]uint8, q.Len())
		convert.UnpackBits(c, stored[uint8](q), s.Bits())
		return c
	case s == StorageInt8:
		return stored[int8](q)
	case s.Bits() == 8:
		return stored[uint8](q)
	default:
		return stored[uint16](q)
	}
}

// build makes a tensor of codes in row-major order, one element each, packing them where the scheme does.
// p is one that check returned.
func build[T int8 | uint8 | uint16](p Params, shape tensor.Shape, codes []T) (*QTensor, error) {
	b, err := p.Scheme.blocks(shape)
	if err != nil {
		return nil, err
	}
	q := &QTensor{params: p, blocks: b, shape: shape.Clone(), store: dense.New(codes, shape)}
	if s := p.Storage(); s.packed() {
		q.store = packed(codes, s)
	}
	return q, nil
}

// packed returns codes of one or the other type as a stream.
func packed(codes any, s Storage) *tensor.Dense {
	var stream []uint8
	switch c := codes.(type) {
	case []int8:
		stream = make([]uint8, s.bytes(len(c)))
		convert.PackBits(stream, c, s.Bits())
	case []uint8:
		stream = make([]uint8, s.bytes(len(c)))
		convert.PackBits(stream, c, s.Bits())
	}
	return dense.New(stream, tensor.Shape{len(stream)})
}
