package model_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// dense adds a layer of two numbers to two, the weight of all such.
func (g *network) dense(x string) string {
	if g.Constants["w"] == nil {
		g.Constants["w"] = values([]int{2, 2}, 1, 0, 0.5, -1)
	}
	y := g.node(ir.Node{Op: "Gemm", Inputs: []string{x, "w"}}, 2)
	g.layers[strings.TrimPrefix(y, "y.")] = with(g.weight, like(128))
	return y
}

// sequence applies f n times, each time to the result of the last.
func (g *network) sequence(n int, x string, f func(g *network, x string) string) string {
	for range n {
		x = f(g, x)
	}
	return x
}

// list returns n values that f makes of x.
func (g *network) list(n int, x string, f func(g *network, x string) string) (y []string) {
	for range n {
		y = append(y, f(g, x))
	}
	return y
}

func (g *network) concat(x ...string) string {
	return g.node(ir.Node{Op: "Concat", Inputs: x, Axis: new(1)}, 2*len(x))
}

// large are networks of some n nodes on rows x of two numbers; what they return is their output.
var large = map[string]func(g *network, n int) string{
	"layers": func(g *network, n int) string { return g.sequence(n, "x", (*network).dense) },
	"layers and Relus": func(g *network, n int) string {
		return g.sequence(n/2, "x", after((*network).dense, unary(ir.Node{Op: "Relu"})))
	},
	"layers, then their Relus": func(g *network, n int) string {
		y := "x"
		for _, h := range g.list(n/2, "x", (*network).dense) {
			y = unary(ir.Node{Op: "Relu"})(g, h)
		}
		return y
	},
	"Relus":   func(g *network, n int) string { return g.sequence(n, "x", unary(ir.Node{Op: "Relu"})) },
	"readers": func(g *network, n int) string { return g.list(n, "x", unary(ir.Node{Op: "Tanh"}))[n-1] },
	"outputs": func(g *network, n int) string {
		for _, y := range g.list(n, "x", (*network).dense) {
			g.Outputs = append(g.Outputs, ir.Value{Name: y})
		}
		return g.dense("x")
	},
	"Concats of many": func(g *network, n int) string {
		many := g.list(min(n, 1<<16), g.dense("x"), (*network).dense)
		g.concat(many...)
		many[7] = many[8]
		return g.concat(many...)
	},
	"Concats of one": func(g *network, n int) string {
		many := make([]string, min(n, 1<<16))
		for i := range many {
			many[i] = "x"
		}
		return g.concat(many...)
	},
	"Reshapes": func(g *network, n int) string {
		return g.sequence(n, "x", unary(ir.Node{Op: "Reshape", Shape: []int{-1, 2}}))
	},
	"Reshapes between layers": func(g *network, n int) string {
		return g.dense(g.sequence(n, g.dense("x"), unary(ir.Node{Op: "Reshape", Shape: []int{-1, 2}})))
	},
	"fakes between layers": func(g *network, n int) string {
		return g.dense(g.sequence(n, g.dense("x"), fakeOf(fakeScale, 128)))
	},
	"sums of fakes": func(g *network, n int) string {
		return g.dense(g.sequence(n/2, fakeOf(fakeScale, 128)(g, g.dense("x")), after(twice("Add"), fakeOf(fakeScale, 128))))
	},
	"Concats of neighbours, of which the last is float32": func(g *network, n int) string {
		list := g.list(n/3, "x", (*network).dense)
		unary(ir.Node{Op: "Tanh"})(g, list[len(list)-1])
		return g.neighbours(list)
	},
	"Concats of neighbours, of which the first is float32": func(g *network, n int) string {
		list := g.list(n/3, "x", (*network).dense)
		unary(ir.Node{Op: "Tanh"})(g, list[0])
		return g.neighbours(list)
	},
	"values at once, then more": func(g *network, n int) string {
		many := g.list(min(n, 1<<16), "x", unary(ir.Node{Op: "Tanh"}))
		y := g.node(ir.Node{
			Op: "Slice", Inputs: []string{g.concat(many...)}, Axes: []int{1}, Starts: []int{0},
			Ends: []int{2},
		}, 2)
		return g.sequence(n, y, unary(ir.Node{Op: "Tanh"}))
	},
	"constants": func(g *network, n int) string {
		y := "x"
		for i := range n / 2 {
			name := fmt.Sprintf("Gemm%d.weight", 2*i)
			g.Constants[name] = values([]int{2}, 1, 2)
			y = g.node(ir.Node{Op: "Add", Inputs: []string{g.dense(y), name}}, 2)
		}
		return y
	},
}

// neighbours puts every two neighbours together, for a layer, of which the last is returned.
func (g *network) neighbours(list []string) (y string) {
	g.Constants["w4"] = values([]int{4, 2}, 1, 0, 0.5, -1, 1, 1, 0, 1)
	for i := range list[1:] {
		y = g.node(ir.Node{Op: "Gemm", Inputs: []string{g.concat(list[i], list[i+1]), "w4"}}, 2)
		g.layers[strings.TrimPrefix(y, "y.")] = with(g.wide, like(128))
	}
	return y
}

func largeNetwork(t testing.TB, name string, n int) *network {
	g := newNetwork(0)
	g.Inputs = []ir.Value{{Name: "x", Shape: []int{-1, 2}}}
	g.values["x"] = []int{2}
	g.weight = quantize(t, values([]int{2, 2}, 1, 0, 0.5, -1), qtensor.Symmetric(8))
	g.wide = quantize(t, values([]int{4, 2}, 1, 0, 0.5, -1, 1, 1, 0, 1), qtensor.Symmetric(8))
	g.Outputs = append(g.Outputs, ir.Value{Name: large[name](g, n)})
	return g
}

// largeNodes are so many that what took their square would take minutes: fewer where each takes longer.
var largeNodes = map[bool]int{false: 16_000, true: 2_000}[raceEnabled]

// TestLarge makes networks that are large in each way, and has smaller ones saved, loaded and run.
func TestLarge(t *testing.T) {
	t.Parallel()
	for _, name := range sortedKeys(large) {
		g := largeNetwork(t, name, largeNodes)
		quantized := len(newModel(t, &g.Network, g.layers).QuantizedValues())
		t.Logf("%s: %d nodes, %d values quantized", name, len(g.Nodes), quantized)
		g = largeNetwork(t, name, largeNodes/20)
		file := bytesOf(t, newModel(t, &g.Network, g.layers))
		loaded, err := model.Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := loaded.Run(context.Background(), map[string]tensor.Tensor{"x": tensorOf(count(1, 2))}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLargeNames saves weights whose names are many constants' too.
func TestLargeNames(t *testing.T) {
	g := largeNetwork(t, "layers", 400)
	y := g.Outputs[0].Name
	for i := range g.Nodes {
		old, name := g.Nodes[i].Name, "n"+strings.Repeat("~", i)
		l := g.layers[old]
		delete(g.layers, old)
		l.Weight = quantize(t, values([]int{2, 2}, 1, 0, 0.5, float32(i)), qtensor.Symmetric(8))
		g.layers[name], g.Nodes[i].Name = l, name
		g.Constants[name+".weight"] = values([]int{2}, 1, 2)
	}
	for _, n := range g.Nodes[:400] {
		y = g.node(ir.Node{Op: "Add", Inputs: []string{y, n.Name + ".weight"}}, 2)
	}
	for i := range largeNodes / 5 { // which a name is compared with
		y = g.node(ir.Node{Op: "Add", Inputs: []string{y, g.constant(values([]int{1}, float32(i)))}}, 2)
	}
	g.Outputs[0].Name = y
	m := newModel(t, &g.Network, g.layers)
	file := bytesOf(t, m)
	loaded, err := model.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytesOf(t, loaded), file) {
		t.Error("a loaded model gives another file")
	}
}

// TestHeaderBound compares the headers of files with what New says that they have at most, which is far from
// what no file holds.
func TestHeaderBound(t *testing.T) {
	cases, tightest, loosest := 0, 0.0, 1.0
	check := func(name string, m *model.Model) {
		t.Helper()
		var file bytes.Buffer
		if err := m.Write(&file); errors.Is(err, model.ErrForeign) {
			return // in no file
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bound, _ := m.HeaderBound()
		got := int(binary.LittleEndian.Uint64(file.Bytes()))
		if got > bound {
			t.Errorf("%s: got a header of %d bytes, want at most %d", name, got, bound)
		}
		cases, tightest, loosest = cases+1, max(tightest, float64(got)/float64(bound)), min(loosest, float64(got)/float64(bound))
	}
	for _, k := range nodeKinds() {
		m, _ := k.model(t)
		check(k.name, m)
	}
	for _, name := range sortedKeys(large) {
		for _, letter := range []string{"", "\x01", "\"", "\\", "<", "é", "\u2028", "😀", "\x7f"} {
			g := largeNetwork(t, name, 60)
			rename := func(s string) string { return strings.Repeat(letter, 50) + s }
			layers := map[string]model.Layer{}
			for node, l := range g.layers {
				layers[rename(node)] = l
			}
			constants := map[string]*ir.Constant{}
			for name, c := range g.Constants {
				constants[rename(name)] = c
			}
			g.Constants = constants
			for i := range g.Nodes {
				n := &g.Nodes[i]
				n.Name, n.Output = rename(n.Name), rename(n.Output)
				n.Inputs = slices.Clone(n.Inputs) // of two nodes
				for j, in := range n.Inputs {
					n.Inputs[j] = rename(in)
				}
			}
			for _, list := range [][]ir.Value{g.Inputs, g.Outputs} {
				for i := range list {
					list[i].Name = rename(list[i].Name)
				}
			}
			check(fmt.Sprintf("%s, %q", name, letter), newModel(t, &g.Network, layers))
		}
	}
	t.Logf("%d headers, of %.2f to %.2f of their bounds", cases, loosest, tightest)
}

// TestHeaderOfMany has so many nodes of each kind that what took more for each past a bound would show: New
// does not write a header to see how long it is.
func TestHeaderOfMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	if raceEnabled {
		t.Skip("takes long")
	}
	const n = 100_000
	for _, name := range []string{"layers", "layers, then their Relus", "constants", "Relus"} {
		g := largeNetwork(t, name, n)
		bound, small := newModel(t, &g.Network, g.layers).HeaderBound()
		if bound >= small {
			t.Errorf("%d nodes of %s: got a bound of %d bytes, want less than %d", n, name, bound, small)
		}
		t.Logf("%d nodes of %s: at most %d bytes", n, name, bound)
	}
}

// TestLongSharedName has a weight whose name in a file is long, and is there once for each of its layers: New
// refuses what Save would.
func TestLongSharedName(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("takes long")
	}
	for layers, fine := range map[int]bool{300: true, 900: false} {
		g := newNetwork(0)
		g.Inputs = []ir.Value{{Name: "x", Shape: []int{-1, 2}}}
		g.values["x"] = []int{2}
		g.weight = quantize(t, values([]int{2, 2}, 1, 0, 0.5, -1), qtensor.Symmetric(8))
		y := g.sequence(layers, "x", (*network).dense)
		first := slices.Min(slices.Collect(maps.Keys(g.layers)))
		for tildes := 0; tildes < 1<<16; tildes = 2*tildes + 1 { // each name that the weight would have
			name := first + strings.Repeat("~", tildes) + ".weight"
			g.Constants[name] = values([]int{2}, 1, 2)
			y = g.node(ir.Node{Op: "Add", Inputs: []string{y, name}}, 2)
		}
		g.Outputs = []ir.Value{{Name: y}}
		m, err := model.New(&g.Network, g.layers)
		if fine != (err == nil) || err != nil && !errors.Is(err, qtensor.ErrParams) {
			t.Errorf("%d layers: got error %v, want one: %v", layers, err, !fine)
		}
		if err == nil {
			if err := m.Write(io.Discard); err != nil {
				t.Errorf("%d layers: New takes what Write refuses: %v", layers, err)
			}
		}
	}
}

// TestLayersOfNoNode names one of many layers that no node takes.
func TestLayersOfNoNode(t *testing.T) {
	g := largeNetwork(t, "layers and Relus", largeNodes)
	for name, want := range map[string]string{"elsewhere": `"elsewhere"`, g.Nodes[1].Name: "a layer for a Relu"} {
		layers := maps.Clone(g.layers)
		layers[name] = model.Layer{Weight: g.weight}
		if _, err := model.New(&g.Network, layers); !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want ErrParams with %s", name, err, want)
		}
	}
}

// BenchmarkNew shows what a node more takes.
func BenchmarkNew(b *testing.B) {
	for _, name := range sortedKeys(large) {
		for _, n := range []int{16_000, 32_000, 64_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				g := largeNetwork(b, name, n)
				for b.Loop() {
					if _, err := model.New(&g.Network, g.layers); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
