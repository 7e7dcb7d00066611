package ops_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"euryale/internal/tensortest"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestPromisedErrors calls all that makes a layer with what its doc says to be an error, which is to name the
// operation and what is wanted.
func TestPromisedErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	x, row := input(g, "x", tensor.Float32, 4, 3), input(g, "row", tensor.Float32, 3)
	images, cube := input(g, "images", tensor.Float32, 2, 3, 5, 5), input(g, "cube", tensor.Float32, 2, 4, 3)
	integers, scale := input(g, "integers", tensor.Int, 4), input(g, "scale", tensor.Float32, 1)
	wide := input(g, "wide", tensor.Float64, 1)
	weights := func(s qtensor.Scheme, shape ...int) *qtensor.QTensor {
		q, err := qtensor.Quantize(newTensor(gaussian(3, tensor.Shape(shape).TotalSize()), shape...), s)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	symmetric, float16 := qtensor.Symmetric(8), qtensor.Float16()
	w, float16s := mustPack(t, weights(symmetric, 3, 2)), mustPack(t, weights(float16, 3, 2))
	f, err := ops.PackConv2d(weights(symmetric, 2, 3, 2, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	two, three, nan := make([]float32, 2), make([]float32, 3), float32(math.NaN())
	kernel := tensor.Shape{2, 2}
	conv := func(k tensor.Shape, pad, stride, dilation []int) error {
		return last(ops.Conv2d(images, f, k, pad, stride, dilation))
	}
	linear := func(opts ...ops.LayerOption) error { return last(ops.Linear(x, w, opts...)) }
	static8 := func(p qtensor.Params) error { return linear(ops.WithStaticInt8(p)) }
	bias := func(data any) error { return linear(ops.WithBias(tensor.New(tensor.WithBacking(data)))) }
	fake := func(x *gorgonia.Node, s qtensor.Scheme) error { return last(ops.FakeQuantizeDynamic(x, s)) }
	one := qtensor.Params{Scheme: symmetric, Scales: []float32{1}}

	list := []struct {
		operation, name string
		want, err       error
	}{
		{"Pack", "nil", qtensor.ErrShape, last(ops.Pack(nil))},
		{"Pack", "the zero QTensor", qtensor.ErrShape, last(ops.Pack(new(qtensor.QTensor)))},
		{"Pack", "a vector", qtensor.ErrShape, last(ops.Pack(weights(symmetric, 6)))},
		{"Pack", "axis 0", qtensor.ErrScheme, last(ops.Pack(weights(symmetric.PerAxis(0), 3, 2)))},
		{"PackConv2d", "nil", qtensor.ErrShape, last(ops.PackConv2d(nil, 1))},
		{"PackConv2d", "a matrix", qtensor.ErrShape, last(ops.PackConv2d(weights(symmetric, 3, 2), 1))},
		{"PackConv2d", "no group", qtensor.ErrShape, last(ops.PackConv2d(weights(symmetric, 2, 1, 1, 1), 0))},
		{"PackConv2d", "3 groups of 2", qtensor.ErrShape, last(ops.PackConv2d(weights(symmetric, 2, 1, 1, 1), 3))},
		{"PackConv2d", "axis 1", qtensor.ErrScheme, last(ops.PackConv2d(weights(symmetric.PerAxis(1), 2, 1, 1, 1), 1))},
		{"PackConv2d", "16 bits", qtensor.ErrScheme, last(ops.PackConv2d(weights(float16, 2, 1, 1, 1), 1))},
		{"MatMul", "no node", qtensor.ErrShape, last(ops.MatMul(nil, w))},
		{"MatMul", "no weight", qtensor.ErrShape, last(ops.MatMul(x, nil))},
		{"MatMul", "three axes", qtensor.ErrShape, last(ops.MatMul(cube, w))},
		{"MatMul", "another depth", qtensor.ErrShape, last(ops.MatMul(scale, w))},
		{"MatMul", "integers", qtensor.ErrDtype, last(ops.MatMul(integers, w))},
		{"MatMul", "ReLU", qtensor.ErrParams, last(ops.MatMul(x, w, ops.WithReLU()))},
		{"MatMul", "a bias", qtensor.ErrParams, last(ops.MatMul(row, w, ops.WithBias(tensor.New(tensor.WithBacking(two)))))},
		{"Linear", "the zero Weight", qtensor.ErrShape, last(ops.Linear(x, new(ops.Weight)))},
		{"Linear", "the zero Node", qtensor.ErrDtype, last(ops.Linear(new(gorgonia.Node), w))},
		{"Linear", "a nil option", qtensor.ErrParams, linear(nil)},
		{"Linear", "no activations", qtensor.ErrParams, linear(ops.WithActivations(-1))},
		{"Linear", "static without parameters", qtensor.ErrParams, linear(ops.WithActivations(model.StaticInt8))},
		{"Linear", "16 bits with Fixed16", qtensor.ErrScheme, last(ops.Linear(x, float16s, ops.WithActivations(model.Fixed16)))},
		{"Linear", "a bias of 3", qtensor.ErrShape, bias(three)},
		{"Linear", "an integer bias", qtensor.ErrDtype, bias([]int{1, 2})},
		{"Linear", "no bias", qtensor.ErrLayout, linear(ops.WithBias(nil))},
		{"Linear", "a bias of NaN", qtensor.ErrValue, bias([]float32{1, nan})},
		{"Linear", "a bias past float32", qtensor.ErrValue, bias([]float64{1, 1e300})},
		{"Linear", "activations per axis", qtensor.ErrScheme, static8(qtensor.Params{Scheme: symmetric.PerAxis(0), Scales: []float32{1}})},
		{"Linear", "activations without a zero", qtensor.ErrScheme, static8(qtensor.Params{Scheme: qtensor.Uniform(8)})},
		{"Linear", "activations of 16 bits", qtensor.ErrScheme, static8(qtensor.Params{Scheme: float16})},
		{"Linear", "no parameters", qtensor.ErrScheme, static8(qtensor.Params{})},
		{"Linear", "no scale", qtensor.ErrParams, static8(qtensor.Params{Scheme: symmetric})},
		{"Linear", "a negative scale", qtensor.ErrParams, static8(qtensor.Params{Scheme: symmetric, Scales: []float32{-1}})},
		{"Conv2d", "no filters", qtensor.ErrShape, last(ops.Conv2d(images, nil, kernel, nil, nil, nil))},
		{"Conv2d", "a matrix", qtensor.ErrShape, last(ops.Conv2d(x, f, kernel, nil, nil, nil))},
		{"Conv2d", "another kernel", qtensor.ErrShape, conv(tensor.Shape{3, 3}, nil, nil, nil)},
		{"Conv2d", "no kernel", qtensor.ErrShape, conv(nil, nil, nil, nil)},
		{"Conv2d", "a pad of one", qtensor.ErrShape, conv(kernel, []int{1}, nil, nil)},
		{"Conv2d", "a pad of four", qtensor.ErrShape, conv(kernel, []int{0, 0, 0, 0}, nil, nil)},
		{"Conv2d", "a pad of none", qtensor.ErrShape, conv(kernel, []int{}, nil, nil)},
		{"Conv2d", "a negative pad", qtensor.ErrShape, conv(kernel, []int{0, -1}, nil, nil)},
		{"Conv2d", "a stride of 0", qtensor.ErrShape, conv(kernel, nil, []int{0, 1}, nil)},
		{"Conv2d", "a dilation of 0", qtensor.ErrShape, conv(kernel, nil, nil, []int{1, 0})},
		{"Conv2d", "a stride above 32,768", qtensor.ErrShape, conv(kernel, nil, []int{1, 1<<15 + 1}, nil)},
		{"Conv2d", "a pad above 32,768", qtensor.ErrShape, conv(kernel, []int{0, 1<<15 + 1}, nil, nil)},
		{"Conv2d", "a side that is too short", qtensor.ErrShape, conv(kernel, nil, nil, []int{5, 1})},
		{"Conv2d", "too many values", qtensor.ErrShape, conv(kernel, []int{1 << 13, 1 << 13}, nil, nil)},
		{"Embedding", "no node", qtensor.ErrShape, last(ops.Embedding(nil, weights(symmetric, 3, 2)))},
		{"Embedding", "no weight", qtensor.ErrShape, last(ops.Embedding(integers, nil))},
		{"Embedding", "a vector", qtensor.ErrShape, last(ops.Embedding(integers, weights(symmetric, 3)))},
		{"Embedding", "floats", qtensor.ErrDtype, last(ops.Embedding(x, weights(symmetric, 3, 2)))},
		{"FakeQuantize", "no node", qtensor.ErrShape, last(ops.FakeQuantize(nil, one))},
		{"FakeQuantize", "integers", qtensor.ErrDtype, last(ops.FakeQuantize(integers, one))},
		{"FakeQuantize", "16 bits", qtensor.ErrScheme, last(ops.FakeQuantize(x, qtensor.Params{Scheme: float16}))},
		{"FakeQuantize", "no scheme", qtensor.ErrScheme, last(ops.FakeQuantize(x, qtensor.Params{}))},
		{"FakeQuantize", "no scale", qtensor.ErrParams, last(ops.FakeQuantize(x, qtensor.Params{Scheme: symmetric}))},
		{"FakeQuantizeDynamic", "no node", qtensor.ErrShape, fake(nil, symmetric)},
		{"FakeQuantizeDynamic", "no such axis", qtensor.ErrShape, fake(x, symmetric.PerAxis(2))},
		{"FakeQuantizeDynamic", "16 bits", qtensor.ErrScheme, fake(x, float16)},
		{"FakeQuantizeDynamic", "9 bits", qtensor.ErrScheme, fake(x, qtensor.Affine(9))},
		{"FakeQuantizeLSQ", "no scale", qtensor.ErrShape, last(ops.FakeQuantizeLSQ(x, nil, symmetric))},
		{"FakeQuantizeLSQ", "12 scales", qtensor.ErrShape, last(ops.FakeQuantizeLSQ(x, x, symmetric))},
		{"FakeQuantizeLSQ", "a wide scale", qtensor.ErrDtype, last(ops.FakeQuantizeLSQ(x, wide, symmetric))},
		{"FakeQuantizeLSQ", "affine codes", qtensor.ErrScheme, last(ops.FakeQuantizeLSQ(x, scale, qtensor.Affine(8)))},
		{"FakeQuantizeLSQ", "groups", qtensor.ErrScheme, last(ops.FakeQuantizeLSQ(x, scale, symmetric.PerGroup(0, 2)))},
		{
			"FakeQuantizeLSQ", "float16 scales", qtensor.ErrScheme,
			last(ops.FakeQuantizeLSQ(x, scale, symmetric.WithScales(qtensor.ScaleFloat16))),
		},
	}
	for _, r := range list {
		text := fmt.Sprint(r.err)
		switch {
		case !errors.Is(r.err, r.want):
			t.Errorf("%s, %s: got error %v, want one that wraps %q", r.operation, r.name, r.err, r.want)
		case r.name == "NaN": // says which value it is and where
		case !strings.HasPrefix(text, "ops: "+r.operation+": ") || !strings.Contains(text, "want "):
			t.Errorf("%s, %s: got %q, want it to name the operation and what is wanted", r.operation, r.name, text)
		}
	}
	t.Logf("%d refusals", len(list))
}

// last returns the error of a call.
func last[T any](_ T, err error) error { return err }

// TestLastOptionHolds prepares a layer with two options of a kind.
func TestLastOptionHolds(t *testing.T) {
	bias := func(b float32) ops.LayerOption { return ops.WithBias(tensor.New(tensor.WithBacking([]float32{b, b}))) }
	w, x := mustWeight(t, 1, 3, 2), newTensor([]float32{1, -2.03, 3.1}, 3)
	run := func(opts ...ops.LayerOption) []float32 {
		return mustDo(t, mustOp(t, tensor.Float32, 1, w, opts...), x)
	}
	got := run(bias(5), bias(7), ops.WithActivations(model.Fixed16), ops.WithActivations(model.DynamicInt8))
	if want := run(bias(7), ops.WithActivations(model.DynamicInt8)); !tensortest.SameBits(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestZeros is what is said of values that no function made.
func TestZeros(t *testing.T) {
	var w *ops.Weight
	var f *ops.Filters
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"Weight.In", w.In(), 0},
		{"Weight.Out", w.Out(), 0},
		{"Weight.Bytes", w.Bytes(), 0},
		{"Weight.Scheme", w.Scheme(), qtensor.Scheme{}},
		{"Filters.Bytes", f.Bytes(), 0},
		{"Filters.Scheme", f.Scheme(), qtensor.Scheme{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}
