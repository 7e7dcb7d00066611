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
