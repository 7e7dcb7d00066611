package calib

import (
	"fmt"
	"maps"
	"slices"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Calibrator records the values of named points of a network, such as the inputs of its layers: for each
// point a Histogram, or one for each channel (PerChannel), and a MovingAverage beside it (WithMovingAverage).
// It is for one goroutine at a time. The zero Calibrator, and a nil one, have no points.
type Calibrator struct {
	seen Profile
}

// NewCalibrator returns a Calibrator for the given points, by key. Their shapes matter only for PerChannel,
// which fixes the size of its axis; all other sizes may differ from one Observe to the next.
//
// Errors: ErrKey for a key that is empty or not UTF-8, and for an option's key that is no point's; ErrOption;
// qtensor.ErrShape for an axis that a point does not have, or that has more than MaxChannels indices.
func NewCalibrator(points map[string]tensor.Shape, opts ...CalibratorOption) (*Calibrator, error) {
	c, err := newCalibrator(points, opts)
	if err != nil {
		return nil, fmt.Errorf("calib: NewCalibrator: %w", err)
	}
	return c, nil
}

func newCalibrator(points map[string]tensor.Shape, opts []CalibratorOption) (*Calibrator, error) {
	var s settings
	for _, o := range opts {
		if o == nil {
			return nil, fmt.Errorf("%w: got a nil option, want one that a function made", ErrOption)
		}
		if err := o(&s); err != nil {
			return nil, err
		}
	}
	keys := slices.Sorted(maps.Keys(points))
	if err := s.checkKeys(keys); err != nil {
		return nil, err
	}
	c := new(Calibrator)
	for _, key := range keys {
		err := checkKey(key)
		var e *entry
		if err == nil {
			e, err = s.entry(key, points[key])
		}
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		c.seen.put(key, e)
	}
	return c, nil
}

// Observe adds the elements of x, float32 or float64 and of any layout, to what is recorded under key; a
// moving average takes x as one batch. Errors, and nothing is added then: ErrKey for an unknown key;
// qtensor.ErrDtype, ErrLayout; ErrShape for another number of channels.
func (c *Calibrator) Observe(key string, x tensor.Tensor) error {
	e, err := c.point(key)
	if err == nil {
		err = e.observe(x)
	}
	if err != nil {
		return fmt.Errorf("calib: Calibrator.Observe: key %q: %w", key, err)
	}
	return nil
}

// ObserveFloat32 works like Observe for the elements of a tensor of the given shape, in row-major order, as
// model.Model.Observe shows them.
func (c *Calibrator) ObserveFloat32(key string, x []float32, shape tensor.Shape) error {
	e, err := c.point(key)
	if err == nil && e.axis != perTensor && len(x) != shape.TotalSize() {
		err = fmt.Errorf("%w: got %d values for %v, want as many as it has elements", qtensor.ErrShape, len(x), shape)
	}
	if err == nil {
		err = e.record(x, shape)
	}
	if err != nil {
		return fmt.Errorf("calib: Calibrator.ObserveFloat32: key %q: %w", key, err)
	}
	return nil
}

// point returns the entry of a key.
func (c *Calibrator) point(key string) (*entry, error) {
	e := c.entries()[key]
	if e == nil {
		return nil, fmt.Errorf("%w: got no point of this key, want one that NewCalibrator was given", ErrKey)
	}
	return e, nil
}

// Profile returns a copy of what was seen, with all keys; what was not run has an empty histogram.
func (c *Calibrator) Profile() *Profile {
	p := new(Profile)
	for key, e := range c.entries() {
		p.put(key, e.clone())
	}
	return p
}

func (c *Calibrator) entries() map[string]*entry {
	if c == nil {
		return nil
	}
	return c.seen.entries
}

// Reset forgets what was seen, and the moving averages. It does not change profiles that Profile returned.
func (c *Calibrator) Reset() {
	for _, e := range c.entries() {
		clear(e.channels)
		for i := range e.averages {
			e.averages[i].seen = false
		}
	}
}

// MovingAverage returns the parameters of s for the moving average of the key's range. Averages per channel
// go with a scheme along the same axis alone, since they do not merge into one for the whole tensor. Errors:
// ErrKey; ErrEmpty where no finite value was seen, or WithMovingAverage was not given; qtensor.ErrScheme.
func (c *Calibrator) MovingAverage(key string, s qtensor.Scheme) (qtensor.Params, error) {
	q, err := c.movingAverage(key, s)
	if err != nil {
		return qtensor.Params{}, fmt.Errorf("calib: Calibrator.MovingAverage: key %q: %w", key, err)
	}
	return q, nil
}

func (c *Calibrator) movingAverage(key string, s qtensor.Scheme) (qtensor.Params, error) {
	e, err := (&Profile{c.entries()}).entry(key)
	if err != nil {
		return qtensor.Params{}, err
	}
	if e.averages == nil {
		return qtensor.Params{}, fmt.Errorf("%w: got no moving averages, want WithMovingAverage given to NewCalibrator", ErrEmpty)
	}
	if err := e.fits(s); err != nil {
		return qtensor.Params{}, err
	}
	if _, perAxis := s.Axis(); perAxis != (e.axis != perTensor) && !s.IsFloat() {
		return qtensor.Params{}, fmt.Errorf("%w: got %v for averages of %v, which do not merge, want one per axis %d", qtensor.ErrScheme, s, e, e.axis)
	}
	return params(s, len(e.averages), func(i int) (lo, hi float32, err error) { return e.averages[i].Range() })
}
