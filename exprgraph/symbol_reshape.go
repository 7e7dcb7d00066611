package exprgraph

import "slices"

// reshaped returns axes with the factors of x, in order, for a shape of as many elements in the graph.
//
// Both lists of axes fall into the shortest runs with equal products. In a run without the batch numbers are
// all that matters. In a run with the batch every axis of the shape takes the next factors, and part of a
// number where its size ends within one. Position decides: a batch of 1 belongs to the first axis that begins
// where it is.
func reshaped(x extents, shape []int) (out extents, err error) {
	for i, j := 0, 0; i < len(x) || j < len(shape); {
		from, to, have, want := i, j, 1, 1
		for i == from && i < len(x) || have < want {
			if i == len(x) {
				return nil, ambiguous("shape %v for sizes %v, want as many elements", shape, x.numbers())
			}
			have *= x[i].size()
			i++
			for j == to && j < len(shape) || want < have {
				if j == len(shape) {
					return nil, ambiguous("shape %v for sizes %v, want as many elements", shape, x.numbers())
				}
				want *= shape[j]
				j++
			}
		}
		if i == from { // axes of size 1 behind the others
			return append(out, numbered(shape[j:])...), nil
		}
		if out, err = regroup(out, slices.Concat(x[from:i]...), shape[to:j]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// regroup appends axes of given sizes with the factors of a run.
func regroup(out extents, left extent, shape []int) (extents, error) {
	if left.at() < 0 {
		return append(out, numbered(shape)...), nil
	}
	for _, size := range shape {
		var e extent
		for need := size; len(left) > 0 && (need > 1 || left[0].n == 1); {
			f := left[0]
			switch {
			case need%f.n == 0:
				e, need, left = append(e, f), need/f.n, left[1:]
			case f.n%need != 0:
				return nil, ambiguous("an axis of shape %v ends within a sample", shape)
			case f.batch:
				return nil, finer{extent{{need, true}, {n: f.n / need}}}
			default:
				e, left, need = append(e, factor{n: need}), slices.Concat(extent{{n: f.n / need}}, left[1:]), 1
			}
		}
		out = append(out, joined(e...))
	}
	if len(left) > 0 { // a batch of 1 behind the last axis
		if len(out) == 0 {
			return nil, ambiguous("no axis for the batch")
		}
		out[len(out)-1] = joined(append(out[len(out)-1], left...)...)
	}
	return out, nil
}
