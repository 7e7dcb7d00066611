package main

import (
	"bytes"
	"fmt"

	"euryale/calib"
	"euryale/qtensor"
)

// ranges are what calibration sees, and makes of it.
func ranges(d *digest) {
	all := append([]distribution{gauss}, distributions...)
	var p calib.Profile
	for _, x := range all {
		for _, n := range []int{1, 7, 1000, 20000} {
			key := fmt.Sprintf("histogram numbers=%s n=%d", x.name, n)
			h, batches := &calib.Histogram{}, calib.Histogram{}
			numbers := x.make(key, n)
			h.Observe(numbers)
			d.add(key, nil, histogram(h)...)
			batches.Observe(numbers[:n/3])
			var rest calib.Histogram
			rest.Observe(numbers[n/3:])
			batches.Merge(&rest)
			d.add(key+" merged", nil, histogram(&batches)...)
		}
		d.addAverage(x)
		t := dense(x.make("profile", 3*400), 3, 400)
		d.add("profile numbers="+x.name+" observed", p.Observe(x.name, t), "yes")
		d.add("profile numbers="+x.name+" observed by channel", p.ObserveAxis(x.name+" by channel", 0, t), "yes")
	}
	d.addProfile("profile", &p, all)
	var text bytes.Buffer
	err := p.Write(&text)
	var back *calib.Profile
	if err == nil {
		back, err = calib.ReadProfile(&text)
	}
	d.add("profile read-back", err, "yes")
	if err == nil {
		d.addProfile("profile read-back", back, all)
	}
}

// histogram returns all values of h.
func histogram(h *calib.Histogram) []any {
	values := []any{h.Count(), h.NonFinite(), h.Min(), h.Max()}
	for b := range h.Bins() {
		values = append(values, b.Low, b.High, b.Count)
	}
	return values
}

// addAverage adds the range that a moving average has after each of five batches.
func (d *digest) addAverage(x distribution) {
	m, err := calib.NewMovingAverage(0.3)
	if err != nil {
		panic(err)
	}
	for i := range 5 {
		key := fmt.Sprintf("moving average numbers=%s batch=%d", x.name, i)
		m.Observe(x.make(key, 50))
		low, high, err := m.Range()
		d.add(key, err, low, high)
	}
}

// addProfile adds what a profile holds, and the parameters of it.
func (d *digest) addProfile(key string, p *calib.Profile, all []distribution) {
	for _, x := range all {
		key := fmt.Sprintf("%s numbers=%s", key, x.name)
		h, err := p.Histogram(x.name)
		if err != nil {
			d.add(key, err)
			continue
		}
		d.add(key, nil, histogram(h)...)
		for _, s := range []named{
			{"uniform8/tensor", qtensor.Uniform(8)},
			{"symmetric8/tensor", qtensor.Symmetric(8)},
			{"affine8/tensor", qtensor.Affine(8)},
			{"power-of-two8/tensor", qtensor.PowerOfTwo(8)},
			{"uint4/tensor", qtensor.UInt4()},
		} {
			params, err := p.Params(x.name, s.scheme, calib.MinMax())
			d.add(key+" scheme="+s.name, err, parameters(params)...)
		}
		params, err := p.Params(x.name+" by channel", qtensor.PerChannelAffine(8, 0), calib.MinMax())
		d.add(key+" scheme=affine8/channel", err, parameters(params)...)
	}
}
