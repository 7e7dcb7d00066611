package calib

import (
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// MaxChannels is the largest number of channels, and so of histograms, of a key: they take 2 GiB, 32 KiB
// each.
const MaxChannels = 1 << 16

// perTensor stands for the axis of an entry whose one channel is the whole tensor.
const perTensor = -1

// entry is what was observed under one key.
type entry struct {
	axis     int
	channels []Histogram     // one for each index of axis; open makes them
	averages []MovingAverage // beside channels, or nil

	flat, channel []float32 // scratch, kept so that observing does not allocate
}

// along returns an empty entry for channels along an axis; open makes them.
func along(axis int) (*entry, error) {
	if axis < 0 {
		return nil, fmt.Errorf("%w: got axis %d, want 0 or more", qtensor.ErrShape, axis)
	}
	return &entry{axis: axis}, nil
}

// open makes the channels for tensors of the given shape. It returns an error if the shape has no channels,
// or others than were made before.
func (e *entry) open(shape tensor.Shape) error {
	channels := 1
	if e.axis != perTensor {
		if e.axis >= len(shape) || shape[e.axis] < 1 {
			return fmt.Errorf("%w: got %v, want at least one index on axis %d", qtensor.ErrShape, shape, e.axis)
		}
		if channels = shape[e.axis]; channels > MaxChannels {
			return fmt.Errorf("%w: got %v, want at most %d indices on axis %d: record it per tensor, or reshape it",
				qtensor.ErrShape, shape, MaxChannels, e.axis)
		}
	}
	if e.channels == nil {
		e.channels = make([]Histogram, channels)
	}
	if len(e.channels) != channels {
		return fmt.Errorf("%w: got %v, want %v", qtensor.ErrShape, shape, e)
	}
	return nil
}

// observe adds the elements of x.
func (e *entry) observe(x tensor.Tensor) error {
	values, err := e.read(x)
	if err != nil {
		return err
	}
	return e.record(values, x.Shape())
}

// read returns the elements of x in row-major order, rounded to float32. They are good until the next read.
func (e *entry) read(x tensor.Tensor) ([]float32, error) {
	d, ok := x.(*tensor.Dense)
	if !ok || d == nil || d.Dtype() != tensor.Float64 {
		return dense.Float32s(x)
	}
	wide, err := dense.Slice[float64](d)
	if err != nil {
		return nil, err
	}
	e.flat = slices.Grow(e.flat[:0], len(wide))[:len(wide)]
	for i, v := range wide {
		e.flat[i] = float32(v)
	}
	return e.flat, nil
}

// record adds values, in row-major order of shape, each to its channel.
func (e *entry) record(values []float32, shape tensor.Shape) error {
	if err := e.open(shape); err != nil {
		return err
	}
	if e.axis == perTensor {
		e.see(0, values)
		return nil
	}
	inner := 1
	for _, n := range shape[e.axis+1:] {
		inner *= n
	}
	row := len(e.channels) * inner // what one index of the axes before takes
	for c := range e.channels {
		if row == len(values) { // one run for each channel, which needs no copy
			e.see(c, values[c*inner:][:inner])
			continue
		}
		e.channel = e.channel[:0]
		for begin := c * inner; begin < len(values); begin += row {
			e.channel = append(e.channel, values[begin:begin+inner]...)
		}
		e.see(c, e.channel)
	}
	return nil
}

func (e *entry) see(channel int, values []float32) {
	e.channels[channel].Observe(values)
	if e.averages != nil {
		e.averages[channel].Observe(values)
	}
}

// all returns what was observed of the whole tensor.
func (e *entry) all() *Histogram {
	h := new(Histogram)
	for c := range e.channels {
		h.Merge(&e.channels[c])
	}
	return h
}

// merge adds what other saw. Both have the same axis and channels.
func (e *entry) merge(other *entry) {
	for c := range e.channels {
		e.channels[c].Merge(&other.channels[c])
	}
}

// clone returns what e saw, less the averages.
func (e *entry) clone() *entry {
	c := &entry{axis: e.axis, channels: make([]Histogram, len(e.channels))}
	c.merge(e)
	return c
}

// String returns how the entry is recorded.
func (e *entry) String() string {
	switch {
	case e.axis == perTensor:
		return "per tensor"
	case e.channels == nil:
		return fmt.Sprintf("along axis %d", e.axis)
	}
	return fmt.Sprintf("%d channels on axis %d", len(e.channels), e.axis)
}

// fits returns an error if s is neither per tensor nor per axis along e's.
func (e *entry) fits(s qtensor.Scheme) error {
	axis, perAxis := s.Axis()
	switch {
	case s.GroupSize() == 0 && (!perAxis || axis == e.axis):
		return nil
	case e.axis == perTensor:
		return fmt.Errorf("%w: got %v for what is recorded %v, want a scheme per tensor", qtensor.ErrScheme, s, e)
	default:
		return fmt.Errorf("%w: got %v for what is recorded as %v, want a scheme per tensor or per axis %d", qtensor.ErrScheme, s, e, e.axis)
	}
}

// params returns the parameters of s for the given number of ranges, which a scheme without scales does not
// ask for.
func params(s qtensor.Scheme, ranges int, rangeOf func(channel int) (lo, hi float32, err error)) (qtensor.Params, error) {
	if !s.HasScales() || s.Validate() != nil {
		return qtensor.NewParams(s, nil, nil)
	}
	los, his := make([]float32, ranges), make([]float32, ranges)
	for c := range ranges {
		var err error
		if los[c], his[c], err = rangeOf(c); err != nil {
			return qtensor.Params{}, fmt.Errorf("channel %d of %d: %w", c, ranges, err)
		}
	}
	return qtensor.NewParams(s, los, his)
}
