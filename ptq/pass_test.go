package ptq_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// passOf is a Pass that a function is.
type passOf func(ctx context.Context, m *model.Model) (*model.Model, error)

func (f passOf) Apply(ctx context.Context, m *model.Model) (*model.Model, error) { return f(ctx, m) }

// scaling is a Pass that multiplies constants by factors.
type scaling map[string]float32

func (s scaling) Apply(_ context.Context, m *model.Model) (*model.Model, error) {
	g, err := m.Network()
	if err != nil {
		return nil, err
	}
	for name, by := range s {
		c := *g.Constants[name]
		c.Data = slices.Clone(c.Data)
		for i := range c.Data {
			c.Data[i] *= by
		}
		g.Constants[name] = &c
	}
	return model.New(g, nil)
}

// twoLayers are dense layers a and b with a ReLU between, which scales go through.
func twoLayers(z *zoo) node {
	h := must(gorgonia.Rectify(must(gorgonia.Mul(z.Input("x", 6), z.Value("a", 6, 6, 8)))))
	return must(gorgonia.Mul(h, z.Value("b", 8, 8, 3)))
}

// TestPasses moves a power of two from one layer into the other, and back, and changes what a model computes:
// layers are compared with the model that passes give, outputs with the one that Quantize was given.
func TestPasses(t *testing.T) {
	build, samples := floatNet(twoLayers, tensor.Float32)
	float := readFloat(t, build)
	there, back := scaling{"a": 4, "b": 0.25}, scaling{"a": 0.25, "b": 4}
	same := passOf(func(_ context.Context, m *model.Model) (*model.Model, error) { return m, nil })
	x := draw(tensor.Float32, 9, 1, 7, 6)
	cases := 0
	for _, activations := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
		plain, want, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: activations})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			passes []ptq.Pass
			scale  float32 // of what flows into b
			output float32 // of the result
		}{
			{"none", []ptq.Pass{}, 1, 1},
			{"nothing", []ptq.Pass{same, same}, 1, 1},
			{"there", []ptq.Pass{there}, 4, 1},
			{"there twice", []ptq.Pass{there, same, there}, 16, 1},
			{"there and back", []ptq.Pass{there, back}, 1, 1},
			{"twice the result", []ptq.Pass{there, scaling{"b": 2}}, 4, 2},
		} {
			cases++
			m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: activations, Passes: c.passes})
			if err != nil {
				t.Errorf("%s, %v: %v", c.name, activations, err)
				continue
			}
			if got, low := r.Layers[1].High, want.Layers[1].High*c.scale; got != low {
				t.Errorf("%s, %v: what flows into b is up to %v, want %v", c.name, activations, got, low)
			}
			for i, l := range r.Layers {
				if l.OutputSQNR != want.Layers[i].OutputSQNR || l.WeightSQNR != want.Layers[i].WeightSQNR {
					t.Errorf("%s, %v: layer %s is at %v and %v dB, want %v and %v as without", c.name, activations, l.Name,
						l.WeightSQNR, l.OutputSQNR, want.Layers[i].WeightSQNR, want.Layers[i].OutputSQNR)
				}
			}
			y := output(t, m, x)
			for i, v := range output(t, plain, x) {
				if y[i] != v*float64(c.output) {
					t.Fatalf("%s, %v: result %d is %v, want %v", c.name, activations, i, y[i], v*float64(c.output))
				}
			}
			if got := r.Outputs[0].SQNR; c.output == 1 && got != want.Outputs[0].SQNR || c.output == 2 && !(math.Abs(got) < 1) {
				t.Errorf("%s, %v: the output is at %v dB, want %v, or 0 for twice the result", c.name, activations, got,
					want.Outputs[0].SQNR)
			}
		}
	}
	t.Logf("%d configurations", cases)
}

// TestPassToConstant has a pass make an output of a constant, which no walk shows.
func TestPassToConstant(t *testing.T) {
	build, samples := floatNet(func(z *zoo) node { return z.Dense(z.Input("x", 6), "a", 6, 3) }, tensor.Float32)
	float := readFloat(t, build)
	cases := 0
	for _, by := range []float32{0, 1, -2} {
		cases++
		constant := func(m *model.Model) (*model.Model, error) {
			g, err := m.Network()
			if err != nil {
				return nil, err
			}
			g.Outputs = append(g.Outputs, model.Value{Name: "k", Shape: []int{2}})
			g.Constants["k"] = &model.Constant{Shape: []int{2}, Data: []float32{3, -1}}
			return model.New(g, nil)
		}
		m, err := constant(float)
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := ptq.Quantize(t.Context(), m, samples, ptq.Config{Passes: []ptq.Pass{scaling{"k": by}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Outputs[1].SQNR; by == 1 && !math.IsInf(got, 1) || by == 0 && got != 0 || by == -2 && !(math.Abs(got+9.54) < 0.01) {
			t.Errorf("a constant times %v is at %v dB", by, got)
		}
	}
	t.Logf("%d constants", cases)
}

// TestBadPasses has each of two passes give what cannot stand in the place of its model.
func TestBadPasses(t *testing.T) {
	build, samples := floatNet(twoLayers, tensor.Float32)
	float := readFloat(t, build)
	of := func(net func(z *zoo) node) *model.Model {
		build, _ := floatNet(net, tensor.Float32)
		return readFloat(t, build)
	}
	quantized, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := scaling{}.Apply(t.Context(), float)
	if err == nil {
		err = closed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	last := func(n int, x string) func(z *zoo) node {
		return func(z *zoo) node { return must(gorgonia.Mul(z.Input(x, n), z.Value("b", 8, n, 3))) }
	}
	cases := 0
	for _, c := range []struct {
		name string
		m    *model.Model
		err  error
		want error
		text string
	}{
		{"nil", nil, nil, qtensor.ErrParams, "got a nil model"},
		{"an error", nil, errMine, errMine, "mine"},
		{"an error and a model", float, errMine, errMine, "mine"},
		{"a zero model", new(model.Model), nil, qtensor.ErrShape, "got inputs []"},
		{"a quantized model", quantized, nil, qtensor.ErrParams, "got a quantized model"},
		{"a closed model", closed, nil, os.ErrClosed, "closed"},
		{"another input", of(last(6, "y")), nil, qtensor.ErrShape, "got inputs [{y"},
		{"another shape", of(last(7, "x")), nil, qtensor.ErrShape, "got inputs [{x [-1 7]"},
		{
			"two inputs", of(func(z *zoo) node { return must(gorgonia.Add(last(6, "x")(z), z.Input("y", 3))) }), nil,
			qtensor.ErrShape, "got inputs [{x",
		},
		{
			"another output", of(func(z *zoo) node { return must(gorgonia.Tanh(last(6, "x")(z))) }), nil, qtensor.ErrShape,
			"got outputs [{Tanh_1.out",
		},
		{"another shape of an output", of(func(z *zoo) node {
			return must(gorgonia.Mul(z.Input("x", 6), z.Value("b", 8, 6, 4)))
		}), nil, qtensor.ErrShape, "[-1 4]"},
	} {
		for at := range 2 {
			cases++
			passes := []ptq.Pass{scaling{"a": 2}, scaling{"b": 2}}
			passes[at] = passOf(func(context.Context, *model.Model) (*model.Model, error) { return c.m, c.err })
			m, r, err := ptq.Quantize(t.Context(), float, func(func(ptq.Sample, error) bool) {
				t.Errorf("%s: samples are walked", c.name)
			}, ptq.Config{Passes: passes})
			if !errors.Is(err, c.want) || m != nil || r != nil || !strings.Contains(err.Error(), c.text) ||
				c.name != "a closed model" && !strings.Contains(err.Error(), fmt.Sprintf("pass %d, ptq_test.passOf: ", at)) {
				t.Errorf("%s of pass %d: got error %v, want %v that says %q", c.name, at, err, c.want, c.text)
			}
		}
	}
	for _, passes := range [][]ptq.Pass{{nil}, {scaling{}, nil}} {
		cases++
		if _, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Passes: passes}); !errors.Is(err, qtensor.ErrParams) ||
			!strings.Contains(err.Error(), fmt.Sprintf("pass %d: got nil", len(passes)-1)) {
			t.Errorf("%v: got error %v, want ErrParams", passes, err)
		}
	}
	t.Logf("%d passes", cases)
}
