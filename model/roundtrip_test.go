package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// difficult are names that files, JSON and text in general have trouble with; some are no text.
var difficult = []string{
	"\xff", "a\xc3", "gr\xf6\xdfe", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "", "__metadata__", "__METADATA__",
	"euryale", "euryale.model", "\x00", "a\x00b", "\x7f", "\t\r\n", " ", "  ",
	`"`, `\`, `\u0041`, `\ud800`, "A", "\u2028", "\u2029", "\ufeff", "\ufffd", "\ufffe", "\U0010ffff", "😀", "é",
	"e\u0301", "ſ", "s", "S", "K", "k", "K", "<>&'", "null", "0", "-0", "1e9", "{}", "[]", ",",
	"fc", "fc~", "fc~~", "fc~~~", "fc.weight", "fc.weight_scale", "fc.weight_packed", "fc~.weight", "fc~~.weight_min",
	"fc.weightless", "FC", "Fc.Weight", ".weight", ".", "..", "/", "a/b", "a.b", "weight", "inputs", "name",
	strings.Repeat("x", 5000), strings.Repeat("x", 5000) + ".weight", strings.Repeat("\x00", 2000), strings.Repeat("é", 3000),
}

// roundTrip compares a model that New has made with what readers make of its file: equal, refused or lost.
func roundTrip(t *testing.T, what string, g *ir.Network, layers map[string]model.Layer) string {
	m, err := model.New(g, layers)
	if err != nil {
		if !errors.Is(err, qtensor.ErrParams) && !errors.Is(err, qtensor.ErrShape) &&
			!errors.Is(err, qtensor.ErrScheme) && !errors.Is(err, qtensor.ErrValue) {
			t.Errorf("%s: got error %v, want one of qtensor's", what, err)
		}
		return "refused"
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Errorf("%s: New takes it, and Write does not: %v", what, err)
		return "lost"
	}
	for how, read := range readers {
		loaded, err := read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Errorf("%s: New takes it, and %s does not: %v", what, how, err)
			return "lost"
		}
		for _, c := range []struct {
			name      string
			got, want any
		}{
			{"inputs", loaded.Inputs(), m.Inputs()},
			{"outputs", loaded.Outputs(), m.Outputs()},
			{"quantized values", loaded.QuantizedValues(), m.QuantizedValues()},
			{"layers", loaded.Layers(), m.Layers()},
		} {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("%s: %s gives %s %q, want %q", what, how, c.name, c.got, c.want)
			}
		}
		if !bytes.Equal(bytesOf(t, loaded), file.Bytes()) {
			t.Errorf("%s: what %s gives makes another file", what, how)
		}
		in := map[string]tensor.Tensor{}
		for _, v := range m.Inputs() {
			shape := slices.Clone(v.Shape)
			for i, d := range shape {
				shape[i] = max(d, -3*d)
			}
			x := random(rand.New(rand.NewPCG(1, 8)), 1, shape...)
			if in[v.Name] = tensorOf(x); v.Type == ir.Int64 {
				rows := make([]int, len(x.Data))
				for i := range rows {
					rows[i] = i % 2
				}
				in[v.Name] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(rows))
			}
			if len(shape) == 0 {
				in[v.Name] = tensor.New(tensor.FromScalar(x.Data[0]))
			}
		}
		want, first := m.Run(context.Background(), in)
		got, second := loaded.Run(context.Background(), in)
		if (first == nil) != (second == nil) {
			t.Errorf("%s: Run gives error %v, and %v by %s", what, first, second, how)
			continue
		}
		for name := range want {
			if got[name] == nil || differ(got[name], want[name]) >= 0 {
				t.Errorf("%s: %s gives other bits of %q", what, how, name)
			}
		}
	}
	return "equal"
}

// renamed returns a graph and layers with other names, of values, or of nodes.
func renamed(g *ir.Network, layers map[string]model.Layer, values, nodes map[string]string) (*ir.Network, map[string]model.Layer) {
	name := func(names map[string]string, old string) string {
		if new, ok := names[old]; ok {
			return new
		}
		return old
	}
	to := &ir.Network{Constants: map[string]*ir.Constant{}}
	for _, v := range g.Inputs {
		to.Inputs = append(to.Inputs, ir.Value{Name: name(values, v.Name), Shape: v.Shape, Type: v.Type})
	}
	for _, v := range g.Outputs {
		to.Outputs = append(to.Outputs, ir.Value{Name: name(values, v.Name), Shape: v.Shape})
	}
	for _, n := range g.Nodes {
		n.Name, n.Output, n.Inputs = name(nodes, n.Name), name(values, n.Output), slices.Clone(n.Inputs)
		for i := range n.Inputs {
			n.Inputs[i] = name(values, n.Inputs[i])
		}
		to.Nodes = append(to.Nodes, n)
	}
	for old, t := range g.Constants {
		to.Constants[name(values, old)] = t
	}
	list := map[string]model.Layer{}
	for old, l := range layers {
		list[name(nodes, old)] = l
	}
	return to, list
}

// saved are networks with layers, by name.
func saved(t *testing.T) (names []string, graphs []*ir.Network, layers []map[string]model.Layer) {
	add := func(name string, g *ir.Network, l map[string]model.Layer) {
		names, graphs, layers = append(names, name), append(graphs, g), append(layers, l)
	}
	add("float ops", floatOps(), nil)
	add("mlp", mlp(), quantized(t, mlp(), batchOf(1, 4, 20), "static-int8"))
	add("lenet", lenet(), quantized(t, lenet(), batchOf(1, 4, 1, 12, 12), "dynamic-int8"))
	embedding := quantize(t, language().Constants["table"], qtensor.Int4().PerGroup(0, 4))
	l := model.Layer{Weight: embedding}
	add("language", language(), map[string]model.Layer{"emb": l, "again": l, "likely": l})
	w := quantize(t, mlp().Constants["w2"], qtensor.BFloat16())
	add("16 bits", mlp(), map[string]model.Layer{"fc2": {Weight: w}})
	return names, graphs, layers
}

// TestNamesComeBack gives networks difficult names: New refuses what no file holds, and all else comes back
// from one.
func TestNamesComeBack(t *testing.T) {
	t.Parallel()
	became := map[string]int{}
	rng := rand.New(rand.NewPCG(8, 8))
	many, every, refused := 150, 1, 100
	if raceEnabled || testing.Short() { // each takes long
		many, every, refused = 5, 4, 25
	}
	names, graphs, layers := saved(t)
	for i, g := range graphs {
		var of, nodes []string
		for _, v := range g.Inputs {
			of = append(of, v.Name)
		}
		for _, n := range g.Nodes {
			of, nodes = append(of, n.Output), append(nodes, n.Name)
		}
		of = append(of, sortedKeys(g.Constants)...)
		check := func(values, nodes map[string]string) {
			to, list := renamed(g, layers[i], values, nodes)
			what := fmt.Sprintf("%s with %.200q and nodes %.200q", names[i], values, nodes)
			became[roundTrip(t, what, to, list)]++
		}
		for at, name := range difficult { // one at a time
			if (at+i)%every > 0 {
				continue
			}
			for range 2 {
				check(map[string]string{of[rng.IntN(len(of))]: name}, nil)
				check(nil, map[string]string{nodes[rng.IntN(len(nodes))]: name})
			}
		}
		for range many { // and many, of those that are text
			pick := func(old []string) map[string]string {
				names, list := map[string]string{}, rng.Perm(len(difficult))
				for k, o := range old {
					if name := difficult[list[k%len(list)]]; k < len(list) && rng.IntN(2) == 0 &&
						strings.ToValidUTF8(name, "") == name && name != "" {
						names[o] = name
					}
				}
				return names
			}
			check(pick(of), pick(nodes))
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%v", became)
	if became["equal"] < 7*many || became["refused"] < refused {
		t.Errorf("%v, want more", became)
	}
}

// TestGraphsComeBack has graphs of every form, attributes and parameters that a file could lose.
func TestGraphsComeBack(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	became := map[string]int{}
	check := func(what string, g *ir.Network, layers map[string]model.Layer) {
		became[roundTrip(t, what, g, layers)]++
	}
	x := []ir.Value{{Name: "x", Shape: []int{-1, 3}}}
	c := func() map[string]*ir.Constant { return map[string]*ir.Constant{"c": count(3), "unused": count(2)} }
	y := []ir.Value{{Name: "y"}}
	relu := []ir.Node{{Op: "Relu", Name: "r", Inputs: []string{"x"}, Output: "y"}}
	add := []ir.Node{{Op: "Add", Name: "r", Inputs: []string{"x", "c"}, Output: "y"}}
	odds := values([]int{3}, float32(math.NaN()), float32(math.Inf(-1)), float32(math.Copysign(0, -1)))
	for _, k := range []struct {
		what string
		g    *ir.Network
	}{
		{"nothing", &ir.Network{}},
		{"an input", &ir.Network{Inputs: x}},
		{"an input that is an output", &ir.Network{Inputs: x, Outputs: []ir.Value{{Name: "x"}}}},
		{"a constant that is an output", &ir.Network{Constants: c(), Outputs: []ir.Value{{Name: "c"}}}},
		{"a constant and an input", &ir.Network{
			Inputs: x, Constants: c(),
			Outputs: []ir.Value{{Name: "c"}, {Name: "x", Shape: []int{-1, 3}}},
		}},
		{"no outputs", &ir.Network{Inputs: x, Nodes: relu}},
		{"empty lists", &ir.Network{
			Inputs: x, Outputs: []ir.Value{}, Nodes: []ir.Node{},
			Constants: map[string]*ir.Constant{},
		}},
		{"a number", &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: []int{}}}, Nodes: relu, Outputs: y}},
		{"a number without a shape", &ir.Network{Inputs: []ir.Value{{Name: "x"}}, Nodes: relu, Outputs: y}},
		{"a constant number", &ir.Network{
			Inputs: x, Constants: map[string]*ir.Constant{"c": {Data: []float32{2}}}, Nodes: add, Outputs: y,
		}},
		{"constants that are no numbers", &ir.Network{
			Inputs: x, Constants: map[string]*ir.Constant{"c": odds}, Nodes: add, Outputs: y,
		}},
		{"a value twice", &ir.Network{Inputs: x, Outputs: y, Nodes: []ir.Node{
			{Op: "Concat", Name: "r", Inputs: []string{"x", "x", "x"}, Output: "y", Axis: new(-1)},
		}}},
		{"no batch", &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: []int{2, 3}}}, Nodes: relu, Outputs: y}},
	} {
		check(k.what, k.g, nil)
	}
	for _, base := range limitCases() { // every attribute, at every limit
		for _, change := range base.changes() {
			k := base.clone()
			change(&k)
			if !slices.ContainsFunc(k.shapes, func(s []int) bool { return elements(s) > 1<<10 }) {
				g, layers, _ := k.made(t)
				check(k.String(), g, layers)
			}
			if t.Failed() {
				return
			}
		}
	}
	tiny, odd := math.Float32frombits(1), float32(0.1)
	for _, alpha := range []float32{
		0, float32(math.Copysign(0, -1)), tiny, -tiny, odd, 1.0 / 3, math.MaxFloat32, 1e-45,
		16777217, float32(math.NaN()), float32(math.Inf(1)),
	} {
		g := &ir.Network{
			Inputs: x, Outputs: y,
			Nodes: []ir.Node{{Op: "LeakyRelu", Name: "r", Inputs: []string{"x"}, Output: "y", Alpha: new(alpha)}},
		}
		check(fmt.Sprint("alpha ", alpha), g, nil)
	}
	w := quantize(t, count(3, 2), qtensor.Symmetric(8))
	gemm := func() *ir.Network {
		return &ir.Network{
			Inputs: x, Outputs: y, Constants: map[string]*ir.Constant{"w": {Shape: []int{3, 2}}},
			Nodes: []ir.Node{{Op: "Gemm", Name: "fc", Inputs: []string{"x", "w"}, Output: "y"}},
		}
	}
	nan := []float32{float32(math.NaN())}
	for _, scheme := range []qtensor.Scheme{
		qtensor.Affine(8), qtensor.Symmetric(8), qtensor.Affine(3), qtensor.UInt4(), qtensor.Int4(),
		qtensor.PowerOfTwo(8), qtensor.Affine(8).WithScales(qtensor.ScaleFloat16), qtensor.Uniform(8),
		qtensor.Affine(8).PerAxis(0),
		{},
	} {
		for _, scale := range []float32{
			0x1p-126, 0x1p-127, odd, 0.125, 1.0 / 3, 4096, 0x1p127, math.MaxFloat32, 0,
			-odd, nan[0],
		} {
			for _, zeros := range [][]int32{nil, {}, {0}, {3}, {255}, {-1}, {1 << 30}} {
				for _, p := range []qtensor.Params{
					{},
					{Multiplier: 0.5},
					{Multiplier: odd},
					{Multiplier: nan[0]},
					{Min: []float32{-1}, Max: []float32{1}},
					{Min: nan, Max: nan},
					{Offsets: []float32{1}},
				} {
					p.Scheme, p.Scales, p.ZeroPoints = scheme, []float32{scale}, zeros
					check(fmt.Sprintf("activations %+v", p), gemm(),
						map[string]model.Layer{"fc": {Weight: w, Activations: model.StaticInt8, Params: p}})
				}
			}
		}
	}
	g := gemm() // a constant that a layer and an op read
	g.Constants["w"] = count(3, 2)
	g.Nodes = append(g.Nodes, ir.Node{Op: "MatMul", Name: "other", Inputs: []string{"x", "w"}, Output: "z"},
		ir.Node{Op: "Gemm", Name: "third", Inputs: []string{"x", "w"}, Output: "u"})
	for _, third := range []*qtensor.QTensor{w, quantize(t, count(3, 2), qtensor.UInt4()), nil, {}} {
		check("a constant of three", g, map[string]model.Layer{"fc": {Weight: w}, "third": {Weight: third}})
	}
	t.Logf("%v", became)
	if became["equal"] < 2000 || became["refused"] < 2000 {
		t.Errorf("%v, want more", became)
	}
}

// TestHeader makes models whose names fill a header, and more.
func TestHeader(t *testing.T) {
	t.Parallel()
	if raceEnabled || testing.Short() {
		t.Skip("takes long")
	}
	long := strings.Repeat("\x00", 1<<20) // seven letters each, in text in text
	for n, fine := range map[int]bool{2: true, 15: false} {
		g := &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 2}}}, Outputs: []ir.Value{{Name: "y"}}}
		for i := range n {
			g.Nodes = append(g.Nodes, ir.Node{
				Op: "Relu", Name: fmt.Sprint(long, i), Inputs: []string{"x"},
				Output: "y" + strings.Repeat("'", i),
			})
		}
		switch got := roundTrip(t, fmt.Sprint(n, " long names"), g, nil); {
		case fine != (got == "equal"):
			t.Errorf("%d names of 1 MB: %s", n, got)
		case !fine:
			if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), "shorter") {
				t.Errorf("%d names of 1 MB: got %.200v, want ErrParams that says what to do", n, err)
			}
		}
	}
}
