package exprgraph

import (
	"fmt"
	"slices"

	"euryale/internal/ir"
)

// lift gives a network of one sample, without a batch, an axis in front of everything that inputs lead to: the
// batch. Errors: ErrUnsupported for an operation that has no meaning for one more axis.
func (r *reader) lift() error {
	l := &lifting{r: r, of: map[*value]*value{}}
	steps := r.steps
	r.steps = nil
	for i, v := range r.inputs {
		r.inputs[i] = &value{base: v.base, shape: inFront(v.shape), integer: v.integer}
		l.of[v] = r.inputs[i]
	}
	for _, s := range steps {
		y, err := l.step(s)
		if err != nil {
			return err
		}
		l.of[s.out] = y
	}
	for i, v := range r.outputs {
		y := l.of[v]
		if y == nil || y == v { // the same for all samples
			to := inFront(v.shape)
			y = r.add(ir.Node{Op: ir.OpExpand, Shape: to}, to, v)
		}
		r.outputs[i] = y
	}
	return nil
}

// lifting is a network that is made again with a batch.
type lifting struct {
	r  *reader
	of map[*value]*value // by the value without a batch; constants are what they were
}

func inFront(shape []int) []int { return slices.Concat([]int{ir.Batch}, shape) }

// step returns the result of a step with the batch in front.
func (l *lifting) step(s *step) (*value, error) {
	in := make([]*value, len(s.in))
	batched := false
	for i, v := range s.in {
		if in[i] = l.of[v]; in[i] == nil {
			in[i] = v
		} else if in[i] != v {
			batched = true
		}
	}
	if !batched { // of constants alone
		l.r.steps = append(l.r.steps, s)
		return s.out, nil
	}
	lift, ok := lifts[s.Op]
	switch {
	case ir.Elementwise(s.Op):
		lift = (*lifting).elementwise
	case !ok:
		return nil, fmt.Errorf("%w: op %s of one sample, which has no meaning for a batch: WithoutBatch gives a model of one sample",
			ErrUnsupported, s.Op)
	}
	return lift(l, s, in)
}

// lifts make the steps of operations that are not elementwise with the batch in front.
var lifts = map[string]func(l *lifting, s *step, in []*value) (*value, error){}

func init() {
	for _, op := range []string{ir.OpGemm, ir.OpConv, ir.OpMaxPool, ir.OpAveragePool, ir.OpGlobalAveragePool, ir.OpResize, opNorm} {
		lifts[op] = (*lifting).merged
	}
	for _, op := range []string{ir.OpSoftmax, ir.OpLogSoftmax, ir.OpSparsemax, ir.OpReduceSum, ir.OpReduceMax, ir.OpSlice, ir.OpConcat} {
		lifts[op] = (*lifting).along
	}
	lifts[ir.OpIdentity] = (*lifting).same
	lifts[ir.OpMatMul] = (*lifting).matMul
	lifts[ir.OpGather] = (*lifting).gather
	lifts[ir.OpReshape] = func(l *lifting, s *step, in []*value) (*value, error) {
		return l.r.reshape(in[0], inFront(s.out.shape)), nil
	}
	lifts[ir.OpTranspose] = func(l *lifting, s *step, in []*value) (*value, error) {
		perm := []int{0}
		for _, axis := range s.Perm {
			perm = append(perm, axis+1)
		}
		return l.r.transpose(in[0], perm), nil
	}
}

// made adds a step with another node and result.
func (l *lifting) made(s *step, node ir.Node, shape []int, in []*value) *value {
	y := l.r.add(node, shape, in...)
	y.from.scale, y.from.shift = s.scale, s.shift
	return y
}

// same is the step for what only adds the axes of its operand.
func (l *lifting) same(s *step, in []*value) (*value, error) {
	return l.made(s, s.Node, inFront(s.out.shape), in), nil
}

// gather is the step for rows of a constant by indices of each sample, or parts of what is computed by constant
// ones.
func (l *lifting) gather(s *step, in []*value) (*value, error) {
	if in[0] == s.in[0] {
		return l.same(s, in)
	}
	node := s.Node
	node.Axis = new(*node.Axis + 1) // which readGather gives what is computed
	return l.made(s, node, inFront(s.out.shape), in), nil
}

// elementwise has operands of fewer axes than the result meet it behind the batch.
func (l *lifting) elementwise(s *step, in []*value) (*value, error) {
	for i, v := range in {
		if missing := len(s.out.shape) + 1 - len(v.shape); v != s.in[i] && missing > 0 {
			in[i] = l.r.reshape(v, slices.Concat([]int{ir.Batch}, slices.Repeat([]int{1}, missing), v.shape[1:]))
		}
	}
	return l.same(s, in)
}

// merged is the step for an operation whose first axis is independent: the batch becomes part of that.
func (l *lifting) merged(s *step, in []*value) (*value, error) {
	if in[0] == s.in[0] || slices.ContainsFunc(in[1:], func(v *value) bool { return v.data == nil }) {
		return nil, fmt.Errorf("%w: op %s by what is computed of one sample: WithoutBatch gives a model of one sample",
			ErrUnsupported, s.Op)
	}
	in[0] = l.r.reshape(in[0], inFront(s.in[0].shape[1:]))
	y := l.made(s, s.Node, inFront(s.out.shape[1:]), in)
	return l.r.reshape(y, inFront(s.out.shape)), nil
}

// along is the step for an operation along axes, which count from the batch.
func (l *lifting) along(s *step, in []*value) (*value, error) {
	node := s.Node
	if node.Axis != nil {
		node.Axis = new(*node.Axis + 1)
	}
	node.Axes = slices.Clone(node.Axes)
	for i := range node.Axes {
		node.Axes[i]++
	}
	for i, v := range in {
		if v == s.in[i] { // a part of a Concat that is the same for all samples
			to := inFront(v.shape)
			in[i] = l.r.add(ir.Node{Op: ir.OpExpand, Shape: to}, to, v)
		}
	}
	return l.made(s, node, inFront(s.out.shape), in), nil
}

// matMul is the step for a product whose right side is a matrix for all samples, or has the same axes.
func (l *lifting) matMul(s *step, in []*value) (*value, error) {
	if in[0] == s.in[0] || in[1] == s.in[1] && len(in[1].shape) > 2 {
		return nil, fmt.Errorf("%w: op %s of batches of constants: WithoutBatch gives a model of one sample", ErrUnsupported, s.Op)
	}
	if in[1] != s.in[1] && len(in[0].shape) != len(in[1].shape) {
		return nil, fmt.Errorf("%w: op %s of shapes %v and %v: WithoutBatch gives a model of one sample", ErrUnsupported, s.Op,
			s.in[0].shape, s.in[1].shape)
	}
	return l.same(s, in)
}
