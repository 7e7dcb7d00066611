package exprgraph

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
)

// The shape rules of ops that only move data.

func transposeShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	perm, ok := intsOf(n.Op(), "pattern")
	if !ok || len(perm) != len(in[0]) {
		return nil, fmt.Errorf("axes %v of shape %v, want each once", perm, in[0].numbers())
	}
	out := make(extents, len(perm))
	for i, axis := range perm {
		if axis < 0 || axis >= len(perm) {
			return nil, fmt.Errorf("axes %v of shape %v, want each once", perm, in[0].numbers())
		}
		out[i] = in[0][axis]
	}
	return out, nil
}

// concatShape: along the axis, parts that have the batch differ in the number outside of it alone.
func concatShape(_ *symbols, n *gorgonia.Node, in []extents) (out extents, err error) {
	axis, ok := intsOf(n.Op(), "axis")
	if !ok || axis[0] < 0 || axis[0] >= len(in[0]) {
		return nil, fmt.Errorf("along axis %v of shape %v, want one of its axes", axis, in[0].numbers())
	}
	at := axis[0]
	for i, x := range in {
		if len(x) != len(in[0]) {
			return nil, fmt.Errorf("shapes %v and %v, want as many axes", in[0].numbers(), x.numbers())
		}
		part := slices.Clone(x)
		along := extent(nil)
		if i > 0 {
			along, part[at] = out[at], out[at]
		}
		if out, err = met(out, part); err != nil {
			return nil, err
		}
		if i > 0 {
			if out[at], err = behind(along, x[at]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// behind returns the extent of one axis behind another.
func behind(a, b extent) (extent, error) {
	if a.at() < 0 && b.at() < 0 {
		return fixed(a.size() + b.size()), nil
	}
	m, rest := a.outside()
	more, other := b.outside()
	if !slices.Equal(rest, other) {
		return nil, ambiguous("puts samples behind what is none, or in another order")
	}
	return joined(append(extent{{n: m + more}}, rest...)...), nil
}

// outside returns the number outside of the batch, and the factors from the batch on.
func (e extent) outside() (m int, rest extent) {
	if len(e) > 0 && !e[0].batch && e.at() >= 0 {
		return e[0].n, e[1:]
	}
	return 1, e
}

// sliceShape: of an axis with the batch, indices of the number outside of it are taken.
func sliceShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	along, ok := intsOf(n.Op(), "along")
	taken, okSlice := sliceOf(n.Op())
	if !ok || !okSlice || along[0] < 0 || along[0] >= len(in[0]) {
		return nil, fmt.Errorf("of shape %v, want a slice along one of its axes", in[0].numbers())
	}
	at, out := along[0], slices.Clone(in[0])
	own := out[at]
	end := min(taken.end, own.size())
	if taken.end <= taken.start || own.at() < 0 || taken.start == 0 && end == own.size() && taken.step == 1 {
		if own.at() < 0 && taken.end > taken.start {
			out[at] = fixed((end - taken.start + taken.step - 1) / taken.step)
		}
		return out, nil
	}
	m, rest := own.outside()
	rows := rest.size()
	switch {
	case taken.step == 1 && taken.start%rows == 0 && end%rows == 0:
		out[at] = joined(append(extent{{n: (end - taken.start) / rows}}, rest...)...)
		return out, nil
	case m == 1 && len(rest) == 1 && taken.step == 1 && divisor(taken.start, end, rows) > 1:
		samples := divisor(taken.start, end, rows)
		return nil, finer{extent{{n: rows / samples}, {samples, true}}}
	}
	return nil, ambiguous("from %d up to %d in steps of %d of the batch of %d, want whole batches, or another axis",
		taken.start, end, taken.step, rows)
}

// divisor returns the greatest common divisor.
func divisor(list ...int) (d int) {
	for _, n := range list {
		for n != 0 {
			d, n = n, d%n
		}
	}
	return d
}

func gatherShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	axis, ok := intsOf(n.Op(), "axis")
	if !ok || len(in) != 2 || axis[0] < 0 || axis[0] >= len(in[0]) {
		return nil, fmt.Errorf("along axis %v of shape %v, want one of its axes", axis, in[0].numbers())
	}
	if err := contracted(extents{in[0][axis[0]]}, nil); err != nil {
		return nil, fmt.Errorf("takes samples by index, want another axis")
	}
	return slices.Concat(in[0][:axis[0]], in[1], in[0][axis[0]+1:]), nil
}
