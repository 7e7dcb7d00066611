package calib

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Profile holds by key what was seen: one Histogram for a tensor, or one for each index of an axis, its
// channels. The zero Profile is empty and ready for use; a nil one saw nothing, and adding to it is
// ErrProfile. It belongs to one goroutine. A key is any UTF-8 text but "".
type Profile struct {
	entries map[string]*entry
}

// Keys returns the keys in ascending order.
func (p *Profile) Keys() []string {
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.entries))
}

// Observe adds the elements of x, float32 or float64 and of any shape, to the key's histogram. A float64 is
// rounded to float32 first. A key that is not there is made. Errors, and p is as it was then: ErrKey,
// ErrProfile, qtensor.ErrDtype, qtensor.ErrLayout, and qtensor.ErrShape for a key that is recorded along an
// axis.
func (p *Profile) Observe(key string, x tensor.Tensor) error {
	if err := p.observe(key, &entry{axis: perTensor}, x); err != nil {
		return fmt.Errorf("calib: Profile.Observe: key %q: %w", key, err)
	}
	return nil
}

// ObserveAxis works like Observe, with a histogram for each index of an axis of x. Every x of a key has as
// many. Errors: those of Observe, and qtensor.ErrShape for an axis that x does not have, that has no index or
// more than MaxChannels, or that differs from the one recorded.
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

// Histogram returns what was seen under the key: of the whole tensor, also where it was recorded along an
// axis. An unknown key is an error that wraps ErrKey.
func (p *Profile) Histogram(key string) (*Histogram, error) {
	e, err := p.entry(key)
	if err != nil {
		return nil, fmt.Errorf("calib: Profile.Histogram: %w", err)
	}
	return e.all(), nil
}

// Channels returns what was seen under the key along an axis, a histogram for each index. A key that is
// recorded per tensor has axis −1 and one histogram. An unknown key is an error that wraps ErrKey.
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

// Merge adds all that other saw, key by key; nil saw nothing. What is recorded along different axes, or with
// different numbers of channels, is an error that wraps qtensor.ErrShape, and p is left as it was. Nothing
// can be added to a nil p: ErrProfile.
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

// Params returns the parameters of s for the ranges that r makes of what was seen under the key. A scheme per
// tensor takes the whole tensor; one per axis takes the axis that was recorded. Float16 and BFloat16
// need no range. Errors: ErrKey, ErrOption for a nil estimator, ErrEmpty where no finite value was seen,
// qtensor.ErrScheme for a scheme per group or along another axis, and those of the estimator.
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
