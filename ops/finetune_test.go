package ops_test

import (
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

// The sizes of a perceptron that learns what a teacher of the same form makes of gaussian samples.
const tuneBatch, tuneIn, tuneHidden, tuneOut = 64, 6, 16, 2

// tuned is the perceptron max(x·w1, 0)·w2 under a squared error, with what stands in the place of its weights
// and activations: themselves, or what they are when quantized.
type tuned struct {
	x, target, hidden, first, out, cost *gorgonia.Node
	weights                             [2]*gorgonia.Node
	quantized                           [2]*gorgonia.Node
	learned                             gorgonia.Nodes
}

// tuning says what stands in the place of weights and activations. A weight may bring more to learn.
type tuning struct {
	weight     func(w *gorgonia.Node) (y *gorgonia.Node, more gorgonia.Nodes)
	activation func(layer int, x *gorgonia.Node) *gorgonia.Node
}

var inFloat = tuning{
	weight:     func(w *gorgonia.Node) (*gorgonia.Node, gorgonia.Nodes) { return w, nil },
	activation: func(_ int, x *gorgonia.Node) *gorgonia.Node { return x },
}

func newTuned(weights [2][]float32, how tuning) *tuned {
	g := gorgonia.NewGraph()
	m := &tuned{x: input(g, "x", tensor.Float32, tuneBatch, tuneIn), target: input(g, "target", tensor.Float32, tuneBatch, tuneOut)}
	for i, shape := range []tensor.Shape{{tuneIn, tuneHidden}, {tuneHidden, tuneOut}} {
		w := floatNode(g, fmt.Sprint("w", i), tensor.Float32, tensortest.Float64s(weights[i]), shape)
		y, more := how.weight(w)
		m.weights[i], m.quantized[i] = w, y
		m.learned = append(append(m.learned, w), more...)
	}
	m.first = gorgonia.Must(gorgonia.Mul(how.activation(0, m.x), m.quantized[0]))
	m.hidden = gorgonia.Must(gorgonia.Rectify(m.first))
	m.out = gorgonia.Must(gorgonia.Mul(how.activation(1, m.hidden), m.quantized[1]))
	m.cost = gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(m.out, m.target))))))
	return m
}

// values returns the values of nodes for the samples, in a run without gradients.
func (m *tuned) values(t testing.TB, nodes ...*gorgonia.Node) [][]float32 {
	t.Helper()
	m.feed(t)
	machine := gorgonia.NewLispMachine(m.x.Graph(), gorgonia.ExecuteFwdOnly())
	defer machine.Close()
	if err := machine.RunAll(); err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, n := range nodes {
		v := elements(t, n.Value())
		out = append(out, fill(len(v), func(i int) float32 { return float32(v[i]) }))
	}
	return out
}

func (m *tuned) loss(t testing.TB) float32 { return m.values(t, m.cost)[0][0] }

func (m *tuned) feed(t testing.TB) {
	t.Helper()
	x := gaussian(11, tuneBatch*tuneIn)
	teacher := newTuned([2][]float32{gaussian(12, tuneIn*tuneHidden), gaussian(13, tuneHidden*tuneOut)}, inFloat)
	for _, let := range []struct {
		n    *gorgonia.Node
		data []float32
	}{{m.x, x}, {m.target, teacher.answers(t, x)}} {
		if err := gorgonia.Let(let.n, newTensor(slices.Clone(let.data), let.n.Shape()...)); err != nil {
			t.Fatal(err)
		}
	}
}

// answers returns what the perceptron makes of x, computed without a machine.
func (m *tuned) answers(t testing.TB, x []float32) []float32 {
	t.Helper()
	w1, w2 := elements(t, m.weights[0].Value()), elements(t, m.weights[1].Value())
	out := make([]float32, tuneBatch*tuneOut)
	for i := range tuneBatch {
		for h := range tuneHidden {
			var sum float64
			for k := range tuneIn {
				sum += float64(x[i*tuneIn+k]) * w1[k*tuneHidden+h]
			}
			for o := range tuneOut {
				out[i*tuneOut+o] += float32(max(sum, 0) * w2[h*tuneOut+o])
			}
		}
	}
	return out
}

// train takes steps of Adam at each of the rates, in a TapeMachine, or in a LispMachine for each.
func (m *tuned) train(t testing.TB, lisp bool, steps int, rates ...float64) {
	t.Helper()
	m.feed(t)
	g := m.x.Graph()
	var machine gorgonia.VM
	if !lisp {
		if _, err := gorgonia.Grad(m.cost, m.learned...); err != nil {
			t.Fatal(err)
		}
		machine = gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(m.learned...))
		defer machine.Close()
	}
	var solver gorgonia.Solver
	for step := range steps * len(rates) {
		if step%steps == 0 {
			solver = gorgonia.NewAdamSolver(gorgonia.WithLearnRate(rates[step/steps]))
		}
		if lisp {
			machine = gorgonia.NewLispMachine(g)
		}
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		if err := solver.Step(gorgonia.NodesToValueGrads(m.learned)); err != nil {
			t.Fatal(err)
		}
		if !lisp {
			machine.Reset()
		}
	}
}

// trained returns the weights, to be used in another graph.
func (m *tuned) trained(t testing.TB) (weights [2][]float32) {
	t.Helper()
	for i, w := range m.weights {
		weights[i] = slices.Clone(w.Value().Data().([]float32))
	}
	return weights
}

// TestFineTune trains a net in float, quantizes it, and trains on through the quantizing: the loss falls
// below that of quantizing alone, in either machine alike. The codes of the trained weights are those that it
// was trained with, and layers with these weights packed compute what the fake ones did.
func TestFineTune(t *testing.T) {
	const steps = 200
	net := newTuned([2][]float32{gaussian(1, tuneIn*tuneHidden), gaussian(2, tuneHidden*tuneOut)}, inFloat)
	net.train(t, false, 1200, 0.01)
	start := net.trained(t)
	plain := newTuned(start, inFloat)
	// What flows into the layers, observed once.
	var observed [2]qtensor.Params
	for i, flow := range plain.values(t, plain.x, plain.hidden) {
		p, err := qtensor.NewParams(qtensor.Affine(8), []float32{slices.Min(flow)}, []float32{slices.Max(flow)})
		if err != nil {
			t.Fatal(err)
		}
		observed[i] = p
	}
	activation := func(layer int, x *gorgonia.Node) *gorgonia.Node {
		return gorgonia.Must(ops.FakeQuantize(x, observed[layer]))
	}
	for _, bits := range []int{2, 3, 4} {
		scheme := qtensor.PerChannelSymmetric(bits, 1)
		for _, c := range []struct {
			name  string
			how   tuning
			rates []float64
		}{
			{"dynamic", tuning{dynamic(scheme), activation}, []float64{0.03, 0.01, 0.003}},
			{"learned", tuning{learned(t, scheme), activation}, []float64{0.01, 0.01, 0.003}},
		} {
			alone := newTuned(start, c.how).loss(t)
			m := newTuned(start, c.how)
			m.train(t, false, steps, c.rates...)
			after := newTuned(m.trained(t), c.how)
			for i, n := range m.learned { // the scales too
				if err := gorgonia.Let(after.learned[i], n.Value()); err != nil {
					t.Fatal(err)
				}
			}
			if loss := after.loss(t); !(loss < alone/2) {
				t.Errorf("%d bits, %s: loss %v after training, want less than half of %v, that of quantizing alone", bits, c.name, loss, alone)
			}
			for i, w := range after.weights {
				q, err := qtensor.Quantize(w.Value().(*tensor.Dense), scheme)
				if c.name == "learned" {
					scales := after.learned[2*i+1].Value().Data().([]float32)
					q, err = qtensor.QuantizeWith(w.Value().(*tensor.Dense), qtensor.Params{Scheme: scheme, Scales: scales})
				}
				if err != nil {
					t.Fatal(err)
				}
				testConverted(t, after, i, q, observed[i])
			}
			tape, lisp := newTuned(start, c.how), newTuned(start, c.how)
			tape.train(t, false, 20, c.rates[0])
			lisp.train(t, true, 20, c.rates[0])
			for i, n := range tape.learned {
				if got, want := elements(t, lisp.learned[i].Value()), elements(t, n.Value()); !isClose(got, want, 1e-5) {
					t.Errorf("%d bits, %s: LispMachine trains %s to be %v, TapeMachine %v", bits, c.name, n.Name(), got, want)
				}
			}
		}
	}
}

// dynamic returns what quantizes a weight by its own range.
func dynamic(s qtensor.Scheme) func(*gorgonia.Node) (*gorgonia.Node, gorgonia.Nodes) {
	return func(w *gorgonia.Node) (*gorgonia.Node, gorgonia.Nodes) {
		return gorgonia.Must(ops.FakeQuantizeDynamic(w, s)), nil
	}
}

// learned returns what quantizes a weight by scales that start from its own range and are learned.
func learned(t testing.TB, s qtensor.Scheme) func(*gorgonia.Node) (*gorgonia.Node, gorgonia.Nodes) {
	return func(w *gorgonia.Node) (*gorgonia.Node, gorgonia.Nodes) {
		q, err := qtensor.Quantize(w.Value().(*tensor.Dense), s)
		if err != nil {
			t.Fatal(err)
		}
		start := q.Params().Scales
		scales := floatNode(w.Graph(), w.Name()+".scale", tensor.Float32, tensortest.Float64s(start), tensor.Shape{len(start)})
		return gorgonia.Must(ops.FakeQuantizeLSQ(w, scales, s)), gorgonia.Nodes{scales}
	}
}

// testConverted compares a layer of m with one that computes with the codes of q.
func testConverted(t *testing.T, m *tuned, layer int, q *qtensor.QTensor, observed qtensor.Params) {
	t.Helper()
	in := []*gorgonia.Node{m.x, m.hidden}[layer]
	v := m.values(t, m.quantized[layer], in, []*gorgonia.Node{m.first, m.out}[layer])
	fake, x, want := v[0], v[1], v[2]
	values, err := q.Dequantize(tensor.Float32)
	if err != nil || !tensortest.SameBits(values.Float32s(), fake) {
		t.Errorf("layer %d: the weights are %v, error %v, and were trained as %v", layer, values, err, fake)
	}
	codes, columns := codesOf(t, q), q.Shape()[1]
	for i, w := range fake {
		if code := math.RoundToEven(float64(w / q.Params().Scales[i%columns])); int64(code) != codes[i] {
			t.Errorf("layer %d: code %d at %d, and %v in training", layer, codes[i], i, code)
		}
	}
	op := mustOp(t, tensor.Float32, 2, mustPack(t, q), ops.WithStaticInt8(observed))
	got := mustDo(t, op, newTensor(x, in.Shape()...))
	if !isClose(tensortest.Float64s(got), tensortest.Float64s(want), 1e-6) {
		t.Errorf("layer %d of integers gives %v, the fake one %v", layer, got, want)
	}
}
