package exprgraph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Costs and gradients are the same with observers and without, bit by bit, wherever the observers come in.
func TestAttachInTraining(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for machine, train := range map[string]func(*testing.T, *net, func()) []float64{"tape": trainTape, "lisp": trainLisp} {
			want := train(t, newNet(dt), func() {})
			if slices.Max(want) == slices.Min(want) {
				t.Fatalf("%s, %v: got %v, want costs and gradients", machine, dt, want)
			}
			for name, times := range map[string]struct{ before, after int }{"before Grad": {1, 0}, "after Grad": {0, 1}, "twice": {1, 1}} {
				for _, read := range []bool{false, true} {
					t.Run(fmt.Sprint(machine, " ", dt, " ", name, " read ", read), func(t *testing.T) {
						n := newNet(dt)
						if read {
							gorgonia.Read(n.cost, new(gorgonia.Value))
						}
						attach := func(times int) {
							for range times {
								if _, err := Attach(n.g, n.points()); err != nil {
									t.Fatal(err)
								}
							}
						}
						attach(times.before)
						if got := train(t, n, func() { attach(times.after) }); !equalBits(got, want) {
							t.Errorf("got costs and gradients %v, want %v", got, want)
						}
					})
				}
			}
		}
	}
}

func trainTape(t *testing.T, n *net, attach func()) []float64 {
	t.Helper()
	weights := gorgonia.Nodes{n.w, n.b, n.v}
	if _, err := gorgonia.Grad(n.cost, weights...); err != nil {
		t.Fatal(err)
	}
	attach()
	vm := gorgonia.NewTapeMachine(n.g, gorgonia.BindDualValues(weights...))
	return trainWith(t, n, func() gorgonia.VM { return vm }, weights)
}

func trainLisp(t *testing.T, n *net, attach func()) []float64 {
	t.Helper()
	attach()
	return trainWith(t, n, func() gorgonia.VM { return gorgonia.NewLispMachine(n.g) }, gorgonia.Nodes{n.w, n.b, n.v, n.lone})
}

// trainWith returns the costs and gradients of four steps.
func trainWith(t *testing.T, n *net, machine func() gorgonia.VM, weights gorgonia.Nodes) (out []float64) {
	t.Helper()
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01))
	for i := range 4 {
		if err := gorgonia.Let(n.x, tensorOf(n.x.Dtype(), gaussians(uint64(i), batch*in, 1), batch, in)); err != nil {
			t.Fatal(err)
		}
		vm := machine()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		out = append(out, wideOf(t, n.cost.Value())...)
		for _, w := range weights {
			gradient, err := w.Grad()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, wideOf(t, gradient)...)
		}
		if err := solver.Step(gorgonia.NodesToValueGrads(weights[:3])); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
	}
	return out
}

// LispMachine refuses to differentiate an output that is no scalar; it does so when the output is observed.
func TestAttachToAnOutputThatIsNoScalar(t *testing.T) {
	for _, observe := range []bool{false, true} {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 2), gorgonia.WithName("x"), gorgonia.WithInit(gorgonia.Ones()))
		out := gorgonia.Must(gorgonia.Neg(x))
		if observe {
			if _, err := Attach(g, map[string]*gorgonia.Node{"out": out, "x": x}); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(t.TempDir()) // LispMachine writes a file where it refuses
		err := machines["training lisp"](g)
		if err == nil {
			t.Errorf("observed %t: got no error, want one", observe)
		}
		if observe && (!strings.Contains(err.Error(), `observer of "out"`) || !strings.Contains(err.Error(), "wrong shape")) {
			t.Errorf("got error %v, want one that names the key", err)
		}
	}
}

func TestObserverHasNoGradient(t *testing.T) {
	n := newNet(tensor.Float32)
	if _, err := Attach(n.g, map[string]*gorgonia.Node{"act": n.act}); err != nil {
		t.Fatal(err)
	}
	nodes := n.g.AllNodes()
	observed := nodes[len(nodes)-1]
	if _, err := gorgonia.Grad(observed, n.w); err == nil {
		t.Error("Grad of an observer: got no error")
	}
	op := observed.Op().(gorgonia.SDOp)
	if _, err := op.SymDiff(nil, nil, nil); err == nil {
		t.Error("SymDiff: got no error")
	}
	if got := op.DiffWRT(3); !slices.Equal(got, []bool{false, false, false}) {
		t.Errorf("DiffWRT: got %v, want false for each of 3", got)
	}
}

// What only a call from outside a machine can do.
func TestObserverDoDiffErrors(t *testing.T) {
	n := newNet(tensor.Float32)
	o := &observer{key: "the key"}
	if err := o.DoDiff(gorgonia.ExecutionContext{}, gorgonia.Nodes{n.cost}, nil); err == nil {
		t.Error("an output without a gradient: got no error")
	}
	if _, err := gorgonia.Grad(n.cost, n.w); err != nil {
		t.Fatal(err)
	}
	if err := o.DoDiff(gorgonia.ExecutionContext{}, gorgonia.Nodes{n.act, n.x}, nil); err != nil {
		t.Errorf("what ops read, and an input: got error %v", err)
	}
}
