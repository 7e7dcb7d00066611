package ptq_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is a graph of a batch of 6 numbers, with weights that are drawn by name.
type network func(z *zoo) node

func (n network) build(batch int) (exprgraph.Graph, error) {
	z := newZoo(tensor.Float32, batch, map[string]*tensor.Dense{})
	y := n(z)
	return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
}

func (n network) quantize(t *testing.T, cfg ptq.Config, shape ...int) (*model.Model, report, error) {
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 3, 1, append([]int{9}, shape...)...)}, nil)
	}
	return quantizeBuild(t.Context(), n.build, samples, cfg)
}

// TestFakesElsewhere has fake quantization where no layer does it: it stays, and the report says so.
func TestFakesElsewhere(t *testing.T) {
	int8s := within(qtensor.Affine(8), -2, 2)
	for _, c := range []struct {
		name  string
		net   network
		cfg   ptq.Config
		kept  string
		least float64
	}{
		{"at the end", func(z *zoo) node {
			return int8s(must(gorgonia.Mul(z.Input("x", 6), z.Value("w", 6, 6, 6))))
		}, ptq.Config{}, "FakeQuantize FakeQuantize_1", 25},
		{"before an activation", func(z *zoo) node {
			return must(gorgonia.Tanh(int8s(must(gorgonia.Mul(z.Input("x", 6), z.Value("w", 6, 6, 6))))))
		}, ptq.Config{}, "", 25}, // a table
		{"before an activation of a layer", func(z *zoo) node {
			return must(gorgonia.Mul(must(gorgonia.Tanh(int8s(z.Input("x", 6)))), z.Value("w", 6, 6, 6)))
		}, ptq.Config{}, "FakeQuantize FakeQuantize_1, Tanh Tanh_1", 35},
		{"before a layer that stays float", func(z *zoo) node {
			return must(gorgonia.Mul(int8s(z.Input("x", 6)),
				must(ops.FakeQuantizeDynamic(z.Value("w", 6, 6, 6), qtensor.Int4()))))
		}, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "w", Float: true}}}, "FakeQuantize FakeQuantize_1, FakeQuantize w", 120},
		{"before a layer and a sum", func(z *zoo) node {
			x := int8s(z.Input("x", 6))
			return must(gorgonia.Add(x, must(gorgonia.Mul(x, z.Value("w", 6, 6, 6)))))
		}, ptq.Config{}, "FakeQuantize FakeQuantize_1, Add Add_1", 35},
		{"twice", func(z *zoo) node {
			return must(gorgonia.Mul(within(qtensor.Affine(3), -1, 1)(int8s(z.Input("x", 6))), z.Value("w", 6, 6, 6)))
		}, ptq.Config{}, "FakeQuantize FakeQuantize_1", 35},
		{"a bias", func(z *zoo) node {
			y := must(gorgonia.Mul(z.Input("x", 6), z.Value("w", 6, 6, 6)))
			return must(gorgonia.BroadcastAdd(y, must(ops.FakeQuantizeDynamic(z.Value("b", 1, 6),
				qtensor.Symmetric(3))), nil, []byte{0}))
		}, ptq.Config{}, "Add Add_1, FakeQuantize b", 35},
		{"before a shape that is no input", func(z *zoo) node {
			return must(gorgonia.Reshape(int8s(z.Input("x", 6)), tensor.Shape{z.Batch, 3, 2}))
		}, ptq.Config{AllowFloat: true}, "FakeQuantize FakeQuantize_1, Reshape Reshape_1", 200},
		{"factors of a layer", func(z *zoo) node {
			x := z.Input("x", 6)
			return must(gorgonia.Mul(must(gorgonia.HadamardProd(int8s(x), int8s(x))), z.Value("w", 6, 6, 6)))
		}, ptq.Config{}, "FakeQuantize FakeQuantize_1, FakeQuantize FakeQuantize_2, Mul Mul_1", 35},
	} {
		m, r, err := c.net.quantize(t, c.cfg, 6)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.Join(r.Kept, ", "); got != c.kept {
			t.Errorf("%s: got %s, want %s", c.name, got, c.kept)
		}
		sample := draw(tensor.Float32, 3, 1, 9, 6)
		g, _ := c.net.build(9)
		got := output(t, m, sample)
		if db := decibels(values(t, g.Inputs[0], sample, g.Outputs[0])[0], got); db < c.least {
			t.Errorf("%s: got %.1f dB, want %v", c.name, db, c.least)
		}
		if again := output(t, reloaded(t, m), sample); !slices.Equal(again, got) {
			t.Errorf("%s: loaded, the model gives %v, want %v", c.name, again, got)
		}
	}
}

// TestFakesRefused has fake quantization that no model does.
func TestFakesRefused(t *testing.T) {
	on := func(f func(z *zoo, x, w node) (node, error)) network {
		return func(z *zoo) node { return must(f(z, z.Input("x", 6), z.Value("w", 6, 6, 6))) }
	}
	first := true
	for _, c := range []struct {
		name  string
		net   network
		is    error // nil for any
		parts []string
	}{
		{"a range of each run", on(func(_ *zoo, x, w node) (node, error) {
			return gorgonia.Mul(must(ops.FakeQuantizeDynamic(x, qtensor.Affine(8))), w)
		}), nil, []string{"fakequantize dynamic affine8", "each run"}},
		{"a scale for each feature", on(func(_ *zoo, x, w node) (node, error) {
			p := quantize(draw(tensor.Float32, 1, 1, 9, 6), qtensor.PerChannelAffine(8, 1)).Params()
			return gorgonia.Mul(must(ops.FakeQuantize(x, p)), w)
		}), nil, []string{"affine8@1", "per tensor"}},
		{"no quantized value for zero", on(func(_ *zoo, x, w node) (node, error) {
			return gorgonia.Mul(within(qtensor.Uniform(8), 1, 2)(x), w)
		}), nil, []string{"uniform8", "represents zero"}},
		{"a scale that is computed", on(func(_ *zoo, x, w node) (node, error) {
			return gorgonia.Mul(x, must(ops.FakeQuantizeLSQ(w, must(gorgonia.Max(x)), qtensor.Int4())))
		}), nil, []string{"MaxAlong", "want a constant"}},
		{"a scale for each input", on(func(_ *zoo, x, w node) (node, error) {
			return gorgonia.Mul(x, must(ops.FakeQuantizeDynamic(w, qtensor.PerChannelSymmetric(4, 0))))
		}), nil, []string{`"w"`, "symmetric4@0", "axis 1"}},
		{"a weight that is no number", on(func(_ *zoo, x, w node) (node, error) {
			w.Value().Data().([]float32)[5] = float32(math.NaN())
			return gorgonia.Mul(x, must(ops.FakeQuantizeDynamic(w, qtensor.Int4())))
		}), qtensor.ErrValue, []string{"NaN at 5"}},
		{"a learned scale of nothing", on(func(z *zoo, x, w node) (node, error) {
			scale := z.Value("s", 1, 1)
			scale.Value().Data().([]float32)[0] = 0
			return gorgonia.Mul(x, must(ops.FakeQuantizeLSQ(w, scale, qtensor.Int4())))
		}), qtensor.ErrParams, []string{"scale 0 at 0"}},
		{"a shape that tears", on(func(_ *zoo, x, w node) (node, error) {
			w = must(ops.FakeQuantizeDynamic(must(gorgonia.Reshape(w, tensor.Shape{4, 9})), qtensor.PerChannelSymmetric(4, 1)))
			return gorgonia.Mul(x, must(gorgonia.Reshape(w, tensor.Shape{6, 6})))
		}), nil, []string{`"w"`, "channel axis"}},
		{"other quantized values by batch", on(func(_ *zoo, x, w node) (node, error) {
			first = !first
			scheme := qtensor.Int4()
			if first {
				scheme = qtensor.Symmetric(4)
			}
			return gorgonia.Mul(x, must(ops.FakeQuantizeDynamic(w, scheme)))
		}), nil, []string{"another batch size"}},
		{"other parameters by batch", on(func(z *zoo, x, w node) (node, error) {
			return gorgonia.Mul(within(qtensor.Affine(8), 0, float32(z.Batch))(x), w)
		}), nil, []string{"another batch size"}},
	} {
		m, _, err := c.net.quantize(t, ptq.Config{}, 6)
		if err == nil || m != nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: got %v, %v, want an error that is %v", c.name, m, err, c.is)
			continue
		}
		for _, part := range c.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %q in it", c.name, err, part)
			}
		}
	}
}

// TestFakesOnTheWay has quantized values that go through something on the way to their layer.
func TestFakesOnTheWay(t *testing.T) {
	four := dynamic(qtensor.PerChannelSymmetric(4, 0))
	for _, c := range []struct {
		name       string
		gamma      float32
		weight     func(w node, output int) node
		scheme     string
		kept       string
		transposed bool
		trained    qtensor.Scheme
	}{
		{"a scale for each filter", 0.5, four, "symmetric4@0", "", false, qtensor.PerChannelSymmetric(4, 0)},
		{"one scale", 0.5, dynamic(qtensor.Affine(3)), "affine3@0", "", false, qtensor.Affine(3)},
		{"an offset", 0.5, dynamic(qtensor.Uniform(4)), "uniform4@0", "", false, qtensor.Uniform(4)},
		{"groups", 0.5, dynamic(qtensor.Int4().PerGroup(0, 8).WithScales(qtensor.ScaleFloat16)), "int4/g8@0", "", false, qtensor.Int4().PerGroup(0, 8).WithScales(qtensor.ScaleFloat16)},
		{"reversed", -0.5, four, "symmetric4@0", "", false, qtensor.PerChannelSymmetric(4, 0)},
		{"some left out", 0, four, "symmetric4@0", "Mul Mul_1, Add Add_1", false, qtensor.PerChannelSymmetric(4, 0)},
		{"a power of two", 0.7, dynamic(qtensor.PowerOfTwo(4)), "poweroftwo4", "Mul Mul_1, Add Add_1", false, qtensor.PowerOfTwo(4)},
		{"a transposed matrix", 1, nil, "symmetric3@0", "", true, qtensor.PerChannelSymmetric(3, 0)},
	} {
		var net network = func(z *zoo) node {
			if c.transposed {
				w := must(gorgonia.Transpose(must(ops.FakeQuantizeDynamic(z.Value("w", 6, 8, 18), c.trained)), 1, 0))
				return must(gorgonia.Mul(must(gorgonia.Reshape(z.Input("x", 2, 3, 3), tensor.Shape{z.Batch, 18})), w))
			}
			y := must(gorgonia.Conv2d(z.Input("x", 2, 3, 3), c.weight(z.Value("w", 6, 8, 2, 3, 3), 0),
				tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
			gamma := z.Value("gamma", 1, 1, 8, 1, 1)
			for i := range 8 {
				gamma.Value().Data().([]float32)[i] = c.gamma * float32(i%3+1)
				if c.gamma == 0 {
					gamma.Value().Data().([]float32)[i] = float32(i % 2)
				}
			}
			y, _, _, op, err := gorgonia.BatchNorm(y, gamma, z.Value("beta", 4, 1, 8, 1, 1), 0.9, 1e-5)
			if err == nil {
				variance := draw(tensor.Float32, 9, 0.01, 8)
				for i := range 8 {
					variance.Float32s()[i] += 0.7 // so that no factor is a power of two
				}
				err = op.SetStats(draw(tensor.Float32, 8, 0.2, 8), variance)
			}
			return must(y, err)
		}
		m, r, err := net.quantize(t, ptq.Config{}, 2, 3, 3)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		z := newZoo(tensor.Float32, 1, map[string]*tensor.Dense{})
		shape := []int{8, 2, 3, 3}
		if c.transposed {
			shape = []int{8, 18}
		}
		want := quantize(z.Value("w", 6, shape...).Value().(tensor.Tensor), c.trained)
		if got := saved(t, m)["w"]; !slices.Equal(quantizedOf(t, got), quantizedOf(t, want)) || got.Scheme().String() != c.scheme {
			t.Errorf("%s: got %v %v, want %v %v", c.name, got.Scheme(), quantizedOf(t, got), c.scheme, quantizedOf(t, want))
		}
		if got := strings.Join(r.Kept, ", "); strings.TrimPrefix(got, "Reshape Reshape_1") != c.kept {
			t.Errorf("%s: kept %s, want %s", c.name, got, c.kept)
		}
		sample := draw(tensor.Float32, 3, 1, 9, 2, 3, 3)
		g, _ := net.build(9)
		db := decibels(values(t, g.Inputs[0], sample, g.Outputs[0])[0], output(t, m, sample))
		if db < 110 {
			t.Errorf("%s: got %.1f dB, want 110", c.name, db)
		}
	}
}
