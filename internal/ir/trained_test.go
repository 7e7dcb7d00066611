package ir_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// drawn returns n normal deviates of a shape.
func drawn(n int, shape ...int) *tensor.Dense {
	rng, x := rand.New(rand.NewPCG(5, 1)), make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// TestTrained takes constants through what a graph does to a constant, and what it cannot.
func TestTrained(t *testing.T) {
	x := drawn(24, 2, 3, 4)
	codes := func(s qtensor.Scheme) *ir.Trained {
		q, err := qtensor.Quantize(x, s)
		if err != nil {
			t.Fatal(err)
		}
		return &ir.Trained{Tensor: q}
	}
	all, kept, groups := codes(qtensor.Affine(4)), codes(qtensor.PerChannelSymmetric(4, 0)), codes(qtensor.Int4().PerGroup(2, 3))
	for _, c := range []struct {
		name        string
		before, got *ir.Trained
		scheme      string
	}{
		{"reshaped", all, all.Reshape([]int{4, 6}), "affine4"},
		{"reshaped behind the kept axis", kept, kept.Reshape([]int{2, 12}), "symmetric4@0"},
		{"transposed twice", kept, kept.Transpose([]int{2, 0, 1}).Transpose([]int{1, 2, 0}), "symmetric4@0"},
	} {
		want, err := c.before.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.got.Float32s(); err != nil || !slices.Equal(got, want) || c.got.String() != c.scheme {
			t.Errorf("%s: got %v %v, %v, want %s %v", c.name, c.got, got, err, c.scheme, want)
		}
	}
	for _, c := range []struct {
		before *ir.Trained
		by     []float64
		axis   int
		scheme string // of the result; none where there is none
	}{
		{all, []float64{1, 2, 4, 8}, 2, "affine4@2"},
		{kept, []float64{0.5, -2}, 0, "symmetric4@0"},
		{groups, []float64{1, 2, 4, 0.5}, 2, "int4/g3@2"},
		{kept, []float64{1, 2, 4, 8}, 2, ""},
		{kept, []float64{1, 0}, 0, ""},
		{all, []float64{1, 2}, 2, ""},
		{all, []float64{1, 2}, 3, ""},
		{all.Reshape([]int{5}), []float64{1}, 0, ""},
	} {
		got, ok := c.before.Scale(c.by, c.axis)
		if ok != (c.scheme != "") {
			t.Errorf("%v by %v along axis %d: got %t", c.before, c.by, c.axis, ok)
		}
		if !ok {
			continue
		}
		want, err := c.before.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i := range want { // the factors are powers of two
			want[i] *= float32(c.by[[]int{i / 12, i / 4 % 3, i % 4}[c.axis]])
		}
		if numbers, err := got.Float32s(); err != nil || !slices.Equal(numbers, want) || got.String() != c.scheme {
			t.Errorf("%v by %v along axis %d: got %v %v, %v, want %s %v", c.before, c.by, c.axis, got, numbers, err, c.scheme, want)
		}
	}
	for _, c := range []struct {
		name   string
		got    *ir.Trained
		target error
		part   string
	}{
		{"the kept axis is gone", kept.Reshape([]int{24}), qtensor.ErrScheme, "channel axis"},
		{"groups torn", groups.Transpose([]int{1, 0, 2}), qtensor.ErrScheme, "order"},
		{"fewer elements", all.Reshape([]int{5}), qtensor.ErrShape, ""},
		{"more after an error", kept.Reshape([]int{24}).Reshape([]int{2, 3, 4}).Transpose([]int{0, 1, 2}), qtensor.ErrScheme, "channel axis"},
	} {
		_, err := c.got.Float32s()
		if !errors.Is(err, c.target) || !strings.Contains(err.Error(), c.part) {
			t.Fatalf("%s: got error %v, want %v that says %q", c.name, err, c.target, c.part)
		}
		if c.got.String() != err.Error() {
			t.Errorf("%s: it says %q, want its error", c.name, c.got)
		}
	}
}

// TestJoin puts constants that were quantized in training one after the other.
func TestJoin(t *testing.T) {
	of := func(s qtensor.Scheme, seed float32, shape ...int) *ir.Trained {
		x := drawn(tensor.Shape(shape).TotalSize(), shape...)
		for i := range x.Float32s() {
			x.Float32s()[i] += seed
		}
		q, err := qtensor.Quantize(x, s)
		if err != nil {
			t.Fatal(err)
		}
		return &ir.Trained{Tensor: q}
	}
	four, half := qtensor.PerChannelSymmetric(4, 0), qtensor.Int4().PerGroup(0, 4).WithScales(qtensor.ScaleFloat16)
	for _, c := range []struct {
		name   string
		list   []*ir.Trained
		shape  []int
		scheme string // of the result; none where there is none
	}{
		{"one scale each", []*ir.Trained{of(qtensor.Symmetric(3), 0, 1, 2, 3), of(qtensor.Symmetric(3), 1, 1, 2, 3)}, []int{2, 2, 3}, "symmetric3@0"},
		{"of two filters", []*ir.Trained{of(qtensor.Affine(4), 0, 2, 3), of(qtensor.Affine(4), 1, 1, 3)}, []int{3, 3}, "affine4@0"},
		{"offsets", []*ir.Trained{of(qtensor.Uniform(4), 0, 1, 3), of(qtensor.Uniform(4), 1, 1, 3)}, []int{2, 3}, "uniform4@0"},
		{"scales by filter", []*ir.Trained{of(four, 0, 2, 3), of(four, 1, 2, 3), of(four, 2, 2, 3)}, []int{6, 3}, "symmetric4@0"},
		{"groups of float16 scales", []*ir.Trained{of(half, 0, 2, 9), of(half, 99, 2, 9)}, []int{4, 9}, "int4/g4@0"},
		{"alone", []*ir.Trained{of(four, 0, 2, 3)}, []int{2, 3}, "symmetric4@0"},
		{"none", nil, nil, ""},
		{"a nil", []*ir.Trained{of(four, 0, 2, 3), nil}, nil, ""},
		{"an error", []*ir.Trained{of(four, 0, 2, 3), {Err: qtensor.ErrShape}}, nil, ""},
		{"another scheme", []*ir.Trained{of(four, 0, 2, 3), of(qtensor.PerChannelSymmetric(3, 0), 0, 2, 3)}, nil, ""},
		{"another shape", []*ir.Trained{of(four, 0, 2, 3), of(four, 0, 3, 2)}, nil, ""},
		{"more axes", []*ir.Trained{of(four, 0, 2, 3), of(four, 0, 2, 3, 1)}, nil, ""},
		{"another axis", []*ir.Trained{of(qtensor.PerChannelSymmetric(4, 1), 0, 3, 3), of(qtensor.PerChannelSymmetric(4, 1), 0, 3, 3)}, nil, ""},
		{"floats", []*ir.Trained{of(qtensor.Float16(), 0, 2, 3), of(qtensor.Float16(), 0, 2, 3)}, nil, ""},
	} {
		got, ok := ir.Join(c.list...)
		if ok != (c.scheme != "") {
			t.Errorf("%s: got %v, %t", c.name, got, ok)
		}
		if !ok {
			continue
		}
		var want []float32
		for _, one := range c.list {
			x, err := one.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, x...)
		}
		if x, err := got.Float32s(); err != nil || !slices.Equal(x, want) || got.String() != c.scheme || !slices.Equal(got.Tensor.Shape(), c.shape) {
			t.Errorf("%s: got %v %v %v, %v, want %s %v %v", c.name, got, got.Tensor.Shape(), x, err, c.scheme, c.shape, want)
		}
	}
}
