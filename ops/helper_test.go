package ops_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"euryale/internal/nn"
	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// newTensor returns a tensor that owns data.
func newTensor[T any](data []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// What becomes of activations, and what of parameters goes with it.
var (
	fixed24     = nn.Options{Activations: nn.Fixed24}
	fixed16     = nn.Options{Activations: nn.Fixed16}
	dynamicInt8 = nn.Options{Activations: nn.DynamicInt8}
)

func staticInt8(p qtensor.Params) nn.Options {
	return nn.Options{Activations: nn.StaticInt8, Params: p}
}

// under returns the option of a layer for activations and their parameters.
func under(o nn.Options) ops.LayerOption {
	if o.Activations == nn.StaticInt8 {
		return ops.WithStaticInt8(o.Params)
	}
	return ops.WithActivations(o.Activations)
}

// gaussian returns n normal deviates.
func gaussian(seed uint64, n int) []float32 {
	return tensortest.Gaussian(rand.New(rand.NewPCG(seed, 1)), n, 1)
}

// mustQuantize returns gaussian values of shape (in, out), quantized.
func mustQuantize(t testing.TB, seed uint64, s qtensor.Scheme, in, out int) *qtensor.QTensor {
	t.Helper()
	q, err := qtensor.Quantize(newTensor(gaussian(seed, in*out), in, out), s)
	if err != nil {
		t.Fatalf("Quantize(%v): %v", s, err)
	}
	return q
}

func mustPack(t testing.TB, q *qtensor.QTensor) *ops.Weight {
	t.Helper()
	w, err := ops.Pack(q)
	if err != nil {
		t.Fatalf("Pack(%v): %v", q, err)
	}
	return w
}

// mustWeight returns gaussian values of shape (in, out), one scale for each column, packed.
func mustWeight(t testing.TB, seed uint64, in, out int) *ops.Weight {
	t.Helper()
	return mustPack(t, mustQuantize(t, seed, qtensor.PerChannelSymmetric(8, 1), in, out))
}

// mustLinear returns the node of a Linear.
func mustLinear(t testing.TB, x *gorgonia.Node, w *ops.Weight, opts ...ops.LayerOption) *gorgonia.Node {
	t.Helper()
	y, err := ops.Linear(x, w, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// input returns an input node of a graph, of any rank.
func input(g *gorgonia.ExprGraph, name string, dt tensor.Dtype, shape ...int) *gorgonia.Node {
	return gorgonia.NewTensor(g, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
}

// mustOp returns the op of a Linear for inputs of the given type and rank, to be called without a machine.
func mustOp(t testing.TB, dt tensor.Dtype, dims int, w *ops.Weight, opts ...ops.LayerOption) gorgonia.Op {
	t.Helper()
	shape := make([]int, dims)
	for i := range shape {
		shape[i] = 2
	}
	shape[dims-1] = w.In()
	return mustLinear(t, input(gorgonia.NewGraph(), "x", dt, shape...), w, opts...).Op()
}

// mustDo returns what an op makes of rows.
func mustDo(t testing.TB, op gorgonia.Op, x *tensor.Dense) []float32 {
	t.Helper()
	y, err := op.Do(x)
	if err != nil {
		t.Fatal(err)
	}
	return y.(*tensor.Dense).Float32s()
}

// valuesOf returns the elements of a float value as the user sees them, in row-major order.
func valuesOf(t testing.TB, v gorgonia.Value) []float64 {
	t.Helper()
	if v == nil {
		t.Fatal("there is no value")
	}
	d := v.(*tensor.Dense).Clone().(*tensor.Dense)
	if d.RequiresIterator() {
		d = d.Materialize().(*tensor.Dense)
	}
	var out []float64
	switch data := d.Data().(type) {
	case []float32:
		for _, x := range data {
			out = append(out, float64(x))
		}
	case []float64:
		out = append(out, data...)
	default:
		t.Fatalf("value is %T", data)
	}
	return out
}

// isClose reports whether got is want up to a fraction of the largest value of want.
func isClose(got, want []float64, fraction float64) bool {
	if len(got) != len(want) {
		return false
	}
	var largest float64
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= fraction*largest) {
			return false
		}
	}
	return true
}

// wantError fails unless err wraps target and none of the other sentinels, and says each of parts.
func wantError(t *testing.T, what string, err, target error, parts ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: got error %v, want one that wraps %q", what, err, target)
		return
	}
	for _, other := range []error{
		qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme,
		qtensor.ErrParams, qtensor.ErrValue, qtensor.ErrFormat,
	} {
		if !errors.Is(target, other) && errors.Is(err, other) {
			t.Errorf("%s: got error %v, which wraps %q besides %q", what, err, other, target)
		}
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %q does not say %q", what, err, part)
		}
	}
}

// cause returns the error of an op from inside the error of a machine.
func cause(err error) error {
	var machine interface{ Err() error }
	for errors.As(err, &machine) {
		err = machine.Err()
	}
	return err
}

// runner runs a graph again and again: in one TapeMachine that is reset, or in a LispMachine for each run.
type runner struct {
	g    *gorgonia.ExprGraph
	lisp bool
	tape gorgonia.VM
}

func (r *runner) run() error {
	if r.lisp {
		m := gorgonia.NewLispMachine(r.g, gorgonia.ExecuteFwdOnly())
		defer m.Close()
		return m.RunAll()
	}
	if r.tape == nil {
		r.tape = gorgonia.NewTapeMachine(r.g, gorgonia.EvalMode())
	}
	defer r.tape.Reset()
	return r.tape.RunAll()
}

// mustRun feeds an input and runs the graph.
func (r *runner) mustRun(t testing.TB, x *gorgonia.Node, v gorgonia.Value) {
	t.Helper()
	if err := gorgonia.Let(x, v); err != nil {
		t.Fatal(err)
	}
	if err := r.run(); err != nil {
		t.Fatal(err)
	}
}

// inMachines runs a test once for each kind of machine.
func inMachines(t *testing.T, test func(t *testing.T, newRunner func(g *gorgonia.ExprGraph) *runner)) {
	t.Helper()
	for _, lisp := range []bool{false, true} {
		name := map[bool]string{false: "TapeMachine", true: "LispMachine"}[lisp]
		t.Run(name, func(t *testing.T) {
			test(t, func(g *gorgonia.ExprGraph) *runner { return &runner{g: g, lisp: lisp} })
		})
	}
}
