package ptq_test

import (
	"testing"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestMXFP4Weights quantizes products and convolutions to MXFP4 under all activations: it has no parameters to
// search for.
func TestMXFP4Weights(t *testing.T) {
	s := newSmall(t, tensor.Float32)
	filters, matrix := qtensor.MXFP4().PerGroup(0, 32), qtensor.MXFP4().PerGroup(1, 32)
	for _, a := range []model.Activations{model.Default, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
		m, _, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Activations: a, Rules: []ptq.LayerRule{
			{Pattern: "conv*", Weights: &filters}, {Pattern: "dense*", Weights: &matrix},
		}})
		if err != nil {
			t.Errorf("%v: %v", a, err)
			continue
		}
		for _, l := range m.Layers() {
			if want := map[bool]qtensor.Scheme{true: filters, false: matrix}[l.Op == "Conv"]; l.Scheme != want {
				t.Errorf("%v: %s is %v, want %v", a, l.Name, l.Scheme, want)
			}
		}
	}
}
