package ops_test

import (
	"testing"

	"euryale/internal/tensortest"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

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
