package calib_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

func second[T any](_ T, err error) error { return err }

// TestPromisedErrors calls all that is exported with what its doc says to be an error, which is to name the
// operation, what was got and what is wanted.
func TestPromisedErrors(t *testing.T) {
	matrix := tensor.New(tensor.WithShape(2, 3), tensor.Of(tensor.Float32))
	masked := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false}))
	integers := tensor.New(tensor.WithShape(2), tensor.Of(tensor.Int))
	wide := tensor.New(tensor.WithShape(calib.MaxChannels+1), tensor.Of(tensor.Float32))
	var p calib.Profile
	if err := errors.Join(p.Observe("whole", matrix), p.ObserveAxis("axis", 1, matrix),
		p.Observe("nothing", tensor.New(tensor.WithBacking([]float32{float32(math.NaN())})))); err != nil {
		t.Fatal(err)
	}
	var across, longer calib.Profile
	if err := errors.Join(across.ObserveAxis("axis", 0, matrix),
		longer.ObserveAxis("axis", 1, tensor.New(tensor.WithShape(2, 4), tensor.Of(tensor.Float32)))); err != nil {
		t.Fatal(err)
	}
	axis := func(x *calib.Profile, key string) error { _, _, err := x.Channels(key); return err }
	rangeOf := func(_, _ float32, err error) error { return err }
	params := func(key string, s qtensor.Scheme, r calib.RangeEstimator) error { return second(p.Params(key, s, r)) }
	affine, minMax := qtensor.Affine(8), calib.MinMax()
	seen, err := p.Histogram("whole")
	if err != nil {
		t.Fatal(err)
	}
	written := func() string {
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	before := written()
	var none *calib.Profile

	at := func(key string, shape tensor.Shape, opts ...calib.CalibratorOption) error {
		return second(calib.NewCalibrator(map[string]tensor.Shape{key: shape}, opts...))
	}
	shape := tensor.Shape{2, 3}
	w, err := calib.NewCalibrator(map[string]tensor.Shape{"x": shape}, calib.WithMovingAverage(0.5), calib.PerChannel(1))
	if err != nil {
		t.Fatal(err)
	}
	bare, err := calib.NewCalibrator(map[string]tensor.Shape{"x": shape})
	if err != nil {
		t.Fatal(err)
	}
	follows := func(w *calib.Calibrator, key string, s qtensor.Scheme) error { return second(w.MovingAverage(key, s)) }

	readOnly := filepath.Join(t.TempDir(), "read-only")
	if err := os.WriteFile(readOnly, []byte("kept"), 0o444); err != nil {
		t.Fatal(err)
	}
	list := []struct {
		operation, name string
		want, err       error
	}{
		{"Profile.Observe", "no key", calib.ErrKey, p.Observe("", matrix)},
		{"Profile.Observe", "a broken key", calib.ErrKey, p.Observe("\xff", matrix)},
		{"Profile.Observe", "nil", calib.ErrProfile, none.Observe("a", matrix)},
		{"Profile.Observe", "integers", qtensor.ErrDtype, p.Observe("new", integers)},
		{"Profile.Observe", "a mask", qtensor.ErrLayout, p.Observe("new", masked)},
		{"Profile.Observe", "no tensor", qtensor.ErrLayout, p.Observe("new", nil)},
		{"Profile.Observe", "a key of an axis", qtensor.ErrShape, p.Observe("axis", matrix)},
		{"Profile.ObserveAxis", "nil", calib.ErrProfile, none.ObserveAxis("a", 0, matrix)},
		{"Profile.ObserveAxis", "axis −1", qtensor.ErrShape, p.ObserveAxis("new", -1, matrix)},
		{"Profile.ObserveAxis", "axis 2", qtensor.ErrShape, p.ObserveAxis("new", 2, matrix)},
		{"Profile.ObserveAxis", "too many", qtensor.ErrShape, p.ObserveAxis("new", 0, wide)},
		{"Profile.ObserveAxis", "another axis", qtensor.ErrShape, p.ObserveAxis("axis", 0, matrix)},
		{"Profile.ObserveAxis", "a key of a tensor", qtensor.ErrShape, p.ObserveAxis("whole", 0, matrix)},
		{
			"Profile.ObserveAxis", "no index", qtensor.ErrShape,
			p.ObserveAxis("new", 0, tensor.New(tensor.WithShape(0), tensor.WithBacking([]float32{}))),
		},
		{"Profile.Histogram", "an unknown key", calib.ErrKey, second(p.Histogram("new"))},
		{"Profile.Histogram", "nil", calib.ErrKey, second(none.Histogram("whole"))},
		{"Profile.Channels", "an unknown key", calib.ErrKey, axis(&p, "new")},
		{"Profile.Channels", "nil", calib.ErrKey, axis(none, "whole")},
		{"Profile.Merge", "nil", calib.ErrProfile, none.Merge(&p)},
		{"Profile.Merge", "another axis", qtensor.ErrShape, p.Merge(&across)},
		{"Profile.Merge", "more channels", qtensor.ErrShape, p.Merge(&longer)},
		{"Profile.Params", "an unknown key", calib.ErrKey, params("new", affine, minMax)},
		{"Profile.Params", "no estimator", calib.ErrOption, params("whole", affine, nil)},
		{"Profile.Params", "NaN alone", calib.ErrEmpty, params("nothing", affine, minMax)},
		{"Profile.Params", "no scheme", qtensor.ErrScheme, params("whole", qtensor.Scheme{}, minMax)},
		{"Profile.Params", "groups", qtensor.ErrScheme, params("axis", affine.PerGroup(1, 2), minMax)},
		{"Profile.Params", "another axis", qtensor.ErrScheme, params("axis", affine.PerAxis(0), minMax)},
		{"Profile.Params", "an axis of a tensor", qtensor.ErrScheme, params("whole", affine.PerAxis(0), minMax)},
		{"Profile.Params", "axis −1", qtensor.ErrScheme, params("whole", affine.PerAxis(-1), minMax)},
		{"Profile.Write", "nil", fs.ErrInvalid, p.Write(nil)},
		{"Profile.Save", "a folder", fs.ErrInvalid, p.Save(t.TempDir())},
		{"Profile.Save", "a read-only file", fs.ErrPermission, p.Save(readOnly)},
		{"ReadProfile", "nil", fs.ErrInvalid, second(calib.ReadProfile(nil))},
		{"ReadProfile", "another version", calib.ErrProfile, second(calib.ReadProfile(strings.NewReader(`{"version":2,"tensors":{}}`)))},
		{"ReadProfile", "no key", calib.ErrProfile, second(calib.ReadProfile(strings.NewReader(
			`{"version":1,"tensors":{"":{"axis":-1,"histograms":[` + emptyHistogram + `]}}}`)))},
		{"LoadProfile", "a folder", fs.ErrInvalid, second(calib.LoadProfile(t.TempDir()))},
		{"Histogram.UnmarshalJSON", "nil", calib.ErrProfile, (*calib.Histogram)(nil).UnmarshalJSON([]byte(emptyHistogram))},
		{"Histogram.UnmarshalJSON", "null", calib.ErrProfile, new(calib.Histogram).UnmarshalJSON([]byte("null"))},
		{"NewMovingAverage", "0", calib.ErrOption, second(calib.NewMovingAverage(0))},
		{"NewMovingAverage", "above 1", calib.ErrOption, second(calib.NewMovingAverage(1.01))},
		{"NewMovingAverage", "NaN", calib.ErrOption, second(calib.NewMovingAverage(math.NaN()))},
		{"MovingAverage.Range", "nothing seen", calib.ErrEmpty, rangeOf(new(calib.MovingAverage).Range())},
		{"MovingAverage.Range", "nil", calib.ErrEmpty, rangeOf((*calib.MovingAverage)(nil).Range())},
		{"MinMax", "nothing seen", calib.ErrEmpty, rangeOf(minMax.Range(new(calib.Histogram), affine))},
		{"MinMax", "nil", calib.ErrEmpty, rangeOf(minMax.Range(nil, affine))},
		{"Percentile", "nothing seen", calib.ErrEmpty, rangeOf(calib.Percentile(99).Range(new(calib.Histogram), affine))},
		{"Percentile", "nil", calib.ErrEmpty, rangeOf(calib.Percentile(99).Range(nil, affine))},
		{"Percentile", "0", calib.ErrOption, rangeOf(calib.Percentile(0).Range(seen, affine))},
		{"Percentile", "above 100", calib.ErrOption, rangeOf(calib.Percentile(100.1).Range(seen, affine))},
		{"Percentile", "NaN", calib.ErrOption, rangeOf(calib.Percentile(math.NaN()).Range(seen, affine))},
		{"Percentile", "no scheme", qtensor.ErrScheme, rangeOf(calib.Percentile(99).Range(seen, qtensor.Scheme{}))},
		{"MSE", "nothing seen", calib.ErrEmpty, rangeOf(calib.MSE().Range(new(calib.Histogram), affine))},
		{"MSE", "no scheme", qtensor.ErrScheme, rangeOf(calib.MSE().Range(seen, qtensor.Scheme{}))},
		{"Entropy", "nothing seen", calib.ErrEmpty, rangeOf(calib.Entropy().Range(new(calib.Histogram), affine))},
		{"Entropy", "no scheme", qtensor.ErrScheme, rangeOf(calib.Entropy().Range(seen, qtensor.Scheme{}))},
		{"HistogramL2", "nothing seen", calib.ErrEmpty, rangeOf(calib.HistogramL2().Range(new(calib.Histogram), affine))},
		{"HistogramL2", "no scheme", qtensor.ErrScheme, rangeOf(calib.HistogramL2().Range(seen, qtensor.Scheme{}))},
		{"MovingAverageMinMax", "nothing seen", calib.ErrEmpty, rangeOf(calib.MovingAverageMinMax(0.1).Range(nil, affine))},
		{"MovingAverageMinMax", "a histogram", calib.ErrOption, rangeOf(calib.MovingAverageMinMax(0.1).Range(seen, affine))},
		{"Profile.Params", "a percentile of 0", calib.ErrOption, params("whole", affine, calib.Percentile(0))},
		{"Profile.Params", "a moving average", calib.ErrOption, params("whole", affine, calib.MovingAverageMinMax(0.1))},
		{"NewCalibrator", "no key", calib.ErrKey, at("", shape)},
		{"NewCalibrator", "an option's key", calib.ErrKey, at("x", shape, calib.PerChannel(0, "y"))},
		{"NewCalibrator", "a nil option", calib.ErrOption, at("x", shape, nil)},
		{"NewCalibrator", "a constant of 2", calib.ErrOption, at("x", shape, calib.WithMovingAverage(2))},
		{"NewCalibrator", "axis −1", qtensor.ErrShape, at("x", shape, calib.PerChannel(-1))},
		{"NewCalibrator", "axis 2", qtensor.ErrShape, at("x", shape, calib.PerChannel(2))},
		{"NewCalibrator", "too many", qtensor.ErrShape, at("x", tensor.Shape{calib.MaxChannels + 1}, calib.PerChannel(0))},
		{"Calibrator.Observe", "an unknown key", calib.ErrKey, w.Observe("y", matrix)},
		{"Calibrator.Observe", "integers", qtensor.ErrDtype, w.Observe("x", integers)},
		{"Calibrator.Observe", "a mask", qtensor.ErrLayout, w.Observe("x", masked)},
		{"Calibrator.Observe", "other channels", qtensor.ErrShape, w.Observe("x", wide)},
		{"Calibrator.ObserveFloat32", "nil", calib.ErrKey, (*calib.Calibrator)(nil).ObserveFloat32("x", nil, nil)},
		{"Calibrator.ObserveFloat32", "too few", qtensor.ErrShape, w.ObserveFloat32("x", make([]float32, 5), shape)},
		{"Calibrator.MovingAverage", "an unknown key", calib.ErrKey, follows(w, "y", affine)},
		{"Calibrator.MovingAverage", "nothing seen", calib.ErrEmpty, follows(w, "x", affine.PerAxis(1))},
		{"Calibrator.MovingAverage", "no averages", calib.ErrEmpty, follows(bare, "x", affine)},
		{"Calibrator.MovingAverage", "the whole of an axis", qtensor.ErrScheme, follows(w, "x", affine)},
		{"Calibrator.MovingAverage", "another axis", qtensor.ErrScheme, follows(w, "x", affine.PerAxis(0))},
		{"Calibrator.MovingAverage", "groups", qtensor.ErrScheme, follows(w, "x", affine.PerGroup(1, 2))},
		{"Calibrator.MovingAverage", "nil", calib.ErrKey, follows(nil, "x", affine)},
		{"Calibrator.MovingAverage", "the zero Calibrator", calib.ErrKey, follows(new(calib.Calibrator), "x", affine)},
	}
	for _, r := range list {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%s, %s: got error %v, want one that wraps %q", r.operation, r.name, r.err, r.want)
			continue
		}
		text := r.err.Error()
		ours := !errors.Is(r.want, fs.ErrInvalid) && !errors.Is(r.want, fs.ErrPermission) // what lies below says what is wanted by what was got
		if !strings.HasPrefix(text, "calib: "+r.operation) ||
			ours && !strings.Contains(text, "want ") || ours && !strings.Contains(text, "got ") {
			t.Errorf("%s, %s: got %q, want it to name the operation, what was got and what is wanted", r.operation, r.name, text)
		}
		if strings.Contains(text, " 0 channels") {
			t.Errorf("%s, %s: got %q, want no number of channels that nothing has", r.operation, r.name, text)
		}
	}
	if after := written(); after != before {
		t.Errorf("got the profile %s, want what it was before the errors, %s", after, before)
	}
	t.Logf("%d refusals", len(list))
}

const emptyHistogram = `{"count":0,"non_finite":0,"min":0,"max":0,"exponent":0,"bins":[]}`

// TestReadProfileOfManyChannels reads as many histograms under a key as there may be, and one more.
func TestReadProfileOfManyChannels(t *testing.T) {
	for _, extra := range []int{0, 1} {
		text := `{"version":1,"tensors":{"x":{"axis":0,"histograms":[` +
			strings.Repeat(emptyHistogram+",", calib.MaxChannels-1+extra) + emptyHistogram + `]}}}`
		p, err := calib.ReadProfile(strings.NewReader(text))
		if extra == 0 {
			if err != nil {
				t.Errorf("%d histograms: %v", calib.MaxChannels, err)
			}
			continue
		}
		if !errors.Is(err, calib.ErrProfile) || !strings.Contains(fmt.Sprint(err), fmt.Sprint("at most ", calib.MaxChannels)) {
			t.Errorf("%d histograms: got %v, %v, want ErrProfile and at most %d", calib.MaxChannels+extra, p.Keys(), err, calib.MaxChannels)
		}
	}
}

// TestNothingIsShared changes all that a Profile gave.
func TestNothingIsShared(t *testing.T) {
	x := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 4}))
	var p calib.Profile
	if err := errors.Join(p.ObserveAxis("axis", 1, x), p.Observe("whole", x)); err != nil {
		t.Fatal(err)
	}
	written := func() string {
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	before := written()
	for _, key := range p.Keys() {
		h, errH := p.Histogram(key)
		_, channels, errC := p.Channels(key)
		var other calib.Profile
		if err := errors.Join(errH, errC, other.Merge(&p), other.Merge(&p)); err != nil {
			t.Fatal(err)
		}
		for _, h := range append(channels, h) {
			h.Observe([]float32{-9, 9})
		}
	}
	p.Keys()[0] = "z"
	if after := written(); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

// TestHistogramUnmarshalLeavesIt is a Histogram that a damaged text does not change.
func TestHistogramUnmarshalLeavesIt(t *testing.T) {
	var h calib.Histogram
	h.Observe([]float32{1, 2})
	before, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "null", "{}", "[1]", strings.Replace(string(before), `"count":2`, `"count":3`, 1)} {
		if err := h.UnmarshalJSON([]byte(text)); !errors.Is(err, calib.ErrProfile) {
			t.Errorf("%q: got error %v, want ErrProfile", text, err)
		}
		if after, err := json.Marshal(h); err != nil || string(after) != string(before) {
			t.Errorf("%q: left %s, %v, want %s", text, after, err, before)
		}
	}
}

// TestLastOptionHolds records one point with two options of a kind.
func TestLastOptionHolds(t *testing.T) {
	shape := tensor.Shape{2, 3}
	c, err := calib.NewCalibrator(map[string]tensor.Shape{"x": shape, "y": shape}, calib.PerChannel(1), calib.PerChannel(0, "x"),
		calib.WithMovingAverage(0.1), calib.WithMovingAverage(0.5))
	if err != nil {
		t.Fatal(err)
	}
	for _, last := range []float32{1, 3} {
		if err := c.ObserveFloat32("x", []float32{0, 0, 0, 0, last, 0}, shape); err != nil {
			t.Fatal(err)
		}
	}
	profile := c.Profile()
	for key, want := range map[string]int{"x": 0, "y": 1} {
		if axis, channels, err := profile.Channels(key); err != nil || axis != want || len(channels) != 2+want {
			t.Errorf("%s: got axis %d with %d channels, %v, want axis %d", key, axis, len(channels), err, want)
		}
	}
	p, err := c.MovingAverage("x", qtensor.Affine(8).PerAxis(0))
	if err != nil || !slices.Equal(p.Max, []float32{0, 2}) {
		t.Errorf("got maxima %v, %v, want 0 and 2: half of 1 and half of 3", p.Max, err)
	}
}

// TestObserveAsPromised has tensors without elements, and a float64 that no float32 holds.
func TestObserveAsPromised(t *testing.T) {
	var p calib.Profile
	empty := tensor.New(tensor.WithShape(0, 3), tensor.WithBacking([]float32{}))
	wide := tensor.New(tensor.WithBacking([]float64{1e300, -1, 1 + 0x1p-30}))
	if err := errors.Join(p.Observe("empty", empty), p.ObserveAxis("axis", 1, empty), p.Observe("wide", wide)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]uint64{"empty": {0, 0}, "axis": {0, 0}, "wide": {2, 1}} {
		h, err := p.Histogram(key)
		if err != nil || h.Count() != want[0] || h.NonFinite() != want[1] {
			t.Errorf("%s: got %d finite values and %d others, %v, want %v", key, h.Count(), h.NonFinite(), err, want)
		}
		if _, err := p.Params(key, qtensor.Affine(8), calib.MinMax()); (want[0] == 0) != errors.Is(err, calib.ErrEmpty) {
			t.Errorf("%s: got error %v from Params of %d values", key, err, want[0])
		}
	}
	if h, _ := p.Histogram("wide"); h.Min() != -1 || h.Max() != 1 {
		t.Errorf("got a range of %v to %v, want -1 to 1", h.Min(), h.Max())
	}
}

// TestReadHistogramMemory reads the histogram of most runs, every other bin, and takes its size.
func TestReadHistogramMemory(t *testing.T) {
	values := make([]float32, 2048)
	for i := range values {
		values[i] = float32(2 * i)
	}
	var h calib.Histogram
	h.Observe(values)
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	const copies = 64
	read := make([]calib.Histogram, copies)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range read {
		if err := read[i].UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := int64(after.HeapAlloc-before.HeapAlloc) / copies; each > 96<<10 {
		t.Errorf("a histogram that was read takes %d bytes, want at most %d", each, 96<<10)
	} else {
		t.Logf("%d bytes", each)
	}
	runtime.KeepAlive(read)
}
