package ops_test

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"euryale/internal/nn"
	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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
