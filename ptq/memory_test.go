package ptq_test

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"

	"euryale/calib"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// gauge keeps the most memory that was live when it was looked at.
type gauge struct{ most uint64 }

// look collects garbage, and looks.
func (g *gauge) look() {
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	g.most = max(g.most, live[0].Value.Uint64())
}

// looking is an operation that gives what it is given, and has a gauge look in the midst of a run.
type looking struct{ *gauge }

func (looking) String() string                  { return "look" }
func (looking) Shape(in [][]int) ([]int, error) { return in[0], nil }
func (l looking) Run(_ context.Context, _ int, in []model.Array) (model.Array, error) {
	l.look()
	return in[0], nil
}

// Range has the gauge look while a plan is made.
func (l looking) Range(h *calib.Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	l.look()
	return calib.MinMax().Range(h, s)
}

// chain is a chain of convolutions or products of one width with batch normalizations, which are folded,
// biases and Relus, with gauges at the end and in the midst.
func chain(l looking, count, width, side int) *model.Network {
	shape, out := []int{-1, width}, width
	if side > 0 {
		shape = append(shape, side, side)
	}
	g := &model.Network{
		Inputs: []model.Value{{Name: "x", Shape: shape}}, Outputs: []model.Value{{Name: "y"}},
		Constants: map[string]*model.Constant{"ones": {Shape: []int{width}, Data: ones(width)}},
	}
	last := "x"
	add := func(n model.Node) {
		n.Inputs[0], n.Name = last, n.Output
		g.Nodes, last = append(g.Nodes, n), n.Output
	}
	for i := range count {
		name := func(of string) string { return fmt.Sprint(of, i) }
		n := model.Node{Op: ir.OpGemm, Inputs: []string{"", name("w"), name("b")}, Output: name("layer")}
		w := []int{width, out}
		if side > 0 {
			n.Op, n.Pads, w = ir.OpConv, []int{1, 1, 1, 1}, []int{width, width, 3, 3}
		}
		g.Constants[name("w")], g.Constants[name("b")] = constantOf(uint64(i), 1/float64(width), w...), constantOf(uint64(i), 0.1, width)
		add(n)
		add(model.Node{Op: ir.OpBatchNormalization, Inputs: []string{"", "ones", "ones", "ones", "ones"}, Output: name("norm")})
		add(model.Node{Op: ir.OpRelu, Inputs: []string{""}, Output: name("relu")})
		if i == count/2 {
			add(model.Node{Op: ir.OpForeign, Foreign: l, Inputs: []string{""}, Output: "middle"})
		}
	}
	add(model.Node{Op: ir.OpForeign, Foreign: l, Inputs: []string{""}, Output: "y"})
	return g
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// TestMemory has the memory that Quantize takes within what its doc says, for large weights and for large
// activations, with few samples and with more. Weights are there four times: as they were folded, packed for
// the float model and for the folded one, and quantized.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		name                               string
		count, width, side, batch, samples int
		activations                        model.Activations
	}{
		{"weights", 6, 512, 0, 8, 2, model.StaticInt8},
		{"activations", 12, 16, 16, 64, 2, model.StaticInt8},
		{"activations", 12, 16, 16, 64, 6, model.StaticInt8},
		{"activations", 12, 16, 16, 64, 2, model.Fixed24},
	} {
		of := &gauge{}
		g := chain(looking{of}, c.count, c.width, c.side)
		weights, activations := 0, 3*4*c.batch*c.width*max(1, c.side*c.side) // the input, and one for another
		for _, k := range g.Constants {
			weights += 4 * len(k.Data)
		}
		float, err := model.New(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		of.look()
		of.look() // pools of other tests are empty then
		of.most = 0
		of.look()
		before := of.most
		shape := append([]int{c.batch}, g.Inputs[0].Shape[1:]...)
		if _, _, err := ptq.Quantize(t.Context(), float, func(yield func(ptq.Sample, error) bool) {
			for i := range c.samples {
				if !yield(ptq.Sample{"x": draw(tensor.Float32, uint64(i), 1, shape...)}, nil) {
					return
				}
			}
		}, ptq.Config{Activations: c.activations, Range: looking{of}}); err != nil {
			t.Fatalf("%s, %v: %v", c.name, c.activations, err)
		}
		runtime.KeepAlive(float)
		got, want := int64(of.most)-int64(before), int64(4*weights+6*activations+150<<10*c.count)
		t.Logf("%s, %v, %d samples: %d KB of %d, with weights of %d, and activations of %d",
			c.name, c.activations, c.samples, got>>10, want>>10, weights>>10, activations>>10)
		if got > want {
			t.Errorf("%s, %v, %d samples: takes %d bytes, want at most %d", c.name, c.activations, c.samples, got, want)
		}
	}
}
