package calib

import (
	"fmt"

	"euryale/qtensor"
)

// Watch is what the observers of one Attach saw. It belongs to the goroutine that runs the graph, between
// runs. The zero Watch, and a nil one, have no observers and see nothing.
type Watch struct {
	seen Profile
}

// Profile returns a copy of what was seen, with all keys, of which those that were not run saw nothing.
func (w *Watch) Profile() *Profile {
	p := new(Profile)
	for key, e := range w.entries() {
		p.put(key, e.clone())
	}
	return p
}

func (w *Watch) entries() map[string]*entry {
	if w == nil {
		return nil
	}
	return w.seen.entries
}

// Reset forgets what was seen, by the averages too. Profiles that were given keep it.
func (w *Watch) Reset() {
	for _, e := range w.entries() {
		clear(e.channels)
		for c := range e.averages {
			e.averages[c].seen = false
		}
	}
}

// MovingAverage returns the parameters of s for the moving average of the key's range. Averages along an axis
// give those of a scheme along the same axis, and none for the whole tensor. Errors: ErrKey; ErrEmpty where
// no finite value was seen, or Attach was not called WithMovingAverage; qtensor.ErrScheme.
func (w *Watch) MovingAverage(key string, s qtensor.Scheme) (qtensor.Params, error) {
	q, err := w.movingAverage(key, s)
	if err != nil {
		return qtensor.Params{}, fmt.Errorf("calib: Watch.MovingAverage: key %q: %w", key, err)
	}
	return q, nil
}

func (w *Watch) movingAverage(key string, s qtensor.Scheme) (qtensor.Params, error) {
	e, err := (&Profile{w.entries()}).entry(key)
	if err != nil {
		return qtensor.Params{}, err
	}
	if e.averages == nil {
		return qtensor.Params{}, fmt.Errorf("%w: got no moving averages, want WithMovingAverage given to Attach", ErrEmpty)
	}
	if err := e.fits(s); err != nil {
		return qtensor.Params{}, err
	}
	if _, perAxis := s.Axis(); perAxis != (e.axis != perTensor) && !s.IsHalf() {
		return qtensor.Params{}, fmt.Errorf("%w: got %v for averages of %v, which do not merge, want one per axis %d", qtensor.ErrScheme, s, e, e.axis)
	}
	return params(s, len(e.averages), func(c int) (lo, hi float32, err error) { return e.averages[c].Range() })
}
