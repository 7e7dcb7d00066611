package ptq_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// training is a network of the user's with a loss, on batches of five, with Dropout, and what trains it.
type training struct {
	t                  *testing.T
	dt                 tensor.Dtype
	lisp               bool // in a LispMachine for each step, of which Gorgonia's Conv2d and BatchNorm do not train
	g                  *gorgonia.ExprGraph
	x, target, y, loss node
	weights            gorgonia.Nodes
	norm               *gorgonia.BatchNormOp
	machine            gorgonia.VM
	solver             gorgonia.Solver
	drawn              int // numbers, by Dropout
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
	shape := tr.shape(batch)
	tr.x = gorgonia.NewTensor(tr.g, tr.dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName("x"))
	var h node
	if tr.lisp {
		h = must(gorgonia.Rectify(must(gorgonia.Mul(tr.x, weight("rows", 72, 27)))))
	} else {
		h = must(gorgonia.Conv2d(tr.x, weight("conv", 3, 2, 3, 3), tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
		h = must(gorgonia.Rectify(tr.batchNorm(h, weight("gamma", 1, 3, 1, 1), weight("beta-", 1, 3, 1, 1), of)))
		h = must(gorgonia.Reshape(must(gorgonia.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})), tensor.Shape{batch, 27}))
	}
	h = must(gorgonia.Dropout(h, 0.5))
	tr.y = must(gorgonia.Mul(must(gorgonia.Tanh(must(gorgonia.Mul(h, weight("first-", 27, 8))))), weight("second-", 8, 3)))
	tr.target = gorgonia.NewMatrix(tr.g, tr.dt, gorgonia.WithShape(batch, 3), gorgonia.WithName("target"))
	tr.loss = must(gorgonia.Mean(must(gorgonia.Square(must(gorgonia.Sub(tr.y, tr.target))))))
}

// shape is that of a batch.
func (tr *training) shape(batch int) []int {
	if tr.lisp {
		return []int{batch, 72}
	}
	return []int{batch, 2, 6, 6}
}

func (tr *training) batchNorm(x, gamma, beta node, of *training) node {
	y, _, _, op, err := gorgonia.BatchNorm(x, gamma, beta, 0.9, 1e-5)
	if tr.norm = op; err == nil && of != nil {
		err = op.SetStats(of.norm.Stats())
	}
	return must(y, err)
}

// start makes the network, and has its Dropout draw the same numbers in every training: Gorgonia seeds each
// by the clock.
func (tr *training) start() {
	tr.make(5, nil)
	tr.solver = gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01))
	if !tr.lisp {
		if _, err := gorgonia.Grad(tr.loss, tr.weights...); err != nil {
			tr.t.Fatal(err)
		}
		tr.machine = gorgonia.NewTapeMachine(tr.g, gorgonia.BindDualValues(tr.weights...))
	}
	rng := rand.New(rand.NewPCG(14, 2))
	next := func() float64 {
		tr.drawn++
		return rng.Float64()
	}
	for _, n := range tr.g.AllNodes() {
		op := reflect.ValueOf(n.Op())
		if op.IsValid() && op.Type().String() == "*gorgonia.dropoutOp" {
			f := op.Elem().FieldByName("rndGen")
			reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(next).Convert(f.Type()))
		}
	}
}

func (tr *training) step(i int) {
	tr.t.Helper()
	err := gorgonia.Let(tr.x, draw(tr.dt, uint64(i), 1, tr.shape(5)...))
	if err == nil {
		err = gorgonia.Let(tr.target, draw(tr.dt, uint64(100+i), 1, 5, 3))
	}
	if tr.lisp {
		tr.machine = gorgonia.NewLispMachine(tr.g)
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
	if !tr.lisp {
		tr.machine.Reset()
	}
}

// state is all numbers that training has made.
func (tr *training) state() (x []float64) {
	for _, w := range tr.weights {
		x = append(x, wide(w.Value())...)
	}
	if tr.lisp {
		return x
	}
	mean, variance := tr.norm.Stats()
	return append(append(x, wide(mean)...), wide(variance)...)
}

// read are the ways in which a graph that is trained is read, by name.
var read = map[string]func(tr *training) (*model.Model, *exprgraph.Report, error){
	"Read": func(tr *training) (*model.Model, *exprgraph.Report, error) {
		return exprgraph.Read(tr.t.Context(), gorgonia.Nodes{tr.x}, gorgonia.Nodes{tr.y})
	},
	"ReadBuild": func(tr *training) (*model.Model, *exprgraph.Report, error) {
		return exprgraph.ReadBuild(tr.t.Context(), func(batch int) (exprgraph.Graph, error) {
			of := tr
			if batch != 5 {
				of = &training{t: tr.t, dt: tr.dt, lisp: tr.lisp}
				of.make(batch, tr)
			}
			return exprgraph.Graph{Inputs: gorgonia.Nodes{of.x}, Outputs: gorgonia.Nodes{of.y}}, nil
		})
	},
}

// run reads the user's own graph, quantizes and runs it, and returns how to run both models again.
func (tr *training) run(way string) (again func() [][]float64) {
	tr.t.Helper()
	float, r, err := read[way](tr)
	if err != nil {
		tr.t.Fatalf("%s: %v", way, err)
	}
	if !(r.Outputs[0].SQNR > 110) {
		tr.t.Errorf("%s: read at %v dB, want the numbers of Gorgonia", way, r.Outputs[0].SQNR)
	}
	sample := draw(tr.dt, 77, 1, tr.shape(5)...)
	samples := func(yield func(ptq.Sample, error) bool) { yield(ptq.Sample{"x": sample}, nil) }
	quantized, report, err := ptq.Quantize(tr.t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8})
	if err != nil || len(report.Layers) != 3 {
		tr.t.Fatalf("%s: %v, %v, want three layers", way, report, err)
	}
	again = func() [][]float64 { return [][]float64{output(tr.t, float, sample), output(tr.t, quantized, sample)} }
	again()
	return again
}

// TestQuantizeLeavesTheGraph: a training run with Read, Quantize and Run in its midst, on the graph that is
// trained, ends with the same weights and statistics to the bit as one without; the graph has the same nodes,
// and its inputs the same values; and the models compute the same before and after more training.
func TestQuantizeLeavesTheGraph(t *testing.T) {
	const steps = 6
	count := 0
	for _, lisp := range []bool{false, true} {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			plain := &training{t: t, dt: dt, lisp: lisp}
			plain.start()
			for i := range steps {
				plain.step(i)
			}
			if plain.drawn != steps*5*27 {
				t.Errorf("Dropout drew %d numbers, want one for each element in each step", plain.drawn)
			}
			for way := range read {
				for at := 1; at < steps; at++ {
					count++
					what := fmt.Sprintf("%s, %v, LispMachine: %t, after step %d", way, dt, lisp, at)
					testUntouched(t, what, &training{t: t, dt: dt, lisp: lisp}, way, steps, at, plain.state())
				}
			}
		}
	}
	t.Logf("%d training runs with Quantize in their midst", count)
}

func testUntouched(t *testing.T, what string, tr *training, way string, steps, at int, want []float64) {
	t.Helper()
	tr.start()
	for i := range at {
		tr.step(i)
	}
	nodes, x, target := slices.Clone(tr.g.AllNodes()), tr.x.Value(), tr.target.Value()
	numbers := wide(x)
	again := tr.run(way)
	if !slices.Equal(tr.g.AllNodes(), nodes) || tr.x.Value() != x || tr.target.Value() != target || !slices.Equal(wide(x), numbers) {
		t.Errorf("%s: the graph has other nodes or values", what)
	}
	before := again()
	for i := at; i < steps; i++ {
		tr.step(i)
	}
	if !slices.Equal(tr.state(), want) {
		t.Errorf("%s: training ends with other weights or statistics", what)
	}
	if !slices.EqualFunc(again(), before, slices.Equal[[]float64]) {
		t.Errorf("%s: the models give other numbers after more training", what)
	}
}
