package model_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// oneLayer returns a network of a layer of each kind by itself, of weights that are float32.
func oneLayer(t *testing.T, kind, compute string) *network {
	g := newNetwork(1)
	g.Inputs = []ir.Value{{Name: "x", Shape: []int{-1, 4, 4, 3}}, {Name: "words", Shape: []int{-1}, Type: ir.Int64}}
	g.values["x"] = []int{4, 4, 3}
	g.Outputs = []ir.Value{{Name: kinds[kind](t, g, "x", compute)}}
	return g
}

// TestLayers has every kind of layer with weights of each scheme, scales of 16 bits too, computed in all
// ways, and in float32: New describes it as it is, and Load and Read describe it as New does.
func TestLayers(t *testing.T) {
	t.Parallel()
	count, refused, every, least := 0, 0, 1, 1000
	if testing.Short() {
		every, least = 3, 500
	}
	check := func(g *network, want model.LayerInfo) {
		m, err := model.New(&g.Network, g.layers)
		if err != nil {
			if !errors.Is(err, qtensor.ErrScheme) && !errors.Is(err, qtensor.ErrParams) {
				t.Errorf("%+v: %v", want, err)
			}
			refused++
			return
		}
		count++
		file := bytesOf(t, m)
		list := map[string]*model.Model{"New": m}
		for how, read := range readers {
			if list[how], err = read(bytes.NewReader(file), int64(len(file))); err != nil {
				t.Fatal(err)
			}
		}
		for how, m := range list {
			if got := m.Layers(); !slices.Equal(got, []model.LayerInfo{want}) {
				t.Errorf("%s: got %+v, want %+v", how, got, want)
			}
			if text := m.String(); text != list["New"].String() || !strings.Contains(text, "1 layers") {
				t.Errorf("%s: got\n%s\nwant\n%s", how, text, list["New"])
			}
		}
	}
	for _, kind := range sortedKeys(kinds) {
		for _, way := range sortedKeys(computes) {
			g := oneLayer(t, kind, way)
			n := g.Nodes[len(g.Nodes)-1]
			axis, weight := 1, ""
			if n.TransB || n.Op == "Conv" || n.Op == "Gather" {
				axis = 0
			}
			for _, in := range n.Inputs[:2] {
				if c := g.Constants[in]; c != nil {
					weight = in
				}
			}
			list := schemes(axis)
			for _, s := range list {
				if !s.IsFloat() && s.Scales() == qtensor.ScaleFloat32 {
					list = append(list, s.WithScales(qtensor.ScaleFloat16))
				}
			}
			for at, s := range list {
				if at%every > 0 {
					continue
				}
				q := quantize(t, g.Constants[weight], s)
				g.layers[n.Name] = with(q, g.layers[n.Name])
				want := model.LayerInfo{
					Name: n.Name, Op: n.Op, Quantized: true, Scheme: s,
					Activations: g.layers[n.Name].Activations, Bytes: q.Bytes(),
				}
				if want.Activations == model.Default && n.Op != "Gather" {
					want.Activations = model.Fixed24
				}
				check(g, want)
			}
			clear(g.layers)
			check(g, model.LayerInfo{Name: n.Name, Op: n.Op, Bytes: 4 * len(g.Constants[weight].Data)})
		}
	}
	t.Logf("%d models, and %d that New refuses", count, refused)
	if count < least {
		t.Errorf("got %d models, want more", count)
	}
}

// TestLayersOfFloats has products of what the network computes, which have no weight.
func TestLayersOfFloats(t *testing.T) {
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 2, 3}}, {Name: "y", Shape: []int{-1, 3, 2}}},
		Nodes: []ir.Node{
			{Op: "MatMul", Name: "scores", Inputs: []string{"x", "y"}, Output: "s"},
			{Op: "Relu", Name: "relu", Inputs: []string{"s"}, Output: "r"},
			{Op: "MatMul", Name: "left", Inputs: []string{"w", "x0"}, Output: "z"},
			{Op: "Gather", Name: "rows", Inputs: []string{"table", "i"}, Output: "v"},
		},
		Outputs: []ir.Value{{Name: "r"}, {Name: "z"}, {Name: "v"}},
	}
	g.Inputs = append(g.Inputs, ir.Value{Name: "x0", Shape: []int{3, 2}}, ir.Value{Name: "i", Shape: []int{-1}, Type: ir.Int64})
	g.Constants = map[string]*ir.Constant{"w": count(2, 3), "table": count(5)}
	m := newModel(t, g, nil)
	loaded, _ := reloaded(t, m)
	want := []model.LayerInfo{
		{Name: "scores", Op: "MatMul"}, {Name: "left", Op: "MatMul"}, {Name: "rows", Op: "Gather", Bytes: 20},
	}
	for how, m := range map[string]*model.Model{"New": m, "Load": loaded} {
		if got := m.Layers(); !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", how, got, want)
		}
	}
	if err := loaded.Close(); err != nil {
		t.Fatal(err)
	}
	if got := loaded.Layers(); !slices.Equal(got, want) {
		t.Errorf("closed: got %+v, want %+v", got, want)
	}
}

// TestString compares the table of a model with what it is.
func TestString(t *testing.T) {
	w := quantize(t, mlp().Constants["w2"], qtensor.PerChannelSymmetric(8, 1))
	m := newModel(t, mlp(), map[string]model.Layer{"fc2": {Weight: w, Activations: model.DynamicInt8}})
	const want = `input   x       float32       [-1 20]
output  p       float32       [-1 10]
layer   op      weight        activations   bytes
fc1     Gemm    float32       float32       2560
fc2     Gemm    symmetric8@1  dynamic-int8  576
fc3     MatMul  float32       float32       640
3 layers, 1 of them quantized, with weights of 3776 bytes
`
	if got := m.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var none *model.Model
	for name, m := range map[string]*model.Model{"nil": none, "zero": {}} {
		if got := m.String(); got != "0 layers, 0 of them quantized, with weights of 0 bytes\n" || m.Layers() != nil {
			t.Errorf("%s: got %q and layers %v", name, got, m.Layers())
		}
	}
}

// TestStringNames has names that would tear the table: it has as many lines as with plain ones.
func TestStringNames(t *testing.T) {
	lines := strings.Count(newModel(t, mlp(), nil).String(), "\n")
	names, made := append(slices.Clone(difficult), "\v", "\f", "a\tb\nc", "\u0085", "\x1b[2J", "名", "100%", "%s%d"), 0
	for _, name := range names {
		g, _ := renamed(mlp(), nil, map[string]string{"x": name, "p": name + "."}, map[string]string{"fc2": name})
		m, err := model.New(g, nil)
		if err != nil {
			continue
		}
		made++
		text := m.String()
		if strings.Count(text, "\n") != lines || strings.ContainsAny(text, "\t\v\f\r\x00\x1b\u0085") || strings.Contains(text, "%!") {
			t.Errorf("%q: got\n%s\nwant %d lines", name, text, lines)
		}
	}
	t.Logf("%d names", made)
	if made < 30 {
		t.Errorf("got %d names that New takes, want more", made)
	}
}
