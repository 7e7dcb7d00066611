package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// fold moves what scales and shifts channels into the layer that makes them: first into normalizations, then
// these, and biases, into products and convolutions.
func (r *reader) fold() {
	r.share()
	r.foldInto(opNorm)
	r.foldInto(ir.OpGemm, ir.OpConv)
	r.gather()
	r.foldInto(ir.OpConv) // what follows those that were gathered
}

// share has products multiply by weights as the graph has them, TransB where they were transposed:
// embeddings, and other products, may read the same.
func (r *reader) share() {
	for _, s := range r.steps {
		if s.Op == ir.OpGemm && s.in[1].other != nil {
			s.in[1], s.TransB = s.in[1].other, !s.TransB
		}
	}
}

// prune drops the steps that no output needs.
func (r *reader) prune() {
	needed := map[*value]bool{}
	for _, v := range r.outputs {
		needed[v] = true
	}
	for _, s := range slices.Backward(r.steps) {
		for _, v := range s.in {
			needed[v] = needed[v] || needed[s.out]
		}
	}
	r.steps = slices.DeleteFunc(r.steps, func(s *step) bool { return !needed[s.out] })
}

func (r *reader) foldInto(layers ...string) {
	uses, instead := map[*value]int{}, map[*value]*value{}
	for _, v := range r.outputs {
		uses[v]++
	}
	for _, s := range r.steps {
		for _, v := range s.in {
			uses[v]++
		}
	}
	replace := func(list []*value) {
		for i, v := range list {
			if other, ok := instead[v]; ok {
				list[i] = other
			}
		}
	}
	r.steps = slices.DeleteFunc(r.steps, func(s *step) bool {
		replace(s.in)
		x, ok := s.variable()
		if !ok || !slices.Equal(x.shape, s.out.shape) {
			return false
		}
		layer, axis, ok := layerOf(x, uses, layers)
		if !ok {
			return false
		}
		scale, shift, ok := s.affine(axis, layer.channels())
		if !ok || scale != nil && s.Op != opNorm && layer.Op != opNorm {
			return false // only a normalization changes weights
		}
		if scale != nil && layer.Op != opNorm && !layer.multiply(scale) {
			return false
		}
		layer.absorb(scale, shift, s.in[len(s.in)-1])
		instead[s.out], uses[x] = x, uses[s.out]
		return true
	})
	replace(r.outputs)
}

// variable returns the operand that is not a constant, of a step that scales or shifts it.
func (s *step) variable() (x *value, ok bool) {
	switch s.Op {
	case opNorm:
		return s.in[0], s.in[0].data == nil
	case ir.OpAdd, ir.OpMul:
		if s.in[0].data != nil {
			s.in[0], s.in[1] = s.in[1], s.in[0]
		}
		return s.in[0], s.in[0].data == nil && isPlain(s.in[1])
	case ir.OpSub:
		return s.in[0], s.in[0].data == nil && isPlain(s.in[1])
	}
	return nil, false
}

// isPlain reports whether a value is a constant that was not fake-quantized, as a bias is.
func isPlain(v *value) bool { return v.data != nil && v.quantized == nil }

// layerOf returns the layer that makes x, which nothing else reads, and the axis of x that is its channels:
// −1 where it was reshaped, and no axis is.
func layerOf(x *value, uses map[*value]int, layers []string) (layer *step, axis int, ok bool) {
	axis = 1
	for {
		s := x.from
		switch {
		case s == nil || uses[x] != 1:
			return nil, 0, false
		case slices.Contains(layers, s.Op):
			return s, axis, true
		case s.Op != ir.OpReshape:
			return nil, 0, false
		}
		x, axis = s.in[0], -1
	}
}

// channels returns the size of the layer's axis 1.
func (s *step) channels() int { return s.out.shape[1] }

// affine returns what the step multiplies each of n channels along axis with, nil for nothing, and adds then.
func (s *step) affine(axis, n int) (scale, shift []float64, ok bool) {
	if s.Op == opNorm {
		return s.scale, s.shift, axis == 1
	}
	c, rank := s.in[1], len(s.out.shape)
	values := make([]float64, n)
	for i, d := range c.shape {
		if d != 1 && rank-len(c.shape)+i != axis {
			return nil, nil, false
		}
	}
	if len(c.data) != 1 && len(c.data) != n {
		return nil, nil, false
	}
	for i := range values {
		values[i] = float64(c.data[i%len(c.data)])
		if s.Op == ir.OpSub {
			values[i] = -values[i]
		}
	}
	if s.Op == ir.OpMul {
		return values, make([]float64, n), true
	}
	return nil, values, true
}

// absorb makes the layer's output output·scale + shift, where the weights are scaled already. The constant
// that gives the shift gives a new bias its name.
func (s *step) absorb(scale, shift []float64, from *value) {
	if s.Op == opNorm {
		for i, x := range shift {
			if scale != nil {
				s.scale[i] *= scale[i]
				s.shift[i] *= scale[i]
			}
			s.shift[i] += x
		}
		return
	}
	bias := &value{base: from.base, shape: []int{len(shift)}, data: make([]float32, len(shift))}
	if from.data == nil {
		bias.base = s.in[1].base + ".bias"
	}
	for i, x := range shift {
		if len(s.in) == 3 {
			old := float64(s.in[2].data[i])
			if scale != nil {
				old *= scale[i]
			}
			x += old
		}
		bias.data[i] = float32(x)
	}
	if len(s.in) == 3 {
		bias.base = s.in[2].base
	}
	s.in = append(s.in[:2:2], bias)
}

// multiply multiplies the weights of each output of a layer; false where quantized values would change.
func (s *step) multiply(by []float64) bool {
	w := s.in[1]
	c, ok := ir.Scaled(&ir.Constant{Shape: w.shape, Data: w.data, Trained: w.quantized}, by, s.ChannelAxis())
	if ok {
		s.in[1] = &value{base: w.base, shape: w.shape, data: c.Data, quantized: c.Trained}
	}
	return ok
}
