package calib

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// CalibratorOption changes what a Calibrator records.
type CalibratorOption func(*settings) error

type settings struct {
	axes    []axisOption // in the order they were given
	average *MovingAverage
}

type axisOption struct {
	axis int
	keys []string
}

// PerChannel records the points of the given keys, or all points if none is given, per channel: a histogram
// for each index of axis. Where several options name one point, the last holds. NewCalibrator returns
// qtensor.ErrShape for a negative axis.
func PerChannel(axis int, keys ...string) CalibratorOption {
	return func(s *settings) error {
		s.axes = append(s.axes, axisOption{axis, keys})
		_, err := along(axis)
		return err
	}
}

// WithMovingAverage keeps a MovingAverage with averaging constant c beside each histogram. Each Observe is a
// batch. Of several such options the last holds. NewCalibrator returns ErrOption for a c outside (0, 1].
func WithMovingAverage(c float64) CalibratorOption {
	return func(s *settings) (err error) {
		s.average, err = NewMovingAverage(c)
		return err
	}
}

// checkKeys returns an error if an option names a key that is not among keys.
func (s *settings) checkKeys(keys []string) error {
	for _, o := range s.axes {
		for _, key := range o.keys {
			if !slices.Contains(keys, key) {
				return fmt.Errorf("%w: PerChannel got %q, want one of %q", ErrKey, key, keys)
			}
		}
	}
	return nil
}

// entry returns an empty entry for tensors of a shape under key.
func (s *settings) entry(key string, shape tensor.Shape) (*entry, error) {
	e := &entry{axis: perTensor}
	for _, o := range s.axes {
		if len(o.keys) == 0 || slices.Contains(o.keys, key) {
			e.axis = o.axis
		}
	}
	if err := e.open(shape); err != nil {
		return nil, err
	}
	if s.average != nil {
		e.averages = slices.Repeat([]MovingAverage{*s.average}, len(e.channels))
	}
	return e, nil
}
