package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// value is an input, a constant or what a step makes.
type value struct {
	base      string      // a name for it, perhaps taken, perhaps empty
	shape     []int       // with ir.Batch where it is free
	data      []float32   // of a constant, else nil
	quantized *ir.Trained // of a constant that was fake-quantized, else nil
	other     *value      // of a constant matrix that is another one transposed, that one
	from      *step       // of what a step makes, else nil

	integer  bool // of an input, or a reshaped one, of integers
	multiple int  // of an input, how many indices of the batch axis a sample has; 0 for one
}

// dtype returns the type of the elements.
func (v *value) dtype() ir.Type {
	if v.integer {
		return ir.Int64
	}
	return ir.Float32
}

// step is a ir.Node whose inputs and output have no names yet.
type step struct {
	ir.Node
	in  []*value
	out *value

	scale, shift []float64 // of opNorm
}

// opNorm is x·scale + shift along axis 1, which is left of a batch normalization when its
// statistics are known. No ir.Network has it.
const opNorm = "norm"

func (r *reader) add(node ir.Node, shape []int, in ...*value) *value {
	s := &step{Node: node, in: in}
	s.out = &value{shape: shape, from: s}
	r.steps = append(r.steps, s)
	return s.out
}

// constant returns a scalar.
func constant(x float32, base string) *value {
	return &value{base: base, shape: []int{}, data: []float32{x}}
}

// reshape returns v in another shape of as many elements. It has ir.Batch in at most one place.
func (r *reader) reshape(v *value, shape []int) *value {
	switch {
	case slices.Equal(v.shape, shape):
		return v
	case v.data != nil:
		return &value{base: v.base, shape: shape, data: v.data, quantized: v.quantized.Reshape(shape)}
	case v.from != nil && v.from.Op == ir.OpReshape:
		return r.reshape(v.from.in[0], shape)
	}
	y := r.add(ir.Node{Op: ir.OpReshape, Shape: shape}, shape, v)
	y.integer = v.integer
	return y
}

// transpose returns v with axis perm[i] as axis i.
func (r *reader) transpose(v *value, perm []int) *value {
	if v.from != nil && v.from.Op == ir.OpTranspose {
		inner := v.from.Perm
		perm = permuted(inner, perm)
		v = v.from.in[0]
	}
	shape := permuted(v.shape, perm)
	switch {
	case slices.IsSorted(perm):
		return v
	case v.data != nil:
		y := &value{base: v.base, shape: shape, data: transposed(v.data, v.shape, perm), quantized: v.quantized.Transpose(perm)}
		if len(shape) == 2 {
			y.other = v
		}
		return y
	}
	return r.add(ir.Node{Op: ir.OpTranspose, Perm: perm}, shape, v)
}

// transposeLast returns v with its last two axes swapped.
func (r *reader) transposeLast(v *value) *value {
	perm := make([]int, len(v.shape))
	for i := range perm {
		perm[i] = i
	}
	last := len(perm) - 1
	perm[last], perm[last-1] = last-1, last
	return r.transpose(v, perm)
}

func permuted(list, perm []int) []int {
	out := make([]int, len(perm))
	for i, axis := range perm {
		out[i] = list[axis]
	}
	return out
}

// inverse returns the permutation that undoes another.
func inverse(perm []int) []int {
	back := make([]int, len(perm))
	for i, axis := range perm {
		back[axis] = i
	}
	return back
}

// transposed returns the elements of a tensor with axis perm[i] as axis i.
func transposed(data []float32, shape, perm []int) []float32 {
	strides := make([]int, len(shape))
	for i, stride := len(shape)-1, 1; i >= 0; i-- {
		strides[i] = stride
		stride *= shape[i]
	}
	outer, steps := permuted(shape, perm), permuted(strides, perm)
	out, at := make([]float32, 0, len(data)), make([]int, len(perm))
	for range data {
		from := 0
		for i, n := range at {
			from += n * steps[i]
		}
		out = append(out, data[from])
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < outer[i] {
				break
			}
			at[i] = 0
		}
	}
	return out
}

// merged returns the shape in one axis, which is ir.Batch where one of them is.
func merged(shape []int) []int {
	if batches(shape) > 0 {
		return []int{ir.Batch}
	}
	return []int{size(shape)}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// broadcast returns the shape of an elementwise operation on a and b.
func broadcast(a, b []int) (shape []int, ok bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape = slices.Clone(a)
	for i, n := range b {
		switch at := len(a) - len(b) + i; {
		case shape[at] == 1:
			shape[at] = n
		case n != 1 && n != shape[at]:
			return nil, false
		}
	}
	return shape, true
}
