package ptq_test

import (
	"fmt"
	"slices"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// training is a network of the user's with a loss, on batches of five, and the machine that trains it.
type training struct {
	t                  *testing.T
	dt                 tensor.Dtype
	drop               float64
	g                  *gorgonia.ExprGraph
	x, target, y, loss node
	weights            gorgonia.Nodes
	norm               *gorgonia.BatchNormOp
	machine            gorgonia.VM
	solver             gorgonia.Solver
}

// make builds the network for a batch size, on the values of another one, if there is one.
func (tr *training) make(batch int, of *training) {
	tr.g = gorgonia.NewGraph()
	weight := func(name string, shape ...int) node {
		v := gorgonia.Value(draw(tr.dt, uint64(len(name)), 0.3, shape...))
		if of != nil {
			v = of.weights[len(tr.weights)].Value()
		}
		w := gorgonia.NewTensor(tr.g, tr.dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name),
			gorgonia.WithValue(v))
		tr.weights = append(tr.weights, w)
		return w
	}
	tr.x = gorgonia.NewTensor(tr.g, tr.dt, 4, gorgonia.WithShape(batch, 2, 6, 6), gorgonia.WithName("x"))
	h := must(gorgonia.Conv2d(tr.x, weight("conv", 3, 2, 3, 3), tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
	var err error
	h, _, _, tr.norm, err = gorgonia.BatchNorm(h, weight("gamma", 1, 3, 1, 1), weight("beta-", 1, 3, 1, 1), 0.9, 1e-5)
	if err == nil && of != nil {
		err = tr.norm.SetStats(of.norm.Stats())
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	h = must(gorgonia.MaxPool2D(must(gorgonia.Rectify(h)), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	h = must(gorgonia.Reshape(h, tensor.Shape{batch, 27}))
	if tr.drop > 0 {
		h = must(gorgonia.Dropout(h, tr.drop))
	}
	tr.y = must(gorgonia.Mul(must(gorgonia.Tanh(must(gorgonia.Mul(h, weight("first-", 27, 8))))), weight("second-", 8, 3)))
	tr.target = gorgonia.NewMatrix(tr.g, tr.dt, gorgonia.WithShape(batch, 3), gorgonia.WithName("target"))
	tr.loss = must(gorgonia.Mean(must(gorgonia.Square(must(gorgonia.Sub(tr.y, tr.target))))))
}

func (tr *training) start() {
	tr.make(5, nil)
	if _, err := gorgonia.Grad(tr.loss, tr.weights...); err != nil {
		tr.t.Fatal(err)
	}
	tr.machine = gorgonia.NewTapeMachine(tr.g, gorgonia.BindDualValues(tr.weights...))
	tr.solver = gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.1))
}

func (tr *training) step(i int) {
	tr.t.Helper()
	err := gorgonia.Let(tr.x, draw(tr.dt, uint64(i), 1, 5, 2, 6, 6))
	if err == nil {
		err = gorgonia.Let(tr.target, draw(tr.dt, uint64(100+i), 1, 5, 3))
	}
	if err == nil {
		err = tr.machine.RunAll()
	}
	if err == nil {
		err = tr.solver.Step(gorgonia.NodesToValueGrads(tr.weights))
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.machine.Reset()
}

// state is all numbers that training has made.
func (tr *training) state() (x []float64) {
	for _, w := range tr.weights {
		x = append(x, wide(w.Value())...)
	}
	mean, variance := tr.norm.Stats()
	return append(append(x, wide(mean)...), wide(variance)...)
}

// quantize has ptq read, and run, the user's own graph.
func (tr *training) quantize() report {
	tr.t.Helper()
	build := func(batch int) (exprgraph.Graph, error) {
		of := tr
		if batch != 5 {
			of = &training{t: tr.t, dt: tr.dt, drop: tr.drop}
			of.make(batch, tr)
		}
		return exprgraph.Graph{Inputs: gorgonia.Nodes{of.x}, Outputs: gorgonia.Nodes{of.y}}, nil
	}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tr.dt, 77, 1, 5, 2, 6, 6)}, nil)
	}
	_, r, err := quantizeBuild(tr.t.Context(), build, samples, ptq.Config{Activations: model.StaticInt8})
	if err != nil {
		tr.t.Fatal(err)
	}
	return r
}

// TestQuantizeLeavesTheGraph: a training run with Quantize in its midst, on the graph that is trained, ends
// with the same weights and statistics to the bit as one without; the graph has the same nodes, and its
// inputs the same values; and Dropout drops as before.
func TestQuantizeLeavesTheGraph(t *testing.T) {
	const steps = 6
	count := 0
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		plain := &training{t: t, dt: dt}
		plain.start()
		for i := range steps {
			plain.step(i)
		}
		want := plain.state()
		for at := 1; at < steps; at++ {
			count++
			what := fmt.Sprintf("%v, after step %d", dt, at)
			tr := &training{t: t, dt: dt}
			tr.start()
			for i := range steps {
				if i == at {
					nodes, x, target := slices.Clone(tr.g.AllNodes()), tr.x.Value(), tr.target.Value()
					numbers := wide(x)
					r := tr.quantize()
					if r.Read.NotCompared != "" || len(r.Layers) != 3 {
						t.Errorf("%s: not verified, or other layers:\n%v", what, r)
					}
					if !slices.Equal(tr.g.AllNodes(), nodes) || tr.x.Value() != x || tr.target.Value() != target ||
						!slices.Equal(wide(x), numbers) {
						t.Errorf("%s: the graph has other nodes or values", what)
					}
				}
				tr.step(i)
			}
			if !slices.Equal(tr.state(), want) {
				t.Errorf("%s: training ends with other weights or statistics", what)
			}
		}
		tr := &training{t: t, dt: dt, drop: 0.5}
		tr.start()
		tr.step(0)
		tr.quantize()
		outputs := map[string]bool{}
		for range 20 {
			if err := tr.machine.RunAll(); err != nil {
				t.Fatal(err)
			}
			outputs[fmt.Sprint(tr.y.Value().Data())] = true
			tr.machine.Reset()
			if err := gorgonia.Let(tr.x, draw(dt, 1, 1, 5, 2, 6, 6)); err != nil {
				t.Fatal(err)
			}
		}
		if len(outputs) < 10 {
			t.Errorf("%v: got %d different outputs of 20 with Dropout on, want nearly all", dt, len(outputs))
		}
		count++
	}
	t.Logf("%d training runs with Quantize in their midst", count)
}
