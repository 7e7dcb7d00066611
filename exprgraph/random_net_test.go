package exprgraph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gorgonia.org/tensor"
)

// Random networks. A seed draws a network as a list of values (random_draw_test.go), which a graph of
// Gorgonia for any batch (random_graph_test.go) and an interpreter (random_interpret_test.go) are made from.
// Neither of the two knows the other.

// randomValue is a leaf of a network, or what an operation makes of earlier values.
type randomValue struct {
	op    string
	in    []int     // earlier values
	shape []int     // −n is n times the batch
	ints  []int     // what the operation takes: axes, pads, kinds of leaves
	nums  []float64 // likewise
	seed  uint64    // of the elements of a leaf

	low, high float64 // bounds of the elements
	free      bool    // depends on an input
	index     bool    // whole numbers, that rows are taken by
	outer     int     // of the factors of the axis with the batch, the product of those outside of it
	fault     int     // in a weight: 1 + the index of an element of another sign
}

type randomNet struct {
	seed    uint64
	dt      tensor.Dtype
	batch   int // of the graph that is read
	values  []randomValue
	outputs []int
	single  bool // of vectors, for one sample: the model has a batch in front
	mixes   bool // a Reshape does not keep the elements of a sample together, or not for sure in a graph of one sample

	weights map[int]*tensor.Dense // of leaves that do not follow the batch, shared by all graphs
}

// String returns a line for each value.
func (n *randomNet) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %v, read at batch %d, of one sample: %t\n", n.seed, n.dt, n.batch, n.single)
	for i, v := range n.values {
		fmt.Fprintf(&b, "\tv%d = %s", i, v.op)
		for _, j := range v.in {
			fmt.Fprintf(&b, " v%d", j)
		}
		if len(v.ints) > 0 {
			fmt.Fprintf(&b, " %v", v.ints)
		}
		if len(v.nums) > 0 {
			fmt.Fprintf(&b, " %v", v.nums)
		}
		fmt.Fprintf(&b, ": (%s)\n", sizesText(v.shape))
	}
	fmt.Fprintf(&b, "\toutputs")
	for _, i := range n.outputs {
		fmt.Fprintf(&b, " v%d", i)
	}
	return b.String()
}

func sizesText(shape []int) string {
	var list []string
	for _, d := range shape {
		switch {
		case d == -1:
			list = append(list, "B")
		case d < 0:
			list = append(list, fmt.Sprintf("%dB", -d))
		default:
			list = append(list, fmt.Sprint(d))
		}
	}
	return strings.Join(list, ", ")
}

// sizes returns a shape for a batch.
func sizes(shape []int, batch int) []int {
	list := make([]int, len(shape))
	for i, d := range shape {
		if list[i] = d; d < 0 {
			list[i] = -d * batch
		}
	}
	return list
}

func total(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// batchAxes returns the axes that follow the batch.
func batchAxes(shape []int) (axes []int) {
	for i, d := range shape {
		if d < 0 {
			axes = append(axes, i)
		}
	}
	return axes
}

func (v *randomValue) isLeaf() bool {
	return slices.Contains([]string{"input", "indices", "weight", "by batch", "scalar"}, v.op)
}

// The kinds of the elements of a leaf, ints[0].
const (
	drawnElements = iota // normal deviates, rounded to 64ths
	coarse               // halves, many of which are equal
	uniform              // one number
	equalRows            // those of the first row
	kindsOfElements
)

// elements returns what a leaf holds for a batch. All of it is exact in float32. A leaf that follows the
// batch, and is no input, has the same elements for all samples.
func (v *randomValue) elements(batch int) []float64 {
	if v.op == "scalar" {
		return v.nums
	}
	if v.op == "by batch" {
		return v.repeated(batch)
	}
	shape := sizes(v.shape, batch)
	x := make([]float64, total(shape))
	seed := v.seed
	if v.op == "input" || v.op == "indices" {
		seed = seed*1000 + uint64(batch)
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	draw := func() float64 {
		y := rng.NormFloat64() / 2
		if v.op == "input" {
			y *= 2
		}
		if v.ints[0] == coarse {
			return math.Round(2*y) / 2
		}
		return math.Round(64*max(-3, min(y, 3))) / 64
	}
	first := draw()
	for i := range x {
		switch {
		case v.op == "indices":
			x[i] = float64(rng.IntN(v.ints[0]))
		case v.ints[0] == uniform:
			x[i] = first
			if len(v.nums) > 0 {
				x[i] = v.nums[0]
			}
		default:
			x[i] = draw()
		}
	}
	if v.op == "weight" && v.ints[0] == equalRows && len(shape) > 0 {
		copy(x, slices.Repeat(x[:len(x)/shape[0]], shape[0]))
	}
	if v.fault > 0 {
		x[v.fault-1] *= -1
	}
	return x
}

// repeated returns the elements of a leaf that follows the batch: those at the first place of axes with the
// batch, at all.
func (v *randomValue) repeated(batch int) []float64 {
	one := *v
	one.op, one.shape = "weight", slices.Clone(v.shape)
	axes := batchAxes(v.shape)
	for _, axis := range axes {
		one.shape[axis] = 1
	}
	first, shape := one.elements(batch), sizes(v.shape, batch)
	x := make([]float64, total(shape))
	for i := range x {
		at := indexOf(i, shape)
		for _, axis := range axes {
			at[axis] = 0
		}
		x[i] = first[placeOf(at, one.shape)]
	}
	return x
}

// indexOf returns where element i of a tensor lies, row-major.
func indexOf(i int, shape []int) []int {
	at := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = i % shape[axis]
		i /= shape[axis]
	}
	return at
}

// placeOf returns which element lies there.
func placeOf(at, shape []int) (i int) {
	for axis, n := range shape {
		i = i*n + at[axis]
	}
	return i
}

// prune drops the values that no output needs, but for inputs.
func (n *randomNet) prune() {
	needed := make([]bool, len(n.values))
	for _, i := range n.outputs {
		needed[i] = true
	}
	for i, v := range slices.Backward(n.values) {
		needed[i] = needed[i] || v.op == "input" || v.op == "indices"
		for _, j := range v.in {
			needed[j] = needed[j] || needed[i]
		}
	}
	to := make([]int, len(n.values))
	var kept []randomValue
	for i, v := range n.values {
		if !needed[i] {
			continue
		}
		v.in = slices.Clone(v.in)
		for k, j := range v.in {
			v.in[k] = to[j]
		}
		to[i] = len(kept)
		kept = append(kept, v)
	}
	n.values, n.outputs = kept, slices.Clone(n.outputs)
	for k, i := range n.outputs {
		n.outputs[k] = to[i]
	}
	n.weights = map[int]*tensor.Dense{}
}

// sample returns the inputs for a batch, by name.
func (n *randomNet) sample(batch int) map[string]tensor.Tensor {
	in := map[string]tensor.Tensor{}
	for i, v := range n.values {
		if n.single && v.op == "input" {
			var x []float64
			for s := range batch {
				x = append(x, v.elements(s+1)...)
			}
			in[fmt.Sprint("v", i)] = tensor.New(tensor.WithShape(batch, len(x)/batch), tensor.WithBacking(convertTo[float32](x)))
			continue
		}
		switch shape := sizes(v.shape, batch); v.op {
		case "input":
			in[fmt.Sprint("v", i)] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(convertTo[float32](v.elements(batch))))
		case "indices":
			in[fmt.Sprint("v", i)] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(convertTo[int](v.elements(batch))))
		}
	}
	return in
}

func convertTo[T float32 | float64 | int](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}
