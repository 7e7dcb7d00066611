package calib

import (
	"fmt"
	"maps"
	"slices"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Calibrator records the values at named points of a network, such as the inputs of its layers. For each
// point it keeps a Histogram, or one for each channel (PerChannel), and a MovingAverage beside each if it is
// asked to (WithMovingAverage).
//
// NewCalibrator is given all points. Then Observe or ObserveFloat32 adds a batch to one of them. Profile and
// MovingAverage return, at any time, what was observed. A Calibrator is not safe for concurrent use. The zero
// Calibrator, and a nil one, have no points.
type Calibrator struct {
	seen Profile
}

// NewCalibrator returns a Calibrator for the given points: the shapes of tensors by key. A shape matters only
// under PerChannel: the size of its channel axis is the number of channels, which every tensor that is
// observed must have. A point that is recorded per tensor may have a nil shape, and takes tensors of any
// shape.
//
// Errors: ErrKey for a key that is empty or not UTF-8, and for a key of an option that is no point's;
// ErrOption; qtensor.ErrShape for an axis that a point does not have, or that has no index or more than
// MaxChannels.
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

// Observe adds the elements of x, float32 or float64 (rounded to float32 first), of any shape and layout, to
// what is recorded under key. A moving average takes x as one batch. Errors, with which nothing is added:
// ErrKey for an unknown key; qtensor.ErrDtype, ErrLayout; ErrShape for another number of channels.
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

// ObserveFloat32 works like Observe for the elements x of a tensor, in row-major order, such as
// model.Model.Observe passes to its callback. shape is the tensor's, and matters only for a point that is
// recorded per channel. Errors: ErrKey; qtensor.ErrShape for another number of channels, or of elements than
// shape has.
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

// Profile returns a copy of what was observed, with all keys. One that was never observed has an empty
// histogram.
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

// Reset forgets all values and moving averages, and keeps the points. Profiles that Profile returned stay as
// they are.
func (c *Calibrator) Reset() {
	for _, e := range c.entries() {
		clear(e.channels)
		for i := range e.averages {
			e.averages[i].seen = false
		}
	}
}

// MovingAverage returns the parameters of s for the moving average of the key's range, or for those of its
// channels. A key that is recorded per channel needs a scheme per axis, along the same axis, because averages
// do not merge into one for the whole tensor. Errors: ErrKey; ErrEmpty where no finite value was observed, or
// WithMovingAverage was not given; qtensor.ErrScheme for a scheme per group, along another axis, or per
// tensor where the key is per channel.
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
	if _, perAxis := s.Axis(); perAxis != (e.axis != perTensor) && s.HasScales() {
		return qtensor.Params{}, fmt.Errorf("%w: got %v for averages of %v, which do not merge, want one per axis %d", qtensor.ErrScheme, s, e, e.axis)
	}
	return params(s, len(e.averages), func(i int) (lo, hi float32, err error) { return e.averages[i].Range() })
}
