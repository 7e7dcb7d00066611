package model_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"weak"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// packed are weights of all layouts and of uneven sizes, for rows or images x; scales are for each index of
// the channel axis.
var packed = []struct {
	name        string
	node        ir.Node
	w, x        []int
	channelAxis int
}{
	{"MatMul", ir.Node{Op: "MatMul"}, []int{1024, 512}, []int{1024}, 1},
	{"MatMul of a row", ir.Node{Op: "MatMul"}, []int{1, 1 << 17}, []int{1}, 1},
	{"MatMul of a column", ir.Node{Op: "MatMul"}, []int{1 << 17, 1}, []int{1 << 17}, 1},
	{"MatMul of 65 rows", ir.Node{Op: "MatMul"}, []int{65, 8191}, []int{65}, 1},
	{"Gemm transB", ir.Node{Op: "Gemm", TransB: true}, []int{512, 1024}, []int{1024}, 0},
	{"Gemm transB of 65", ir.Node{Op: "Gemm", TransB: true}, []int{8191, 65}, []int{65}, 0},
	{"Conv", ir.Node{Op: "Conv"}, []int{256, 256, 3, 3}, []int{256, 4, 4}, 0},
	{"Conv of points", ir.Node{Op: "Conv"}, []int{512, 512, 1, 1}, []int{512, 2, 2}, 0},
	{"Conv of a channel", ir.Node{Op: "Conv"}, []int{1024, 1, 15, 15}, []int{1, 16, 16}, 0},
	{"Conv of columns", ir.Node{Op: "Conv"}, []int{512, 1, 512, 1}, []int{1, 512, 2}, 0},
	{"Conv in groups", ir.Node{Op: "Conv", Group: 8}, []int{512, 64, 3, 3}, []int{512, 4, 4}, 0},
	{"Conv of channels", ir.Node{Op: "Conv", Group: 4096}, []int{4096, 1, 5, 5}, []int{4096, 6, 6}, 0},
	{"Gather", ir.Node{Op: "Gather"}, []int{4096, 128}, []int{4}, 0},
}

// TestPackingMemory compares what packing a weight allocates, what is garbage then too, with what the limit
// counts.
func TestPackingMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	threads(t, 1)
	const slack = 64 << 10
	rng := rand.New(rand.NewPCG(3, 4))
	cases, most := 0, 0.0
	for _, c := range packed {
		w := tensorOf(random(rng, 1, c.w...))
		for _, scheme := range []qtensor.Scheme{
			qtensor.Symmetric(8), qtensor.Affine(8), qtensor.Int4(), qtensor.UInt4(), qtensor.Uniform(8), qtensor.Float16(),
			qtensor.BFloat16(), qtensor.MXFP4().PerGroup(c.channelAxis, 32), qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(c.channelAxis),
			qtensor.PerChannelSymmetric(8, c.channelAxis), qtensor.Int4().PerAxis(c.channelAxis),
			qtensor.Int4().PerGroup(c.channelAxis, 32), qtensor.Affine(8).PerGroup(c.channelAxis, 4),
		} {
			if scheme.IsFloat() && c.node.Op == "Conv" {
				continue
			}
			q, err := qtensor.Quantize(w, scheme)
			if err != nil {
				t.Fatalf("%s %v: %v", c.name, scheme, err)
			}
			n, x := c.node, ir.Value{Name: "x", Shape: append([]int{-1}, c.x...)}
			n.Name, n.Inputs, n.Output = "n", []string{"x", "w"}, "y"
			if n.Op == "Gather" {
				n.Inputs, x.Type = []string{"w", "x"}, ir.Int64
			}
			g := &ir.Network{
				Inputs: []ir.Value{x}, Outputs: []ir.Value{{Name: "y"}}, Nodes: []ir.Node{n},
				Constants: map[string]*ir.Constant{"w": {Shape: c.w}},
			}
			layers := map[string]model.Layer{"n": {Weight: q}}
			made := newModel(t, g, layers)
			file := bytesOf(t, made)
			loaded, err := model.ReadLater(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatalf("%s %v: %v", c.name, scheme, err)
			}
			for what, m := range map[string]*model.Model{"made": made, "loaded": loaded} {
				var err error
				got, want := allocated(func() { err = m.Prepare() }), m.Resident()+m.Packing()
				if err != nil || got > want+slack {
					t.Errorf("%s %v, %s: got error %v and %d bytes, want at most %d", c.name, scheme, what, err, got, want)
				}
				cases, most = cases+1, max(most, float64(got)/float64(want+slack))
			}
			if _, err := model.New(g, layers, model.WithMemoryLimit(made.Memory(1, false)-made.Packing())); !errors.Is(err, model.ErrMemory) {
				t.Errorf("%s %v: got error %v of a limit that packing passes, want ErrMemory", c.name, scheme, err)
			}
		}
	}
	t.Logf("%d weights, up to %.2f of what the limit counts", cases, most)
}

// TestReplacedIsFreed: a model does not keep the float32 elements of a weight that a layer replaces.
func TestReplacedIsFreed(t *testing.T) {
	made := func() (*model.Model, weak.Pointer[float32], weak.Pointer[float32]) {
		g := &ir.Network{
			Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 64}}}, Outputs: []ir.Value{{Name: "y"}},
			Nodes:     []ir.Node{{Op: "Gemm", Name: "fc", Inputs: []string{"x", "w", "b"}, Output: "y"}},
			Constants: map[string]*ir.Constant{"w": count(64, 64), "b": count(64)},
		}
		w, b := weak.Make(&g.Constants["w"].Data[0]), weak.Make(&g.Constants["b"].Data[0])
		return newModel(t, g, map[string]model.Layer{"fc": {Weight: quantize(t, g.Constants["w"], qtensor.Symmetric(8))}}), w, b
	}
	m, w, b := made()
	for range 3 {
		runtime.GC()
	}
	if w.Value() != nil || b.Value() == nil {
		t.Errorf("the weight is kept %t, want it freed; the bias is kept %t, want it kept", w.Value() != nil, b.Value() != nil)
	}
	run(t, m, batchOf(1, 2, 64), "y")
}
