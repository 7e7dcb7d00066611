package dense

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// View is the elements of a tensor, in row-major order of its shape, where they lie.
type View[T any] struct {
	// All is the elements, where they lie in order; nil where they do not. They are for reading.
	All []T

	raw            []T
	shape, strides []int
	size           int
}

// Len returns how many elements there are.
func (v View[T]) Len() int { return v.size }

// Of returns the elements of t, which are of type T.
func Of[T any](t tensor.Tensor) (View[T], error) {
	d, err := readable(t)
	if err != nil {
		return View[T]{}, err
	}
	return viewOf[T](d)
}

// Rows calls f with count elements from first on, row by row: those of a row are length elements of src,
// every step-th one; at counts from first.
func (v View[T]) Rows(first, count int, f func(at int, src []T, step, length int)) {
	if v.All != nil {
		f(0, v.All[first:][:count], 1, count)
		return
	}
	last := len(v.shape) - 1
	index, from := make([]int, last+1), 0
	for d, rest := last, first; d >= 0; d-- {
		index[d], rest = rest%v.shape[d], rest/v.shape[d]
		from += index[d] * v.strides[d]
	}
	for at := 0; at < count; {
		length := min(count-at, v.shape[last]-index[last])
		f(at, v.raw[from:], v.strides[last], length)
		at += length
		from -= index[last] * v.strides[last]
		index[last] = 0
		for d := last - 1; d >= 0; d-- {
			index[d]++
			from += v.strides[d]
			if index[d] < v.shape[d] {
				break
			}
			from -= index[d] * v.strides[d]
			index[d] = 0
		}
	}
}

func viewOf[T any](d *tensor.Dense) (v View[T], err error) {
	shape := d.Shape()
	size, err := sizeOf(shape, d.Len())
	if err != nil || size == 0 {
		return v, err
	}
	raw, err := backing[T](d)
	if err != nil {
		return v, err
	}
	if size == 1 {
		return View[T]{All: raw[:1:1], size: 1}, nil // a column-major one has no strides
	}
	strides := d.Strides()
	if len(strides) == 1 && shape.IsVector() { // so has a column-major row or column
		shape = tensor.Shape{size}
	}
	if len(strides) != len(shape) {
		return v, fmt.Errorf("%w: %d strides for shape %v", ErrLayout, len(strides), shape)
	}
	last, contiguous, dense := 0, true, 1
	for i := len(shape) - 1; i >= 0; i-- {
		if strides[i] < 0 {
			return v, fmt.Errorf("%w: stride %d of shape %v", ErrLayout, strides[i], shape)
		}
		if steps := shape[i] - 1; steps > 0 && strides[i] > (len(raw)-1-last)/steps {
			return v, fmt.Errorf("%w: shape %v with strides %v reaches past the last of %d elements", ErrLayout, shape,
				strides, len(raw))
		}
		last += (shape[i] - 1) * strides[i]
		contiguous = contiguous && (shape[i] == 1 || strides[i] == dense)
		dense *= shape[i]
	}
	if contiguous {
		return View[T]{All: raw[:size:size], size: size}, nil
	}
	return View[T]{raw: raw, shape: shape.Clone(), strides: append([]int(nil), strides...), size: size}, nil
}

// sizeOf returns how many elements a shape has, over an array of the given length. A shape that has more
// elements than the array, by strides of 0, is an error: it would claim memory that there is not.
func sizeOf(shape tensor.Shape, length int) (int, error) {
	if slices.Contains(shape, 0) {
		return 0, nil
	}
	size := 1
	for _, n := range shape {
		if n < 0 || n > length/size {
			return 0, fmt.Errorf("%w: shape %v over an array of %d elements", ErrLayout, shape, length)
		}
		size *= n
	}
	if length == 0 { // a slice such as [1:1] may be a scalar; its Data() panics
		return 0, fmt.Errorf("%w: shape %v over an empty array", ErrLayout, shape)
	}
	return size, nil
}
