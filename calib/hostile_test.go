package calib

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"strings"
	"testing"

	"euryale/internal/hostile"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

var sentinels = []error{
	ErrEmpty, ErrKey, ErrOption, ErrProfile,
	qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme, qtensor.ErrParams, qtensor.ErrValue,
}

// TestNothingPanics calls all that is exported with nil, zeros, and what cannot be.
func TestNothingPanics(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	tensors := hostile.Tensors()
	delete(tensors, "empty") // which is seen, as nothing
	for name, x := range tensors {
		p := new(Profile)
		c.Refused("Observe "+name, func() error { return p.Observe("k", x) })
		c.Refused("ObserveAxis "+name, func() error { return p.ObserveAxis("k", 0, x) })
		if len(p.Keys()) > 0 {
			t.Errorf("%s: got keys %v after errors", name, p.Keys())
		}
	}
	x := denseOf(make([]float32, 12), 4, 3)
	for _, axis := range []int{math.MinInt, -1, 2, math.MaxInt} {
		c.Refused(fmt.Sprint("ObserveAxis ", axis), func() error { return new(Profile).ObserveAxis("k", axis, x) })
	}
	for name, p := range map[string]*Profile{"nil": nil, "zero": {}} {
		c.Survives(name+" Profile", func() {
			if p.Keys() != nil {
				t.Errorf("%s: got keys %v", name, p.Keys())
			}
		})
		c.Refused(name+" Histogram", func() error { _, err := p.Histogram("k"); return err })
		c.Refused(name+" Channels", func() error { _, _, err := p.Channels("k"); return err })
		c.Refused(name+" Params", func() error { _, err := p.Params("k", qtensor.Affine(8), MinMax()); return err })
		c.Survives(name+" Merge of nil", func() { _ = p.Merge(nil) })
	}
	c.Refused("nil Observe", func() error { return (*Profile)(nil).Observe("k", x) })
	c.Refused("nil ObserveAxis", func() error { return (*Profile)(nil).ObserveAxis("k", 0, x) })
	c.Refused("nil Merge", func() error { return (*Profile)(nil).Merge(new(Profile)) })
	c.Refused("a nil estimator", func() error {
		_, err := profileOf(t, "k", perTensor, []float32{1}, 1).Params("k", qtensor.Affine(8), nil)
		return err
	})
	c.Refused("the zero Scheme", func() error {
		_, err := profileOf(t, "k", perTensor, []float32{1}, 1).Params("k", qtensor.Scheme{}, MinMax())
		return err
	})
	for name, w := range map[string]*Calibrator{"nil": nil, "zero": {}} {
		c.Survives(name+" Calibrator", func() {
			w.Reset()
			if keys := w.Profile().Keys(); len(keys) > 0 {
				t.Errorf("%s: got keys %v", name, keys)
			}
		})
		c.Refused(name+" Calibrator.MovingAverage", func() error { _, err := w.MovingAverage("k", qtensor.Affine(8)); return err })
		c.Refused(name+" Calibrator.Observe", func() error { return w.Observe("k", x) })
		c.Refused(name+" Calibrator.ObserveFloat32", func() error { return w.ObserveFloat32("k", nil, nil) })
	}
	for name, x := range tensors {
		w, err := NewCalibrator(map[string]tensor.Shape{"k": {2, 3}, "axis": {2, 3}}, PerChannel(1, "axis"))
		if err != nil {
			t.Fatal(err)
		}
		c.Refused("Calibrator.Observe "+name, func() error { return w.Observe("k", x) })
		c.Refused("Calibrator.ObserveFloat32 "+name, func() error { return w.ObserveFloat32("axis", make([]float32, 5), tensor.Shape{2, 3}) })
	}
	for _, shape := range []tensor.Shape{nil, {}, {3}, {2, -1}, {math.MaxInt, math.MaxInt}} {
		c.Refused(fmt.Sprint("NewCalibrator of ", shape), func() error {
			_, err := NewCalibrator(map[string]tensor.Shape{"k": shape}, PerChannel(1))
			return err
		})
		c.Survives(fmt.Sprint("NewCalibrator of all of ", shape), func() { _, _ = NewCalibrator(map[string]tensor.Shape{"k": shape}) })
	}
	for name, h := range map[string]*Histogram{"nil": nil, "zero": {}} {
		c.Survives(name+" Histogram", func() {
			for range h.Bins() {
				t.Errorf("%s: has bins", name)
			}
			if h.Count()+h.NonFinite() != 0 || h.Min() != 0 || h.Max() != 0 {
				t.Errorf("%s: %v is not empty", name, h)
			}
			h.Merge(nil)
		})
		c.Refused(name+" MinMax", func() error { _, _, err := MinMax().Range(h, qtensor.Scheme{}); return err })
		c.Refused(name+" UnmarshalJSON", func() error { return h.UnmarshalJSON(nil) })
	}
	c.Survives("merging nil", func() { new(Histogram).Merge(nil); new(Histogram).Observe(nil); new(MovingAverage).Observe(nil) })
	c.Panics("nil Histogram.Observe", func() { (*Histogram)(nil).Observe([]float32{1}) })
	c.Panics("nil Histogram.Merge", func() { (*Histogram)(nil).Merge(histogramOf([]float32{1})) })
	c.Panics("nil Histogram.MarshalJSON", func() { _, _ = (*Histogram)(nil).MarshalJSON() })
	c.Panics("nil MovingAverage.Observe", func() { (*MovingAverage)(nil).Observe([]float32{1}) })
	for name, m := range map[string]*MovingAverage{"nil": nil, "zero": {}} {
		c.Refused(name+" MovingAverage", func() error { _, _, err := m.Range(); return err })
	}
	for _, constant := range []float64{0, -1, math.NaN(), math.Inf(1), 1.5} {
		c.Refused(fmt.Sprint("NewMovingAverage ", constant), func() error { _, err := NewMovingAverage(constant); return err })
	}
	t.Logf("%d calls", c.Made)
}

// TestManyChannels: up to MaxChannels histograms, and not one more; what a shape claims is not allocated.
func TestManyChannels(t *testing.T) {
	values := make([]float32, MaxChannels+1)
	p := new(Profile)
	if err := p.ObserveAxis("k", 0, denseOf(values[1:], MaxChannels)); err != nil {
		t.Fatal(err)
	}
	for name, shape := range map[string][]int{"vector": {MaxChannels + 1}, "row": {1, MaxChannels + 1}} {
		err := new(Profile).ObserveAxis("k", len(shape)-1, denseOf(values, shape...))
		if !errors.Is(err, qtensor.ErrShape) || !strings.Contains(fmt.Sprint(err), "record it per tensor") {
			t.Errorf("%s: got %v, want an ErrShape that says what to do", name, err)
		}
	}
	var before, after runtime.MemStats
	cases := 0
	for n := 17; n < bits.UintSize-1; n++ { // from little to much: the first that is allocated ends the test
		shapes := map[string]tensor.Shape{"x": {1 << n}}
		runtime.ReadMemStats(&before)
		_, err := NewCalibrator(shapes, PerChannel(0))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, qtensor.ErrShape) || got > 1<<20 {
			t.Fatalf("2^%d channels: got %v and %d bytes, want ErrShape and no memory", n, err, got)
		}
		if _, err := NewCalibrator(shapes); err != nil {
			t.Errorf("2^%d elements per tensor: %v", n, err)
		}
		cases += 2
	}
	t.Logf("%d shapes", cases+3)
}

// TestUnfitSchemes: a scheme whose channel axis is not that of the histograms is told with what
// would fit.
func TestUnfitSchemes(t *testing.T) {
	values := denseOf(make([]float32, 8), 2, 4)
	cases := 0
	for recorded, want := range map[int]string{
		perTensor: "recorded per tensor, want a scheme per tensor", 0: "recorded as 2 channels on axis 0, want a scheme per tensor or per axis 0",
		1: "recorded as 4 channels on axis 1, want a scheme per tensor or per axis 1",
	} {
		p := new(Profile)
		err := p.ObserveAxis("k", recorded, values)
		if recorded == perTensor {
			err = p.Observe("k", values)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 0), qtensor.PerChannelAffine(8, 1), qtensor.Int4().PerGroup(1, 4)} {
			if axis, _ := s.Axis(); s.GroupSize() == 0 && axis == recorded {
				continue
			}
			cases++
			if _, err := p.Params("k", s, MinMax()); !errors.Is(err, qtensor.ErrScheme) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v: got %v, want an ErrScheme that ends with %q", s, err, want)
			}
		}
	}
	t.Logf("%d schemes", cases)
}
