package ops_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/internal/nn"
	"euryale/internal/tensortest"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Each test is named after something in Gorgonia that an op from outside can fall into.

// TestTrapHashIsTheIdentity: two ops with one hash on one input become one node, silently.
func TestTrapHashIsTheIdentity(t *testing.T) {
	const m, in, out = 4, 6, 3
	a, b := mustQuantize(t, 1, qtensor.Affine(8), in, out), mustQuantize(t, 2, qtensor.Affine(8), in, out)
	w := mustPack(t, a)
	bias := newTensor([]float32{5, -5, 9}, out)
	x := gaussian(3, m*in)
	static, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	layers := []struct {
		name string
		w    *ops.Weight
		opts []ops.LayerOption
	}{
		{"weight", w, nil},
		{"another weight of the same values", mustPack(t, a), nil},
		{"other values", mustPack(t, b), nil},
		{"bias", w, []ops.LayerOption{ops.WithBias(bias)}},
		{"another bias", w, []ops.LayerOption{ops.WithBias(newTensor([]float32{5, -5, 8}, out))}},
		{"ReLU", w, []ops.LayerOption{ops.WithReLU()}},
		{"bias and ReLU", w, []ops.LayerOption{ops.WithReLU(), ops.WithBias(bias)}},
		{"fixed16", w, []ops.LayerOption{ops.WithActivations(model.Fixed16)}},
		{"dynamic", w, []ops.LayerOption{ops.WithActivations(model.DynamicInt8)}},
		{"static", w, []ops.LayerOption{ops.WithStaticInt8(static)}},
		{"the same twice", w, nil},
	}
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		node := input(g, "x", tensor.Float32, m, in)
		var nodes []*gorgonia.Node
		reads := make([]gorgonia.Value, len(layers))
		for i, layer := range layers {
			y := mustLinear(t, node, layer.w, layer.opts...)
			for j, other := range nodes {
				if y == other || y.ID() == other.ID() || y.Op().Hashcode() == other.Op().Hashcode() || y.Hashcode() == other.Hashcode() {
					t.Errorf("%q and %q are one node or have one hash", layer.name, layers[j].name)
				}
			}
			nodes = append(nodes, y)
			gorgonia.Read(y, &reads[i])
		}
		newRunner(g).mustRun(t, node, newTensor(x, m, in))
		for i, layer := range layers {
			want := mustDo(t, mustOp(t, tensor.Float32, 2, layer.w, layer.opts...), newTensor(x, m, in))
			if got := reads[i].Data().([]float32); !tensortest.SameBits(got, want) {
				t.Errorf("%s: %v among the others and %v alone", layer.name, got, want)
			}
		}
		for i, j := range map[int]int{0: 2, 3: 4, 5: 6, 7: 8} {
			if tensortest.SameBits(reads[i].Data().([]float32), reads[j].Data().([]float32)) {
				t.Errorf("%q and %q give the same result: the test has no teeth", layers[i].name, layers[j].name)
			}
		}
	})
}

// TestTrapOneOpOnTwoInputs: ops are shared by pointer where a graph is rebuilt, so one may serve two nodes.
func TestTrapOneOpOnTwoInputs(t *testing.T) {
	const m, in, out = 3, 5, 2
	w := mustWeight(t, 1, in, out)
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		a, b := input(g, "a", tensor.Float32, m, in), input(g, "b", tensor.Float32, m, in)
		ya := mustLinear(t, a, w)
		yb := gorgonia.Must(gorgonia.ApplyOp(ya.Op(), b))
		difference := gorgonia.Must(gorgonia.Sub(ya, yb))
		xa, xb := newTensor(gaussian(2, m*in), m, in), newTensor(gaussian(3, m*in), m, in)
		if err := gorgonia.Let(a, xa); err != nil {
			t.Fatal(err)
		}
		newRunner(g).mustRun(t, b, xb)
		da, db := mustDo(t, ya.Op(), xa), mustDo(t, ya.Op(), xb)
		want := fill(len(da), func(i int) float32 { return da[i] - db[i] })
		if got := difference.Value().Data().([]float32); !tensortest.SameBits(got, want) {
			t.Errorf("difference of two results of one op is %v, want %v", got, want)
		}
	})
}

// TestTrapSharedBetweenGraphs: a machine writes into the tensors of its graph, so those that graphs share
// race. A Weight, and a tensor that biases are made from, may be shared. Run it under -race.
func TestTrapSharedBetweenGraphs(t *testing.T) {
	const m, in, out, graphs = 70, 33, 5, 8
	bias := newTensor(gaussian(1, out), out)
	for _, s := range []qtensor.Scheme{qtensor.UInt4().PerGroup(1, 8), qtensor.PerChannelSymmetric(8, 1), qtensor.Float16()} {
		q := mustQuantize(t, 2, s, in, out)
		w := mustPack(t, q)
		computes := []nn.Options{fixed24, fixed16}
		if s.IsFloat() {
			computes = computes[:1]
		}
		var done sync.WaitGroup
		for i := range graphs {
			done.Go(func() {
				g := gorgonia.NewGraph()
				x := input(g, "x", tensor.Float32, m, in)
				y, err := ops.Linear(x, w, ops.WithBias(bias), under(computes[i%len(computes)]))
				if err != nil {
					t.Error(err)
					return
				}
				r := &runner{g: g, lisp: i%4 > 1}
				for run := range 5 {
					data := gaussian(uint64(100*i+run), m*in)
					if err := errors.Join(gorgonia.Let(x, newTensor(data, m, in)), r.run()); err != nil {
						t.Error(err)
						return
					}
					want := product(t, data, m, q)
					for at, v := range bias.Float32s() {
						for row := range m {
							want[row*out+at] += float64(v)
						}
					}
					if got := tensortest.Float64s(y.Value().Data().([]float32)); !isClose(got, want, 1e-4) {
						t.Errorf("%v: graph %d, run %d: %v, want %v", s, i, run, got, want)
					}
				}
			})
		}
		done.Wait()
	}
}

// TestTrapRankIsNotInTheType: Gorgonia does not compare ranks by type, so an op must.
func TestTrapRankIsNotInTheType(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	g := gorgonia.NewGraph()
	shapes := [][]int{{3}, {4, 3}, {2, 4, 3}, {2, 2, 4, 3}}
	for i, shape := range shapes {
		x := input(g, fmt.Sprint("x", i), tensor.Float32, shape...)
		y := mustLinear(t, x, w)
		want := append(slices.Clone(shape[:i]), 2)
		if !slices.Equal(y.Shape(), want) || y.Dims() != i+1 || y.Dtype() != tensor.Float32 {
			t.Errorf("Linear of %v has shape %v, rank %d and type %v, want %v", shape, y.Shape(), y.Dims(), y.Dtype(), want)
		}
		for j, other := range shapes {
			if j == i {
				continue
			}
			_, err := gorgonia.ApplyOp(y.Op(), input(g, fmt.Sprint("y", j), tensor.Float32, other...))
			if err == nil {
				t.Errorf("the op for rank %d took a node of rank %d", i+1, j+1)
			}
			_, err = y.Op().InferShape(tensor.Shape(other))
			wantError(t, fmt.Sprintf("InferShape of rank %d by the op for rank %d", j+1, i+1), err, qtensor.ErrShape,
				"linear(3, 2)", fmt.Sprint(tensor.Shape(other)), fmt.Sprintf("want %d dimensions", i+1))
		}
	}
	op := mustOp(t, tensor.Float32, 2, w)
	for _, c := range []struct {
		name   string
		inputs []gorgonia.DimSizer
		part   string
	}{
		{"no inputs", nil, "got 0 inputs, want 1"},
		{"two inputs", []gorgonia.DimSizer{tensor.Shape{4, 3}, tensor.Shape{4, 3}}, "got 2 inputs, want 1"},
		{"nil", []gorgonia.DimSizer{nil}, "got a <nil>, want a shape"},
		{"another depth", []gorgonia.DimSizer{tensor.Shape{4, 2}}, "x is (4, 2), want (…, 3)"},
	} {
		_, err := op.InferShape(c.inputs...)
		wantError(t, c.name, err, qtensor.ErrShape, "ops: linear(3, 2)", c.part)
	}
}

// TestTrapRowSliceIsAVector: [0:1] drops an axis, of a node and of a value alike, and Let takes a vector for
// a matrix of one row.
func TestTrapRowSliceIsAVector(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	data := gaussian(2, 12)
	want := mustDo(t, mustOp(t, tensor.Float32, 1, w), newTensor(data[3:6], 3))
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		x := input(g, "x", tensor.Float32, 1, 3)
		y := mustLinear(t, x, w)
		row := mustSlice(t, newTensor(data, 4, 3), gorgonia.S(1, 2))
		if row.Dims() != 1 {
			t.Fatalf("a row slice has shape %v: the trap is gone", row.Shape())
		}
		newRunner(g).mustRun(t, x, row)
		if got := y.Value(); !slices.Equal(got.Shape(), tensor.Shape{1, 2}) || !tensortest.SameBits(got.Data().([]float32), want) {
			t.Errorf("a vector in a matrix node gives %v %v, want (1, 2) %v", got.Shape(), got.Data(), want)
		}
	})
	// A column slice is a vector too. It is refused, not read as a row.
	column := mustSlice(t, newTensor(data, 4, 3), nil, gorgonia.S(1, 2))
	_, err := mustOp(t, tensor.Float32, 2, mustWeight(t, 3, 1, 2)).Do(column)
	wantError(t, "a column as a vector", err, qtensor.ErrShape, "x is (1, 4)", "want (…, 1)")
}

// TestTrapResetDropsRegisters: nothing that an op returned may be used for the next run, since the caller has
// it.
func TestTrapResetDropsRegisters(t *testing.T) {
	const m, in, out = 3, 4, 2
	w := mustWeight(t, 1, in, out)
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		x := input(g, "x", tensor.Float32, m, in)
		y := mustLinear(t, x, w)
		var read gorgonia.Value
		gorgonia.Read(y, &read)
		r := newRunner(g)
		var values []gorgonia.Value
		var copies [][]float32
		for run := range 4 {
			data := gaussian(uint64(10+run), m*in)
			want := mustDo(t, y.Op(), newTensor(data, m, in))
			r.mustRun(t, x, newTensor(data, m, in))
			if !tensortest.SameBits(read.Data().([]float32), want) || !tensortest.SameBits(y.Value().Data().([]float32), want) {
				t.Errorf("run %d: Read %v, Value %v, want %v", run, read, y.Value(), want)
			}
			values = append(values, y.Value())
			copies = append(copies, want)
			read = nil // else gorgonia.Read copies into the same tensor again
		}
		for run, v := range values {
			if got := v.Data().([]float32); !tensortest.SameBits(got, copies[run]) {
				t.Errorf("the result of run %d was %v and is %v after the others", run, copies[run], got)
			}
		}
	})
}

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

// TestTrapInPlaceOps: Gorgonia's own ops write into what they may overwrite. That is a result of ours, but no
// input, weight or bias, nor a tensor that these were made from.
func TestTrapInPlaceOps(t *testing.T) {
	const m, n = 4, 4
	q := mustQuantize(t, 1, qtensor.PerChannelAffine(8, 1), n, n)
	w := mustPack(t, q)
	bias := newTensor(gaussian(2, n), n)
	x := newTensor(gaussian(3, m*n), m, n)
	givenBias, givenX, codes := slices.Clone(bias.Float32s()), slices.Clone(x.Data().([]float32)), slices.Clone(q.Codes().Uint8s())
	op := mustOp(t, tensor.Float32, 2, w, ops.WithBias(bias))
	want := mustDo(t, op, x)
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		node := input(g, "x", tensor.Float32, m, n)
		y := mustLinear(t, node, w, ops.WithBias(bias))
		c := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("c"), gorgonia.WithShape(m, n),
			gorgonia.WithValue(newTensor(gaussian(4, m*n), m, n)))
		z := gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.Rectify(gorgonia.Must(gorgonia.Add(y, c))))))
		mustLinear(t, gorgonia.Must(gorgonia.Sub(z, c)), w, ops.WithBias(bias), ops.WithReLU())
		r := newRunner(g)
		for range 3 {
			r.mustRun(t, node, x)
		}
		if !tensortest.SameBits(x.Data().([]float32), givenX) {
			t.Error("the input was changed")
		}
		if !tensortest.SameBits(bias.Float32s(), givenBias) {
			t.Error("the bias tensor was changed")
		}
		if !slices.Equal(q.Codes().Uint8s(), codes) {
			t.Error("the quantized tensor was changed")
		}
		if got := mustDo(t, op, x); !tensortest.SameBits(got, want) {
			t.Errorf("the layer gives %v after the runs, %v before", got, want)
		}
	})
}

// TestTrapBiasTensorChanges: the bias is a copy, so what becomes of the tensor it came from has no effect.
func TestTrapBiasTensorChanges(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	x := newTensor(gaussian(2, 6), 2, 3)
	for _, bias := range []*tensor.Dense{newTensor([]float32{1, 2}, 2), newTensor([]float64{1, 2}, 2), newTensor([]float32{1, 2}, 2, 1)} {
		op := mustOp(t, tensor.Float32, 2, w, ops.WithBias(bias))
		want := mustDo(t, op, x)
		if err := bias.Memset(map[tensor.Dtype]any{tensor.Float32: float32(99), tensor.Float64: 99.0}[bias.Dtype()]); err != nil {
			t.Fatal(err)
		}
		if got := mustDo(t, op, x); !tensortest.SameBits(got, want) {
			t.Errorf("%v: %v after the bias tensor changed, %v before", bias.Dtype(), got, want)
		}
	}
}

// TestTrapStaticParamsChange: the same for the parameters of StaticInt8.
func TestTrapStaticParamsChange(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	x := newTensor(gaussian(2, 6), 2, 3)
	p, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{2})
	if err != nil {
		t.Fatal(err)
	}
	option := ops.WithStaticInt8(p)
	op := mustOp(t, tensor.Float32, 2, w, option)
	want := mustDo(t, op, x)
	p.Scales[0], p.ZeroPoints[0], p.Min[0], p.Max[0] = 100, 0, 3, float32(math.NaN())
	for name, op := range map[string]gorgonia.Op{"op": op, "option": mustOp(t, tensor.Float32, 2, w, option)} {
		if got := mustDo(t, op, x); !tensortest.SameBits(got, want) {
			t.Errorf("%s: %v after the parameters changed, %v before", name, got, want)
		}
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

// TestTrapInputsOfOneName: two inputs of the same name, type and shape are one node to Gorgonia, and the
// value of the second is lost. Layers on them stay two layers on that one input.
func TestTrapInputsOfOneName(t *testing.T) {
	g := gorgonia.NewGraph()
	a, b := input(g, "x", tensor.Float32, 2, 3), input(g, "x", tensor.Float32, 2, 3)
	if a != b {
		t.Fatal("inputs of one name are two nodes: the trap is gone")
	}
	ya, yb := mustLinear(t, a, mustWeight(t, 1, 3, 2)), mustLinear(t, b, mustWeight(t, 2, 3, 2))
	if ya == yb {
		t.Error("two layers are one node")
	}
}

// TestTrapBatchSizeIsInTheGraph: an input takes values of one batch size alone. The layers do not care.
func TestTrapBatchSizeIsInTheGraph(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 4, 3)
	y := mustLinear(t, x, w)
	if err := gorgonia.Let(x, newTensor(gaussian(2, 6), 2, 3)); err == nil {
		t.Fatal("Let took another batch size: the trap is gone")
	}
	data := gaussian(3, 12)
	all := mustDo(t, y.Op(), newTensor(data, 4, 3))
	for m := 1; m <= 4; m++ {
		if got := mustDo(t, y.Op(), newTensor(data[:3*m], m, 3)); !tensortest.SameBits(got, all[:2*m]) {
			t.Errorf("batch of %d: %v, want %v", m, got, all[:2*m])
		}
	}
}

// TestTrapCodesAsInput: tensors of codes pass through Gorgonia, which computes nonsense with them.
func TestTrapCodesAsInput(t *testing.T) {
	g := gorgonia.NewGraph()
	for _, dt := range []tensor.Dtype{tensor.Int8, tensor.Uint8, tensor.Int, tensor.Int32, tensor.Bool} {
		_, err := ops.Linear(input(g, "x"+dt.String(), dt, 4, 3), mustWeight(t, 1, 3, 2))
		wantError(t, dt.String(), err, qtensor.ErrDtype, "ops: Linear", "a node of "+dt.String(), "want float32 or float64")
	}
}

// TestTrapNoGradient: Gorgonia panics where a gradient goes through an op that says nothing of gradients.
// What comes after the layer can be trained.
func TestTrapNoGradient(t *testing.T) {
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 4, 3)
	y := mustLinear(t, gorgonia.Must(gorgonia.Square(x)), mustWeight(t, 1, 3, 2))
	head := input(g, "head", tensor.Float32, 4, 2)
	cost := gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.HadamardProd(y, head))))
	if _, err := gorgonia.Grad(cost, x); err == nil || !strings.Contains(err.Error(), "Non Differentiable") {
		t.Errorf("gradient with respect to x: error %v, want one that says it cannot be had", err)
	}
	grads, err := gorgonia.Grad(cost, head)
	if err != nil {
		t.Fatal(err)
	}
	if err := gorgonia.Let(head, newTensor(gaussian(2, 8), 4, 2)); err != nil {
		t.Fatal(err)
	}
	data := gaussian(3, 12)
	r := &runner{g: g}
	r.mustRun(t, x, newTensor(data, 4, 3))
	squares := fill(12, func(i int) float32 { return data[i] * data[i] })
	want := mustDo(t, y.Op(), newTensor(squares, 4, 3))
	if got := grads[0].Value().Data().([]float32); !tensortest.SameBits(got, want) {
		t.Errorf("gradient of Σ y·head with respect to head is %v, want y = %v", got, want)
	}
	if _, err := y.Op().(gorgonia.SDOp).SymDiff(nil, nil, nil); err == nil || !strings.Contains(err.Error(), "linear(3, 2)") {
		t.Errorf("SymDiff: error %v, want one that names the op", err)
	}
}

// TestTrapNilOption: an option that is nil is an error, where calling it would panic.
func TestTrapNilOption(t *testing.T) {
	x := input(gorgonia.NewGraph(), "x", tensor.Float32, 4, 3)
	if _, err := ops.Linear(x, mustWeight(t, 1, 3, 2), nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("got %v, want qtensor.ErrParams", err)
	}
}

// TestTrapLispMachineGradients: a LispMachine that computes gradients would go on with zeros from an op that
// says nothing of them.
func TestTrapLispMachineGradients(t *testing.T) {
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 4, 3)
	y := mustLinear(t, gorgonia.Must(gorgonia.Square(x)), mustWeight(t, 1, 3, 2))
	gorgonia.Must(gorgonia.Sum(y))
	if err := gorgonia.Let(x, newTensor(gaussian(3, 12), 4, 3)); err != nil {
		t.Fatal(err)
	}
	machine := gorgonia.NewLispMachine(g)
	defer machine.Close()
	if err := machine.RunAll(); err == nil || !strings.Contains(err.Error(), "ExecuteFwdOnly") {
		t.Errorf("got %v, want an error that names gorgonia.ExecuteFwdOnly", err)
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
