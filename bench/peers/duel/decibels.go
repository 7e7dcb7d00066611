package duel

import (
	"encoding/json"
	"fmt"
	"math"
)

// Decibels is a ratio of signal to noise, and NaN where none is known: null in JSON, and nothing in a table.
type Decibels float64

// Known reports whether there is a ratio.
func (d Decibels) Known() bool { return !math.IsNaN(float64(d)) }

func (d Decibels) String() string {
	if !d.Known() {
		return ""
	}
	return fmt.Sprintf("%.1f", float64(d))
}

// MarshalJSON returns the number, or null.
func (d Decibels) MarshalJSON() ([]byte, error) {
	if !d.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(d))
}
