package ptq_test

import (
	"errors"
	"strings"
	"testing"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestHalfWeights: weights that are floats go with Fixed24, by a rule or by the Config; what would
// have no effect on them is an error that names the layer.
func TestHalfWeights(t *testing.T) {
	s, tried := newSmall(t, tensor.Float32), 0
	for _, scheme := range []qtensor.Scheme{
		qtensor.Float16(), qtensor.BFloat16(), qtensor.Float8E4M3FN(), qtensor.Float8E4M3FN().PerAxis(1), qtensor.Float8E5M2().PerAxis(1),
	} {
		for _, a := range []model.Activations{model.Default, model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
			for name, c := range map[string]ptq.Config{
				"by a rule":     {Rules: []ptq.LayerRule{{Pattern: "dense1", Weights: &scheme, Activations: a}}},
				"by the Config": {Activations: a, Rules: []ptq.LayerRule{{Pattern: "dense1", Weights: &scheme}}},
				"by both":       {Weights: &scheme, Activations: a, Rules: []ptq.LayerRule{{Pattern: "conv*", Float: true}}},
			} {
				tried++
				_, _, err := quantizeBuild(t.Context(), s.build, s.samples(), c)
				switch {
				case a == model.Default || a == model.Fixed24:
					if err != nil {
						t.Errorf("%v, %v %s: %v", scheme, a, name, err)
					}
				case !errors.Is(err, qtensor.ErrScheme) || !strings.Contains(err.Error(), "dense1") ||
					!strings.Contains(err.Error(), "want Fixed24"):
					t.Errorf("%v, %v %s: got error %v, want ErrScheme that names dense1 and says what to do", scheme,
						a, name, err)
				}
			}
		}
	}
	t.Logf("%d configurations", tried)
}
