package ops_test

import (
	"slices"
	"testing"

	"euryale/internal/flow"
	"euryale/internal/graphop"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fakeOf returns the op of a node as what reads graphs has it.
func fakeOf(t *testing.T, n *gorgonia.Node, err error) graphop.Fake {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f, ok := n.Op().(graphop.Fake)
	if !ok {
		t.Fatalf("%v is no graphop.Fake", n.Op())
	}
	return f
}

// TestFakeNode turns ops into nodes for activations.
func TestFakeNode(t *testing.T) {
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 2, 3)
	scale := input(g, "scale", tensor.Float32, 1)
	node := func(scale float32, zero, low, high int32) flow.Node {
		return flow.Node{Op: "FakeQuantize", Scale: scale, Zero: zero, Low: low, High: high}
	}
	fixed := func(s qtensor.Scheme, zeros []int32, scales ...float32) graphop.Fake {
		y, err := ops.FakeQuantize(x, qtensor.Params{Scheme: s, Scales: scales, ZeroPoints: zeros})
		return fakeOf(t, y, err)
	}
	lsq, err := ops.FakeQuantizeLSQ(x, scale, qtensor.Symmetric(5))
	learned := fakeOf(t, lsq, err)
	dynamic, err := ops.FakeQuantizeDynamic(x, qtensor.Affine(8))
	for _, c := range []struct {
		name   string
		f      graphop.Fake
		behind []gorgonia.Value
		want   flow.Node
		err    error
		part   string
	}{
		{"affine", fixed(qtensor.Affine(8), []int32{7}, 0.5), nil, node(0.5, 7, 0, 255), nil, ""},
		{"symmetric", fixed(qtensor.Symmetric(3), nil, 0.5), nil, node(0.5, 0, -3, 3), nil, ""},
		{"learned", learned, []gorgonia.Value{newTensor([]float32{0.25}, 1)}, node(0.25, 0, -15, 15), nil, ""},
		{"learned, nothing to round by", learned, nil, flow.Node{}, qtensor.ErrShape, "want 1"},
		{"learned, negative", learned, []gorgonia.Value{newTensor([]float32{-1}, 1)}, flow.Node{}, qtensor.ErrParams, "want a positive one"},
		{"negative", fixed(qtensor.Symmetric(3), nil, -0.5), nil, flow.Node{}, qtensor.ErrParams, "want a positive one"},
		{"dynamic", fakeOf(t, dynamic, err), nil, flow.Node{}, qtensor.ErrParams, "each run"},
		{"per axis", fixed(qtensor.PerChannelSymmetric(3, 0), nil, 1, 2), nil, flow.Node{}, qtensor.ErrScheme, "per tensor"},
	} {
		got, err := c.f.Node(c.behind...)
		if c.err != nil {
			wantError(t, c.name, err, c.err, c.part)
		} else if err != nil || got.Op != c.want.Op || got.Scale != c.want.Scale || got.Zero != c.want.Zero || got.Low != c.want.Low || got.High != c.want.High {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

// TestConstantCodes takes codes through what a graph does to a constant, and what it cannot.
func TestConstantCodes(t *testing.T) {
	x := newTensor(gaussian(5, 24), 2, 3, 4)
	codes := func(s qtensor.Scheme) graphop.Codes {
		y, err := ops.FakeQuantizeDynamic(input(gorgonia.NewGraph(), "x", tensor.Float32, 2, 3, 4), s)
		c, err := fakeOf(t, y, err).Quantize(x)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	all, channels, groups := codes(qtensor.Affine(4)), codes(qtensor.PerChannelSymmetric(4, 0)), codes(qtensor.Int4().PerGroup(2, 3))
	for _, c := range []struct {
		name        string
		before, got graphop.Codes
		scheme      string
	}{
		{"reshaped", all, all.Reshape([]int{4, 6}), "affine4"},
		{"reshaped behind the channel axis", channels, channels.Reshape([]int{2, 12}), "symmetric4@0"},
		{"transposed twice", channels, channels.Transpose([]int{2, 0, 1}).Transpose([]int{1, 2, 0}), "symmetric4@0"},
	} {
		want, err := c.before.Numbers()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.got.Numbers(); err != nil || !sameBits(got, want) || c.got.String() != c.scheme {
			t.Errorf("%s: got %v %v, %v, want %s %v", c.name, c.got, got, err, c.scheme, want)
		}
	}
	for _, c := range []struct {
		before graphop.Codes
		by     []float64
		axis   int
		scheme string // of the result; none where there is none
	}{
		{all, []float64{1, 2, 4, 8}, 2, "affine4@2"},
		{channels, []float64{0.5, -2}, 0, "symmetric4@0"},
		{groups, []float64{1, 2, 4, 0.5}, 2, "int4/g3@2"},
		{channels, []float64{1, 2, 4, 8}, 2, ""},
		{channels, []float64{1, 0}, 0, ""},
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
		want, err := c.before.Numbers()
		if err != nil {
			t.Fatal(err)
		}
		for i := range want { // the factors are powers of two
			want[i] *= float32(c.by[[]int{i / 12, i / 4 % 3, i % 4}[c.axis]])
		}
		if values, err := got.Numbers(); err != nil || !slices.Equal(values, want) || got.String() != c.scheme {
			t.Errorf("%v by %v along axis %d: got %v %v, %v, want %s %v", c.before, c.by, c.axis, got, values, err, c.scheme, want)
		}
	}
	for _, c := range []struct {
		name   string
		got    graphop.Codes
		target error
		part   string
	}{
		{"the channel axis is gone", channels.Reshape([]int{24}), qtensor.ErrScheme, "channel axis"},
		{"groups split", groups.Transpose([]int{1, 0, 2}), qtensor.ErrScheme, "order"},
		{"fewer elements", all.Reshape([]int{5}), qtensor.ErrShape, ""},
		{"more after an error", channels.Reshape([]int{24}).Reshape([]int{2, 3, 4}).Transpose([]int{0, 1, 2}), qtensor.ErrScheme, "channel axis"},
	} {
		_, err := c.got.Numbers()
		wantError(t, c.name, err, c.target, c.part)
		if c.got.String() != err.Error() {
			t.Errorf("%s: it says %q, want its error", c.name, c.got)
		}
	}
}
