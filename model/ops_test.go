package model_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/flow"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// one is a graph of one node on inputs a, b, …, of which those with data are constants.
func one(n flow.Node, in ...*flow.Tensor) (*flow.Graph, map[string]tensor.Tensor) {
	n.Name, n.Output = "node", "y"
	g := &flow.Graph{Outputs: []flow.Value{{Name: "y"}}, Constants: map[string]*flow.Tensor{}}
	given := map[string]tensor.Tensor{}
	for i, t := range in {
		name := string(rune('a' + i))
		n.Inputs = append(n.Inputs, name)
		if i == 0 {
			g.Inputs = append(g.Inputs, flow.Value{Name: name, Shape: append([]int{-1}, t.Shape[1:]...)})
			given[name] = tensorOf(t)
		} else {
			g.Constants[name] = t
		}
	}
	g.Nodes = []flow.Node{n}
	return g, given
}

func values(shape []int, x ...float32) *flow.Tensor { return &flow.Tensor{Shape: shape, Data: x} }

// count is 0, 1, 2, …
func count(shape ...int) *flow.Tensor {
	t := &flow.Tensor{Shape: shape, Data: make([]float32, tensor.Shape(shape).TotalSize())}
	for i := range t.Data {
		t.Data[i] = float32(i)
	}
	return t
}

func TestOps(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	e := func(x float64) float32 { return float32(math.Exp(x) / (1 + math.E + math.E*math.E)) }
	for _, c := range []struct {
		node  flow.Node
		in    []*flow.Tensor
		shape []int
		want  []float32
	}{
		{flow.Node{Op: "Gemm"}, []*flow.Tensor{count(2, 3), count(3, 2), values([]int{2}, 10, 20)}, []int{2, 2}, []float32{20, 33, 38, 60}},
		{flow.Node{Op: "Gemm", TransB: true}, []*flow.Tensor{count(2, 3), count(2, 3)}, []int{2, 2}, []float32{5, 14, 14, 50}},
		{flow.Node{Op: "MatMul"}, []*flow.Tensor{count(2, 1, 2), count(2, 1)}, []int{2, 1, 1}, []float32{1, 3}},
		{flow.Node{Op: "Relu"}, []*flow.Tensor{values([]int{3}, -1, 0, 2)}, []int{3}, []float32{0, 0, 2}},
		{flow.Node{Op: "LeakyRelu", Alpha: 0.5}, []*flow.Tensor{values([]int{3}, -1, 0, 2)}, []int{3}, []float32{-0.5, 0, 2}},
		{flow.Node{Op: "Sigmoid"}, []*flow.Tensor{values([]int{3}, 0, -200, 200)}, []int{3}, []float32{0.5, 0, 1}},
		{flow.Node{Op: "Tanh"}, []*flow.Tensor{values([]int{3}, 0, -200, 200)}, []int{3}, []float32{0, -1, 1}},
		{flow.Node{Op: "FakeQuantize", Scale: 0.5, Zero: 1, High: 3}, []*flow.Tensor{values([]int{8}, -9, -0.3, -0.1, 0.25, 0.75, 9, nan, inf)}, []int{8}, []float32{-0.5, -0.5, 0, 0, 1, 1, nan, inf}},
		{flow.Node{Op: "FakeQuantize", Scale: 2, Low: -7, High: 7}, []*flow.Tensor{values([]int{3}, -99, 5, 6.9)}, []int{3}, []float32{-14, 4, 6}},
		{flow.Node{Op: "FakeQuantize", Scale: math.MaxFloat32, High: 3}, []*flow.Tensor{values([]int{1}, math.MaxFloat32)}, []int{1}, []float32{math.MaxFloat32}},
		{flow.Node{Op: "Softmax", Axis: -1}, []*flow.Tensor{values([]int{1, 3}, 1000, 1001, 1002)}, []int{1, 3}, []float32{e(0), e(1), e(2)}},
		{flow.Node{Op: "Softmax", Axis: 1}, []*flow.Tensor{values([]int{1, 2, 2}, 0, 5, 0, 5)}, []int{1, 2, 2}, []float32{0.5, 0.5, 0.5, 0.5}},
		{flow.Node{Op: "Add"}, []*flow.Tensor{count(2, 3), values([]int{3}, 10, 20, 30)}, []int{2, 3}, []float32{10, 21, 32, 13, 24, 35}},
		{flow.Node{Op: "Sub"}, []*flow.Tensor{count(2, 1), values([]int{3}, 1, 2, 3)}, []int{2, 3}, []float32{-1, -2, -3, 0, -1, -2}},
		{flow.Node{Op: "Mul"}, []*flow.Tensor{count(1, 2, 2, 1), count(2, 1, 2)}, []int{1, 2, 2, 2}, []float32{0, 0, 0, 1, 4, 6, 6, 9}},
		{flow.Node{Op: "Div"}, []*flow.Tensor{values([]int{2}, 1, 3), values(nil, 2)}, []int{2}, []float32{0.5, 1.5}},
		{flow.Node{Op: "Add"}, []*flow.Tensor{count(4), values([]int{1, 1}, 1)}, []int{1, 4}, []float32{1, 2, 3, 4}},
		{flow.Node{Op: "LogSoftmax", Axis: -1}, []*flow.Tensor{values([]int{1, 2}, 1000, 1000)}, []int{1, 2}, []float32{-math.Ln2, -math.Ln2}},
		{flow.Node{Op: "Abs"}, []*flow.Tensor{values([]int{3}, -1, 0, 2)}, []int{3}, []float32{1, 0, 2}},
		{flow.Node{Op: "Sign"}, []*flow.Tensor{values([]int{4}, -3, 0, 2, nan)}, []int{4}, []float32{-1, 0, 1, nan}},
		{flow.Node{Op: "Ceil"}, []*flow.Tensor{values([]int{2}, -1.5, 1.5)}, []int{2}, []float32{-1, 2}},
		{flow.Node{Op: "Floor"}, []*flow.Tensor{values([]int{2}, -1.5, 1.5)}, []int{2}, []float32{-2, 1}},
		{flow.Node{Op: "Sin"}, []*flow.Tensor{values([]int{2}, 0, math.Pi/2)}, []int{2}, []float32{0, 1}},
		{flow.Node{Op: "Cos"}, []*flow.Tensor{values([]int{2}, 0, math.Pi)}, []int{2}, []float32{1, -1}},
		{flow.Node{Op: "Exp"}, []*flow.Tensor{values([]int{2}, 0, 1)}, []int{2}, []float32{1, math.E}},
		{flow.Node{Op: "Log"}, []*flow.Tensor{values([]int{2}, 1, -1)}, []int{2}, []float32{0, nan}},
		{flow.Node{Op: "Sqrt"}, []*flow.Tensor{values([]int{2}, 4, 9)}, []int{2}, []float32{2, 3}},
		{flow.Node{Op: "Reciprocal"}, []*flow.Tensor{values([]int{2}, 4, -2)}, []int{2}, []float32{0.25, -0.5}},
		{flow.Node{Op: "Softplus"}, []*flow.Tensor{values([]int{3}, 0, 200, -200)}, []int{3}, []float32{math.Ln2, 200, 0}},
		{flow.Node{Op: "Pow"}, []*flow.Tensor{values([]int{2}, 2, 3), values(nil, 3)}, []int{2}, []float32{8, 27}},
		{flow.Node{Op: "ReduceSum", Axes: []int{1}}, []*flow.Tensor{count(2, 3)}, []int{2}, []float32{3, 12}},
		{flow.Node{Op: "ReduceSum", Axes: []int{3, 1}}, []*flow.Tensor{count(1, 2, 2, 3)}, []int{1, 2}, []float32{24, 42}},
		{flow.Node{Op: "ReduceMax", Axes: []int{2}}, []*flow.Tensor{values([]int{1, 3, 2}, -1, -2, 3, 4, 5, nan)}, []int{1, 3}, []float32{-1, 4, nan}},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{1}, Ends: []int{3}}, []*flow.Tensor{count(2, 3, 2)}, []int{2, 2, 2}, []float32{2, 3, 4, 5, 8, 9, 10, 11}},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{6}, Steps: []int{4}}, []*flow.Tensor{count(2, 6)}, []int{2, 2}, []float32{0, 4, 6, 10}},
		{flow.Node{Op: "Reshape", Shape: []int{-1, 6}}, []*flow.Tensor{count(2, 2, 3)}, []int{2, 6}, count(12).Data},
		{flow.Node{Op: "Reshape", Shape: []int{3, -1}}, []*flow.Tensor{count(2, 6)}, []int{3, 4}, count(12).Data},
		{flow.Node{Op: "Transpose", Perm: []int{0, 2, 1}}, []*flow.Tensor{count(2, 2, 3)}, []int{2, 3, 2}, []float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}},
		{flow.Node{Op: "Transpose", Perm: []int{1, 0, 2}}, []*flow.Tensor{count(2, 2, 2)}, []int{2, 2, 2}, []float32{0, 1, 4, 5, 2, 3, 6, 7}},
		{flow.Node{Op: "Transpose"}, []*flow.Tensor{count(2, 3)}, []int{3, 2}, []float32{0, 3, 1, 4, 2, 5}},
		{flow.Node{Op: "Concat", Axis: 1}, []*flow.Tensor{count(1, 2, 2), values([]int{1, 1, 2}, 8, 9)}, []int{1, 3, 2}, nil},
		{flow.Node{Op: "MaxPool", Kernel: []int{2, 2}, Strides: []int{2, 2}}, []*flow.Tensor{count(1, 1, 5, 4)}, []int{1, 1, 2, 2}, []float32{5, 7, 13, 15}},
		{flow.Node{Op: "MaxPool", Kernel: []int{2, 2}, Pads: []int{1, 0}}, []*flow.Tensor{values([]int{1, 1, 2, 2}, -4, -3, -2, nan)}, []int{1, 1, 3, 1}, []float32{-3, nan, nan}},
		{flow.Node{Op: "AveragePool", Kernel: []int{2, 2}, Pads: []int{1, 1}, Strides: []int{2, 2}}, []*flow.Tensor{count(1, 1, 2, 2)}, []int{1, 1, 2, 2}, []float32{0, 0.25, 0.5, 0.75}},
		{flow.Node{Op: "GlobalAveragePool"}, []*flow.Tensor{count(1, 2, 2, 2)}, []int{1, 2, 1, 1}, []float32{1.5, 5.5}},
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
			if len(got) != len(c.want) || got[i] != c.want[i] && got[i] == got[i] || got[i] != got[i] && c.want[i] == c.want[i] {
				t.Errorf("%+v: got %v, want %v", c.node, got, c.want)
				break
			}
		}
		shape := m.Outputs()[0].Shape
		batch := c.in[0].Shape[0]
		for i, d := range shape {
			if d < 0 {
				shape[i] = -d * batch
			}
		}
		if !slices.Equal(shape, c.shape) {
			t.Errorf("%+v: got shape %v, want %v", c.node, shape, c.shape)
		}
	}
}

// TestConv compares convolutions with their definition.
func TestConv(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for _, c := range []struct {
		x, w []int
		node flow.Node
	}{
		{[]int{2, 3, 7, 6}, []int{4, 3, 3, 2}, flow.Node{}},
		{[]int{1, 4, 9, 8}, []int{6, 2, 3, 3}, flow.Node{Group: 2, Pads: []int{2, 1}, Strides: []int{2, 3}, Dilations: []int{2, 1}}},
		{[]int{2, 3, 5, 5}, []int{3, 1, 5, 5}, flow.Node{Group: 3, Pads: []int{4, 4}}},
		{[]int{1, 40, 48, 40}, []int{2, 40, 3, 3}, flow.Node{Pads: []int{1, 1}}}, // in several parts
	} {
		x, w, b := random(rng, 1, c.x...), random(rng, 1, c.w...), random(rng, 1, c.w[0])
		c.node.Op = "Conv"
		g, in := one(c.node, x, w, b)
		m := newModel(t, g, nil)
		want := reference(&c.node, []*flow.Tensor{x, w, b}).Data
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
		node flow.Node
		in   []*flow.Tensor
		want error
	}{
		{flow.Node{Op: "Gelu"}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "Relu"}, []*flow.Tensor{count(2), count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "Relu", Alpha: 1}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "LeakyRelu", Alpha: float32(math.NaN())}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "Relu", Scale: 1}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", High: 3}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", Scale: -1, High: 3}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", Scale: float32(math.Inf(1)), High: 3}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", Scale: 1, Zero: 4, High: 3}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", Scale: 1, Low: -129, High: 3}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", Scale: 1, Zero: -3, Low: -2, High: 3}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "FakeQuantize", Scale: 1, High: 256}, []*flow.Tensor{count(2)}, qtensor.ErrParams},
		{flow.Node{Op: "Gemm"}, []*flow.Tensor{count(2, 3), count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Gemm"}, []*flow.Tensor{count(2, 3), count(3, 2), count(3)}, qtensor.ErrShape},
		{flow.Node{Op: "MatMul"}, []*flow.Tensor{count(2, 3), count(3)}, qtensor.ErrShape},
		{flow.Node{Op: "Conv"}, []*flow.Tensor{count(image...), count(1, 1, 3, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Conv"}, []*flow.Tensor{count(image...), count(1, 2, 5, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Conv", Group: -2}, []*flow.Tensor{count(image...), count(2, 1, 3, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Conv", Strides: []int{-1, 1}}, []*flow.Tensor{count(image...), count(1, 2, 3, 3)}, qtensor.ErrParams},
		{flow.Node{Op: "Conv", Dilations: []int{1 << 30, 1}}, []*flow.Tensor{count(image...), count(1, 2, 3, 3)}, qtensor.ErrParams},
		{flow.Node{Op: "Conv", Pads: []int{1 << 15, 1}}, []*flow.Tensor{count(image...), count(1, 2, 3, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "MaxPool"}, []*flow.Tensor{count(image...)}, qtensor.ErrParams},
		{flow.Node{Op: "MaxPool", Kernel: []int{5, 1}}, []*flow.Tensor{count(image...)}, qtensor.ErrShape},
		{flow.Node{Op: "MaxPool", Kernel: []int{2, 2}, Pads: []int{2, 0}}, []*flow.Tensor{count(image...)}, qtensor.ErrParams},
		{flow.Node{Op: "AveragePool", Kernel: []int{1 << 20, 2}}, []*flow.Tensor{count(image...)}, qtensor.ErrParams},
		{flow.Node{Op: "GlobalAveragePool"}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Softmax", Axis: 2}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Add"}, []*flow.Tensor{count(2, 3), count(2)}, qtensor.ErrShape},
		{flow.Node{Op: "Add"}, []*flow.Tensor{count(2, 3), count(2, 3)}, qtensor.ErrShape}, // 2 is not the batch
		{flow.Node{Op: "Reshape", Shape: []int{4}}, []*flow.Tensor{count(2, 2)}, qtensor.ErrShape},
		{flow.Node{Op: "Reshape", Shape: []int{-1, -1}}, []*flow.Tensor{count(2, 2)}, qtensor.ErrShape},
		{flow.Node{Op: "Reshape", Shape: []int{-1, 3}}, []*flow.Tensor{count(2, 2)}, qtensor.ErrShape},
		{flow.Node{Op: "Reshape", Shape: []int{0, 3}}, []*flow.Tensor{count(2, 2)}, qtensor.ErrShape},
		{flow.Node{Op: "Reshape", Shape: []int{-1, 1, 1, 1, 1, 1, 1, 1, 1}}, []*flow.Tensor{count(2)}, qtensor.ErrShape},
		{flow.Node{Op: "Transpose", Perm: []int{0, 0}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Transpose", Perm: []int{0, 1, 2}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "ReduceSum"}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "ReduceSum", Axes: []int{0}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape}, // the batch
		{flow.Node{Op: "ReduceSum", Axes: []int{1, 1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "ReduceMax", Axes: []int{-1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Slice"}, []*flow.Tensor{count(2, 3)}, qtensor.ErrParams},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{2}, Steps: []int{1, 1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrParams},
		{flow.Node{Op: "Slice", Axes: []int{0}, Starts: []int{0}, Ends: []int{1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape}, // the batch
		{flow.Node{Op: "Slice", Axes: []int{2}, Starts: []int{0}, Ends: []int{1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{-1}, Ends: []int{1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{1}, Ends: []int{1}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{4}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{2}, Steps: []int{0}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Slice", Axes: []int{1}, Starts: []int{0}, Ends: []int{2}, Steps: []int{math.MaxInt}}, []*flow.Tensor{count(2, 3)}, qtensor.ErrShape},
		{flow.Node{Op: "Concat", Axis: 0}, []*flow.Tensor{count(2, 3), count(2, 3)}, qtensor.ErrShape}, // batch and 2
		{flow.Node{Op: "Concat", Axis: 5}, []*flow.Tensor{count(2, 3), count(2, 3)}, qtensor.ErrShape},
	} {
		g, _ := one(c.node, c.in...)
		if m, err := model.New(g, nil); !errors.Is(err, c.want) || m != nil {
			t.Errorf("%+v: got %v, want %v", c.node, err, c.want)
		}
	}
}
