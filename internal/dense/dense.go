// Package dense reads gorgonia tensors the way their user sees them: in row-major order of the
// visible shape, whatever the backing array holds.
//
// A tensor may be transposed lazily, a slice of a bigger one, or column-major. The typed accessors of
// tensor.Dense (Float32s and so on) return the backing array in all three cases, which is longer than
// the shape or in another order. Everything here goes through shape and strides instead.
package dense

import (
	"errors"
	"fmt"
	"runtime"

	"gorgonia.org/tensor"
)

// ErrDtype reports an element type that the operation does not take.
var ErrDtype = errors.New("unsupported dtype")

// ErrLayout reports a tensor that cannot be read element by element: not dense, masked, in memory of
// another device, or with strides that do not fit its backing array.
var ErrLayout = errors.New("unreadable tensor")

// Float32s returns the elements of t, float32 or float64, in row-major order of t.Shape(). A float64
// is rounded to the nearest float32. The result may be the backing array of t: it is for reading.
func Float32s(t tensor.Tensor) ([]float32, error) {
	d, err := readable(t)
	if err != nil {
		return nil, err
	}
	switch d.Dtype() {
	case tensor.Float32:
		return rowMajor[float32](d)
	case tensor.Float64:
		wide, err := rowMajor[float64](d)
		if err != nil {
			return nil, err
		}
		out := make([]float32, len(wide))
		for i, v := range wide {
			out[i] = float32(v)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w: got %s, want float32 or float64", ErrDtype, TypeName(d.Dtype()))
}

// TypeName returns the name of an element type, also of the zero Dtype, whose String panics.
func TypeName(dt tensor.Dtype) string {
	if dt.Type == nil {
		return "none"
	}
	return dt.String()
}

// Slice returns the elements of t, which are of type T, in row-major order of t.Shape(). The result may
// be the backing array of t: it is for reading.
func Slice[T any](t tensor.Tensor) ([]T, error) {
	d, err := readable(t)
	if err != nil {
		return nil, err
	}
	return rowMajor[T](d)
}

// New returns a tensor of the given shape, which may be a scalar's, that owns data.
func New[T any](data []T, shape tensor.Shape) *tensor.Dense {
	if shape.IsScalar() {
		return tensor.New(tensor.FromScalar(data[0]))
	}
	return tensor.New(tensor.WithShape(shape.Clone()...), tensor.WithBacking(data))
}

func readable(t tensor.Tensor) (*tensor.Dense, error) {
	d, ok := t.(*tensor.Dense)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: got %T, want *tensor.Dense", ErrLayout, t)
	case d == nil:
		return nil, fmt.Errorf("%w: got nil, want *tensor.Dense", ErrLayout)
	case d.Dtype().Type == nil:
		return nil, fmt.Errorf("%w: got a tensor that nothing was put into", ErrLayout)
	case d.IsMasked() && len(d.Mask()) > 0: // an empty tensor, with no mask either, says that it is masked
		return nil, fmt.Errorf("%w: got a masked tensor, want one without a mask", ErrLayout)
	case !d.IsNativelyAccessible():
		return nil, fmt.Errorf("%w: got one that Go cannot address, want one in main memory", ErrLayout)
	}
	return d, nil
}

// Data returns what d.Data does, safely: in between, tensor v0.9.24 has the address of the elements as a mere
// integer, and a garbage collection frees them where nothing else refers to d.
func Data(d *tensor.Dense) any {
	x := d.Data()
	runtime.KeepAlive(d)
	return x
}

// backing returns the elements that d holds in memory, in memory order.
func backing[T any](d *tensor.Dense) ([]T, error) {
	switch raw := Data(d).(type) {
	case []T:
		return raw, nil
	case T:
		return []T{raw}, nil
	default:
		var want T
		return nil, fmt.Errorf("%w: got %v, want %T", ErrDtype, d.Dtype(), want)
	}
}

func rowMajor[T any](d *tensor.Dense) ([]T, error) {
	v, err := viewOf[T](d)
	if err != nil || v.All != nil || v.size == 0 {
		return v.All, err
	}
	out := make([]T, v.size)
	v.Rows(0, v.size, func(at int, src []T, step, length int) {
		to := out[at:][:length]
		for i := range to {
			to[i] = src[i*step]
		}
	})
	return out, nil
}
