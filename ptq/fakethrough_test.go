package ptq_test

import (
	"slices"
	"strings"
	"testing"

	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// round returns x fake-quantized to multiples of 1/32 from low/32 to (low + 255)/32.
func round(x node, low int32) node {
	return must(ops.FakeQuantize(x, qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{1. / 32}, ZeroPoints: []int32{-low}}))
}

// few returns a product of three columns with a weight of few bits, all of whose sums a float32 holds.
func few(z *zoo, x node, name string, in int) node {
	w := must(ops.FakeQuantize(z.Value(name, 2, in, 3), qtensor.Params{Scheme: qtensor.Symmetric(4), Scales: []float32{0.25}}))
	return must(gorgonia.Mul(x, w))
}

// TestFakesThrough has layers whose input was fake-quantized before other operations, all by scales that are
// powers of two, so that no sum rounds: the quantized model gives the numbers of Gorgonia to the bit, and the
// layer quantizes its input by the parameters of that op where all values that reach it are rounded by them.
func TestFakesThrough(t *testing.T) {
	columns := func(x node, from, to int) node { return must(gorgonia.Slice(x, nil, gorgonia.S(from, to))) }
	number := func(x node, v float32) node {
		c := slices.Repeat([]float32{v}, x.Shape().TotalSize())
		return gorgonia.NewConstant(tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(c)))
	}
	for _, c := range []struct {
		name   string
		net    network
		static bool   // whether all layers quantize by what was trained
		kept   string // of the report
	}{
		{"a slice", func(z *zoo) node { return few(z, columns(round(z.Input("x", 6), -90), 1, 5), "w", 4) }, true, "Slice Slice_1"},
		{"slices for layers of their own", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			return must(gorgonia.Concat(1, few(z, columns(x, 0, 4), "a", 4), few(z, columns(x, 2, 6), "b", 4)))
		}, true, "Slice Slice_1, Slice Slice_2, Concat Concat_1"},
		{"a slice for a layer, and one for more", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			return must(gorgonia.Add(few(z, columns(x, 0, 3), "a", 3), columns(x, 3, 6)))
		}, true, "FakeQuantize FakeQuantize_1, Slice Slice_1, Slice Slice_2, Add Add_1"},
		{"rounded alike, and put together", func(z *zoo) node {
			x := z.Input("x", 6)
			return few(z, must(gorgonia.Concat(1, round(columns(x, 0, 3), -90), round(columns(x, 2, 6), -90))), "w", 7)
		}, true, "Slice Slice_1, Slice Slice_2, Concat Concat_1"},
		{"rounded once, and put together with itself", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			return few(z, must(gorgonia.Concat(1, columns(x, 0, 3), x)), "w", 9)
		}, true, "Slice Slice_1, Concat Concat_1"},
		{"rounded otherwise, and put together", func(z *zoo) node {
			x := z.Input("x", 6)
			return few(z, must(gorgonia.Concat(1, round(columns(x, 0, 3), -90), round(columns(x, 3, 6), -91))), "w", 6)
		}, false, "Slice Slice_1, FakeQuantize FakeQuantize_1, Slice Slice_2, FakeQuantize FakeQuantize_2, Concat Concat_1"},
		{"one rounded, and put together", func(z *zoo) node {
			x := z.Input("x", 6)
			return few(z, must(gorgonia.Concat(1, round(columns(x, 0, 3), -90), columns(x, 3, 6))), "w", 6)
		}, false, "Slice Slice_1, FakeQuantize FakeQuantize_1, Slice Slice_2, Concat Concat_1"},
		{"Relu", func(z *zoo) node { return few(z, must(gorgonia.Rectify(round(z.Input("x", 6), -90))), "w", 6) }, true, "FakeQuantize FakeQuantize_1"},
		{"Relu of a slice, for a layer and a sum", func(z *zoo) node {
			h := must(gorgonia.Rectify(columns(round(z.Input("x", 6), -90), 0, 3)))
			return must(gorgonia.Add(few(z, h, "w", 3), h))
		}, true, "FakeQuantize FakeQuantize_1, Slice Slice_1, Relu Relu_1, Add Add_1"},
		{"bounds that are rounded", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			x = must(gorgonia.MaxBetween(x, number(x, -1.25)))
			return few(z, must(gorgonia.MinBetween(x, number(x, 1.25))), "w", 6)
		}, true, "FakeQuantize FakeQuantize_1"},
		{"a bound that is not rounded", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			return few(z, must(gorgonia.MaxBetween(x, number(x, -0.3))), "w", 6)
		}, false, "FakeQuantize FakeQuantize_1, Clip Clip_1"},
		{"bounds beyond all", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			x = must(gorgonia.MaxBetween(x, number(x, -7.3)))
			return few(z, must(gorgonia.MinBetween(x, number(x, 7.3))), "w", 6)
		}, true, "FakeQuantize FakeQuantize_1"},
		{"the larger of two", func(z *zoo) node {
			x := z.Input("x", 6)
			return few(z, must(gorgonia.MaxBetween(round(x, -90), round(must(gorgonia.Tanh(x)), -90))), "w", 6)
		}, true, "Tanh Tanh_1, Max Max_1"},
		{"the largest of each image", func(z *zoo) node {
			x := must(gorgonia.Reshape(round(z.Input("x", 6), -90), tensor.Shape{z.Batch, 2, 3}))
			return few(z, must(gorgonia.Max(x, 2)), "w", 2)
		}, true, "Reshape Reshape_1, ReduceMax ReduceMax_1"},
		{"a sum", func(z *zoo) node {
			x := round(z.Input("x", 6), -90)
			return few(z, must(gorgonia.Sum(must(gorgonia.Reshape(x, tensor.Shape{z.Batch, 2, 3})), 2)), "w", 2)
		}, false, "FakeQuantize FakeQuantize_1, Reshape Reshape_1, ReduceSum ReduceSum_1"},
		{"twice alike", func(z *zoo) node {
			x := columns(round(z.Input("x", 6), -90), 0, 4)
			return few(z, round(round(x, -90), -90), "w", 4)
		}, true, "Slice Slice_1"},
		{"twice", func(z *zoo) node { return few(z, round(columns(round(z.Input("x", 6), -90), 0, 4), -70), "w", 4) }, true, "FakeQuantize FakeQuantize_1, Slice Slice_1"},
	} {
		m, r, err := c.net.quantize(t, ptq.Config{}, 6)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.Join(r.Kept, ", "); got != c.kept {
			t.Errorf("%s: kept %s, want %s", c.name, got, c.kept)
		}
		for _, l := range r.Layers {
			if (l.Activations == model.StaticInt8) != c.static {
				t.Errorf("%s: got %v, want StaticInt8: %t", c.name, l.Activations, c.static)
			}
		}
		if !c.static {
			continue
		}
		sample := draw(tensor.Float32, 3, 1.5, 9, 6)
		g, _ := c.net.build(9)
		want := values(t, g.Inputs[0], sample, g.Outputs[0])[0]
		for what, m := range map[string]*model.Model{"": m, "loaded": reloaded(t, m)} {
			if got := output(t, m, sample); !slices.Equal(got, want) {
				t.Errorf("%s: %s got %v, want %v", c.name, what, got, want)
			}
		}
	}
}
