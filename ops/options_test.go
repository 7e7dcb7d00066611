package ops_test

import (
	"math"
	"testing"

	"euryale/internal/tensortest"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestRefuses goes through what MatMul and Linear refuse: the sentinel, and what the error says.
func TestRefuses(t *testing.T) {
	const in, out = 3, 2
	w := mustWeight(t, 1, in, out)
	bfloat16 := mustPack(t, mustQuantize(t, 1, qtensor.BFloat16(), in, out))
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 4, in)
	var read gorgonia.Value
	statement := gorgonia.Read(mustLinear(t, x, w), &read)
	params := func(s qtensor.Scheme, scale float32, zeros ...int32) ops.LayerOption {
		return ops.WithStaticInt8(qtensor.Params{Scheme: s, Scales: []float32{scale}, ZeroPoints: zeros})
	}
	perAxis := qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 1), Scales: []float32{1, 1}}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	masked := tensor.New(tensor.WithShape(out), tensor.WithBacking([]float32{1, 2}, []bool{true, false}))
	bias := func(b tensor.Tensor) ops.LayerOption { return ops.WithBias(b) }
	for _, c := range []struct {
		name   string
		matMul bool
		x      *gorgonia.Node
		w      *ops.Weight
		opt    ops.LayerOption
		target error
		parts  []string
	}{
		{"nil node", false, nil, w, nil, qtensor.ErrShape, []string{"got no node"}},
		{"nil weight", false, x, nil, nil, qtensor.ErrShape, []string{"a weight that Pack did not make"}},
		{"both nil", true, nil, nil, nil, qtensor.ErrShape, []string{"a weight that Pack did not make"}},
		{"int node", false, input(g, "int", tensor.Int, 4, in), w, nil, qtensor.ErrDtype, []string{"a node of int,"}},
		{"scalar node", false, gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("s")), w, nil, qtensor.ErrShape, []string{"x is ()", "want (…, 3)"}},
		{"node without shape", false, gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithName("n")), w, nil, qtensor.ErrShape, []string{"of rank 2 with shape ()"}},
		{"statement node", false, statement, w, nil, qtensor.ErrDtype, []string{"want float32 or float64"}},
		{"zero node", false, new(gorgonia.Node), w, nil, qtensor.ErrDtype, nil},
		{"another depth", false, input(g, "depth", tensor.Float32, 4, in+1), w, nil, qtensor.ErrShape, []string{"x is (4, 4)", "want (…, 3)"}},
		{"vector of another depth", true, input(g, "short", tensor.Float32, in-1), w, nil, qtensor.ErrShape, []string{"x is (2)", "want (…, 3)"}},
		{"transposed", false, input(g, "t", tensor.Float32, in, 4), w, nil, qtensor.ErrShape, []string{"x is (3, 4)"}},

		{"MatMul with bias", true, x, w, bias(newTensor([]float32{1, 2}, 2)), qtensor.ErrParams, []string{"got a bias or ReLU", "want Linear"}},
		{"MatMul with ReLU", true, x, w, ops.WithReLU(), qtensor.ErrParams, []string{"got a bias or ReLU", "want Linear"}},
		{"MatMul of rank 3", true, input(g, "3", tensor.Float32, 2, 4, in), w, nil, qtensor.ErrShape, []string{"got (2, 4, 3)", "want a matrix or a vector"}},

		{"short bias", false, x, w, bias(newTensor([]float32{1}, 1)), qtensor.ErrShape, []string{"bias is (1)", "want (2)"}},
		{"long bias", false, x, w, bias(newTensor([]float32{1, 2, 3}, 3)), qtensor.ErrShape, []string{"bias is (3)", "want (2)"}},
		{"bias of (2, 2)", false, x, w, bias(newTensor([]float32{1, 2, 3, 4}, 2, 2)), qtensor.ErrShape, []string{"bias is (2, 2)", "want (2)"}},
		{"scalar bias", false, x, w, bias(tensor.New(tensor.FromScalar(float32(1)))), qtensor.ErrShape, []string{"bias is ()", "want (2)"}},
		{"bias of (2, 2) for 4", false, x, mustWeight(t, 1, in, 4), bias(newTensor([]float32{1, 2, 3, 4}, 2, 2)), qtensor.ErrShape, []string{"bias is (2, 2)", "want (4)"}},
		{"bias of NaN", false, x, w, bias(newTensor([]float32{1, nan}, 2)), qtensor.ErrValue, []string{"bias is NaN at 1", "want finite"}},
		{"infinite bias", false, x, w, bias(newTensor([]float32{-inf, 1}, 2)), qtensor.ErrValue, []string{"bias is -Inf at 0"}},
		{"bias past float32", false, x, w, bias(newTensor([]float64{1, 1e39}, 2)), qtensor.ErrValue, []string{"bias is +Inf at 1"}},
		{"int bias", false, x, w, bias(newTensor([]int{1, 2}, 2)), qtensor.ErrDtype, []string{"bias", "got int", "want float32 or float64"}},
		{"nil bias", false, x, w, bias(nil), qtensor.ErrLayout, []string{"bias", "got <nil>", "want *tensor.Dense"}},
		{"nil *Dense as bias", false, x, w, bias((*tensor.Dense)(nil)), qtensor.ErrLayout, []string{"bias", "got nil"}},
		{"masked bias", false, x, w, bias(masked), qtensor.ErrLayout, []string{"bias", "masked"}},

		{"zero Weight", false, x, new(ops.Weight), nil, qtensor.ErrShape, []string{"a weight that Pack did not make"}},
		{"static float16 scale that is none", false, x, w, params(qtensor.Symmetric(8).WithScales(qtensor.ScaleFloat16), 0.3), qtensor.ErrParams, []string{"activations", "got scale 0.3"}},
		{"no activations", false, x, w, ops.WithActivations(-1), qtensor.ErrParams, []string{"got Activations(-1)"}},
		{"static without parameters", true, x, w, ops.WithActivations(model.StaticInt8), qtensor.ErrParams, []string{"want WithStaticInt8"}},
		{"static zero Params", false, x, w, ops.WithStaticInt8(qtensor.Params{}), qtensor.ErrScheme, []string{"activations", "zero Scheme"}},
		{"static per axis", false, x, w, ops.WithStaticInt8(perAxis), qtensor.ErrScheme, []string{"got symmetric8@1 for activations", "per tensor"}},
		{"static per group", false, x, w, params(qtensor.Int4().PerGroup(0, 32), 1), qtensor.ErrScheme, []string{"got int4/g32@0 for activations"}},
		{"static Float16", false, x, w, ops.WithStaticInt8(qtensor.Params{Scheme: qtensor.Float16()}), qtensor.ErrScheme, []string{"got float16 for activations"}},
		{"static BFloat16", false, x, w, ops.WithStaticInt8(qtensor.Params{Scheme: qtensor.BFloat16()}), qtensor.ErrScheme, []string{"got bfloat16 for activations"}},
		{
			"static Uniform", false, x, w,
			ops.WithStaticInt8(qtensor.Params{Scheme: qtensor.Uniform(8), Scales: []float32{1}, Offsets: []float32{0}}),
			qtensor.ErrScheme,
			[]string{"got uniform8 for activations", "represents zero"},
		},
		{"static nine bits", false, x, w, params(qtensor.Affine(9), 1, 0), qtensor.ErrScheme, []string{"activations", "got 9 bits"}},
		{"static negative scale", false, x, w, params(qtensor.Symmetric(8), -1), qtensor.ErrParams, []string{"got scale -1 for activations", "want a positive one"}},
		{"static zero scale", false, x, w, params(qtensor.Symmetric(8), 0), qtensor.ErrParams, []string{"activations", "got scale 0"}},
		{"static NaN scale", false, x, w, params(qtensor.Symmetric(8), nan), qtensor.ErrParams, []string{"activations", "got scale NaN"}},
		{"static infinite scale", false, x, w, params(qtensor.Symmetric(8), inf), qtensor.ErrParams, []string{"activations", "got scale +Inf"}},
		{"static zero point out of range", false, x, w, params(qtensor.Affine(8), 1, 256), qtensor.ErrParams, []string{"activations", "got zero point 256", "want 0 to 255"}},
		{"static zero point missing", false, x, w, params(qtensor.Affine(8), 1), qtensor.ErrParams, []string{"activations", "got 0 zero points", "want 1"}},
		{"static scale missing", false, x, w, ops.WithStaticInt8(qtensor.Params{Scheme: qtensor.Symmetric(8)}), qtensor.ErrParams, []string{"activations", "got 0 scales"}},

		{"bfloat16 with dynamic", false, x, bfloat16, ops.WithActivations(model.DynamicInt8), qtensor.ErrScheme, []string{"got bfloat16 weights with dynamic-int8", "want Fixed24"}},
		{"bfloat16 with fixed16", false, x, bfloat16, ops.WithActivations(model.Fixed16), qtensor.ErrScheme, []string{"got bfloat16 weights with fixed16", "want Fixed24"}},
		{"bfloat16 with fixed16 in MatMul", true, x, bfloat16, ops.WithActivations(model.Fixed16), qtensor.ErrScheme, []string{"got bfloat16 weights with fixed16", "want Fixed24"}},
		{"bfloat16 with static", true, x, bfloat16, params(qtensor.Affine(8), 1, 0), qtensor.ErrScheme, []string{"got bfloat16 weights with static-int8"}},
	} {
		var opts []ops.LayerOption
		if c.opt != nil {
			opts = append(opts, c.opt)
		}
		layer, name := ops.Linear, "ops: Linear"
		if c.matMul {
			layer, name = ops.MatMul, "ops: MatMul"
		}
		y, err := layer(c.x, c.w, opts...)
		if y != nil {
			t.Errorf("%s: got a node beside error %v", c.name, err)
		}
		wantError(t, c.name, err, c.target, append(c.parts, name)...)
	}
}

// TestTakes goes through what is taken at the edge of what is refused.
func TestTakes(t *testing.T) {
	const in, out = 3, 2
	w := mustWeight(t, 1, in, out)
	one := mustWeight(t, 1, in, 1)
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 4, in)
	static := func(s qtensor.Scheme, scale float32, zeros ...int32) ops.LayerOption {
		return ops.WithStaticInt8(qtensor.Params{Scheme: s, Scales: []float32{scale}, ZeroPoints: zeros})
	}
	column := newTensor([]float32{1, 9, 2, 9}, 2, 2)
	for _, c := range []struct {
		name string
		w    *ops.Weight
		opt  ops.LayerOption
		want []float32 // the layer of zeros
	}{
		{"bias of (1, out)", w, ops.WithBias(newTensor([]float32{1, 2}, 1, 2)), []float32{1, 2}},
		{"bias of (out, 1)", w, ops.WithBias(newTensor([]float32{1, 2}, 2, 1)), []float32{1, 2}},
		{"bias of (1, 1, out)", w, ops.WithBias(newTensor([]float64{1, 2}, 1, 1, 2)), []float32{1, 2}},
		{"bias from a view", w, ops.WithBias(mustSlice(t, column, nil, gorgonia.S(0, 1))), []float32{1, 2}},
		{"scalar bias for one column", one, ops.WithBias(tensor.New(tensor.FromScalar(float32(1)))), []float32{1}},
		{"static Int4", w, static(qtensor.Int4(), 1), []float32{0, 0}},
		{"static UInt4", w, static(qtensor.UInt4(), 1, 15), []float32{0, 0}},
		{"static of the least scale", w, static(qtensor.PowerOfTwo(2), 0x1p-126, 3), []float32{0, 0}},
	} {
		y, err := ops.Linear(x, c.w, c.opt)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := mustDo(t, y.Op(), newTensor(make([]float32, in), 1, in)); !tensortest.SameBits(got, c.want) {
			t.Errorf("%s: the layer of zeros gives %v, want %v", c.name, got, c.want)
		}
	}
}

// TestMatMulIsLinear compares the two, and the last of two options of one kind.
func TestMatMulIsLinear(t *testing.T) {
	const m, in, out = 3, 5, 2
	w := mustWeight(t, 1, in, out)
	x := newTensor(gaussian(2, m*in), m, in)
	for _, shape := range [][]int{{m, in}, {in}} {
		g := gorgonia.NewGraph()
		node := input(g, "x", tensor.Float32, shape...)
		y, err := ops.MatMul(node, w, ops.WithActivations(model.DynamicInt8), ops.WithActivations(model.Fixed16))
		if err != nil {
			t.Fatal(err)
		}
		row := newTensor(x.Data().([]float32)[:tensor.Shape(shape).TotalSize()], shape...)
		want := mustDo(t, mustOp(t, tensor.Float32, len(shape), w, ops.WithActivations(model.Fixed16)), row)
		if got := mustDo(t, y.Op(), row); !tensortest.SameBits(got, want) {
			t.Errorf("%v: MatMul gives %v, Linear %v", shape, got, want)
		}
	}
}

func TestOpString(t *testing.T) {
	op := mustOp(t, tensor.Float32, 2, mustWeight(t, 1, 3, 2), ops.WithActivations(model.Fixed16))
	if got, want := op.String(), "linear(3, 2) symmetric8@1 fixed16#"; len(got) <= len(want) || got[:len(want)] != want {
		t.Errorf("the op is called %q, want %q and a number", got, want)
	}
}
