package calib

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

func TestCalibratorBeforeARunAndAfterReset(t *testing.T) {
	const rows, columns = 5, 6
	c, err := NewCalibrator(map[string]tensor.Shape{"whole": {rows, columns}, "axis": {rows, columns}},
		PerChannel(1, "axis"), WithMovingAverage(0.5))
	if err != nil {
		t.Fatal(err)
	}
	empty := c.Profile()
	if got := empty.Keys(); !slices.Equal(got, []string{"axis", "whole"}) {
		t.Errorf("got keys %q, want both", got)
	}
	nothingSeen := func() {
		t.Helper()
		for key, s := range map[string]qtensor.Scheme{"whole": qtensor.Affine(8), "axis": qtensor.PerChannelAffine(8, 1)} {
			if _, err := c.Profile().Params(key, s, MinMax()); !errors.Is(err, ErrEmpty) {
				t.Errorf("%s: got error %v, want ErrEmpty", key, err)
			}
			if _, err := c.MovingAverage(key, s); !errors.Is(err, ErrEmpty) {
				t.Errorf("%s: moving average: got error %v, want ErrEmpty", key, err)
			}
		}
		sameProfile(t, c.Profile(), empty)
	}
	observe := func() *Profile {
		t.Helper()
		x := gaussians(1, rows*columns, 1)
		if err := errors.Join(c.Observe("whole", denseOf(tensortest.Float64s(x), rows, columns)),
			c.ObserveFloat32("axis", x, tensor.Shape{rows, columns})); err != nil {
			t.Fatal(err)
		}
		return c.Profile()
	}
	nothingSeen()
	first := observe()
	want := new(Profile)
	x := denseOf(gaussians(1, rows*columns, 1), rows, columns)
	if err := errors.Join(want.Observe("whole", x), want.ObserveAxis("axis", 1, x)); err != nil {
		t.Fatal(err)
	}
	sameProfile(t, first, want)
	c.Reset()
	nothingSeen()
	sameProfile(t, observe(), first)
	observe()
	if h, _ := first.Histogram("whole"); h.Count() != rows*columns {
		t.Errorf("got %d values in a profile taken before, want %d", h.Count(), rows*columns)
	}
	if err := c.ObserveFloat32("whole", make([]float32, 7), nil); err != nil {
		t.Errorf("values of no shape, of which none counts: %v", err)
	}
	for _, shape := range []tensor.Shape{nil, {columns}, {rows, columns + 1}, {rows - 1, columns}} {
		if err := c.ObserveFloat32("axis", make([]float32, rows*columns), shape); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%v: got error %v, want ErrShape", shape, err)
		}
	}
	if err := c.Observe("other", x); !errors.Is(err, ErrKey) {
		t.Errorf("another key: got error %v, want ErrKey", err)
	}
}

func TestCalibratorMovingAverage(t *testing.T) {
	points := map[string]tensor.Shape{"whole": {2, 2}, "rows": {2, 2}}
	averaged, err := NewCalibrator(points, PerChannel(0, "rows"), WithMovingAverage(0.25))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := NewCalibrator(map[string]tensor.Shape{"whole": {2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]float32{{0, 4, -8, 1}, {-4, 8, -4, 5}} {
		x := denseOf(values, 2, 2)
		if err := errors.Join(averaged.Observe("whole", x), averaged.Observe("rows", x), plain.Observe("whole", x)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		key    string
		scheme qtensor.Scheme
		lo, hi []float32
	}{
		{"whole", qtensor.Affine(8), []float32{-7}, []float32{5}},
		{"whole", qtensor.Int4(), []float32{-7}, []float32{5}},
		{"whole", qtensor.Float16(), nil, nil},
		{"rows", qtensor.PerChannelAffine(8, 0), []float32{-1, -7}, []float32{5, 2}},
		{"rows", qtensor.BFloat16(), nil, nil},
	} {
		want, err := qtensor.NewParams(c.scheme, c.lo, c.hi)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := averaged.MovingAverage(c.key, c.scheme); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s, %v: got %+v, %v, want %+v", c.key, c.scheme, got, err, want)
		}
	}
	for _, c := range []struct {
		calibrator *Calibrator
		key        string
		scheme     qtensor.Scheme
		want       error
	}{
		{averaged, "columns", qtensor.Affine(8), ErrKey},
		{plain, "whole", qtensor.Affine(8), ErrEmpty},
		{averaged, "whole", qtensor.PerChannelAffine(8, 0), qtensor.ErrScheme},
		{averaged, "whole", qtensor.Scheme{}, qtensor.ErrScheme},
		{averaged, "rows", qtensor.Affine(8), qtensor.ErrScheme},
		{averaged, "rows", qtensor.PerChannelAffine(8, 1), qtensor.ErrScheme},
		{averaged, "rows", qtensor.Affine(8).PerGroup(0, 2), qtensor.ErrScheme},
	} {
		if got, err := c.calibrator.MovingAverage(c.key, c.scheme); !errors.Is(err, c.want) || !reflect.DeepEqual(got, qtensor.Params{}) {
			t.Errorf("%s, %v: got %+v, %v, want %v", c.key, c.scheme, got, err, c.want)
		}
	}
}
