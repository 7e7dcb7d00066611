package calib

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestWatchBeforeARunAndAfterReset(t *testing.T) {
	n := newNet(tensor.Float32)
	watch, err := Attach(n.g, map[string]*gorgonia.Node{"whole": n.act, "axis": n.act}, PerChannel(1, "axis"), WithMovingAverage(0.5))
	if err != nil {
		t.Fatal(err)
	}
	empty := watch.Profile()
	if got := empty.Keys(); !slices.Equal(got, []string{"axis", "whole"}) {
		t.Errorf("got keys %q, want both", got)
	}
	nothingSeen := func() {
		t.Helper()
		for key, s := range map[string]qtensor.Scheme{"whole": qtensor.Affine(8), "axis": qtensor.PerChannelAffine(8, 1)} {
			if _, err := watch.Profile().Params(key, s, MinMax()); !errors.Is(err, ErrEmpty) {
				t.Errorf("%s: got error %v, want ErrEmpty", key, err)
			}
			if _, err := watch.MovingAverage(key, s); !errors.Is(err, ErrEmpty) {
				t.Errorf("%s: moving average: got error %v, want ErrEmpty", key, err)
			}
		}
		sameProfile(t, watch.Profile(), empty)
	}
	run := func() *Profile {
		t.Helper()
		if err := gorgonia.Let(n.x, denseOf(gaussians(1, batch*in, 1), batch, in)); err != nil {
			t.Fatal(err)
		}
		if err := machines["tape"](n.g); err != nil {
			t.Fatal(err)
		}
		return watch.Profile()
	}
	nothingSeen()
	first := run()
	if h, err := first.Histogram("whole"); err != nil || h.Count() != batch*hidden {
		t.Errorf("got %d values, %v, want %d", h.Count(), err, batch*hidden)
	}
	watch.Reset()
	nothingSeen()
	sameProfile(t, run(), first)
	run()
	if h, _ := first.Histogram("whole"); h.Count() != batch*hidden {
		t.Errorf("got %d values in a profile taken before a run, want %d", h.Count(), batch*hidden)
	}
}

func TestWatchMovingAverage(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 2), gorgonia.WithName("x"))
	gorgonia.Must(gorgonia.Neg(x))
	points := map[string]*gorgonia.Node{"whole": x, "rows": x}
	watch, err := Attach(g, points, PerChannel(0, "rows"), WithMovingAverage(0.25))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Attach(g, map[string]*gorgonia.Node{"whole": x})
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]float32{{0, 4, -8, 1}, {-4, 8, -4, 5}} {
		if err := gorgonia.Let(x, denseOf(values, 2, 2)); err != nil {
			t.Fatal(err)
		}
		if err := machines["tape"](g); err != nil {
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
		if got, err := watch.MovingAverage(c.key, c.scheme); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s, %v: got %+v, %v, want %+v", c.key, c.scheme, got, err, want)
		}
	}
	for _, c := range []struct {
		watch  *Watch
		key    string
		scheme qtensor.Scheme
		want   error
	}{
		{watch, "columns", qtensor.Affine(8), ErrKey},
		{plain, "whole", qtensor.Affine(8), ErrEmpty},
		{watch, "whole", qtensor.PerChannelAffine(8, 0), qtensor.ErrScheme},
		{watch, "whole", qtensor.Scheme{}, qtensor.ErrScheme},
		{watch, "rows", qtensor.Affine(8), qtensor.ErrScheme},
		{watch, "rows", qtensor.PerChannelAffine(8, 1), qtensor.ErrScheme},
		{watch, "rows", qtensor.Affine(8).PerGroup(0, 2), qtensor.ErrScheme},
	} {
		if got, err := c.watch.MovingAverage(c.key, c.scheme); !errors.Is(err, c.want) || !reflect.DeepEqual(got, qtensor.Params{}) {
			t.Errorf("%s, %v: got %+v, %v, want %v", c.key, c.scheme, got, err, c.want)
		}
	}
}
