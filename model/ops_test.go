package model_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// one is a graph of one node on inputs a, b, …, of which those with data are constants.
func one(n ir.Node, in ...*ir.Constant) (*ir.Network, map[string]tensor.Tensor) {
	n.Name, n.Output = "node", "y"
	g := &ir.Network{Outputs: []ir.Value{{Name: "y"}}, Constants: map[string]*ir.Constant{}}
	given := map[string]tensor.Tensor{}
	for i, t := range in {
		name := string(rune('a' + i))
		n.Inputs = append(n.Inputs, name)
		if i == 0 {
			g.Inputs = append(g.Inputs, ir.Value{Name: name, Shape: append([]int{-1}, t.Shape[1:]...)})
			given[name] = tensorOf(t)
		} else {
			g.Constants[name] = t
		}
	}
	g.Nodes = []ir.Node{n}
	return g, given
}

func values(shape []int, x ...float32) *ir.Constant { return &ir.Constant{Shape: shape, Data: x} }

// count is 0, 1, 2, …
func count(shape ...int) *ir.Constant {
	t := &ir.Constant{Shape: shape, Data: make([]float32, tensor.Shape(shape).TotalSize())}
	for i := range t.Data {
		t.Data[i] = float32(i)
	}
	return t
}

// nearly reports whether numbers are the same, or a few units in the last place apart.
func nearly(got, want float32) bool {
	return got == want || got != got && want != want || math.Abs(float64(got)-float64(want)) <= 0x1p-22*math.Abs(float64(want))
}

func TestOps(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	e := func(x float64) float32 { return float32(math.Exp(x) / (1 + math.E + math.E*math.E)) }
	for _, c := range []struct {
		node  ir.Node
		in    []*ir.Constant
		shape []int
		want  []float32
	}{
		{ir.Node{Op: "Gemm"}, []*ir.Constant{count(2, 3), count(3, 2), values([]int{2}, 10, 20)}, []int{2, 2}, []float32{20, 33, 38, 60}},
		{ir.Node{Op: "Gemm", TransB: true}, []*ir.Constant{count(2, 3), count(2, 3)}, []int{2, 2}, []float32{5, 14, 14, 50}},
		{ir.Node{Op: "MatMul"}, []*ir.Constant{count(2, 1, 2), count(2, 1)}, []int{2, 1, 1}, []float32{1, 3}},
		{ir.Node{Op: "Relu"}, []*ir.Constant{values([]int{3}, -1, 0, 2)}, []int{3}, []float32{0, 0, 2}},
		{ir.Node{Op: "LeakyRelu", Alpha: new(float32(0.5))}, []*ir.Constant{values([]int{3}, -1, 0, 2)}, []int{3}, []float32{-0.5, 0, 2}},
		{ir.Node{Op: "Sigmoid"}, []*ir.Constant{values([]int{3}, 0, -200, 200)}, []int{3}, []float32{0.5, 0, 1}},
		{ir.Node{Op: "Tanh"}, []*ir.Constant{values([]int{3}, 0, -200, 200)}, []int{3}, []float32{0, -1, 1}},
		{ir.Node{Op: "FakeQuantize", Scale: 0.5, ZeroPoint: 1, QuantMax: 3}, []*ir.Constant{values([]int{8}, -9, -0.3, -0.1, 0.25, 0.75, 9, nan, inf)}, []int{8}, []float32{-0.5, -0.5, 0, 0, 1, 1, nan, inf}},
		{ir.Node{Op: "FakeQuantize", Scale: 2, QuantMin: -7, QuantMax: 7}, []*ir.Constant{values([]int{3}, -99, 5, 6.9)}, []int{3}, []float32{-14, 4, 6}},
		{ir.Node{Op: "FakeQuantize", Scale: math.MaxFloat32, QuantMax: 3}, []*ir.Constant{values([]int{1}, math.MaxFloat32)}, []int{1}, []float32{math.MaxFloat32}},
		{ir.Node{Op: "Softmax", Axis: new(-1)}, []*ir.Constant{values([]int{1, 3}, 1000, 1001, 1002)}, []int{1, 3}, []float32{e(0), e(1), e(2)}},
		{ir.Node{Op: "Softmax", Axis: new(1)}, []*ir.Constant{values([]int{1, 2, 2}, 0, 5, 0, 5)}, []int{1, 2, 2}, []float32{0.5, 0.5, 0.5, 0.5}},
		{ir.Node{Op: "Add"}, []*ir.Constant{count(2, 3), values([]int{3}, 10, 20, 30)}, []int{2, 3}, []float32{10, 21, 32, 13, 24, 35}},
		{ir.Node{Op: "Sub"}, []*ir.Constant{count(2, 1), values([]int{3}, 1, 2, 3)}, []int{2, 3}, []float32{-1, -2, -3, 0, -1, -2}},
		{ir.Node{Op: "Mul"}, []*ir.Constant{count(1, 2, 2, 1), count(2, 1, 2)}, []int{1, 2, 2, 2}, []float32{0, 0, 0, 1, 4, 6, 6, 9}},
		{ir.Node{Op: "Div"}, []*ir.Constant{values([]int{2}, 1, 3), values(nil, 2)}, []int{2}, []float32{0.5, 1.5}},
		{ir.Node{Op: "Add"}, []*ir.Constant{count(4), values([]int{1, 1}, 1)}, []int{1, 4}, []float32{1, 2, 3, 4}},
		{ir.Node{Op: "LogSoftmax", Axis: new(-1)}, []*ir.Constant{values([]int{1, 2}, 1000, 1000)}, []int{1, 2}, []float32{-math.Ln2, -math.Ln2}},
		{ir.Node{Op: "Abs"}, []*ir.Constant{values([]int{3}, -1, 0, 2)}, []int{3}, []float32{1, 0, 2}},
		{ir.Node{Op: "Sign"}, []*ir.Constant{values([]int{4}, -3, 0, 2, nan)}, []int{4}, []float32{-1, 0, 1, nan}},
		{ir.Node{Op: "Ceil"}, []*ir.Constant{values([]int{2}, -1.5, 1.5)}, []int{2}, []float32{-1, 2}},
		{ir.Node{Op: "Floor"}, []*ir.Constant{values([]int{2}, -1.5, 1.5)}, []int{2}, []float32{-2, 1}},
		{ir.Node{Op: "Sin"}, []*ir.Constant{values([]int{2}, 0, math.Pi/2)}, []int{2}, []float32{0, 1}},
		{ir.Node{Op: "Cos"}, []*ir.Constant{values([]int{2}, 0, math.Pi)}, []int{2}, []float32{1, -1}},
		{ir.Node{Op: "Exp"}, []*ir.Constant{values([]int{2}, 0, 1)}, []int{2}, []float32{1, math.E}},
		{ir.Node{Op: "Log"}, []*ir.Constant{values([]int{2}, 1, -1)}, []int{2}, []float32{0, nan}},
		{ir.Node{Op: "Sqrt"}, []*ir.Constant{values([]int{2}, 4, 9)}, []int{2}, []float32{2, 3}},
		{ir.Node{Op: "Reciprocal"}, []*ir.Constant{values([]int{2}, 4, -2)}, []int{2}, []float32{0.25, -0.5}},
		{ir.Node{Op: "Softplus"}, []*ir.Constant{values([]int{3}, 0, 200, -200)}, []int{3}, []float32{math.Ln2, 200, 0}},
		{ir.Node{Op: "Pow"}, []*ir.Constant{values([]int{2}, 2, 3), values(nil, 3)}, []int{2}, []float32{8, 27}},
		{ir.Node{Op: "ReduceSum", KeepDims: new(false), Axes: []int{1}}, []*ir.Constant{count(2, 3)}, []int{2}, []float32{3, 12}},
		{ir.Node{Op: "ReduceSum", KeepDims: new(false), Axes: []int{3, 1}}, []*ir.Constant{count(1, 2, 2, 3)}, []int{1, 2}, []float32{24, 42}},
		{ir.Node{Op: "ReduceMax", KeepDims: new(false), Axes: []int{2}}, []*ir.Constant{values([]int{1, 3, 2}, -1, -2, 3, 4, 5, nan)}, []int{1, 3}, []float32{-1, 4, nan}},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{1}, Ends: []int{3}}, []*ir.Constant{count(2, 3, 2)}, []int{2, 2, 2}, []float32{2, 3, 4, 5, 8, 9, 10, 11}},
		{ir.Node{Op: "ReduceMax", Axes: []int{-1}}, []*ir.Constant{count(2, 3)}, []int{2, 1}, []float32{2, 5}},
		{ir.Node{Op: "ReduceSum", Axes: []int{-1, 1}}, []*ir.Constant{count(2, 3, 2)}, []int{2, 1, 1}, []float32{15, 51}},
		{ir.Node{Op: "BatchNormalization", Epsilon: new(float32(0))}, []*ir.Constant{count(2, 2, 2), values([]int{2}, 1, 3), values([]int{2}, 0, 10), values([]int{2}, 1, 2), values([]int{2}, 4, 9)}, []int{2, 2, 2}, []float32{-0.5, 0, 10, 11, 1.5, 2, 14, 15}},
		{ir.Node{Op: "Clip", Min: new(float32(-1)), Max: new(float32(2))}, []*ir.Constant{values([]int{5}, -3, -1, 0.5, inf, nan)}, []int{5}, []float32{-1, -1, 0.5, 2, nan}},
		{ir.Node{Op: "Clip", Min: new(float32(0))}, []*ir.Constant{values([]int{3}, -3, 5, inf)}, []int{3}, []float32{0, 5, inf}},
		{ir.Node{Op: "Clip"}, []*ir.Constant{values([]int{2}, -3, inf)}, []int{2}, []float32{-3, inf}},
		{ir.Node{Op: "LeakyRelu"}, []*ir.Constant{values([]int{2}, -100, 2)}, []int{2}, []float32{-1, 2}},
		{ir.Node{Op: "Reshape", Shape: []int{0, -1, 3}}, []*ir.Constant{count(2, 6)}, []int{2, 2, 3}, count(12).Data},
		{ir.Node{Op: "Reshape", Shape: []int{0, 0, 3, 1}}, []*ir.Constant{count(2, 1, 3)}, []int{2, 1, 3, 1}, count(6).Data},
		{ir.Node{Op: "MaxPool", Kernel: []int{2, 2}, Pads: []int{0, 0, 1, 1}, Strides: []int{2, 2}}, []*ir.Constant{count(1, 1, 3, 3)}, []int{1, 1, 2, 2}, []float32{4, 5, 7, 8}},
		{ir.Node{Op: "AveragePool", Kernel: []int{2, 2}, Pads: []int{0, 0, 1, 1}, Strides: []int{2, 2}}, []*ir.Constant{count(1, 1, 3, 3)}, []int{1, 1, 2, 2}, []float32{2, 3.5, 6.5, 8}},
		{ir.Node{Op: "AveragePool", CountPad: true, Kernel: []int{2, 2}, Pads: []int{1, 1, 0, 0}, Strides: []int{2, 2}}, []*ir.Constant{count(1, 1, 3, 3)}, []int{1, 1, 2, 2}, []float32{0, 0.75, 2.25, 6}},
		{ir.Node{Op: "Conv", Pads: []int{0, 1, 1, 0}}, []*ir.Constant{count(1, 1, 2, 2), values([]int{1, 1, 2, 2}, 1, 10, 100, 1000)}, []int{1, 1, 2, 2}, []float32{2000, 3210, 20, 32}},
		{ir.Node{Op: "Slice", Axes: []int{-1}, Starts: []int{-2}, Ends: []int{math.MaxInt}}, []*ir.Constant{count(2, 3)}, []int{2, 2}, []float32{1, 2, 4, 5}},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{math.MinInt}, Ends: []int{-1}}, []*ir.Constant{count(2, 3)}, []int{2, 2}, []float32{0, 1, 3, 4}},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{6}, Steps: []int{4}}, []*ir.Constant{count(2, 6)}, []int{2, 2}, []float32{0, 4, 6, 10}},
		{ir.Node{Op: "Reshape", Shape: []int{-1, 6}}, []*ir.Constant{count(2, 2, 3)}, []int{2, 6}, count(12).Data},
		{ir.Node{Op: "Identity"}, []*ir.Constant{count(2, 3)}, []int{2, 3}, count(6).Data},
		{ir.Node{Op: "Resize", Scales: []int{1, 1, 2, 3}}, []*ir.Constant{count(1, 2, 1, 2)}, []int{1, 2, 2, 6}, []float32{0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3}},
		{ir.Node{Op: "Resize", Scales: []int{1, 1, 1, 1}}, []*ir.Constant{count(2, 1, 2, 2)}, []int{2, 1, 2, 2}, count(8).Data},
		{ir.Node{Op: "Gather", Axis: new(1)}, []*ir.Constant{count(2, 3, 2), values([]int{4}, 2, 0, 0, 1)}, []int{2, 4, 2}, []float32{4, 5, 0, 1, 0, 1, 2, 3, 10, 11, 6, 7, 6, 7, 8, 9}},
		{ir.Node{Op: "Gather", Axis: new(-1)}, []*ir.Constant{count(2, 3), values([]int{2, 1}, 2, 1)}, []int{2, 2, 1}, []float32{2, 1, 5, 4}},
		{ir.Node{Op: "Log1p"}, []*ir.Constant{values([]int{5}, 0, 1e-10, -1, -2, inf)}, []int{5}, []float32{0, 1e-10, -inf, nan, inf}},
		{ir.Node{Op: "Expm1"}, []*ir.Constant{values([]int{5}, 0, 1e-10, -200, 200, nan)}, []int{5}, []float32{0, 1e-10, -1, inf, nan}},
		{ir.Node{Op: "Sparsemax"}, []*ir.Constant{values([]int{4, 3}, 5, 5, 5, 1000, 1000.5, 0, 0, 3, 1, 1, nan, 2)}, []int{4, 3}, []float32{1. / 3, 1. / 3, 1. / 3, 0.25, 0.75, 0, 0, 1, 0, nan, nan, nan}},
		{ir.Node{Op: "Sparsemax", Axis: new(1)}, []*ir.Constant{values([]int{1, 2, 2}, 0, -inf, 0.5, 9)}, []int{1, 2, 2}, []float32{0.25, 0, 0.75, 1}},
		{ir.Node{Op: "Reshape", Shape: []int{3, -1}}, []*ir.Constant{count(2, 6)}, []int{3, 4}, count(12).Data},
		{ir.Node{Op: "Transpose", Perm: []int{0, 2, 1}}, []*ir.Constant{count(2, 2, 3)}, []int{2, 3, 2}, []float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}},
		{ir.Node{Op: "Transpose", Perm: []int{1, 0, 2}}, []*ir.Constant{count(2, 2, 2)}, []int{2, 2, 2}, []float32{0, 1, 4, 5, 2, 3, 6, 7}},
		{ir.Node{Op: "Transpose"}, []*ir.Constant{count(2, 3)}, []int{3, 2}, []float32{0, 3, 1, 4, 2, 5}},
		{ir.Node{Op: "Concat", Axis: new(1)}, []*ir.Constant{count(1, 2, 2), values([]int{1, 1, 2}, 8, 9)}, []int{1, 3, 2}, nil},
		{ir.Node{Op: "Expand", Shape: []int{2, -1, 2}}, []*ir.Constant{count(1, 2)}, []int{2, 1, 2}, []float32{0, 1, 0, 1}},
		{ir.Node{Op: "Expand", Shape: []int{3, 1}}, []*ir.Constant{count(2, 1, 2)}, []int{2, 3, 2}, []float32{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3}},
		{ir.Node{Op: "MaxPool", Kernel: []int{2, 2}, Strides: []int{2, 2}}, []*ir.Constant{count(1, 1, 5, 4)}, []int{1, 1, 2, 2}, []float32{5, 7, 13, 15}},
		{ir.Node{Op: "MaxPool", Kernel: []int{2, 2}, Pads: []int{1, 0, 1, 0}}, []*ir.Constant{values([]int{1, 1, 2, 2}, -4, -3, -2, nan)}, []int{1, 1, 3, 1}, []float32{-3, nan, nan}},
		{ir.Node{Op: "AveragePool", CountPad: true, Kernel: []int{2, 2}, Pads: []int{1, 1, 1, 1}, Strides: []int{2, 2}}, []*ir.Constant{count(1, 1, 2, 2)}, []int{1, 1, 2, 2}, []float32{0, 0.25, 0.5, 0.75}},
		{ir.Node{Op: "GlobalAveragePool"}, []*ir.Constant{count(1, 2, 2, 2)}, []int{1, 2, 1, 1}, []float32{1.5, 5.5}},
	} {
		g, in := one(c.node, c.in...)
		if c.node.Op == "Concat" { // of a batch of any size with nothing that is fixed
			g.Nodes[0].Inputs = []string{"a", "a"}
			delete(g.Constants, "b")
			c.shape, c.want = []int{1, 4, 2}, []float32{0, 1, 2, 3, 0, 1, 2, 3}
		}
		m, err := model.New(g, nil)
		if err != nil {
			t.Errorf("%+v: %v", c.node, err)
			continue
		}
		got := run(t, m, in, "y")
		for i := range got {
			if len(got) != len(c.want) || !nearly(got[i], c.want[i]) {
				t.Errorf("%+v: got %v, want %v", c.node, got, c.want)
				break
			}
		}
		shapes := map[string]tensor.Shape{}
		for name, x := range in {
			shapes[name] = x.Shape()
		}
		if got, err := m.Shapes(shapes); err != nil || !slices.Equal(got["y"], c.shape) {
			t.Errorf("%+v: got shape %v, %v, want %v", c.node, got["y"], err, c.shape)
		}
	}
}

// TestConv compares convolutions with their definition.
func TestConv(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for _, c := range []struct {
		x, w []int
		node ir.Node
	}{
		{[]int{2, 3, 7, 6}, []int{4, 3, 3, 2}, ir.Node{}},
		{[]int{1, 4, 9, 8}, []int{6, 2, 3, 3}, ir.Node{Group: 2, Pads: []int{2, 1, 2, 1}, Strides: []int{2, 3}, Dilations: []int{2, 1}}},
		{[]int{2, 3, 5, 5}, []int{3, 1, 5, 5}, ir.Node{Group: 3, Pads: []int{4, 4, 4, 4}}},
		{[]int{1, 40, 48, 40}, []int{2, 40, 3, 3}, ir.Node{Pads: []int{1, 1, 1, 1}}}, // in several parts
	} {
		x, w, b := random(rng, 1, c.x...), random(rng, 1, c.w...), random(rng, 1, c.w[0])
		c.node.Op = "Conv"
		g, in := one(c.node, x, w, b)
		m := newModel(t, g, nil)
		want := reference(&c.node, []*ir.Constant{x, w, b}).Data
		got := run(t, m, in, "y")
		if len(got) != len(want) {
			t.Errorf("%v %v %+v: got %d numbers, want %d", c.x, c.w, c.node, len(got), len(want))
		} else if db := sqnr(got, want); !(db > 120) {
			t.Errorf("%v %v %+v: SQNR against the definition is %.1f dB, want 120", c.x, c.w, c.node, db)
		}
	}
}

// TestShapes gives nodes whose shapes or attributes do not go together.
func TestShapes(t *testing.T) {
	image := []int{1, 2, 4, 4}
	for _, c := range []struct {
		node ir.Node
		in   []*ir.Constant
		want error
	}{
		{ir.Node{Op: "Gelu"}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "Relu"}, []*ir.Constant{count(2), count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "Relu", Alpha: new(float32(1))}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "LeakyRelu", Alpha: new(float32(math.NaN()))}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "Relu", Scale: 1}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "BatchNormalization"}, []*ir.Constant{count(2, 3), count(3), count(3), count(3), count(2)}, qtensor.ErrShape},
		{ir.Node{Op: "BatchNormalization", Epsilon: new(float32(-1))}, []*ir.Constant{count(2, 3), count(3), count(3), count(3), count(3)}, qtensor.ErrParams},
		{ir.Node{Op: "BatchNormalization"}, []*ir.Constant{count(2), count(2), count(2), count(2), count(2)}, qtensor.ErrShape},
		{ir.Node{Op: "Clip", Min: new(float32(3)), Max: new(float32(2))}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "Clip", Min: new(float32(math.NaN()))}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", QuantMax: 3}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", Scale: -1, QuantMax: 3}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", Scale: float32(math.Inf(1)), QuantMax: 3}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", Scale: 1, ZeroPoint: 4, QuantMax: 3}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", Scale: 1, QuantMin: -129, QuantMax: 3}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", Scale: 1, ZeroPoint: -3, QuantMin: -2, QuantMax: 3}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "FakeQuantize", Scale: 1, QuantMax: 256}, []*ir.Constant{count(2)}, qtensor.ErrParams},
		{ir.Node{Op: "Gemm"}, []*ir.Constant{count(2, 3), count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Gemm"}, []*ir.Constant{count(2, 3), count(3, 2), count(3)}, qtensor.ErrShape},
		{ir.Node{Op: "MatMul"}, []*ir.Constant{count(2, 3), count(3)}, qtensor.ErrShape},
		{ir.Node{Op: "Conv"}, []*ir.Constant{count(image...), count(1, 1, 3, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Conv"}, []*ir.Constant{count(image...), count(1, 2, 5, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Conv", Group: -2}, []*ir.Constant{count(image...), count(2, 1, 3, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Conv", Strides: []int{-1, 1}}, []*ir.Constant{count(image...), count(1, 2, 3, 3)}, qtensor.ErrParams},
		{ir.Node{Op: "Conv", Dilations: []int{1 << 30, 1}}, []*ir.Constant{count(image...), count(1, 2, 3, 3)}, qtensor.ErrParams},
		{ir.Node{Op: "Conv", Pads: []int{1<<15 + 1, 1, 1, 1}}, []*ir.Constant{count(image...), count(1, 2, 3, 3)}, qtensor.ErrParams},
		{ir.Node{Op: "MaxPool"}, []*ir.Constant{count(image...)}, qtensor.ErrParams},
		{ir.Node{Op: "MaxPool", Kernel: []int{5, 1}}, []*ir.Constant{count(image...)}, qtensor.ErrShape},
		{ir.Node{Op: "MaxPool", Kernel: []int{2, 2}, Pads: []int{2, 0, 2, 0}}, []*ir.Constant{count(image...)}, qtensor.ErrParams},
		{ir.Node{Op: "AveragePool", CountPad: true, Kernel: []int{1 << 20, 2}}, []*ir.Constant{count(image...)}, qtensor.ErrParams},
		{ir.Node{Op: "GlobalAveragePool"}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Softmax", Axis: new(2)}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Sparsemax", Axis: new(-3)}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Resize"}, []*ir.Constant{count(image...)}, qtensor.ErrShape},
		{ir.Node{Op: "Resize", Scales: []int{1, 1, 2, 2}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Resize", Scales: []int{1, 2, 2, 2}}, []*ir.Constant{count(image...)}, qtensor.ErrShape},
		{ir.Node{Op: "Resize", Scales: []int{1, 1, 0, 2}}, []*ir.Constant{count(image...)}, qtensor.ErrShape},
		{ir.Node{Op: "Resize", Scales: []int{1, 1, 2, math.MaxInt}}, []*ir.Constant{count(image...)}, qtensor.ErrShape},
		{ir.Node{Op: "Gather"}, []*ir.Constant{count(2, 3), count(2)}, qtensor.ErrShape}, // the batch
		{ir.Node{Op: "Gather", Axis: new(2)}, []*ir.Constant{count(2, 3), count(2)}, qtensor.ErrShape},
		{ir.Node{Op: "Add"}, []*ir.Constant{count(2, 3), count(2)}, qtensor.ErrShape},
		{ir.Node{Op: "Add"}, []*ir.Constant{count(2, 3), count(2, 3)}, qtensor.ErrShape}, // 2 is not the batch
		{ir.Node{Op: "Reshape", Shape: []int{4}}, []*ir.Constant{count(2, 2)}, qtensor.ErrShape},
		{ir.Node{Op: "Reshape", Shape: []int{-1, -1}}, []*ir.Constant{count(2, 2)}, qtensor.ErrShape},
		{ir.Node{Op: "Reshape", Shape: []int{-1, 3}}, []*ir.Constant{count(2, 2)}, qtensor.ErrShape},
		{ir.Node{Op: "Reshape", Shape: []int{0, 3}}, []*ir.Constant{count(2, 2)}, qtensor.ErrShape},
		{ir.Node{Op: "Reshape", Shape: []int{-1, 1, 1, 1, 1, 1, 1, 1, 1}}, []*ir.Constant{count(2)}, qtensor.ErrShape},
		{ir.Node{Op: "Transpose", Perm: []int{0, 0}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Transpose", Perm: []int{0, 1, 2}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "ReduceSum", KeepDims: new(false)}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "ReduceSum", KeepDims: new(false), Axes: []int{0}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape}, // the batch
		{ir.Node{Op: "ReduceSum", KeepDims: new(false), Axes: []int{1, 1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "ReduceMax", Axes: []int{-3}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "ReduceMax"}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape}, // the batch too
		{ir.Node{Op: "Slice"}, []*ir.Constant{count(2, 3)}, qtensor.ErrParams},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{2}, Steps: []int{1, 1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrParams},
		{ir.Node{Op: "Slice", Axes: []int{0}, Starts: []int{0}, Ends: []int{1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape}, // the batch
		{ir.Node{Op: "Slice", Axes: []int{2}, Starts: []int{0}, Ends: []int{1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{-1}, Ends: []int{1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{1}, Ends: []int{1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{2}, Steps: []int{0}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{2}, Steps: []int{math.MaxInt}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Concat", Axis: new(0)}, []*ir.Constant{count(2, 3), count(2, 3)}, qtensor.ErrShape}, // batch and 2
		{ir.Node{Op: "Concat"}, []*ir.Constant{count(2, 3), count(2, 3)}, qtensor.ErrParams},
		{ir.Node{Op: "Reshape", Shape: []int{0, 0, 0}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Reshape", Shape: []int{0, -1, -1}}, []*ir.Constant{count(2, 3)}, qtensor.ErrShape},
		{ir.Node{Op: "Concat", Axis: new(5)}, []*ir.Constant{count(2, 3), count(2, 3)}, qtensor.ErrShape},
	} {
		g, _ := one(c.node, c.in...)
		if m, err := model.New(g, nil); !errors.Is(err, c.want) || m != nil {
			t.Errorf("%+v: got %v, want %v", c.node, err, c.want)
		}
	}
}

// TestWhere chooses by a comparison, and by its opposite, of values that are repeated.
func TestWhere(t *testing.T) {
	g := &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 3}}, {Name: "i", Shape: []int{-1, 3}, Type: ir.Int64}},
		Outputs: []ir.Value{{Name: "y"}, {Name: "z"}, {Name: "least"}, {Name: "real"}},
		Nodes: []ir.Node{
			{Op: "Less", Name: "less", Inputs: []string{"x", "limits"}, Output: "l"},
			{Op: "Not", Name: "not", Inputs: []string{"l"}, Output: "n"},
			{Op: "Where", Name: "where", Inputs: []string{"l", "x", "one"}, Output: "y"},
			{Op: "Where", Name: "other", Inputs: []string{"n", "x", "limits"}, Output: "z"},
			{Op: "Min", Name: "min", Inputs: []string{"limits", "x", "one"}, Output: "least"},
			{Op: "Cast", Name: "cast", Inputs: []string{"i"}, Output: "real"},
		},
		Constants: map[string]*ir.Constant{"limits": values([]int{3}, 0, 1, 2), "one": values([]int{1, 1}, 7)},
	}
	nan := float32(math.NaN())
	in := map[string]tensor.Tensor{
		"x": tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{-1, 1, 3, 5, -8, nan})),
		"i": tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]int{1, 2, 3, 4, 5, -6})),
	}
	m := newModel(t, g, nil)
	loaded, _ := reloaded(t, m)
	for _, m := range []*model.Model{m, loaded} {
		for name, want := range map[string][]float32{
			"y": {-1, 7, 7, 7, -8, 7}, "z": {0, 1, 3, 5, 1, nan}, "least": {-1, 1, 2, 0, -8, nan}, "real": {1, 2, 3, 4, 5, -6},
		} {
			if got := run(t, m, in, name); !same(got, want) {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
	}
	for op, of := range map[string]string{"Relu": "l", "Not": "x"} {
		bad := *g
		bad.Nodes = append(slices.Clone(g.Nodes), ir.Node{Op: op, Name: "bad", Inputs: []string{of}, Output: "bad"})
		if _, err := model.New(&bad, nil); !errors.Is(err, qtensor.ErrDtype) {
			t.Errorf("%s of %s: got error %v, want ErrDtype", op, of, err)
		}
	}
	bad := *g
	bad.Inputs = append(slices.Clone(g.Inputs), ir.Value{Name: "b", Shape: []int{-1}, Type: ir.Bool})
	if _, err := model.New(&bad, nil); !errors.Is(err, qtensor.ErrDtype) {
		t.Errorf("an input of bool: got error %v, want ErrDtype", err)
	}
}
