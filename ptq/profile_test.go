package ptq_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// countStages returns a Config.Progress that counts how often stages begin.
func countStages(stages map[string]int) func(stage string, samples int) {
	return func(stage string, samples int) {
		if samples == 1 {
			stages[stage]++
		}
	}
}

func profileBytes(t *testing.T, p *calib.Profile) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stored returns the profile that the file of a profile holds.
func stored(t *testing.T, p *calib.Profile) *calib.Profile {
	t.Helper()
	q, err := calib.ReadProfile(bytes.NewReader(profileBytes(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// sameResult wants the same file and the same report of two calls of Quantize, but for the profiles.
func sameResult(t *testing.T, what string, m, want *model.Model, r, wantReport *ptq.Report) {
	t.Helper()
	if !bytes.Equal(fileOf(t, m), fileOf(t, want)) {
		t.Errorf("%s: another model", what)
	}
	a, b := *r, *wantReport
	a.Profile, b.Profile = nil, nil
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: got report\n%v\nwant\n%v", what, r, wantReport)
	}
}

// recorded returns what a Calibrator sees of the values of a model whose names are kept, per tensor or along
// the batch, of 5.
func recorded(t *testing.T, m *model.Model, samples iter.Seq2[ptq.Sample, error], axis bool, keep func(name string) bool) *calib.Profile {
	t.Helper()
	var c *calib.Calibrator
	points, opts := map[string]tensor.Shape{}, []calib.CalibratorOption(nil)
	if axis {
		opts = append(opts, calib.PerChannel(0))
	}
	for s, err := range samples {
		if err == nil && c == nil { // the first time, to have the names
			err = m.Observe(t.Context(), s, func(name string, x []float32) error {
				if keep(name) {
					points[name] = tensor.Shape{5, len(x) / 5}
				}
				return nil
			})
			if err == nil {
				c, err = calib.NewCalibrator(points, opts...)
			}
		}
		if err == nil {
			err = m.Observe(t.Context(), s, func(name string, x []float32) error {
				if !keep(name) {
					return nil
				}
				return c.ObserveFloat32(name, x, points[name])
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c.Profile()
}

// profiledNets are networks with sums, averages, layers in rows and side by side.
var profiledNets = map[string]func(z *zoo) node{"blocks": blocks, "gated": gated, "shifted": shifted, "trained": trained, "two": twoLayers}

// TestProfileAgain quantizes with the profile of a report: samples are not walked to calibrate, and the model
// and the report are those of a calibration of its own, under any other Config of which the profile has all
// values.
func TestProfileAgain(t *testing.T) {
	half, uniform := half{}, qtensor.Uniform(6)
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(profiledNets)) {
		build, samples := floatNet(profiledNets[name], tensor.Float32)
		float := readFloat(t, build)
		_, all, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8})
		if err != nil {
			t.Fatal(err)
		}
		before := profileBytes(t, all.Profile)
		for i, cfg := range []ptq.Config{
			{Activations: model.StaticInt8},
			{Activations: model.StaticInt8, Range: half},
			{Activations: model.StaticInt8, Weights: &uniform},
			{},
			{Activations: model.DynamicInt8},
			{Activations: model.StaticInt8, Rules: []ptq.LayerRule{{Pattern: "?", Activations: model.Fixed16}}},
			{AllowFloat: true, Rules: []ptq.LayerRule{{Pattern: "*", Float: true}}},
		} {
			want, wantReport, err := ptq.Quantize(t.Context(), float, samples, cfg)
			if err != nil && i == 5 {
				continue // no layer has a name of one letter
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, profile := range []*calib.Profile{all.Profile, stored(t, all.Profile), wantReport.Profile} {
				cases++
				what, stages := fmt.Sprintf("%s, config %d", name, i), map[string]int{}
				cfg.Profile, cfg.Progress = profile, countStages(stages)
				m, r, err := ptq.Quantize(t.Context(), float, samples, cfg)
				if err != nil || stages["calibrate"] > 0 || stages["compare"] != 1 {
					t.Errorf("%s: stages %v, error %v, want no calibration", what, stages, err)
					continue
				}
				sameResult(t, what, m, want, r, wantReport)
				if !bytes.Equal(profileBytes(t, r.Profile), profileBytes(t, profile)) || r.Profile == profile {
					t.Errorf("%s: got another profile than was given, or no copy of it", what)
				}
			}
		}
		if !bytes.Equal(profileBytes(t, all.Profile), before) {
			t.Errorf("%s: Quantize changed the profile that it was given", name)
		}
	}
	t.Logf("%d calls", cases)
}

// TestProfileOfSome has a profile of each single value of a model, of all but one, of none and of all, that a
// Calibrator recorded per tensor or along an axis: what it lacks comes from the samples, for the same model
// and report.
func TestProfileOfSome(t *testing.T) {
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(profiledNets)) {
		build, samples := floatNet(profiledNets[name], tensor.Float32)
		float, cfg := readFloat(t, build), ptq.Config{Activations: model.StaticInt8}
		want, wantReport, err := ptq.Quantize(t.Context(), float, samples, cfg)
		if err != nil {
			t.Fatal(err)
		}
		all := recorded(t, float, samples, false, func(string) bool { return true }).Keys()
		needed := wantReport.Profile.Keys()
		if len(needed) == 0 || len(needed) >= len(all) {
			t.Fatalf("%s: %d of %d values are needed", name, len(needed), len(all))
		}
		keeps := []func(string) bool{func(string) bool { return false }, func(string) bool { return true }}
		for _, one := range all {
			keeps = append(keeps, func(v string) bool { return v == one }, func(v string) bool { return v != one })
		}
		for i, keep := range keeps {
			if testing.Short() && i%3 > 0 {
				continue
			}
			for _, axis := range []bool{false, true} {
				cases++
				what := fmt.Sprintf("%s, values %d, along an axis %t", name, i, axis)
				cfg.Profile = recorded(t, float, samples, axis, keep)
				stages, calibrates := map[string]int{}, 0
				if slices.ContainsFunc(needed, func(v string) bool { return !keep(v) }) {
					calibrates = 1
				}
				cfg.Progress = countStages(stages)
				m, r, err := ptq.Quantize(t.Context(), float, samples, cfg)
				if err != nil || stages["calibrate"] != calibrates || stages["compare"] != 1 {
					t.Errorf("%s: stages %v, error %v, want %d calibrations", what, stages, err, calibrates)
					continue
				}
				sameResult(t, what, m, want, r, wantReport)
				keys := slices.Concat(needed, cfg.Profile.Keys())
				slices.Sort(keys)
				if got := r.Profile.Keys(); !slices.Equal(got, slices.Compact(keys)) {
					t.Errorf("%s: the report's profile has %q, want %q", what, got, keys)
				}
			}
		}
	}
	t.Logf("%d profiles", cases)
}

// TestBadProfiles has names that the model has not, histograms that saw nothing, and values that no layer
// takes.
func TestBadProfiles(t *testing.T) {
	build, samples := floatNet(twoLayers, tensor.Float32)
	float := readFloat(t, build)
	of := func(x ...float32) *tensor.Dense { return tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x)) }
	profile := func(key string, x *tensor.Dense) *calib.Profile {
		p := new(calib.Profile)
		if err := p.Observe(key, x); err != nil {
			t.Fatal(err)
		}
		return p
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := 0
	for _, key := range []string{"a", "b", "y", "X", " x", "x.in", "a.in", "b.out.", "名", "__metadata__"} {
		cases++
		_, _, err := ptq.Quantize(t.Context(), float, func(func(ptq.Sample, error) bool) {
			t.Errorf("%q: samples are walked", key)
		}, ptq.Config{Profile: profile(key, of(1, 2))})
		if !errors.Is(err, calib.ErrKey) || !strings.Contains(err.Error(), fmt.Sprintf("Config.Profile: %v: got %q", calib.ErrKey, key)) ||
			!strings.Contains(err.Error(), `"x"`) {
			t.Errorf("%q: got error %v, want ErrKey and the names there are", key, err)
		}
	}
	for _, x := range []*tensor.Dense{of(nan), of(1, inf), of(-inf, 2, 3)} {
		for _, activations := range []model.Activations{model.Fixed24, model.DynamicInt8, model.StaticInt8} {
			cases++
			_, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: activations, Profile: profile("x", x)})
			if !errors.Is(err, qtensor.ErrValue) || !strings.Contains(err.Error(), `Config.Profile: value "x"`) {
				t.Errorf("%v seen: got error %v, want ErrValue", x, err)
			}
		}
		if _, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{
			Profile: profile("x", x), Rules: []ptq.LayerRule{{Pattern: "a", Float: true}},
		}); err != nil {
			t.Errorf("%v seen by a float layer: %v", x, err)
		}
	}
	want, wantReport, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8})
	if err != nil {
		t.Fatal(err)
	}
	empty := func(opts ...calib.CalibratorOption) *calib.Profile {
		c, err := calib.NewCalibrator(map[string]tensor.Shape{"x": {5, 6}}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return c.Profile()
	}
	for i, p := range []*calib.Profile{nil, {}, empty()} {
		cases++
		m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8, Profile: p})
		if err != nil {
			t.Errorf("a profile of nothing, %d: %v", i, err)
			continue
		}
		sameResult(t, fmt.Sprint("a profile of nothing, ", i), m, want, r, wantReport)
	}
	cases++
	_, _, err = ptq.Quantize(t.Context(), float, samples, ptq.Config{Profile: empty(calib.PerChannel(1))})
	if !errors.Is(err, qtensor.ErrShape) || !strings.Contains(err.Error(), `Config.Profile: `) {
		t.Errorf("nothing seen along an axis: got error %v, want ErrShape", err)
	}
	t.Logf("%d profiles", cases)
}

// TestProfileNotFinite has a profile of sums with an infinity: they stay float32, as they do after a
// calibration that sees one.
func TestProfileNotFinite(t *testing.T) {
	build, samples := floatNet(blocks, tensor.Float32)
	float := readFloat(t, build)
	_, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8})
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]bool{} // of layers, of which none may be infinite
	_, fixed, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range fixed.Profile.Keys() {
		inputs[key] = true
	}
	cases := 0
	for _, key := range r.Profile.Keys() {
		if inputs[key] {
			continue
		}
		cases++
		p := stored(t, r.Profile)
		x := tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{float32(math.Inf(1))}))
		if err := p.Observe(key, x); err != nil {
			t.Fatal(err)
		}
		_, got, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8, Profile: p})
		if err != nil || len(got.OnQuantized) >= len(r.OnQuantized) {
			t.Errorf("%s: error %v, or all is quantized:\n%v", key, err, got)
		}
	}
	if cases == 0 {
		t.Error("no value is read by sums alone")
	}
	t.Logf("%d values", cases)
}

// TestWalksOfProfile walks samples once where a profile has all values and biases stay, or no value is needed:
// of any number, and of those that are gone then.
func TestWalksOfProfile(t *testing.T) {
	build, samples := floatNet(layered("a"), tensor.Float32)
	float := readFloat(t, build)
	_, known, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{})
	if err != nil {
		t.Fatal(err)
	}
	float4, _ := floatNet(func(z *zoo) node { return must(gorgonia.Tanh(z.Input("x", 4))) }, tensor.Float32)
	for _, c := range []struct {
		name string
		m    *model.Model
		cfg  ptq.Config
	}{
		{"a profile of all", float, ptq.Config{Profile: known.Profile, KeepBiases: true}},
		{"no layer", readFloat(t, float4), ptq.Config{AllowFloat: true}},
	} {
		for count := range 4 {
			left := make(chan ptq.Sample, count)
			for i := range count {
				left <- ptq.Sample{"x": draw(tensor.Float32, uint64(i), 1, 3, 4)}
			}
			close(left)
			var stages []string
			c.cfg.Progress = func(stage string, n int) {
				if stage != "quantize" {
					stages = append(stages, fmt.Sprint(stage, n))
				}
			}
			_, r, err := ptq.Quantize(t.Context(), c.m, func(yield func(ptq.Sample, error) bool) {
				for s := range left {
					if !yield(s, nil) {
						return
					}
				}
			}, c.cfg)
			if count == 0 {
				if !errors.Is(err, ptq.ErrSamples) {
					t.Errorf("%s, no samples: got error %v, want ErrSamples", c.name, err)
				}
				continue
			}
			if err != nil || r.Samples != count || !slices.Equal(stages, []string{"compare1", "compare2", "compare3"}[:count]) {
				t.Errorf("%s, %d samples: got %v, error %v, progress %q", c.name, count, r, err, stages)
			}
		}
	}
}
