package ptq_test

import (
	"maps"
	"slices"
	"testing"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestLayersOfModel compares the layers that a report and its model describe.
func TestLayersOfModel(t *testing.T) {
	nets := map[string]func(z *zoo) node{"blocks": blocks, "gated": gated, "shifted": shifted, "trained": trained}
	maps.Copy(nets, operations)
	maps.Copy(nets, networks)
	delete(nets, "embedding") // of whole numbers
	for name, c := range floats {
		nets[name] = c.net
	}
	groups, cases := qtensor.Int4().PerGroup(1, 4), 0
	for _, name := range slices.Sorted(maps.Keys(nets)) {
		for _, c := range []ptq.Config{
			{Activations: model.StaticInt8}, {Activations: model.Fixed24, Weights: &groups},
		} {
			c.AllowFloat = true
			build, samples := floatNet(nets[name], tensor.Float32)
			m, r, err := quantizeBuild(t.Context(), build, samples, c)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var want []model.LayerInfo
			for _, l := range r.Layers {
				cases++
				info := model.LayerInfo{Name: l.Name, Op: l.Op, Quantized: l.Quantized, Activations: l.Activations, Bytes: l.Bytes}
				if l.Quantized {
					if info.Scheme, err = qtensor.ParseScheme(l.Weights); err != nil {
						t.Fatal(err)
					}
				}
				want = append(want, info)
			}
			if got := m.Layers(); !slices.Equal(got, want) {
				t.Errorf("%s, %v: the model describes\n%+v\nwant what the report does,\n%+v", name, c.Activations, got, want)
			}
		}
	}
	t.Logf("%d layers", cases)
}
