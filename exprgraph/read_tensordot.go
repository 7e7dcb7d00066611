package exprgraph

import "slices"

// readTensordot reads a sum of products over some axes of each operand, of which the others are left: a
// product of matrices, the summed axes last on the left and first on the right.
func readTensordot(r *reader, p pair, operands []pair) (*value, error) {
	overA, err := p.fixed("aAxes")
	if err != nil {
		return nil, err
	}
	overB, err := p.fixed("bAxes")
	if err != nil {
		return nil, err
	}
	a, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	b, err := r.whole(operands[1])
	if err != nil {
		return nil, err
	}
	leftA, okA := othersOf(a.shape, overA)
	leftB, okB := othersOf(b.shape, overB)
	if !okA || !okB || !slices.Equal(permuted(a.shape, overA), permuted(b.shape, overB)) || batches(permuted(a.shape, overA)) > 0 {
		return nil, p.fail("over axes %v and %v of shapes %v and %v, want axes of one size, each once, and none that is the batch",
			overA, overB, a.shape, b.shape)
	}
	left, right := permuted(a.shape, leftA), permuted(b.shape, leftB)
	if shape := slices.Concat(left, right); !slices.Equal(shape, p.shape()) || batches(shape) > 1 {
		return nil, p.fail("of shape %v of %v and %v, want %v, and the batch in one axis", p.shape(), a.shape, b.shape, shape)
	}
	depth := size(permuted(b.shape, overB))
	a, b = r.transpose(a, slices.Concat(leftA, overA)), r.transpose(b, slices.Concat(overB, leftB))
	if len(overB) == 1 && len(right) == 1 && len(left) > 1 {
		return r.matMul(p.shape(), a, b, false, false), nil
	}
	m, n := merged(left)[0], merged(right)[0]
	y := r.product([]int{m, n}, r.reshape(a, []int{m, depth}), r.reshape(b, []int{depth, n}), false, false)
	return r.reshape(y, p.shape()), nil
}

// othersOf returns the axes of a shape that are not among some; false where these are not some of them, each
// once.
func othersOf(shape, some []int) (others []int, ok bool) {
	for axis := range shape {
		if !slices.Contains(some, axis) {
			others = append(others, axis)
		}
	}
	return others, len(others)+len(some) == len(shape)
}
