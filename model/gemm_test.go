package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/model"

	"gorgonia.org/tensor"
)

// mostSamples are a whole number of no kernel's rows.
const mostSamples = 193

// batches is samples of which any number in a row can be run.
type batches struct {
	model  *model.Model
	x      *ir.Constant
	single int // how many results a sample has
}

// run returns the results of samples.
func (b batches) run(t *testing.T, first, end int) []float32 {
	t.Helper()
	size := len(b.x.Data) / b.x.Shape[0]
	x := &ir.Constant{Shape: append([]int{end - first}, b.x.Shape[1:]...), Data: b.x.Data[first*size : end*size]}
	y := run(t, b.model, map[string]tensor.Tensor{"x": tensorOf(x)}, "y")
	if len(y) != (end-first)*b.single {
		t.Fatalf("%d samples have %d results, want %d each", end-first, len(y), b.single)
	}
	return y
}

// compare returns the results of each sample alone. Batches must have the same bits.
func (b batches) compare(t *testing.T, name string) (alone []float32) {
	t.Helper()
	most := b.x.Shape[0]
	for i := range most {
		alone = append(alone, b.run(t, i, i+1)...)
	}
	same := func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }
	for _, samples := range []int{2, 3, 4, 5, 12, 16, 25, 64, 192, most} {
		for _, first := range []int{0, most - samples} {
			if got, want := b.run(t, first, first+samples), alone[first*b.single:][:samples*b.single]; !slices.EqualFunc(got, want, same) {
				t.Errorf("%s: samples from %d on have other bits in a batch of %d than alone", name, first, samples)
			}
		}
	}
	return alone
}

// sum is what a sum of products in float32 is compared with.
type sum struct{ value, sizes float64 }

func (s *sum) add(x float64) { s.value, s.sizes = s.value+x, s.sizes+math.Abs(x) }

// near reports whether got is within the rounding errors of n sums.
func (s *sum) near(got float32, n int) bool {
	return math.Abs(float64(got)-s.value) <= float64(n)*0x1p-24*s.sizes
}

// TestGemmOfBatches multiplies batches by weights of both orders that are constant, or computed, or have a layer.
// Those in float32 are compared with sums in float64.
func TestGemmOfBatches(t *testing.T) {
	for _, processors := range []int{1, 2} {
		threads(t, processors)
		for _, size := range []struct{ k, n int }{{784, 10}, {1, 1}, {3, 17}, {65, 33}, {1030, 50}} {
			for _, transB := range []bool{false, true} {
				for _, kind := range []string{"constant", "computed", "static-int8", "dynamic-int8", "fixed24"} {
					name := fmt.Sprintf("%d threads, k %d, n %d, transB %v, %s", processors, size.k, size.n, transB, kind)
					gemmOfBatches(t, name, size.k, size.n, transB, kind)
				}
			}
		}
	}
}

func gemmOfBatches(t *testing.T, name string, k, n int, transB bool, kind string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	w, bias, x := random(rng, 0.5, k, n), random(rng, 1, n), random(rng, 1, mostSamples, k)
	weight := func(p, j int) float64 { return float64(w.Data[p*n+j]) }
	if transB {
		w.Shape = []int{n, k}
		weight = func(p, j int) float64 { return float64(w.Data[j*k+p]) }
	}
	nodes := []ir.Node{{Op: "Gemm", Name: "fc", Inputs: []string{"x", "w", "b"}, Output: "y", TransB: transB}}
	if kind == "computed" {
		nodes[0].Inputs[1] = "twice"
		nodes = slices.Insert(nodes, 0, op("Add", "twice", "w", "w"))
		given := weight
		weight = func(p, j int) float64 { return 2 * given(p, j) }
	}
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, k}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes: nodes, Constants: map[string]*ir.Constant{"w": w, "b": bias},
	}
	if kind != "constant" && kind != "computed" {
		layers := quantized(t, g, map[string]tensor.Tensor{"x": tensorOf(x)}, kind)
		batches{newModel(t, g, layers), x, n}.compare(t, name)
		return
	}
	for i, got := range (batches{newModel(t, g, nil), x, n}).compare(t, name) {
		sample, column := i/n, i%n
		var want sum
		want.add(float64(bias.Data[column]))
		for p, v := range x.Data[sample*k:][:k] {
			want.add(float64(v) * weight(p, column))
		}
		if !want.near(got, k+1) {
			t.Fatalf("%s: sample %d, column %d: got %v, want %v", name, sample, column, got, want.value)
		}
	}
}

// TestMatMulOfBatches multiplies the matrices of samples by a constant, and each by its own transpose.
func TestMatMulOfBatches(t *testing.T) {
	const rows, k, columns = 7, 65, 19
	rng := rand.New(rand.NewPCG(8, 3))
	w, x := random(rng, 0.5, k, columns), random(rng, 1, mostSamples, rows, k)
	transpose := ir.Node{Op: "Transpose", Name: "turned", Inputs: []string{"x"}, Output: "turned", Perm: []int{0, 2, 1}}
	for _, c := range []struct {
		name  string
		nodes []ir.Node
		n     int
		right func(sample, p, j int) float32
	}{
		{"constant", []ir.Node{op("MatMul", "y", "x", "w")}, columns, func(_, p, j int) float32 { return w.Data[p*columns+j] }},
		{"own", []ir.Node{transpose, op("MatMul", "y", "x", "turned")}, rows, func(sample, p, j int) float32 { return x.Data[(sample*rows+j)*k+p] }},
	} {
		g := &ir.Network{
			Inputs: []ir.Value{{Name: "x", Shape: []int{-1, rows, k}}}, Outputs: []ir.Value{{Name: "y"}},
			Nodes: c.nodes, Constants: map[string]*ir.Constant{},
		}
		if c.name == "constant" {
			g.Constants["w"] = w
		}
		for i, got := range (batches{newModel(t, g, nil), x, rows * c.n}).compare(t, c.name) {
			row, column := i/c.n, i%c.n // of all samples
			var want sum
			for p, v := range x.Data[row*k:][:k] {
				want.add(float64(v) * float64(c.right(row/rows, p, column)))
			}
			if !want.near(got, k) {
				t.Fatalf("%s: sample %d, row %d, column %d: got %v, want %v", c.name, row/rows, row%rows, column, got, want.value)
			}
		}
	}
}
