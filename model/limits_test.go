package model_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// limitCase is a node on an input and constants.
type limitCase struct {
	node    ir.Node
	shapes  [][]int // of the input, which may have the batch, and of constants
	compute string  // of a layer with the weights, "" for none
}

func (c limitCase) String() string {
	return fmt.Sprintf("%+v of %v, layer %q", c.node, c.shapes, c.compute)
}

// numbers are sizes at limits and past them.
var numbers = []int{
	0, 1, 2, 3, -1, -2, 1<<15 - 1, 1 << 15, 1<<15 + 1, 1 << 28, 1<<28 + 1, math.MaxInt32, math.MinInt32, math.MaxInt, math.MinInt,
}

// limitCases are right; what is wrong is made of them.
func limitCases() (list []limitCase) {
	add := func(n ir.Node, shapes ...[]int) { list = append(list, limitCase{n, shapes, ""}) }
	add(ir.Node{Op: "Gemm"}, []int{-1, 3}, []int{3, 2}, []int{2})
	add(ir.Node{Op: "Gemm", TransB: true}, []int{-1, 3}, []int{2, 3})
	add(ir.Node{Op: "MatMul"}, []int{-1, 2, 3}, []int{3, 2})
	add(ir.Node{Op: "MatMul"}, []int{2, 2, 3}, []int{2, 3, 2})
	add(ir.Node{Op: "Conv"}, []int{-1, 2, 4, 3}, []int{3, 2, 2, 1}, []int{3})
	add(ir.Node{Op: "Conv", Strides: []int{2, 1}, Pads: []int{1, 2, 1, 2}, Dilations: []int{1, 2}, Group: 2},
		[]int{-1, 4, 4, 5}, []int{2, 2, 3, 2})
	add(ir.Node{Op: "Conv", Group: 3, Pads: []int{1, 0, 1, 0}}, []int{-1, 3, 4, 1}, []int{3, 1, 3, 1})
	for _, long := range []int{1<<15 - 2, 1 << 15} {
		add(ir.Node{Op: "Conv", Pads: []int{0, 0, 0, 0}, Strides: []int{1, 1}}, []int{-1, 1, long, 1}, []int{1, 1, 1, 1})
		add(ir.Node{Op: "Conv", Strides: []int{1 << 15, 1}}, []int{-1, 1, long, 1}, []int{1, 1, long, 1})
		add(ir.Node{Op: "Conv", Dilations: []int{long - 1, 1}}, []int{-1, 1, long, 1}, []int{1, 1, 2, 1})
		for _, op := range []string{"MaxPool", "AveragePool"} {
			add(ir.Node{Op: op, Kernel: []int{2, 1}, Strides: []int{2, 1}, Pads: []int{0, 0, 0, 0}}, []int{-1, 1, long, 1})
			add(ir.Node{Op: op, Kernel: []int{1, long}, Strides: []int{1, 1 << 15}}, []int{-1, 1, 1, long})
		}
	}
	for _, op := range []string{"MaxPool", "AveragePool"} {
		add(ir.Node{Op: op, Kernel: []int{3, 2}, Strides: []int{2, 1}, Pads: []int{2, 1, 2, 1}}, []int{-1, 2, 4, 5})
		add(ir.Node{Op: op, Kernel: []int{2, 2}, Strides: []int{2, 2}}, []int{-1, 2, 5, 4})
	}
	add(ir.Node{Op: "BatchNormalization"}, []int{-1, 2, 3}, []int{2}, []int{2}, []int{2}, []int{2})
	add(ir.Node{Op: "BatchNormalization", Epsilon: new(float32(0.5))}, []int{-1, 3}, []int{3}, []int{3}, []int{3}, []int{3})
	add(ir.Node{Op: "GlobalAveragePool"}, []int{-1, 2, 3, 2})
	add(ir.Node{Op: "GlobalAveragePool"}, []int{2, -1, 3, 2})
	add(ir.Node{Op: "GlobalAveragePool"}, []int{-1, 1, 2, 1})
	for op := range functions {
		n := ir.Node{Op: op}
		switch op {
		case "Clip":
			n.Min, n.Max = new(float32(-0.5)), new(float32(0.5))
		case "LeakyRelu":
			n.Alpha = new(float32(0.5))
		case "FakeQuantize":
			n.Scale, n.ZeroPoint, n.QuantMin, n.QuantMax = 0.25, 3, -128, 255
		}
		add(n, []int{-1, 3})
	}
	for op := range functionsOfTwo {
		add(ir.Node{Op: op}, []int{-1, 3, 2}, []int{3, 2})
		add(ir.Node{Op: op}, []int{-1, 3, 1}, []int{2})
	}
	for _, op := range []string{"Softmax", "LogSoftmax", "Sparsemax"} {
		add(ir.Node{Op: op, Axis: new(-2)}, []int{-1, 3, 2})
		add(ir.Node{Op: op, Axis: new(1)}, []int{-1, 3, 2})
		add(ir.Node{Op: op}, []int{-1, 3})
	}
	for _, op := range []string{"ReduceSum", "ReduceMax"} {
		add(ir.Node{Op: op, Axes: []int{1}, KeepDims: new(false)}, []int{-1, 3, 2})
		add(ir.Node{Op: op}, []int{2, 3, 2})
		add(ir.Node{Op: op, Axes: []int{2, 1}}, []int{-1, 3, 2, 2})
	}
	add(ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{1}, Ends: []int{3}, Steps: []int{2}}, []int{-1, 3, 2})
	add(ir.Node{Op: "Slice", Axes: []int{2}, Starts: []int{0}, Ends: []int{2}}, []int{-1, 3, 2})
	add(ir.Node{Op: "Resize", Scales: []int{1, 1, 2, 3}}, []int{-1, 2, 3, 2})
	add(ir.Node{Op: "Reshape", Shape: []int{-1, 3, 2}}, []int{-1, 6})
	add(ir.Node{Op: "Reshape", Shape: []int{2, -1, 3}}, []int{-1, 6})
	add(ir.Node{Op: "Transpose", Perm: []int{2, 0, 1}}, []int{-1, 3, 2})
	add(ir.Node{Op: "Transpose"}, []int{-1, 3, 2})
	add(ir.Node{Op: "Expand", Shape: []int{3, 4, 2}}, []int{1, 2})
	add(ir.Node{Op: "Concat", Axis: new(1)}, []int{3, 2, 2}, []int{3, 1, 2}, []int{3, 3, 2})
	add(ir.Node{Op: "Concat", Axis: new(-1)}, []int{1, 2}, []int{1, 3})
	add(ir.Node{Op: "Concat", Axis: new(1)}, []int{-1, 2})
	for _, c := range slices.Clone(list) {
		if slices.Contains([]string{"Gemm", "MatMul", "Conv"}, c.node.Op) && len(c.shapes[1]) != 3 {
			for _, compute := range []string{"fixed24", "wide"} {
				list = append(list, limitCase{c.node, c.shapes, compute})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b limitCase) int { // which maps do not
		return slices.Compare([]byte(a.String()), []byte(b.String()))
	})
	return list
}

// clone returns a case of its own.
func (c limitCase) clone() limitCase {
	for _, s := range c.attributes() {
		*s = slices.Clone(*s)
	}
	return c
}

// attributes are the lists of a case.
func (c *limitCase) attributes() (list []*[]int) {
	c.shapes = slices.Clone(c.shapes)
	n := &c.node
	list = ir.Lists(n)
	for i := range c.shapes {
		list = append(list, &c.shapes[i])
	}
	return list
}

// changes are ways to change one thing of a case.
func (c limitCase) changes() (list []func(c *limitCase)) {
	add := func(f func(c *limitCase)) { list = append(list, f) }
	for i, s := range c.attributes() {
		for at := range *s {
			for _, v := range numbers {
				add(func(c *limitCase) {
					if s := *c.attributes()[i]; at < len(s) { // one change may have cut what another is of
						s[at] = v
					}
				})
			}
		}
		if len(*s) == 0 {
			continue
		}
		add(func(c *limitCase) { *c.attributes()[i] = nil })
		add(func(c *limitCase) { *c.attributes()[i] = []int{} })
		add(func(c *limitCase) { s := c.attributes()[i]; *s = (*s)[min(1, len(*s)):] })
		for _, rank := range []int{len(*s) + 1, 7, 8, 9} {
			add(func(c *limitCase) {
				s := c.attributes()[i]
				for len(*s) < rank {
					*s = append(*s, 1)
				}
			})
		}
	}
	for _, v := range numbers {
		add(func(c *limitCase) { c.node.Group = v })
		add(func(c *limitCase) { c.node.Axis = new(v) })
		add(func(c *limitCase) { c.node.QuantMin = int32(max(math.MinInt32, min(math.MaxInt32, v))) })
		add(func(c *limitCase) { c.node.QuantMax = int32(max(math.MinInt32, min(math.MaxInt32, v))) })
		add(func(c *limitCase) { c.node.ZeroPoint = int32(max(math.MinInt32, min(math.MaxInt32, v))) })
	}
	for _, v := range []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0x1p-126, 0x1p-127,
		math.MaxFloat32, -1,
	} {
		add(func(c *limitCase) { c.node.Alpha = new(float32(v)) })
		add(func(c *limitCase) { c.node.Epsilon = new(float32(v)) })
		add(func(c *limitCase) { c.node.Min = new(float32(v)) })
		add(func(c *limitCase) { c.node.Max = new(float32(v)) })
		add(func(c *limitCase) { c.node.Scale = float32(v) })
	}
	return list
}

// most bounds the elements of a value, and the products of a node, that a test computes.
const mostElements, mostProducts = 1<<16 + 1<<14, 1 << 22

// made returns the network of a case, and its constants; a constant that is large or of no size has no
// numbers.
func (c limitCase) made(t *testing.T) (g *ir.Network, layers map[string]model.Layer, in []*ir.Constant) {
	rng := rand.New(rand.NewPCG(uint64(len(c.shapes)), 8))
	n := c.node
	n.Name, n.Output = "node", "y"
	g = &ir.Network{Outputs: []ir.Value{{Name: "y"}}, Constants: map[string]*ir.Constant{}}
	layers, in = map[string]model.Layer{}, make([]*ir.Constant, len(c.shapes))
	for i, shape := range c.shapes {
		name := string(rune('a' + i))
		n.Inputs = append(n.Inputs, name)
		if i == 0 {
			g.Inputs = append(g.Inputs, ir.Value{Name: name, Shape: shape})
			continue
		}
		in[i] = &ir.Constant{Shape: shape}
		if elements(shape) <= mostElements && !slices.ContainsFunc(shape, func(d int) bool { return d < 1 }) {
			in[i] = random(rng, 0.5, shape...)
			for j := range in[i].Data {
				in[i].Data[j]++ // sums that are not near 0
			}
		}
		if g.Constants[name] = in[i]; i != 1 || c.compute == "" || in[i].Data == nil {
			continue
		}
		q := quantize(t, in[i], qtensor.Symmetric(8))
		l := model.Layer{Weight: q}
		if c.compute == "wide" { // a hundredth of what there is is its step
			l = with(q, static(qtensor.Affine(8), 0.03, 100))
		}
		layers["node"] = l
		w, err := q.Dequantize(tensor.Float32)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		in[i] = &ir.Constant{Shape: shape, Data: w.Float32s()}
	}
	g.Nodes = []ir.Node{n}
	return g, layers, in
}

// run returns what became of a case: refused, too much, or computed.
func (c limitCase) run(t *testing.T) string {
	g, layers, in := c.made(t)
	n := g.Nodes[0]
	m, err := model.New(g, layers)
	if err != nil {
		if !errors.Is(err, qtensor.ErrShape) && !errors.Is(err, qtensor.ErrParams) && !errors.Is(err, model.ErrMemory) {
			t.Errorf("%v: got error %v, want ErrShape, ErrParams or ErrMemory", c, err)
		}
		return "refused"
	}
	x := m.Inputs()[0].Shape
	batch := 2
	if elements(x) > 1<<12 || !slices.ContainsFunc(x, func(d int) bool { return d < 0 }) {
		batch = 1
	}
	if n.Op == "Expand" {
		n.Shape = slices.Clone(n.Shape)
		for i, d := range n.Shape {
			if d == ir.Batch {
				n.Shape[i] = batch
			}
		}
	}
	for i, d := range x {
		if d < 0 {
			x[i] = batch * -d
		}
	}
	y, depth := m.Outputs()[0].Shape, 1
	switch {
	case len(n.Kernel) == 2:
		depth = n.Kernel[0] * n.Kernel[1]
	case n.Op == "GlobalAveragePool":
		depth = x[2] * x[3]
	case len(in) > 1 && layersOp(n.Op):
		depth = elements(c.shapes[1])
	case n.Op == "Softmax" || n.Op == "LogSoftmax":
		depth = slices.Max(x)
	case n.Op == "Sparsemax": // whose definition is a search
		depth = 60 * slices.Max(x)
	}
	if elements(x) > mostElements || elements(y) > mostElements || elements(y)*depth > mostProducts {
		return "too much"
	}
	in[0] = random(rand.New(rand.NewPCG(4, 8)), 0.5, x...)
	for j := range in[0].Data {
		in[0].Data[j]++
	}
	out, err := m.Run(context.Background(), map[string]tensor.Tensor{"a": tensorOf(in[0])})
	if err != nil {
		t.Errorf("%v: New takes it, and Run does not: %v", c, err)
		return "computed"
	}
	want := reference(&n, in)
	got := out["y"].(*tensor.Dense).Float32s()
	largest := 1.0
	for _, v := range want.Data {
		if size := math.Abs(float64(v)); size > largest && size <= math.MaxFloat32 {
			largest = size
		}
	}
	bound := 1e-3 * largest
	if c.compute == "wide" {
		bound = 2e-2 * largest
	}
	if !slices.Equal([]int(out["y"].Shape()), want.Shape) {
		t.Errorf("%v: got shape %v, want %v", c, out["y"].Shape(), want.Shape)
		return "computed"
	}
	for i, w := range want.Data {
		v := got[i]
		if d := math.Abs(float64(v) - float64(w)); !(d <= bound) && v != w && (v == v || w == w) {
			t.Errorf("%v: got %v at %d, want %v", c, v, i, w)
			break
		}
	}
	return "computed"
}

func layersOp(op string) bool { return op == "Gemm" || op == "MatMul" || op == "Conv" }

// elements returns how many there are, or many.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		if d == math.MinInt {
			return math.MaxInt32
		}
		if n *= max(d, -d); n > mostProducts || max(d, -d) > mostProducts {
			return math.MaxInt32
		}
	}
	return n
}

// TestLimits changes every attribute and every size of each op to numbers at limits and past them, one at a
// time and two: New refuses what is made so, or Run gives what the op's definition gives.
func TestLimits(t *testing.T) {
	t.Parallel()
	if raceEnabled || testing.Short() || strconv.IntSize == 32 {
		t.Skip("takes long, and 32 bits count no such sizes")
	}
	became := map[string]int{}
	rng := rand.New(rand.NewPCG(12, 12))
	for _, base := range limitCases() {
		if got := base.run(t); got == "refused" && len(base.node.Pads) != 4 {
			t.Errorf("%v: refused, which is right", base)
		}
		changes := base.changes()
		for i, change := range changes {
			c := base.clone()
			change(&c)
			became[c.run(t)]++
			if i%3 == 0 {
				changes[rng.IntN(len(changes))](&c)
				became[c.run(t)]++
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%v", became)
	if became["computed"] < 1000 || became["refused"] < 1000 {
		t.Errorf("of what was made %v, want more", became)
	}
}
