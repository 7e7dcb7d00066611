package model_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"euryale/internal/ir"

	"gorgonia.org/tensor"
)

// manySamples are worth splitting for a LeNet.
const manySamples = 3003

// threads sets how many there are for the rest of a test.
func threads(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// TestSplit compares batches in several tasks with those in one.
func TestSplit(t *testing.T) {
	threads(t, 2)
	for _, compute := range []string{"static-int8", "dynamic-int8", "fixed24"} {
		for number, c := range slices.Concat(propagations, computed) {
			batches := []int{2, 5, 33}
			if testing.Short() {
				batches = batches[number%3:][:1]
			}
			g := c.graphOf("y")
			layers := quantized(t, g, batchOf(1, append([]int{16}, c.sample...)...), compute)
			if compute == "static-int8" {
				change(t, c, layers)
			}
			m := newModel(t, g, layers)
			if few, many := m.Tasks(1<<16), m.Tasks(1<<24); few < 2 || few%2 != 0 || many <= few || many%2 != 0 {
				t.Errorf("%s, %s: large batches are in %d and %d tasks, want as many for each thread, and more of the larger",
					c.name, compute, few, many)
			}
			if tasks := m.Tasks(1); tasks != 1 {
				t.Errorf("%s, %s: a batch of one is in %d tasks", c.name, compute, tasks)
			}
			for _, batch := range batches {
				in := batchOf(uint64(batch), append([]int{batch}, c.sample...)...)
				want := run(t, m, in, "y")
				for _, tasks := range []int{1, 2, batch/2 + 1, batch} {
					if got, err := m.Split(in, tasks); err != nil || !slices.Equal(got[0], want) {
						t.Errorf("%s, %s: error %v, or other bits for a batch of %d in %d tasks", c.name, compute, err, batch, tasks)
					}
				}
			}
		}
	}
}

// TestNotSplit goes through networks whose samples are not independent, or for whose threads it does not pay.
func TestNotSplit(t *testing.T) {
	threads(t, 2)
	first := dense("a", "x", "12 12")
	split := func(name string, tasks int, nodes ...ir.Node) {
		t.Helper()
		c := propagated{sample: []int{12}, nodes: nodes}
		g := c.graphOf("y")
		g.Constants["w"] = random(rand.New(rand.NewPCG(6, 2)), 0.3, 12, 12)
		layers := quantized(t, g, batchOf(1, 16, 12), "dynamic-int8")
		for name := range layers {
			if name == "float.gemm" {
				delete(layers, name)
			}
		}
		if got := newModel(t, g, layers).Tasks(100000); min(got, 2) != tasks {
			t.Errorf("%s: got %d tasks, want %d", name, got, tasks)
		}
	}
	gemm := first
	gemm.Output = "y"
	split("rows", 2, gemm)
	split("softmax of rows", 2, first, ir.Node{Op: "Softmax", Name: "s", Inputs: []string{"a"}, Output: "y", Axis: new(1)})
	split("softmax of columns", 1, first, ir.Node{Op: "Softmax", Axis: new(0), Name: "s", Inputs: []string{"a"}, Output: "y"})
	split("softmax of columns by a negative axis", 1, first, ir.Node{Op: "Softmax", Axis: new(-2), Name: "s", Inputs: []string{"a"}, Output: "y"})
	split("samples put together", 1, first, concat("y", 0, "a", "a"))
	split("a product in float32", 2, first, dense("float", "a", "12 12'"), op("Relu", "y", "float"))
	split("a product of two that are computed", 1, first, op("Tanh", "computed", "w"), ir.Node{Op: "MatMul", Name: "m", Inputs: []string{"a", "computed"}, Output: "y"})
	split("a transposed result", 1, first, ir.Node{Op: "Transpose", Name: "t", Inputs: []string{"a"}, Output: "y", Perm: []int{1, 0}})
	split("transposed and back", 1, first, ir.Node{Op: "Transpose", Name: "t", Inputs: []string{"a"}, Output: "t", Perm: []int{1, 0}}, ir.Node{Op: "Transpose", Name: "u", Inputs: []string{"t"}, Output: "y", Perm: []int{1, 0}})
	split("several rows of a sample", 2, first, reshape("r", "a", -1, 4), dense("y", "r", "4 3"))
	split("what is the same for all", 2, first, op("Tanh", "t", "w"), ir.Node{Op: "ReduceMax", KeepDims: new(false), Name: "m", Inputs: []string{"t"}, Output: "m", Axes: []int{0}}, op("Mul", "y", "a", "m"))
	split("no layer", 1, op("Tanh", "y", "x"))
	big := propagated{sample: []int{1200}, nodes: []ir.Node{dense("y", "x", "1200 1200")}}
	g := big.graphOf("y")
	if got := newModel(t, g, quantized(t, g, batchOf(1, 4, 1200), "dynamic-int8")).Tasks(100000); got != 1 {
		t.Errorf("weights that fill a cache: got %d tasks, want 1", got)
	}
	foreign := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 12}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{first, {
			Op: "Foreign", Name: "c", Inputs: []string{"a"}, Output: "y", Foreign: code{
				"code",
				[]int{-1, 12},
				func(_ context.Context, _ int, in []ir.Array) (ir.Array, error) { return in[0], nil },
			},
		}},
		Constants: map[string]*ir.Constant{"12 12": random(rand.New(rand.NewPCG(6, 2)), 0.3, 12, 12)},
	}
	if got := newModel(t, foreign, quantized(t, foreign, batchOf(1, 4, 12), "dynamic-int8")).Tasks(100000); got != 1 {
		t.Errorf("code: got %d tasks, want 1", got)
	}
}

// TestSplitFails compares the errors of tasks with those of a whole batch.
func TestSplitFails(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	threads(t, 3)
	c := propagations[1]
	g := c.graphOf("y")
	m := newModel(t, g, quantized(t, g, batchOf(1, append([]int{16}, c.sample...)...), "static-int8"))
	for _, bad := range []int{0, 500, manySamples - 1} {
		in := batchOf(3, append([]int{manySamples}, c.sample...)...)
		in["x"].(*tensor.Dense).Float32s()[bad*12*12+7] = float32(math.NaN())
		if m.Tasks(manySamples) < 2 {
			t.Fatal("not split")
		}
		_, err := m.Run(t.Context(), in)
		runtime.GOMAXPROCS(1)
		_, want := m.Run(t.Context(), in)
		runtime.GOMAXPROCS(3)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("NaN in sample %d: got error %v, want %v", bad, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := m.Run(ctx, batchOf(3, append([]int{manySamples}, c.sample...)...)); !errors.Is(err, context.Canceled) || out != nil {
		t.Errorf("got %v and error %v after it was cancelled", out, err)
	}
}
