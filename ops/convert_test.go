package ops_test

import (
	"testing"

	"euryale/internal/graphop"
	"euryale/internal/ir"
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
	node := func(scale float32, zero, low, high int32) ir.Node {
		return ir.Node{Op: "FakeQuantize", Scale: scale, ZeroPoint: zero, QuantMin: low, QuantMax: high}
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
		want   ir.Node
		err    error
		part   string
	}{
		{"affine", fixed(qtensor.Affine(8), []int32{7}, 0.5), nil, node(0.5, 7, 0, 255), nil, ""},
		{"symmetric", fixed(qtensor.Symmetric(3), nil, 0.5), nil, node(0.5, 0, -3, 3), nil, ""},
		{"learned", learned, []gorgonia.Value{newTensor([]float32{0.25}, 1)}, node(0.25, 0, -15, 15), nil, ""},
		{"learned, nothing to round by", learned, nil, ir.Node{}, qtensor.ErrShape, "want 1"},
		{"learned, negative", learned, []gorgonia.Value{newTensor([]float32{-1}, 1)}, ir.Node{}, qtensor.ErrParams, "want a positive one"},
		{"negative", fixed(qtensor.Symmetric(3), nil, -0.5), nil, ir.Node{}, qtensor.ErrParams, "want a positive one"},
		{"dynamic", fakeOf(t, dynamic, err), nil, ir.Node{}, qtensor.ErrParams, "each run"},
		{"per axis", fixed(qtensor.PerChannelSymmetric(3, 0), nil, 1, 2), nil, ir.Node{}, qtensor.ErrScheme, "per tensor"},
	} {
		got, err := c.f.Node(c.behind...)
		if c.err != nil {
			wantError(t, c.name, err, c.err, c.part)
		} else if err != nil || got.Op != c.want.Op || got.Scale != c.want.Scale || got.ZeroPoint != c.want.ZeroPoint ||
			got.QuantMin != c.want.QuantMin || got.QuantMax != c.want.QuantMax {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}
