package ptq

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"euryale/calib"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// collector has a float model run on samples, and returns what there is to see of the values that a selection
// needs.
type collector interface {
	collect(ctx context.Context, m *model.Model, s selection) (collected, error)
}

// collected is what a collector has observed.
type collected struct {
	profile  *calib.Profile // of the points, and of what was known before
	averages averages
	moments  moments
	samples  int // 0 where nothing was left to see
}

// rangeCollector counts values in histograms, but for those of which known has one.
type rangeCollector struct {
	walker
	known *calib.Profile
}

func (c rangeCollector) collect(ctx context.Context, m *model.Model, s selection) (collected, error) {
	points, averages, moments := s.points(), s.averages(), s.moments()
	missing, err := missingPoints(c.known, points)
	if err == nil {
		err = averages.check(missing)
	}
	if err != nil {
		return collected{}, err
	}
	calibrator, err := calib.NewCalibrator(missing)
	if err != nil {
		return collected{}, err
	}
	profile, err := merged(c.known, calibrator.Profile()) // of nothing yet: do the axes go together?
	if err != nil || len(missing) == 0 {
		return collected{profile: profile}, err
	}
	names := slices.Collect(maps.Keys(missing))
	count, err := c.walk(ctx, "calibrate", 0, func(s Sample) error {
		return m.ObserveNamed(ctx, s, names, func(name string, x []float32) error {
			if points[name] && checkFinite(x) != nil {
				return notFinite(name)
			}
			averages.observe(name, x)
			moments.observe(name, x)
			return calibrator.ObserveFloat32(name, x, nil)
		})
	})
	if err != nil {
		return collected{}, err
	}
	profile, err = merged(c.known, calibrator.Profile())
	return collected{profile, averages, moments, count}, err
}

func notFinite(value string) error {
	return fmt.Errorf("value %q: %w: got NaN or an infinity, want finite numbers for a layer", value, qtensor.ErrValue)
}

// missingPoints returns the points of which a profile has no values, in the form that calib.NewCalibrator
// takes.
func missingPoints(known *calib.Profile, points map[string]bool) (map[string]tensor.Shape, error) {
	missing := map[string]tensor.Shape{}
	for _, name := range slices.Sorted(maps.Keys(points)) {
		h, err := known.Histogram(name)
		switch {
		case err != nil || h.Count()+h.NonFinite() == 0: // calib.ErrKey: it has none
			missing[name] = nil
		case points[name] && h.NonFinite() > 0:
			return nil, fmt.Errorf("Config.Profile: %w", notFinite(name))
		}
	}
	return missing, nil
}

// merged returns a profile of what was known and of what was collected besides.
func merged(known, besides *calib.Profile) (*calib.Profile, error) {
	p := new(calib.Profile)
	err := p.Merge(known)
	if err == nil {
		err = p.Merge(besides)
	}
	if err != nil {
		return nil, fmt.Errorf("Config.Profile: %w", err)
	}
	return p, nil
}

// checkProfile reports a key that is no activation of a network.
func checkProfile(p *calib.Profile, net *network) error {
	names := net.activations()
	for _, key := range p.Keys() {
		if !names[key] {
			return fmt.Errorf("Config.Profile: %w: got %q, want names of values of the model, such as %s", calib.ErrKey, key,
				listed(slices.Sorted(maps.Keys(names))))
		}
	}
	return nil
}
