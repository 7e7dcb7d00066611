package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/internal/zoo"
)

// TestFigures has the known figures within what a few seeds move them by, and networks that clipping does not
// ruin.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, 2, 1<<18, true); err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, row := range r.Distributions {
		for _, f := range row.Estimators {
			within := 0.3
			if f.Estimator == calib.MinMax().String() {
				within = 1.2 // fewer values have a narrower range
			}
			if f.Known == 0 {
				continue
			}
			known++
			if !(f.SQNR >= f.Known-within) || !(f.Clipped < 0.05) {
				t.Errorf("%s, %s of %s: got %.2f dB, %v clipped, want %.1f dB", row.Distribution, f.Estimator, row.Scheme, f.SQNR, f.Clipped, f.Known)
			}
		}
	}
	if known != 7 {
		t.Errorf("got %d known figures, want 7", known)
	}
	if len(r.Networks) != len(zoo.Networks) {
		t.Errorf("got %d networks, want %d", len(r.Networks), len(zoo.Networks))
	}
	for _, row := range r.Networks {
		for _, f := range row.Estimators {
			if f.Estimator == calib.MSE().String() && !(f.SQNR > 25) || math.IsNaN(f.SQNR) {
				t.Errorf("%s, %s: got %.2f dB, want more than 25", row.Network, f.Estimator, f.SQNR)
			}
		}
	}
}

func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, 1, 1000, false); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3+len(sources())+len(zoo.Networks) {
		t.Errorf("got %d lines:\n%s", lines, out.String())
	}
	for _, bad := range [][2]int{{0, 1}, {1, 0}, {-1, 5}} {
		if err := run(t.Context(), &out, bad[0], bad[1], false); err == nil {
			t.Errorf("-seeds %d -samples %d: got no error", bad[0], bad[1])
		}
	}
}
