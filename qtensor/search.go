package qtensor

import (
	"context"
	"fmt"
	"slices"

	"euryale/internal/codebook"
	"euryale/internal/convert"

	"gorgonia.org/tensor"
)

// Search is how parameters are searched for that make Σ h·(x − r)² small, where h is 1 or Importance.
type Search struct {
	// Importance, if not nil, is h by the place of an element in its channel, in row-major order of the other
	// axes: as many as a channel has elements, finite and not negative. For a weight (in, out) with channel
	// axis 1 it is the mean of the square of each input: llama.cpp calls it the importance matrix.
	Importance []float32
	// Context ends the search early, with its error. nil never does.
	Context context.Context
	// Progress, if not nil, is called with the share of the work that is done, 0 … 1, on one goroutine at a
	// time.
	Progress func(done float64)
}

// WithSearch makes Quantize search for parameters in place of taking those of NewParams. It is for Symmetric
// and Int4, which then use −2^(bits−1) too, under scales that may be negative (QuantizeWith uses it under those
// alone), for Affine and UInt4, whose
// ranges may end before the data do, and for Codebook, which always searches. What it finds depends on no
// thread and no machine. For every scheme below 8 bits it is worth its time.
func WithSearch(s Search) QuantizeOption {
	return func(o *options) { o.search = &s }
}

// CanSearch reports whether WithSearch goes with the scheme.
func (s Scheme) CanSearch() bool {
	return s.signed() || s.method == affine || s.method == uint4 || s.IsCodebook()
}

// checkSearch returns an error where a search does not go with a scheme, or parameters that are given.
func (o *options) checkSearch(s Scheme, given bool, row int) error {
	switch {
	case o.search == nil:
		return nil
	case given:
		return fmt.Errorf("%w: got WithSearch and parameters, want one of them", ErrParams)
	case !s.CanSearch():
		return fmt.Errorf("%w: got WithSearch for %v, want Symmetric, Int4, Affine, UInt4 or Codebook for it", ErrScheme, s)
	}
	h := o.search.Importance
	if h != nil && len(h) != row {
		return fmt.Errorf("%w: got an importance of %d elements, want %d, one for each element of a channel", ErrParams, len(h), row)
	}
	if i := slices.IndexFunc(h, func(h float32) bool { return !(h >= 0) || !isFinite(h) }); i >= 0 {
		return fmt.Errorf("%w: got importance %v at %d, want a finite one, 0 or more", ErrParams, h[i], i)
	}
	return nil
}

// find returns the parameters of s that a search finds for data.
func (o *options) find(data []float32, s Scheme, shape tensor.Shape, b convert.Blocks) (Params, error) {
	var search codebook.Search
	if o.search != nil {
		search = codebook.Search{Context: o.search.Context, Progress: o.search.Progress, Weights: o.search.Importance}
	}
	l := codebook.Layout{Channels: b.Channels, Row: b.Outer * b.Inner}
	if s.sharing == perGroup {
		l.Size = s.size
	}
	if !s.IsCodebook() {
		l.Size = b.Size // which is no longer than a row
	}
	if s.sharing != perTensor {
		data = channelsFirst(data, shape, s.axis)
	}
	p := Params{Scheme: s}
	var err error
	switch {
	case s.IsCodebook():
		var found codebook.Parameters
		found, err = search.Codebook(data, l, s.bits, levelTables[s.levels].kind)
		p.Scales, p.Levels, p.GroupMultipliers = found.Scales, found.Levels, found.Multipliers
	case s.signed():
		if p.Scales, err = search.Symmetric(data, l, s.bits); err == nil && s.scales == ScaleFloat16 {
			p.Multiplier = multiplierFor(p.Scales)
			for i, scale := range p.Scales {
				p.Scales[i] = storedScale(scale, p.Multiplier, false)
			}
		}
	default:
		var low, high []float32
		if low, high, err = search.Affine(data, l, s.bits); err == nil {
			return NewParams(s, low, high)
		}
	}
	return p, err
}
