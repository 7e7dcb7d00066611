package ptq_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// estimators are all of package calib, nil, and one of a user.
func estimators() []calib.RangeEstimator {
	return []calib.RangeEstimator{
		nil, calib.MinMax(), calib.Percentile(50), calib.MSE(), calib.Entropy(), calib.HistogramL2(),
		calib.MovingAverageMinMax(0.3), calib.MovingAverageMinMax(1),
		half{},
	}
}

// TestRuleRange has a rule's estimator hold for the input of its layer, and the Config's for all others: the
// report says which, and how much is clipped, and the parameters are those of the profile.
func TestRuleRange(t *testing.T) {
	build, samples := floatNet(layered("a", "b"), tensor.Float32)
	float := readFloat(t, build)
	cases := 0
	for _, of := range estimators() {
		for _, by := range estimators() {
			cases++
			what := fmt.Sprintf("Config %v, rule %v", of, by)
			_, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{
				Activations: model.StaticInt8, Range: of, Rules: []ptq.LayerRule{{Pattern: "b", Range: by}},
			})
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for i, want := range []calib.RangeEstimator{of, cmpOr(by, of)} {
				l, name := r.Layers[i], ""
				if want == nil {
					name = defaultEstimator.String()
				} else {
					name = want.String()
				}
				if l.Range != name {
					t.Errorf("%s: layer %s has %q, want %q", what, l.Name, l.Range, name)
				}
				if got := l.Clipped > 0; want == calib.RangeEstimator(half{}) && !got || want == calib.MinMax() && got {
					t.Errorf("%s: layer %s has %v clipped", what, l.Name, l.Clipped)
				}
			}
		}
	}
	t.Logf("%d pairs", cases)
}

// defaultEstimator is that of Config{}.
var defaultEstimator = calib.MSE()

func cmpOr(list ...calib.RangeEstimator) calib.RangeEstimator {
	for _, e := range list {
		if e != nil {
			return e
		}
	}
	return nil
}

// rectified is layers by name, with nothing between them whose range is the Config's.
func rectified(names ...string) func(z *zoo) node {
	return func(z *zoo) node {
		h := z.Input("x", 4)
		for _, name := range names {
			h = must(gorgonia.Rectify(must(gorgonia.Mul(h, z.Value(name, 3, 4, 4)))))
		}
		return h
	}
}

// TestRangeOfRulesAndConfig quantizes by one rule for all layers, and by the Config: the same model, and for
// another estimator another one.
func TestRangeOfRulesAndConfig(t *testing.T) {
	build, samples := floatNet(rectified("a", "b", "c"), tensor.Float32)
	float := readFloat(t, build)
	files := map[string]string{}
	for _, e := range estimators()[1:] {
		m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8, Range: e})
		if err != nil {
			t.Fatalf("%v: %v", e, err)
		}
		ruled, ruledReport, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{
			Activations: model.StaticInt8, Range: half{}, Rules: []ptq.LayerRule{{Pattern: "*", Range: e}},
		})
		if err != nil {
			t.Fatalf("%v: %v", e, err)
		}
		sameResult(t, e.String(), ruled, m, ruledReport, r)
		files[e.String()] = string(fileOf(t, m))
	}
	for _, e := range []calib.RangeEstimator{calib.Percentile(50), calib.MovingAverageMinMax(0.3), half{}} {
		if files[e.String()] == files[calib.MinMax().String()] {
			t.Errorf("%v gives the model of minmax", e)
		}
	}
}

// TestRangesOfProfile quantizes with every estimator of histograms by a saved Profile: as by samples.
func TestRangesOfProfile(t *testing.T) {
	for name, net := range profiledNets {
		build, samples := floatNet(net, tensor.Float32)
		float := readFloat(t, build)
		for _, e := range estimators() {
			cfg := ptq.Config{Activations: model.StaticInt8, Range: e}
			want, wantReport, err := ptq.Quantize(t.Context(), float, samples, cfg)
			if err != nil {
				t.Fatalf("%s, %v: %v", name, e, err)
			}
			cfg.Profile = stored(t, wantReport.Profile)
			m, r, err := ptq.Quantize(t.Context(), float, samples, cfg)
			if _, average := e.(calib.MovingAverageMinMax); average {
				if name == "trained" { // whose layers have ranges
					continue
				}
				if !errors.Is(err, calib.ErrOption) || !strings.Contains(err.Error(), "Config.Profile: value ") {
					t.Errorf("%s, %v: got error %v, want ErrOption that names the value", name, e, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %v: %v", name, e, err)
				continue
			}
			sameResult(t, fmt.Sprint(name, ", ", e), m, want, r, wantReport)
		}
	}
}

// TestMovingAverageRange compares with averages that are kept by hand, of the input and of what a layer gives,
// and of values that sums read.
func TestMovingAverageRange(t *testing.T) {
	x := func(values ...float32) ptq.Sample {
		return ptq.Sample{"x": tensor.New(tensor.WithShape(len(values)/2, 2), tensor.WithBacking(values))}
	}
	list := []ptq.Sample{x(1, -2, 0.5, 4), x(3, 1), x(-1, -1, 2, 2)}
	samples := func(yield func(ptq.Sample, error) bool) {
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
	}
	float, _ := bodyAndHead()
	for _, c := range []float64{0.01, 0.5, 1} {
		other, err := calib.NewMovingAverage(0.25)
		if err != nil {
			t.Fatal(err)
		}
		average, err := calib.NewMovingAverage(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if err := float.Observe(t.Context(), s, func(name string, x []float32) error {
				switch name {
				case "x":
					average.Observe(x)
				case "h":
					other.Observe(x)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{
			Activations: model.StaticInt8, Range: calib.MovingAverageMinMax(c),
			Rules: []ptq.LayerRule{{Pattern: "head", Range: calib.MovingAverageMinMax(0.25)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{
			Activations: model.StaticInt8, Range: rangeOf(t, average), Rules: []ptq.LayerRule{{Pattern: "head", Range: rangeOf(t, other)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fileOf(t, m), fileOf(t, want)) {
			t.Errorf("%v: got another model than that of the averages %v and %v", c, rangeOf(t, average), rangeOf(t, other))
		}
		if r.Layers[0].Range != fmt.Sprint("moving average ", c) || r.Layers[1].Range != "moving average 0.25" {
			t.Errorf("%v: got %q and %q", c, r.Layers[0].Range, r.Layers[1].Range)
		}
	}
	// Of sums between layers.
	build, images := floatNet(blocks, tensor.Float32)
	net := readFloat(t, build)
	plain, _, err := ptq.Quantize(t.Context(), net, images, ptq.Config{Activations: model.StaticInt8, Range: calib.MinMax()})
	if err != nil {
		t.Fatal(err)
	}
	m, r, err := ptq.Quantize(t.Context(), net, images, ptq.Config{
		Activations: model.StaticInt8, Range: calib.MovingAverageMinMax(1), Rules: []ptq.LayerRule{{Pattern: "*", Range: calib.MinMax()}},
	})
	if err != nil || len(r.OnQuantized) == 0 || bytes.Equal(fileOf(t, m), fileOf(t, plain)) {
		t.Errorf("sums by moving averages: %v, or the model of minmax, or no sum is quantized:\n%v", err, r)
	}
}

// rangeOf returns an estimator of the range that an average has.
func rangeOf(t *testing.T, m *calib.MovingAverage) calib.RangeEstimator {
	t.Helper()
	lo, hi, err := m.Range()
	if err != nil {
		t.Fatal(err)
	}
	return ranged{low: lo, high: hi}
}

// TestEstimatorsRefused has settings that are none, before a sample is looked at but where the estimator tells.
func TestEstimatorsRefused(t *testing.T) {
	build, samples := floatNet(layered("a"), tensor.Float32)
	float := readFloat(t, build)
	for _, c := range []float64{0, -1, 1.5, math.NaN(), math.Inf(1)} {
		for _, cfg := range []ptq.Config{
			{Range: calib.MovingAverageMinMax(c)},
			{Rules: []ptq.LayerRule{{Pattern: "a", Range: calib.MovingAverageMinMax(c)}}},
		} {
			_, _, err := ptq.Quantize(t.Context(), float, func(func(ptq.Sample, error) bool) { t.Error("samples are walked") }, cfg)
			if !errors.Is(err, calib.ErrOption) || !strings.Contains(err.Error(), "Config: ") {
				t.Errorf("%v: got error %v, want ErrOption of the Config", c, err)
			}
		}
	}
	for _, p := range []float64{0, -1, 101, math.NaN()} {
		_, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8, Range: calib.Percentile(p)})
		if !errors.Is(err, calib.ErrOption) || !strings.Contains(err.Error(), `layer "a"`) {
			t.Errorf("%v: got error %v, want ErrOption of the layer", p, err)
		}
	}
	if slices.ContainsFunc([]model.Activations{model.Fixed24, model.DynamicInt8}, func(a model.Activations) bool {
		_, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: a, Range: calib.Percentile(0)})
		return err != nil || r.Layers[0].Range != ""
	}) {
		t.Error("an estimator that nothing asks is an error, or in the report")
	}
}
