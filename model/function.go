package model

import (
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
	"euryale/internal/nn"
)

// What steps make of one rounded value, element by element, is a table: each of its quantized values, at most
// 256, is dequantized and given to the steps in float32. A step of a function then reads the argument, and
// not what the step before it gives, which is computed only where all values are observed.

// function is what a step gives for each quantized value of its argument.
type function struct {
	argument int   // the value that it is a function of
	operands []int // what the node itself reads
	unread   bool  // nothing reads the result but other functions of the argument
	values   []float32
	codes    [256]uint8 // values, quantized by the parameters of the result
}

// functions has the steps that make functions of a rounded value read that value.
func (c *propagation) functions() {
	of, steps := c.index.Functions(), make([][]int, len(c.values))
	for i, s := range c.steps {
		if x, ok := c.ids[of[c.values[s.out].name]]; ok {
			steps[x] = append(steps[x], i)
		}
	}
	for x, list := range steps {
		if len(list) == 0 || c.params[x] == nil || !addable(*c.params[x]) {
			continue
		}
		for i, f := range c.functionsOf(x, list, of) {
			s := &c.steps[i]
			s.in, s.function, s.op.quantized = []int{x}, f, f.quantizedOp()
		}
	}
}

// functionsOf returns the functions of x by their steps; none where one that is read cannot be a table, since
// x is read as float32 then.
func (c *propagation) functionsOf(x int, steps []int, of map[string]string) map[int]*function {
	functions, values := make(map[int]*function, len(steps)), map[int][]float32{x: dequantized(*c.params[x])}
	for _, i := range steps {
		s, in := &c.steps[i], [][]float32{}
		for _, id := range s.in {
			one := values[id]
			if data := c.values[id].data; data != nil {
				var err error
				if one, err = data(); err != nil { // which a run returns
					return nil
				}
			}
			in = append(in, one)
		}
		out := &c.values[s.out]
		f := &function{argument: x, operands: s.in, unread: !c.readByOthers(out.name, of), values: s.evaluate(in)}
		if !slices.Equal(out.size, c.values[x].size) || !f.unread && (out.dtype != ir.Float32 || s.op.kernel == nil || !f.finite()) {
			return nil
		}
		functions[i], values[s.out] = f, f.values
	}
	return functions
}

// readByOthers reports whether anything but functions of the same argument reads a function.
func (c *propagation) readByOthers(name string, of map[string]string) bool {
	other := func(n *ir.Node) bool { return of[n.Output] != of[name] }
	return c.index.IsOutput(name) || slices.ContainsFunc(c.index.Consumers(name), other)
}

// tabulate makes the tables of functions whose argument is kept quantized; other steps read their operands.
func (c *propagation) tabulate() {
	for i := range c.steps {
		s := &c.steps[i]
		f, out := s.function, &c.values[s.out]
		switch {
		case f != nil && c.values[f.argument].quantization == nil:
			s.in, s.function, s.op.quantized = f.operands, nil, evaluators[s.node.Op].quantized
		case f != nil && f.unread:
			out.unread, s.op.quantized = true, &quantizedOp{computes: true}
		case f != nil:
			f.quantize(out.quantization)
		case out.quantization != nil && ir.Clamps(s.node.Node):
			f = &function{values: s.evaluate([][]float32{dequantized(out.quantization.params)})}
			if f.quantize(out.quantization); !f.identity() {
				s.op.quantized = f.quantizedOp()
			}
		}
	}
}

// quantizedOp returns the op that looks the function up.
func (f *function) quantizedOp() *quantizedOp {
	return &quantizedOp{computes: true, kernel: f.lookUp, channels: functionChannels}
}

func functionChannels(_ *ir.Resolved, in []ir.Size, _ ir.Size, channels []int) int {
	if len(in[0]) == 0 {
		return -1
	}
	return channels[0]
}

// lookUp sets y to the function of the quantized values of its argument.
func (f *function) lookUp(_ *ir.Resolved, y array, in []array, s *scratch) {
	x := in[0]
	if y.q != nil {
		kernel.LookUp(y.q, x.q, &f.codes)
		return
	}
	n := len(y.x) / y.shape[0]
	found := s.floats(n)
	for at := 0; at < len(y.x); at += n {
		for i, q := range x.q[at:][:n] {
			found[i] = f.values[q]
		}
		y.put(at, found, x.quantization.channels)
	}
}

// quantize sets the codes for a result that is kept quantized.
func (f *function) quantize(to *quantization) {
	if to != nil {
		kernel.Quantize(f.codes[:len(f.values)], f.values, affine(to.params))
	}
}

// finite reports whether all values are.
func (f *function) finite() bool {
	return !slices.ContainsFunc(f.values, func(y float32) bool { return y-y != 0 })
}

// identity reports whether the codes are those of the argument.
func (f *function) identity() bool {
	for q := range f.values {
		if int(f.codes[q]) != q {
			return false
		}
	}
	return true
}

// dequantized returns what quantized values stand for, from 0 on.
func dequantized(p nn.QuantParams) []float32 {
	q, x := make([]uint8, p.High+1), make([]float32, p.High+1)
	for i := range q {
		q[i] = uint8(i)
	}
	kernel.Dequantize(x, q, affine(p))
	return x
}

// evaluate returns what an elementwise step gives for operands, of which constants have one element.
func (s *step) evaluate(in [][]float32) []float32 {
	n, arrays := 1, make([]array, len(in))
	for i, x := range in {
		arrays[i] = array{x: x, shape: []int{len(x)}}
		n = max(n, len(x))
	}
	if s.op.kernel == nil {
		return in[0]
	}
	y := make([]float32, n)
	s.op.kernel(s.node, array{x: y, shape: []int{n}}, arrays, &scratch{})
	return y
}
