package ptq_test

import (
	"testing"

	"euryale/exprgraph"
	nets "euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type (
	zoo  = nets.Builder
	node = *gorgonia.Node
)

var (
	newZoo   = nets.New
	draw     = nets.Draw
	words    = nets.Words
	networks = nets.Networks
	must     = gorgonia.Must
	wide     = nets.Float64s
)

// TestZoo quantizes networks of Gorgonia's own ops to 8 bits, activations too, and compares what was read of
// them with Gorgonia.
func TestZoo(t *testing.T) {
	for name, net := range networks {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			values := map[string]*tensor.Dense{}
			var shapes map[string]tensor.Shape
			build := func(batch int) (exprgraph.Graph, error) {
				z := newZoo(dt, batch, values)
				y := net(z)
				shapes = z.Shapes()
				return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
			}
			samples := func(yield func(ptq.Sample, error) bool) {
				for seed := range uint64(4) {
					if !yield(nets.Sample(dt, seed, 8, shapes), nil) {
						return
					}
				}
			}
			for _, c := range []struct {
				activations model.Activations
				least       float64 // dB
			}{{model.Fixed24, 33}, {model.DynamicInt8, 30}, {model.StaticInt8, 25}} {
				_, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Activations: c.activations})
				if err != nil {
					t.Errorf("%s of %v, %v: %v", name, dt, c.activations, err)
					break
				}
				t.Logf("%s of %v, %v: %.1f dB, read at %.1f dB, folded %.1f dB", name, dt, c.activations,
					r.Outputs[0].SQNR, r.Read.Outputs[0].SQNR, r.Read.Outputs[0].FoldedSQNR)
				o, read := r.Outputs[0], r.Read.Outputs[0]
				if o.SQNR < c.least || !(min(read.SQNR, read.FoldedSQNR) > 110) {
					t.Errorf("%s of %v, %v: got %.1f dB, want %v:\n%v", name, dt, c.activations, o.SQNR, c.least, r)
				}
			}
		}
	}
}
