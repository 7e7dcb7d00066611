package limits

import (
	"math"
	"slices"
	"testing"
	"time"

	"euryale/internal/isa"
)

func TestMeters(t *testing.T) {
	all := slices.Concat(Peaks(), Levels(), []Limit{Read(1), Read(3 << 20), Copy(1), Copy(1 << 20)})
	for _, l := range all {
		if testing.Short() && l.Bytes > 100<<20 {
			continue
		}
		for threads := 1; threads <= 3; threads++ {
			meter := l.Meter(threads)
			for _, budget := range []time.Duration{0, time.Millisecond} {
				if got := meter(budget); !(got > 0) || math.IsInf(got, 1) {
					t.Errorf("%s, threads %d, for %v: got %v %s, want a positive finite value", l.Name, threads, budget, got, l.Kind.Unit())
				}
			}
		}
	}
}

func TestPeaks(t *testing.T) {
	seen := map[isa.Tier]string{}
	for _, l := range Peaks() {
		if !isa.Supported(l.Tier) {
			t.Errorf("%s: got the tier %v, which this machine has not", l.Name, l.Tier)
		}
		if before, twice := seen[l.Tier]; twice && l.Tier != isa.Generic {
			t.Errorf("%v: got %s and %s, want one", l.Tier, before, l.Name)
		}
		seen[l.Tier] = l.Name
	}
	for _, in := range instructions() {
		if _, there := seen[in.tier]; in.own && there != isa.Supported(in.tier) {
			t.Errorf("%s: measured is %v, supported is %v", in.name, there, isa.Supported(in.tier))
		}
	}
}

// TestRate has steps of known work: what they did before they were measured does not
// count, and what each does adds up.
func TestRate(t *testing.T) {
	const budget = 20 * time.Millisecond
	one := func() float64 {
		time.Sleep(time.Millisecond)
		return 1
	}
	two := func() float64 { return 2 * one() }
	if got := rate([]step{one, two}, budget); !(got > 0) || got > 3000 {
		t.Errorf("1 and 2 in more than a millisecond: got %v a second, want at most 3000", got)
	}
}

func TestWritten(t *testing.T) {
	for bytes, want := range map[int]int{0: 64, 511: 64, 512: 64, 1024: 128, 1025: 128} {
		x := written(bytes)
		if len(x) != want || x[want-1] != uint64(want-1) {
			t.Errorf("%d bytes: got %d words that end in %d, want %d", bytes, len(x), x[len(x)-1], want)
		}
	}
}

// TestReadReads has the words that are read in the sum of them.
func TestReadReads(t *testing.T) {
	x := make([]uint64, 2*blockWords)
	for i := range x {
		clear(x)
		x[i] = 1 << (i % 64)
		readGeneric(x, 2)
		if got := sink.Load(); got != x[i] {
			t.Errorf("word %d: got %#x, want %#x", i, got, x[i])
		}
	}
}
