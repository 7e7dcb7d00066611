package ptq_test

import (
	"maps"
	"slices"
	"testing"

	"euryale/internal/noise"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// late is two layers whose Relus stand the other way round, and behind both: the quantized model has the
// results of the Relus where the layers are.
func late(z *zoo) node {
	x := z.Input("x", 6)
	a, b := z.Dense(x, "a", 6, 8), z.Dense(x, "b", 6, 8)
	second := must(gorgonia.Rectify(b))
	return must(gorgonia.Sub(second, must(gorgonia.Rectify(a))))
}

// valuesOf returns copies of all values of a model on samples, by name, one after the other.
func valuesOf(t *testing.T, m *model.Model, samples func(func(ptq.Sample, error) bool)) map[string][]float32 {
	t.Helper()
	list := map[string][]float32{}
	for s, err := range samples {
		if err == nil {
			err = m.Observe(t.Context(), s, func(name string, x []float32) error {
				list[name] = append(list[name], x...)
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// TestSQNRs compares the SQNRs of reports with those of copies of all values.
func TestSQNRs(t *testing.T) {
	nets := map[string]func(z *zoo) node{"late": late, "blocks": blocks, "gated": gated, "shifted": shifted, "trained": trained}
	maps.Copy(nets, networks)
	delete(nets, "embedding") // of whole numbers
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(nets)) {
		build, samples := floatNet(nets[name], tensor.Float32)
		float := readFloat(t, build)
		for _, a := range []model.Activations{model.Fixed24, model.DynamicInt8, model.StaticInt8} {
			m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: a, Passes: []ptq.Pass{}})
			if err != nil {
				t.Fatalf("%s, %v: %v", name, a, err)
			}
			want, got := valuesOf(t, float, samples), valuesOf(t, m, samples)
			g, err := float.Network()
			if err != nil {
				t.Fatal(err)
			}
			of := func(value string) float64 {
				var n noise.Noise
				n.Add(want[value], got[value])
				return n.SQNR()
			}
			for _, l := range r.Layers {
				cases++
				at := slices.IndexFunc(g.Nodes, func(n model.Node) bool { return n.Name == l.Name })
				value := g.Nodes[at].Output
				at = slices.IndexFunc(g.Nodes, func(n model.Node) bool { return n.Op == "Relu" && n.Inputs[0] == value })
				if at >= 0 && l.Op != "Gather" { // it may have become part of the layer
					value = g.Nodes[at].Output
				}
				if db := of(value); l.OutputSQNR != db {
					t.Errorf("%s, %v: layer %s is at %v dB, want %v", name, a, l.Name, l.OutputSQNR, db)
				}
			}
			for _, o := range r.Outputs {
				cases++
				if db := of(o.Name); o.SQNR != db {
					t.Errorf("%s, %v: output %s is at %v dB, want %v", name, a, o.Name, o.SQNR, db)
				}
			}
		}
	}
	t.Logf("%d SQNRs", cases)
}
