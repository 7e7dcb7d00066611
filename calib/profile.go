package calib

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Profile is what a calibration observed: by key, the Histogram of a whole tensor, or one for each channel,
// which is an index of the key's channel axis. A Calibrator returns one; Observe and ObserveAxis add to one
// directly, without naming points first. The zero Profile is empty and ready for use; a nil one is empty, and
// adding to it is ErrProfile. It is not safe for concurrent use.
type Profile struct {
	entries map[string]*entry
}

// Keys returns the keys, sorted.
func (p *Profile) Keys() []string {
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.entries))
}

// Observe adds the elements of x, float32 or float64 (rounded to float32 first), of any shape and layout, to
// the histogram of key, which it makes where there is none. Errors, which leave p as it was: ErrKey,
// ErrProfile, qtensor.ErrDtype, qtensor.ErrLayout, and qtensor.ErrShape for a key that is recorded per
// channel.
func (p *Profile) Observe(key string, x tensor.Tensor) error {
	if err := p.observe(key, &entry{axis: perTensor}, x); err != nil {
		return fmt.Errorf("calib: Profile.Observe: key %q: %w", key, err)
	}
	return nil
}

// ObserveAxis works like Observe, per channel: it adds to a histogram for each index of axis. Every x under a
// key has as many indices there as the first. Errors: those of Observe; qtensor.ErrShape for an axis that x
// does not have, that has no index or more than MaxChannels, or that is not as it was recorded.
func (p *Profile) ObserveAxis(key string, axis int, x tensor.Tensor) error {
	fresh, err := along(axis)
	if err == nil {
		err = p.observe(key, fresh, x)
	}
	if err != nil {
		return fmt.Errorf("calib: Profile.ObserveAxis: key %q: %w", key, err)
	}
	return nil
}

// observe adds x to the key's entry, which is fresh if there is none.
func (p *Profile) observe(key string, fresh *entry, x tensor.Tensor) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if p == nil {
		return errNil
	}
	e, known := p.entries[key]
	if !known {
		e = fresh
	}
	if e.axis != fresh.axis {
		return fmt.Errorf("%w: got %v, want %v", qtensor.ErrShape, fresh, e)
	}
	if err := e.observe(x); err != nil {
		return err
	}
	p.put(key, e)
	return nil
}

var errNil = fmt.Errorf("%w: got nil, want a Profile to add to", ErrProfile)

func (p *Profile) put(key string, e *entry) {
	if p.entries == nil {
		p.entries = make(map[string]*entry)
	}
	p.entries[key] = e
}

// checkKey returns an error if key cannot be a name in JSON.
func checkKey(key string) error {
	if key == "" || !utf8.ValidString(key) {
		return fmt.Errorf("%w: got %q, want non-empty UTF-8 text", ErrKey, key)
	}
	return nil
}

// Histogram returns a copy of the histogram of the whole tensor, which is that of all channels merged where
// the key is recorded per channel. Errors: ErrKey.
func (p *Profile) Histogram(key string) (*Histogram, error) {
	e, err := p.entry(key)
	if err != nil {
		return nil, fmt.Errorf("calib: Profile.Histogram: %w", err)
	}
	return e.all(), nil
}

// Channels returns copies of the histograms of the key's channels, and the channel axis. For a key that is
// recorded per tensor, axis is −1 and there is one histogram. Errors: ErrKey.
func (p *Profile) Channels(key string) (axis int, channels []*Histogram, err error) {
	e, err := p.entry(key)
	if err != nil {
		return 0, nil, fmt.Errorf("calib: Profile.Channels: %w", err)
	}
	e = e.clone()
	for c := range e.channels {
		channels = append(channels, &e.channels[c])
	}
	return e.axis, channels, nil
}

func (p *Profile) entry(key string) (*entry, error) {
	var e *entry
	if p != nil {
		e = p.entries[key]
	}
	if e == nil {
		return nil, fmt.Errorf("%w: got %q, want one of %q", ErrKey, key, p.Keys())
	}
	return e, nil
}

// Merge adds all that other observed, key by key; a nil other is empty. Errors, which leave p as it was:
// qtensor.ErrShape for a key that other recorded along another axis, or with another number of channels;
// ErrProfile for a nil p.
func (p *Profile) Merge(other *Profile) error {
	switch {
	case other == nil:
		return nil
	case p == nil:
		return fmt.Errorf("calib: Profile.Merge: %w", errNil)
	}
	for _, key := range other.Keys() {
		e, known := p.entries[key]
		if from := other.entries[key]; known && (e.axis != from.axis || len(e.channels) != len(from.channels)) {
			return fmt.Errorf("calib: Profile.Merge: key %q: %w: got %v, want %v", key, qtensor.ErrShape, from, e)
		}
	}
	for key, from := range other.entries {
		if e, known := p.entries[key]; known {
			e.merge(from)
		} else {
			p.put(key, from.clone())
		}
	}
	return nil
}

// Params returns qtensor.NewParams of s for the ranges that r estimates from the key's histograms. A scheme
// per tensor takes the range of the whole tensor, however it was recorded; one per axis takes those of the
// channels, recorded along the same axis. Float16 and BFloat16 take none.
//
// Errors: ErrKey; ErrOption for a nil r; ErrEmpty where no finite value was observed, in a channel too;
// qtensor.ErrScheme for a scheme per group or along another axis; those of r.
func (p *Profile) Params(key string, s qtensor.Scheme, r RangeEstimator) (qtensor.Params, error) {
	q, err := p.params(key, s, r)
	if err != nil {
		return qtensor.Params{}, fmt.Errorf("calib: Profile.Params: key %q: %w", key, err)
	}
	return q, nil
}

func (p *Profile) params(key string, s qtensor.Scheme, r RangeEstimator) (qtensor.Params, error) {
	e, err := p.entry(key)
	if err != nil {
		return qtensor.Params{}, err
	}
	if r == nil {
		return qtensor.Params{}, fmt.Errorf("%w: got no range estimator, want one such as %v", ErrOption, MinMax())
	}
	if err := e.fits(s); err != nil {
		return qtensor.Params{}, err
	}
	channels := e.channels
	if _, perAxis := s.Axis(); !perAxis {
		channels = []Histogram{*e.all()}
	}
	return params(s, len(channels), func(c int) (lo, hi float32, err error) { return r.Range(&channels[c], s) })
}
