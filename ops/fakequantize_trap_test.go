package ops_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fakeOps are the ops that are trained through, made for x of shape (3, 4).
var fakeOps = []struct {
	name string
	make func(x *gorgonia.Node) (*gorgonia.Node, error)
}{
	{"per tensor", func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return ops.FakeQuantize(x, qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{0.1}})
	}},
	{"per tensor, other parameters", func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return ops.FakeQuantize(x, qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{0.2}})
	}},
	{"per axis", func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return ops.FakeQuantize(x, qtensor.Params{
			Scheme: qtensor.PerChannelAffine(3, 0), Scales: []float32{0.1, 0.2, 0.3},
			ZeroPoints: []int32{3, 4, 5},
		})
	}},
	{"dynamic", func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.FakeQuantizeDynamic(x, qtensor.Int4()) }},
	{"dynamic, another scheme", func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return ops.FakeQuantizeDynamic(x, qtensor.PerChannelSymmetric(2, 1))
	}},
	{"lsq", func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return ops.FakeQuantizeLSQ(x, floatNode(x.Graph(), "s", x.Dtype(), []float64{0.3}, tensor.Shape{}), qtensor.Symmetric(3))
	}},
}

func TestFakeQuantizeRefuses(t *testing.T) {
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 3, 4)
	var read gorgonia.Value
	statement := gorgonia.Read(gorgonia.Must(gorgonia.Neg(x)), &read)
	int4 := qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{0.1}}
	with := func(s qtensor.Scheme, scales ...float32) qtensor.Params {
		return qtensor.Params{Scheme: s, Scales: scales}
	}
	for _, c := range []struct {
		name    string
		x       *gorgonia.Node
		p       qtensor.Params
		dynamic bool // refused by its scheme alone
		target  error
		part    string
	}{
		{"nil node", nil, int4, true, qtensor.ErrShape, "got no node"},
		{"zero node", new(gorgonia.Node), int4, true, qtensor.ErrDtype, "want float32 or float64"},
		{"statement", statement, int4, true, qtensor.ErrDtype, "want float32 or float64"},
		{"int node", input(g, "i", tensor.Int, 3, 4), int4, true, qtensor.ErrDtype, "got a node of int"},
		{"codes", input(g, "c", tensor.Int8, 3, 4), int4, true, qtensor.ErrDtype, "got a node of int8"},
		{"node without shape", gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithName("n")), int4, true, qtensor.ErrShape, "got a node of rank 2"},
		{"zero Params", x, qtensor.Params{}, true, qtensor.ErrScheme, "zero Scheme"},
		{"nine bits", x, with(qtensor.Symmetric(9), 1), true, qtensor.ErrScheme, "got 9 bits"},
		{"float16", x, with(qtensor.Float16()), true, qtensor.ErrScheme, "got float16, want a scheme of integers"},
		{"bfloat16", x, with(qtensor.BFloat16()), true, qtensor.ErrScheme, "got bfloat16"},
		{"float8", x, with(qtensor.Float8E4M3FN(), 1), true, qtensor.ErrScheme, "got float8e4m3fn"},
		{"MXFP4", x, with(qtensor.MXFP4().PerGroup(0, 32), 1, 1, 1), true, qtensor.ErrScheme, "got mxfp4/g32@0"},
		{"no such axis", x, with(qtensor.PerChannelSymmetric(4, 2), 1, 2), true, qtensor.ErrShape, "got axis 2"},
		{"axis of a scalar", gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("s")), with(qtensor.PerChannelSymmetric(4, 0), 1), true, qtensor.ErrShape, "got axis 0"},
		{"too few scales", x, with(qtensor.PerChannelSymmetric(4, 1), 1, 2, 3), false, qtensor.ErrParams, "got 3 scales"},
		{"scale 0", x, with(qtensor.Int4(), 0), false, qtensor.ErrParams, "got scale 0"},
		{"scale NaN", x, with(qtensor.Int4(), float32(math.NaN())), false, qtensor.ErrParams, "got scale NaN"},
		{"no zero point", x, with(qtensor.Affine(4), 1), false, qtensor.ErrParams, "got 0 zero points"},
		{"scale of no power of two", x, qtensor.Params{Scheme: qtensor.PowerOfTwo(4), Scales: []float32{0.3}, ZeroPoints: []int32{0}}, false, qtensor.ErrParams, "power of two"},
		{"range of one end", x, qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{1}, Min: []float32{1}}, false, qtensor.ErrParams, "maxima"},
	} {
		y, err := ops.FakeQuantize(c.x, c.p)
		if y != nil {
			t.Errorf("%s: got a node beside error %v", c.name, err)
		}
		wantError(t, c.name, err, c.target, "ops: FakeQuantize: ", c.part)
		if !c.dynamic {
			continue
		}
		if y, err = ops.FakeQuantizeDynamic(c.x, c.p.Scheme); y != nil {
			t.Errorf("dynamic, %s: got a node beside error %v", c.name, err)
		}
		wantError(t, "dynamic, "+c.name, err, c.target, "ops: FakeQuantizeDynamic: ", c.part)
	}
}

// TestTrapFakeQuantizeDo: a panic in an op kills the process. The ops and those of their gradients return
// errors.
func TestTrapFakeQuantizeDo(t *testing.T) {
	var f *gorgonia.F32
	ones := func(dt tensor.Dtype, shape ...int) *tensor.Dense { return tensor.Ones(dt, shape...) }
	bad := []struct {
		name  string
		value gorgonia.Value
	}{
		{"nil", nil},
		{"nil *Dense", (*tensor.Dense)(nil)},
		{"nil scalar", f},
		{"zero Dense", new(tensor.Dense)},
		{"int scalar", gorgonia.NewI(1)},
		{"float64", ones(tensor.Float64, 3, 4)},
		{"int", ones(tensor.Int, 3, 4)},
		{"string", newTensor([]string{"a", "b"}, 1, 2)},
		{"sparse", tensor.CSRFromCoord(tensor.Shape{3, 4}, []int{0, 1}, []int{1, 2}, []float32{1, 2})},
		{"masked", tensor.New(tensor.WithShape(3, 4), tensor.WithBacking(make([]float32, 12), make([]bool, 12)))},
		{"no rows", tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(0, 4))},
		{"slice of nothing", mustSlice(t, ones(tensor.Float32, 3), gorgonia.S(1, 1))},
	}
	for _, made := range fakeOps {
		g := gorgonia.NewGraph()
		x := input(g, "x", tensor.Float32, 3, 4)
		y := gorgonia.Must(made.make(x))
		gorgonia.Must(gorgonia.Sum(y))
		operands := gorgonia.Nodes{x}
		good := []gorgonia.Value{ones(tensor.Float32, 3, 4)}
		if y.Op().Arity() == 2 {
			operands = append(operands, g.ByName("s")[0])
			good = append(good, gorgonia.NewF32(1))
		}
		gradients, err := y.Op().(gorgonia.SDOp).SymDiff(operands, y, input(g, "dy", tensor.Float32, 3, 4))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range append(gradients, y) {
			op, inputs := n.Op(), good
			if op == nil || n.Name() == "dy" {
				continue
			}
			if n != y {
				inputs = append(slices.Clone(good), ones(tensor.Float32, 3, 4))
			}
			if _, err := op.Do(inputs...); err != nil {
				t.Errorf("%s, %v: error %v", made.name, op, err)
			}
			for at := range inputs {
				for _, c := range bad {
					wrong := slices.Clone(inputs)
					wrong[at] = c.value
					if v, err := op.Do(wrong...); err == nil || v != nil || !strings.HasPrefix(err.Error(), "ops: ") {
						t.Errorf("%s, %v: %s as input %d gives %v, error %v", made.name, op, c.name, at, v, err)
					}
				}
			}
			if v, err := op.Do(inputs[1:]...); err == nil {
				t.Errorf("%s, %v: too few inputs give %v", made.name, op, v)
			}
			shape := tensor.Shape{3, 4}
			nothing, deep := []gorgonia.DimSizer{nil, shape, shape}, []gorgonia.DimSizer{tensor.Shape{3, 4, 5}, tensor.Shape{}, shape}
			for _, wrong := range [][]gorgonia.DimSizer{nil, {shape, shape, shape, shape}, nothing[:op.Arity()], deep[:op.Arity()]} {
				if s, err := op.InferShape(wrong...); err == nil || !strings.HasPrefix(err.Error(), "ops: ") {
					t.Errorf("%s, %v: InferShape of %v is %v, error %v", made.name, op, wrong, s, err)
				}
			}
			if op.OverwritesInput() != -1 || op.CallsExtern() || !op.ReturnsPtr() {
				t.Errorf("%s, %v: OverwritesInput %d, CallsExtern %v, ReturnsPtr %v", made.name, op, op.OverwritesInput(),
					op.CallsExtern(), op.ReturnsPtr())
			}
		}
	}
}

// TestTrapFakeQuantizeNotFinite: NaN and infinities are errors in the machines too, and the graph runs again
// afterwards.
func TestTrapFakeQuantizeNotFinite(t *testing.T) {
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		for _, made := range fakeOps {
			for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				g := gorgonia.NewGraph()
				x := input(g, "x", dt, 3, 4)
				y := gorgonia.Must(made.make(x))
				r := newRunner(g)
				for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e39} {
					data := tensortest.Float64s(gaussian(1, 12))
					data[7] = bad // in float32, 1e39 is an infinity
					if err := gorgonia.Let(x, valueOf(dt, data, 3, 4)); err != nil {
						t.Fatal(err)
					}
					err := r.run()
					if r.tape != nil {
						r.tape.Reset()
					}
					wantError(t, fmt.Sprint(made.name, " of ", bad), cause(err), qtensor.ErrValue, "ops: fakequantize",
						fmt.Sprint("got ", float32(bad), " at 7"))
					data[7] = 0
					r.mustRun(t, x, valueOf(dt, data, 3, 4))
					want, err := y.Op().Do(append([]gorgonia.Value{valueOf(dt, data, 3, 4)}, scalesOf(y)...)...)
					if err != nil || !slices.Equal(elements(t, y.Value()), elements(t, want)) {
						t.Errorf("%s after %v: %v, want %v, error %v", made.name, bad, y.Value(), want, err)
					}
				}
			}
		}
	})
}

// scalesOf returns the scales of an op that learns them.
func scalesOf(y *gorgonia.Node) []gorgonia.Value {
	if y.Op().Arity() == 1 {
		return nil
	}
	return []gorgonia.Value{y.Graph().ByName("s")[0].Value()}
}

// TestTrapFakeQuantizeHash: ops on one input stay nodes of their own, also where all about them is equal, and
// the gradients of all add up.
func TestTrapFakeQuantizeHash(t *testing.T) {
	data, slope := tensortest.Float64s(gaussian(1, 12)), tensortest.Float64s(gaussian(2, 12))
	inBoth(t, func(t *testing.T, lisp bool, dt tensor.Dtype) {
		total := make([]float64, 12)
		g := gorgonia.NewGraph()
		x := floatNode(g, "x", dt, data, tensor.Shape{3, 4})
		dy := floatNode(g, "dy", dt, slope, tensor.Shape{3, 4})
		var terms gorgonia.Nodes
		reads := make([]gorgonia.Value, 2*len(fakeOps))
		for i := range reads {
			made := fakeOps[i/2]
			y := gorgonia.Must(made.make(x))
			gorgonia.Read(y, &reads[i])
			for _, other := range terms {
				if other == y || other.Hashcode() == y.Hashcode() {
					t.Errorf("%s is one node with another", made.name)
				}
			}
			terms = append(terms, y)
		}
		all := gorgonia.Must(gorgonia.ReduceAdd(terms))
		sum := differentiated{x, all, gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.HadamardProd(all, dy))))}
		_, gradients := sum.run(t, lisp, x)
		for i := range reads {
			alone := differentiate(t, dt, data, slope, tensor.Shape{3, 4}, fakeOps[i/2].make)
			y, one := alone.run(t, lisp, alone.x)
			if !slices.Equal(elements(t, reads[i]), y) {
				t.Errorf("%s: %v among others, %v alone", fakeOps[i/2].name, reads[i], y)
			}
			for at, v := range one[0] {
				total[at] += v
			}
		}
		if !isClose(gradients[0], total, 1e-6) {
			t.Errorf("the gradient of all is %v, the sum of those of each %v", gradients[0], total)
		}
	})
}

// TestTrapFakeQuantizeParamsChange: the parameters are a copy.
func TestTrapFakeQuantizeParamsChange(t *testing.T) {
	p, err := qtensor.NewParams(qtensor.PerChannelAffine(4, 1), []float32{-1, 0}, []float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	x := newTensor(gaussian(1, 6), 3, 2)
	y := gorgonia.Must(ops.FakeQuantize(input(gorgonia.NewGraph(), "x", tensor.Float32, 3, 2), p))
	want := mustDo(t, y.Op(), x)
	p.Scales[0], p.ZeroPoints[1] = 100, 7
	if got := mustDo(t, y.Op(), x); !tensortest.SameBits(got, want) {
		t.Errorf("%v after the parameters changed, %v before", got, want)
	}
}

// TestTrapSecondGradient: Gorgonia panics where a gradient goes through an op that says nothing of gradients.
// Those of gradients say that they have none.
func TestTrapSecondGradient(t *testing.T) {
	for _, made := range fakeOps {
		if strings.HasPrefix(made.name, "dynamic") {
			continue // its gradient is no op
		}
		g := gorgonia.NewGraph()
		x := floatNode(g, "x", tensor.Float32, tensortest.Float64s(gaussian(1, 12)), tensor.Shape{3, 4})
		cost := gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Square(gorgonia.Must(made.make(x))))))
		gradients, err := gorgonia.Grad(cost, x)
		if err != nil {
			t.Fatal(err)
		}
		op := gradients[0].Op()
		if _, err := gorgonia.Grad(gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Square(gradients[0])))), x); err == nil {
			t.Errorf("%s: got a second gradient, want an error", made.name)
		}
		if _, err := op.(gorgonia.SDOp).SymDiff(nil, nil, nil); err == nil || !strings.Contains(err.Error(), "has no gradient") {
			t.Errorf("%s: SymDiff gives error %v", made.name, err)
		}
		if err := op.(gorgonia.ADOp).DoDiff(gorgonia.ExecutionContext{}, nil, nil); err == nil ||
			!strings.Contains(err.Error(), "has no gradient") {
			t.Errorf("%s: DoDiff gives error %v", made.name, err)
		}
	}
}

// FuzzFakeQuantize feeds values of any rank, shape, layout, type and bits to the ops and to their gradients:
// never a panic; the result of a materialized copy; an error exactly if type, rank, parameters or a value is
// wrong.
func FuzzFakeQuantize(f *testing.F) {
	ordinary := []byte{0, 0, 128, 63, 205, 204, 76, 189, 1, 200, 32, 64}
	for layout := range byte(6) {
		f.Add(byte(2), byte(3), byte(4), byte(2), layout, layout, byte(0), ordinary)
	}
	f.Add(byte(0), byte(1), byte(1), byte(1), byte(0), byte(0), byte(1), ordinary)               // a scalar, float64
	f.Add(byte(1), byte(4), byte(1), byte(1), byte(0), byte(2), byte(0), ordinary)               // a vector for a matrix
	f.Add(byte(3), byte(3), byte(4), byte(2), byte(0), byte(4), byte(1), ordinary)               // rank 3
	f.Add(byte(2), byte(0), byte(4), byte(1), byte(0), byte(0), byte(0), ordinary)               // no rows
	f.Add(byte(2), byte(3), byte(4), byte(1), byte(0), byte(0), byte(4), ordinary)               // int
	f.Add(byte(2), byte(3), byte(4), byte(1), byte(0), byte(5), byte(0), []byte{0, 0, 128, 127}) // an infinity
	f.Fuzz(func(t *testing.T, rank, a, b, c, layout, choice, types byte, data []byte) {
		made := fakeOps[int(choice)%len(fakeOps)]
		dt := map[bool]tensor.Dtype{false: tensor.Float32, true: tensor.Float64}[types&1 != 0]
		node := input(gorgonia.NewGraph(), "x", dt, 3, 4)
		y := gorgonia.Must(made.make(node))
		shape := tensor.Shape{int(a) % 5, int(b) % 5, int(c) % 5}[:rank%4]
		x, visible := fuzzTensor(t, shape, layout, types/2%3, dt, data)
		valid := x.Dtype() == dt && len(visible) > 0
		switch made.name {
		case "per axis":
			valid = valid && len(shape) == 2 && shape[0] == 3
		case "dynamic, another scheme":
			valid = valid && len(shape) == 2
		}
		for _, v := range visible {
			valid = valid && !math.IsInf(float64(float32(v)), 0) && !math.IsNaN(v)
		}
		got, err := y.Op().Do(append([]gorgonia.Value{x}, scalesOf(y)...)...)
		if valid != (err == nil) {
			t.Fatalf("%s of %v %v: error %v", made.name, x.Shape(), x.Dtype(), err)
		}
		operands := append(gorgonia.Nodes{node}, y.Graph().ByName("s")...)
		gradients, symErr := y.Op().(gorgonia.SDOp).SymDiff(operands, y, input(y.Graph(), "dy", dt, 3, 4))
		if symErr != nil {
			t.Fatal(symErr)
		}
		dy := tensor.New(tensor.Of(dt), tensor.WithShape(3, 4))
		if valid {
			dy = valueOf(dt, make([]float64, len(visible)), len(visible))
		}
		if gradient := gradients[0].Op(); gradient != nil {
			inputs := append(append([]gorgonia.Value{x}, scalesOf(y)...), dy)
			if dx, err := gradient.Do(inputs...); valid && (err != nil || !dx.Shape().Eq(x.Shape())) {
				t.Fatalf("%s of %v %v: gradient %v, error %v", made.name, x.Shape(), x.Dtype(), dx, err)
			}
		}
		if !valid {
			return
		}
		copied, err := y.Op().Do(append([]gorgonia.Value{floats(dt, visible, shape)}, scalesOf(y)...)...)
		if err != nil || !got.Shape().Eq(shape) || !slices.Equal(elements(t, got), elements(t, copied)) {
			t.Fatalf("%s of %v: %v, and %v for its copy, error %v", made.name, visible, got, copied, err)
		}
	})
}
