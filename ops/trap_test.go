package ops_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A TestTrap, here and in trap_*_test.go, is named after something in Gorgonia that an op
// from outside can fall into.

// TestTrapLispMachineDoesNotRewind: a LispMachine that is reset and run again runs the last node alone,
// without an error.
func TestTrapLispMachineDoesNotRewind(t *testing.T) {
	const m, n = 3, 4
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, m, n)
	first := mustLinear(t, x, mustWeight(t, 1, n, n))
	second := mustLinear(t, first, mustWeight(t, 2, n, n))
	layers := func(v *tensor.Dense) []float32 {
		return mustDo(t, second.Op(), newTensor(mustDo(t, first.Op(), v), m, n))
	}
	run := func(machine gorgonia.VM, v *tensor.Dense) []float32 {
		t.Helper()
		if err := errors.Join(gorgonia.Let(x, v), machine.RunAll()); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(second.Value().Data().([]float32))
	}
	a, b := newTensor(gaussian(3, m*n), m, n), newTensor(gaussian(4, m*n), m, n)
	wantA, wantB := layers(a), layers(b)
	once := gorgonia.NewLispMachine(g, gorgonia.ExecuteFwdOnly())
	if got := run(once, a); !tensortest.SameBits(got, wantA) {
		t.Errorf("first run: %v, want %v", got, wantA)
	}
	once.Reset()
	if got := run(once, b); tensortest.SameBits(got, wantB) {
		t.Fatal("a LispMachine runs twice: the trap is gone")
	}
	if got := run(gorgonia.NewLispMachine(g, gorgonia.ExecuteFwdOnly()), b); !tensortest.SameBits(got, wantB) {
		t.Errorf("a machine made for the second run: %v, want %v", got, wantB)
	}
}

// TestTrapNotFinite: a panic in an op kills the process, so NaN and infinities are errors, which name what is
// wrong, in a machine too. The graph runs again afterwards.
func TestTrapNotFinite(t *testing.T) {
	const m, in, out = 70, 5, 2
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Float16()} {
			w := mustPack(t, mustQuantize(t, 1, s, in, out))
			for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				g := gorgonia.NewGraph()
				x := input(g, "x", dt, m, in)
				y := mustLinear(t, x, w)
				r := newRunner(g)
				for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e39} {
					if bad == 1e39 && dt == tensor.Float32 {
						continue
					}
					data := tensortest.Float64s(gaussian(2, m*in))
					data[66*in+3] = bad
					if err := gorgonia.Let(x, valueOf(dt, data, m, in)); err != nil {
						t.Fatal(err)
					}
					err := r.run()
					if r.tape != nil {
						r.tape.Reset()
					}
					wantError(t, fmt.Sprint(bad), cause(err), qtensor.ErrValue, "ops: linear(5, 2) "+s.String(),
						fmt.Sprint("got ", float32(bad)), "row 66, column 3")
					data[66*in+3] = 0
					r.mustRun(t, x, valueOf(dt, data, m, in))
					if got, want := valuesOf(t, y.Value()), product(t, fill(m*in, func(i int) float32 { return float32(data[i]) }),
						m, mustQuantize(t, 1, s, in, out)); !isClose(got, want, 1e-6) {
						t.Errorf("after %v: %v, want %v", bad, got, want)
					}
				}
			}
		}
	})
}

// TestTrapCodesAsInput: tensors of codes pass through Gorgonia, which computes nonsense with them.
func TestTrapCodesAsInput(t *testing.T) {
	g := gorgonia.NewGraph()
	for _, dt := range []tensor.Dtype{tensor.Int8, tensor.Uint8, tensor.Int, tensor.Int32, tensor.Bool} {
		_, err := ops.Linear(input(g, "x"+dt.String(), dt, 4, 3), mustWeight(t, 1, 3, 2))
		wantError(t, dt.String(), err, qtensor.ErrDtype, "ops: Linear", "a node of "+dt.String(), "want float32 or float64")
	}
}

// TestTrapNilOption: an option that is nil is an error, where calling it would panic.
func TestTrapNilOption(t *testing.T) {
	x := input(gorgonia.NewGraph(), "x", tensor.Float32, 4, 3)
	if _, err := ops.Linear(x, mustWeight(t, 1, 3, 2), nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("got %v, want qtensor.ErrParams", err)
	}
}

// TestTrapOptionalInterfaces: with UsePreallocDo an op is given memory that may be its input, with UnsafeDo
// it may write into its input, and CUDADo alone changes how a machine plans without CUDA.
func TestTrapOptionalInterfaces(t *testing.T) {
	op := mustOp(t, tensor.Float32, 2, mustWeight(t, 1, 3, 2))
	if _, ok := op.(gorgonia.UsePreallocDoer); ok {
		t.Error("the op is a UsePreallocDoer")
	}
	if _, ok := op.(gorgonia.UnsafeDoer); ok {
		t.Error("the op is an UnsafeDoer")
	}
	if _, ok := op.(gorgonia.CUDADoer); ok {
		t.Error("the op is a CUDADoer")
	}
	if op.Arity() != 1 || op.OverwritesInput() != -1 || op.CallsExtern() || !op.ReturnsPtr() {
		t.Errorf("Arity %d, OverwritesInput %d, CallsExtern %v, ReturnsPtr %v, want 1, −1, false, true", op.Arity(),
			op.OverwritesInput(), op.CallsExtern(), op.ReturnsPtr())
	}
}
