package exprgraph

import "euryale/internal/ir"

// mostInGroup bounds the elements whose moments gorgonia v0.9.18 computes as they are: those of more than 32
// vectors of 8 it puts together in three parts or more, with a mean in the place of a variance.
const mostInGroup = 33*8 - 1

// readGroupNorm reads a group normalization: (x − mean)/√(variance + ε), over the elements of a group of
// channels.
func readGroupNorm(r *reader, p pair, operands []pair) (*value, error) {
	groups, err := p.fixed("numGroups")
	if err != nil {
		return nil, err
	}
	epsilon, okA := epsilonOf(p.a.Op())
	other, okB := epsilonOf(p.b.Op())
	if !okA || !okB || epsilon != other {
		return nil, p.fail("ε is %v at one batch size and %v at another, want the same", epsilon, other)
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	if len(x.shape) < 2 || batches(x.shape[1:]) > 0 || groups[0] < 1 || x.shape[1]%groups[0] != 0 {
		return nil, p.fail("%d groups of shape %v, want (batch, channels, …), and a divisor of the channels", groups[0], x.shape)
	}
	each := size(x.shape[1:]) / groups[0]
	if each > mostInGroup {
		return nil, p.fail("%d elements in a group, of which gorgonia v0.9.18 takes a wrong mean, want at most %d", each, mostInGroup)
	}
	h := r.reshape(x, []int{x.shape[0], groups[0], each})
	off := r.binary(ir.OpSub, h.shape, []*value{h, r.mean(h)})
	variance := r.mean(r.binary(ir.OpMul, h.shape, []*value{off, off}))
	variance = r.binary(ir.OpAdd, variance.shape, []*value{variance, constant(float32(epsilon), "epsilon")})
	deviation := r.unary(ir.Node{Op: ir.OpSqrt}, variance)
	return r.reshape(r.binary(ir.OpDiv, h.shape, []*value{off, deviation}), x.shape), nil
}

// mean returns the mean over the last axis, of which one element is left.
func (r *reader) mean(x *value) *value {
	last := len(x.shape) - 1
	shape := append(x.shape[:last:last], 1)
	sum := r.add(ir.Node{Op: ir.OpReduceSum, Axes: []int{last}}, shape, x)
	return r.binary(ir.OpDiv, shape, []*value{sum, constant(float32(x.shape[last]), "size")})
}
