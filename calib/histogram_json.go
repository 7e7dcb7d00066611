package calib

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"euryale/internal/strictjson"
)

// maxCount is the largest count in JSON: every reader of JSON holds it exactly.
const maxCount = 1 << 53

// histogramJSON is a Histogram in JSON. bins holds the runs of bins that are not empty, ascending: the number
// of a run's first bin, and the count of each. The edges of bin b are b·2^exponent and (b+1)·2^exponent.
type histogramJSON struct {
	Count     uint64    `json:"count"`
	NonFinite uint64    `json:"non_finite"`
	Min       float32   `json:"min"`
	Max       float32   `json:"max"`
	Exponent  int       `json:"exponent"`
	Bins      [][]int64 `json:"bins"`
}

// MarshalJSON returns the histogram as the JSON object that Profile.Write describes. Errors: ErrProfile for a
// count past 2^53. A nil pointer panics here, and is null to package json.
func (h Histogram) MarshalJSON() ([]byte, error) {
	if h.count > maxCount || h.nonFinite > maxCount {
		return nil, fmt.Errorf("calib: Histogram.MarshalJSON: %w: got %d and %d values, want at most 2^53", ErrProfile, h.count, h.nonFinite)
	}
	j := histogramJSON{h.count, h.nonFinite, h.min, h.max, h.exponent, [][]int64{}}
	if h.count > 0 {
		next := math.MinInt
		for bin, n := range h.occupied() {
			if bin != next {
				j.Bins = append(j.Bins, []int64{int64(bin)})
			}
			last := len(j.Bins) - 1
			j.Bins[last] = append(j.Bins[last], int64(n))
			next = bin + 1
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON sets h to the histogram that MarshalJSON wrote. Errors, which leave h as it was: ErrProfile
// for what no Histogram can be, and for a nil h.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	if h == nil {
		return fmt.Errorf("calib: Histogram.UnmarshalJSON: %w: got nil, want a Histogram to set", ErrProfile)
	}
	read, err := readHistogram(data)
	if err != nil {
		return fmt.Errorf("calib: Histogram.UnmarshalJSON: %w: %w", ErrProfile, err)
	}
	*h = read
	return nil
}

func readHistogram(data []byte) (Histogram, error) {
	var j histogramJSON
	if err := strictjson.Unmarshal(data, &j); err != nil {
		return Histogram{}, err
	}
	if j.Bins == nil {
		return Histogram{}, errors.New("got no bins, want an array, if only an empty one")
	}
	if j.Count > maxCount || j.NonFinite > maxCount {
		return Histogram{}, fmt.Errorf("got %d and %d values, want at most 2^53", j.Count, j.NonFinite)
	}
	h := Histogram{nonFinite: j.NonFinite}
	if j.Count == 0 {
		if j.Min != 0 || j.Max != 0 || j.Exponent != 0 || len(j.Bins) != 0 {
			return Histogram{}, fmt.Errorf("got range [%v, %v], exponent %d and %d runs of bins, want none for no values", j.Min, j.Max, j.Exponent, len(j.Bins))
		}
		return h, nil
	}
	if j.Min > j.Max || j.Min < j.Max && j.Count < 2 {
		return Histogram{}, fmt.Errorf("got range [%v, %v] of %d values, want min ≤ max, and two values if they differ", j.Min, j.Max, j.Count)
	}
	h.min, h.max, h.exponent = positiveZero(j.Min), positiveZero(j.Max), exponentFor(j.Min, j.Max)
	if j.Exponent != h.exponent {
		return Histogram{}, fmt.Errorf("got exponent %d for range [%v, %v], want %d", j.Exponent, j.Min, j.Max, h.exponent)
	}
	return h, h.fill(j.Bins, j.Count)
}

// fill gives h, whose range is set, runs whose counts add up to count in place of bins: a text of 100 bytes
// may stand for 4096 of them.
func (h *Histogram) fill(runs [][]int64, count uint64) error {
	first, last := int64(binOf(h.min, h.exponent)), int64(binOf(h.max, h.exponent))
	next := first
	for i, run := range runs {
		if len(run) < 2 || run[0] < next || run[0] > last-int64(len(run)-2) {
			return fmt.Errorf("got run %d of %d numbers, want the index of a bin and counts, within %d to %d and not next to the run before", i, len(run), first, last)
		}
		for _, n := range run[1:] {
			if n < 1 || uint64(n) > count-h.count {
				return fmt.Errorf("got a count of %d in run %d, want 1 or more, and %d in all", n, i, count)
			}
			h.count += uint64(n)
		}
		next = run[0] + int64(len(run)) // a bin between two runs is empty
	}
	if len(runs) == 0 || runs[0][0] != first || next != last+2 || h.count != count {
		return fmt.Errorf("got bins with %d values, want %d, the first in bin %d and the last in bin %d", h.count, count, first, last)
	}
	h.runs = runs
	return nil
}
