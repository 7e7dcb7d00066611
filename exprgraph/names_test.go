package exprgraph

import (
	"maps"
	"math"
	"slices"
	"testing"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestReadNamesLayersByTheirWeights(t *testing.T) {
	nets := map[string]func(*zoo) Graph{}
	for _, c := range networks {
		nets[c.name] = c.net
	}
	for _, c := range []struct {
		net              string
		nodes, constants []string // the latter sorted
		outputs          []string
	}{
		{"MLP", []string{"w1", "Relu_1", "w2", "Tanh_1", "w3", "Softmax_1"}, []string{"b1", "b2", "b3", "w1", "w2", "w3"}, []string{"Softmax_1.out"}},
		{
			"shared and unnamed weights",
			[]string{"w", "Tanh_1", "w_2", "Tanh_2", "Gemm_1"},
			[]string{"b", "w", "weight"},
			[]string{"Gemm_1.out"},
		},
		{
			"residual",
			[]string{"stem", "Relu_1", "body", "Add_1", "Relu_2", "Mul_1", "Add_2", "GlobalAveragePool_1", "Reshape_1", "fc"},
			[]string{"b", "body", "body.bias", "fc", "norm.scale", "norm.shift", "stem", "stem.bias"},
			[]string{"fc.out"},
		},
		{"constants", []string{"w", "Relu_1"}, []string{"w", "weight"}, []string{"Relu_1.out"}},
		{"embedding", []string{"Reshape_1", "table", "Reshape_2", "w"}, []string{"table", "w"}, []string{"w.out"}},
		{"passed on", []string{"Reshape_1", "Identity_1"}, nil, []string{"Reshape_1.out", "Identity_1.out"}},
		{"autoencoder", []string{"encode", "Sigmoid_1", "decode", "Sigmoid_2"}, []string{"db", "decode", "eb", "encode"}, []string{"Sigmoid_1.out", "Sigmoid_2.out"}},
	} {
		z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
		g, err := readFolded(z.build(nets[c.net]))
		if err != nil {
			t.Errorf("%s: %v", c.net, err)
			continue
		}
		var nodes, outputs []string
		for _, n := range g.Nodes {
			nodes = append(nodes, n.Name)
		}
		for _, v := range g.Outputs {
			outputs = append(outputs, v.Name)
		}
		constants := slices.Sorted(maps.Keys(g.Constants))
		if !slices.Equal(nodes, c.nodes) || !slices.Equal(constants, c.constants) || !slices.Equal(outputs, c.outputs) {
			t.Errorf("%s: got nodes %q, constants %q, outputs %q, want %q, %q, %q", c.net, nodes, constants, outputs, c.nodes,
				c.constants, c.outputs)
		}
	}
}

// TestReadMakesNamesUnique: a weight named as the input, or as the output of its layer, or as another weight.
func TestReadMakesNamesUnique(t *testing.T) {
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
	g, err := readFolded(z.build(func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		h := must(gorgonia.Tanh(must(gorgonia.Mul(x, z.weight("x", 4, 5)))))
		h = must(gorgonia.Tanh(must(gorgonia.Mul(h, z.weight("x.out", 5, 3)))))
		narrow := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("x"), gorgonia.WithShape(3, 2),
			gorgonia.WithValue(drawnOf(z.dt, "narrow", 3, 2)))
		return source(x, must(gorgonia.Mul(h, narrow)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(g.Constants))
	if want := []string{"x.out", "x_2", "x_3"}; !slices.Equal(got, want) {
		t.Errorf("got constants %q, want %q", got, want)
	}
	if got, want := g.Nodes[0].Output, "x.out_2"; got != want {
		t.Errorf("got output %q of the first layer, want %q", got, want)
	}
}

// TestReadCopiesViews: weights in any layout, whose elements and layout do not change.
func TestReadCopiesViews(t *testing.T) {
	for name, view := range map[string]func() *tensor.Dense{
		"transposed lazily": func() *tensor.Dense {
			w := drawnOf(tensor.Float32, "w", 3, 4)
			if err := w.T(); err != nil {
				t.Fatal(err)
			}
			return w
		},
		"columns of a wider one": func() *tensor.Dense {
			w, err := drawnOf(tensor.Float32, "w", 6, 9).Slice(gorgonia.S(1, 5), gorgonia.S(2, 5))
			if err != nil {
				t.Fatal(err)
			}
			return w.(*tensor.Dense)
		},
		"column-major": func() *tensor.Dense {
			return tensor.New(tensor.AsFortran(drawnOf(tensor.Float32, "w", 12).Data()), tensor.WithShape(4, 3))
		},
	} {
		w := view()
		strides := slices.Clone(w.Strides())
		want := make([]float32, 0, 12)
		for i := range 12 {
			x, err := w.At(i/3, i%3)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, x.(float32))
		}
		g, err := readFolded(func(batch int) (Graph, error) {
			graph := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(graph, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(batch, 4))
			weight := gorgonia.NewMatrix(graph, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(4, 3), gorgonia.WithValue(w))
			return source(x, must(gorgonia.Mul(x, weight))), nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := g.Constants["w"]; got == nil || !slices.Equal(got.Data, want) || !slices.Equal(got.Shape, []int{4, 3}) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		if !slices.Equal(w.Strides(), strides) {
			t.Errorf("%s: got strides %v after Read, want %v", name, w.Strides(), strides)
		}
		g.Constants["w"].Data[0]++
		if x, err := w.At(0, 0); err != nil || x != want[0] {
			t.Errorf("%s: got %v, %v after a change of the copy, want %v", name, x, err, want[0])
		}
	}
}

// TestEqualConstants: constants of one name, shape and bits, as of each step of an unrolled network, are one, unless
// they are outputs or were quantized.
func TestEqualConstants(t *testing.T) {
	of := func(base string, shape []int, data ...float32) *value {
		return &value{base: base, shape: shape, data: data}
	}
	trained := of("a", []int{2}, 1, 2)
	trained.quantized = &ir.Trained{}
	list := []*value{
		of("a", []int{2}, 1, 2), of("a", []int{2}, 1, 2), of("b", []int{2}, 1, 2), of("a", []int{2, 1}, 1, 2), of("a", []int{2}, 2, 1),
		of("z", []int{1}, 0), of("z", []int{1}, float32(math.Copysign(0, -1))), of("z", []int{1}, 0), trained, of("a", []int{2}, 1, 2),
	}
	r := newReader(false)
	r.add(ir.Node{Op: ir.OpConcat}, []int{2}, list...)
	r.outputs = []*value{list[1]}
	g := r.emit()
	want := []string{"a", "a_2", "b", "a_3", "a_4", "z", "z_2", "z", "a_5", "a_2"}
	if got := g.Nodes[0].Inputs; !slices.Equal(got, want) || g.Outputs[0].Name != "a_2" {
		t.Errorf("got inputs %q and output %v, want %q and a_2", got, g.Outputs[0], want)
	}
	if c := g.Constants; len(c) != 8 || c["a_5"].Trained == nil || c["a_2"].Trained != nil || !math.Signbit(float64(c["z_2"].Data[0])) {
		t.Errorf("got constants %v, want 8, of which a_5 was quantized and z_2 is -0", c)
	}
}
