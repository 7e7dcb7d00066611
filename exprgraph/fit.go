package exprgraph

import (
	"math"
	"slices"

	"euryale/internal/ir"
)

// A value may be smaller than its node's where that repeats it along an axis: a model's elementwise operations
// do that by themselves, and others are given it whole.

// unbatched returns a constant with one index along the axes in which want has the batch, and those alone:
// what a leaf that is shaped by the batch repeats.
func unbatched(p pair, v *value, want []int) (*value, error) {
	for axis, d := range want {
		if d != ir.Batch || len(v.shape) != len(want) || v.shape[axis] == 1 || v.shape[axis] == ir.Batch {
			continue
		}
		data, other := collapsed(v.data, v.shape, axis)
		if other > 0 {
			return nil, p.fail("a constant of shape %v, of which axis %d has the batch, and indices 0 and %d are not equal: "+
				"want one of size 1 there, which is broadcast, the node among the inputs, or WithoutBatch", v.shape, axis, other)
		}
		shape := slices.Clone(v.shape)
		shape[axis] = 1
		v = &value{base: v.base, shape: shape, data: data}
	}
	return v, nil
}

// collapsed returns the elements at index 0 of an axis, where all other indices have the same; else the first
// index that has others.
func collapsed(data []float32, shape []int, axis int) (first []float32, other int) {
	n, inner := shape[axis], size(shape[axis+1:])
	for at := 0; at < len(data); at += n * inner {
		one := data[at : at+inner]
		for i := 1; i < n; i++ {
			for j, x := range data[at+i*inner : at+(i+1)*inner] {
				if math.Float32bits(x) != math.Float32bits(one[j]) {
					return nil, i
				}
			}
		}
		first = append(first, one...)
	}
	return first, 0
}

// compact returns a constant with one index along every axis whose indices are all equal, if it has more than
// one axis: a bias of full image shape is one number for each channel.
func compact(v *value) *value {
	long := 0
	for _, d := range v.shape {
		if d > 1 {
			long++
		}
	}
	if long < 2 || v.quantized != nil {
		return v
	}
	for axis, d := range v.shape {
		if d == 1 {
			continue
		}
		if data, other := collapsed(v.data, v.shape, axis); other == 0 {
			shape := slices.Clone(v.shape)
			shape[axis] = 1
			v = &value{base: v.base, shape: shape, data: data}
		}
	}
	return v
}

// repeated returns the elements of a constant in a shape that it is broadcast to.
func repeated(data []float32, from, to []int) []float32 {
	if slices.Equal(from, to) {
		return data
	}
	from = slices.Concat(slices.Repeat([]int{1}, len(to)-len(from)), from)
	for axis := len(to) - 1; axis >= 0; axis-- {
		if from[axis] == to[axis] {
			continue
		}
		inner := size(to[axis+1:])
		out := make([]float32, 0, len(data)*to[axis])
		for at := 0; at < len(data); at += inner {
			for range to[axis] {
				out = append(out, data[at:at+inner]...)
			}
		}
		data = out
	}
	return data
}

// whole returns the value of a node, which is not smaller than the node's.
func (r *reader) whole(p pair) (*value, error) {
	v, err := r.read(p)
	if err != nil {
		return nil, err
	}
	return r.fit(p, v, p.shape())
}

// fit returns a value in a shape that it is broadcast to, which has the batch where p has it.
func (r *reader) fit(p pair, v *value, want []int) (_ *value, err error) {
	if slices.Equal(v.shape, want) {
		return v, nil
	}
	if v.data != nil {
		if v, err = unbatched(p, v, want); err != nil {
			return nil, err
		}
	}
	if got, ok := broadcast(v.shape, want); !ok || !slices.Equal(got, want) {
		return nil, p.fail("of shape %v, want %v", v.shape, want)
	}
	if v.data != nil && batches(want) == 0 {
		return &value{base: v.base, shape: want, data: repeated(v.data, v.shape, want)}, nil
	}
	return r.expand(p, v, want), nil
}

// expand repeats a value along axes of size 1. An axis that is some times the batch is two on the way.
func (r *reader) expand(p pair, v *value, want []int) *value {
	own := slices.Concat(slices.Repeat([]int{1}, len(want)-len(v.shape)), v.shape)
	var from, to []int
	for axis, d := range want {
		switch {
		case own[axis] == d:
			from, to = append(from, d), append(to, 1)
		case d == ir.Batch && p.multiple(axis) > 1:
			from, to = append(from, 1, 1), append(to, p.multiple(axis), ir.Batch)
		default:
			from, to = append(from, 1), append(to, d)
		}
	}
	shape, _ := broadcast(from, to)
	return r.reshape(r.add(ir.Node{Op: ir.OpExpand, Shape: to}, shape, r.reshape(v, from)), want)
}
