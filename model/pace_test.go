package model

import (
	"testing"
	"time"
)

// TestPace has runs that are faster alone, then shared, with some that are held up among them, and the first of a turn
// slower where they are shared: few runs do what is slower.
func TestPace(t *testing.T) {
	var p pace
	row := 0 // shared runs
	for phase, took := range [][2]time.Duration{{100, 150}, {100, 60}, {100, 120}} {
		slower, better := 0, took[1] < took[0]
		const runs = 4000
		for run := range runs {
			shared := p.shares()
			d := took[0]
			if row++; !shared {
				row = 0
			} else if d = took[1]; row <= settling {
				d *= 3
			}
			if run%50 == 7 {
				d *= 1000
			}
			p.note(shared, d)
			if run >= runs/2 && shared != better {
				slower++
			}
		}
		if most := (runs/2/mostEvery + 2) * turn; slower > most {
			t.Errorf("phase %d: %d of %d runs do what is slower, want at most %d", phase, slower, runs/2, most)
		}
	}
}
