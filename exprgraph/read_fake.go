package exprgraph

import (
	"fmt"
	"reflect"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/graphop"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// readFake reads a fake quantization: of a constant as its quantized values and the real values that they
// stand for, of what is computed as a FakeQuantize, with the same parameters at any batch size.
func readFake(r *reader, p pair, operands []pair) (*value, error) {
	a, b := p.a.Op().(graphop.Fake), p.b.Op().(graphop.Fake)
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	values := make([]gorgonia.Value, len(operands))
	for i, operand := range operands {
		v, err := r.whole(operand)
		if err != nil {
			return nil, err
		}
		if v.data == nil && i > 0 {
			return nil, p.fail("rounds by %q, which is computed, want a constant", nameOf(operand.a))
		}
		if v.data != nil {
			values[i] = ofType(operand.a.Dtype(), v)
		}
	}
	if x.data != nil {
		return fakeConstant(p, x, a, b, values)
	}
	node, err := a.Node(values[1:]...)
	if err != nil {
		return nil, p.fail("%v", err)
	}
	if other, err := b.Node(values[1:]...); err != nil || !reflect.DeepEqual(node, other) {
		return nil, p.fail("rounds by other parameters at another batch size, want the same")
	}
	return r.unary(node, x), nil
}

func fakeConstant(p pair, x *value, a, b graphop.Fake, operands []gorgonia.Value) (*value, error) {
	var made [2]*ir.Trained
	var data [2][]float32
	for i, op := range []graphop.Fake{a, b} {
		q, err := op.Quantize(operands...)
		if made[i] = (&ir.Trained{Tensor: q, Err: err}); err == nil {
			data[i], err = made[i].Float32s()
		}
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", nameOf(p.a), err)
		}
	}
	if made[0].String() != made[1].String() || !slices.Equal(data[0], data[1]) {
		return nil, p.fail("other quantized values at another batch size, want the same")
	}
	return &value{base: x.base, shape: x.shape, data: data[0], quantized: made[0]}, nil
}

// ofType returns a constant as an op of the given type has it.
func ofType(dt tensor.Dtype, v *value) gorgonia.Value {
	shape := tensor.Shape(v.shape)
	if dt == tensor.Float32 {
		return dense.New(slices.Clone(v.data), shape)
	}
	wide := make([]float64, len(v.data))
	for i, x := range v.data {
		wide[i] = float64(x)
	}
	return dense.New(wide, shape)
}
