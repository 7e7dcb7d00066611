package ops_test

import (
	"strings"
	"testing"

	"euryale/internal/tensortest"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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
