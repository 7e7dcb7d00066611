package model

import (
	"sync"
	"time"
)

// A single sample is shared between threads layer by layer. Whether that is faster depends on how soon one
// core sees what another wrote, and on what else they do: so a plan tries both, and keeps to what took less.

const (
	// turn is how many runs in a row are of one kind. The first settling of them do not count: other threads wake.
	turn, settling = 8, 3
	firstTurns     = 4
	// Of later runs, a turn does what seems slower: after so many, and twice as many each time that it was.
	leastEvery, mostEvery = 64, 1024
	// certain is how long a run takes on one thread that is shared in any case.
	certain = time.Millisecond
)

// A pace is what is known of a plan's runs that are not split.
type pace struct {
	lock   sync.Mutex
	runs   int
	shared bool             // the last that was noted
	row    int              // how many of its kind were noted in a row
	took   [2]time.Duration // about, for a sample: alone, and shared

	trial, every int  // the run that the next trial begins at, and how many are between trials
	better       bool // whether sharing was better before it
}

// shares reports whether the next run is to be shared.
func (p *pace) shares() bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	run := p.runs
	p.runs++
	if run < firstTurns*turn {
		return run/turn%2 == 1
	}
	better := p.took[1] < p.took[0]
	if run >= p.trial+turn {
		p.every = max(leastEvery, min(2*p.every, mostEvery))
		if better != p.better {
			p.every = leastEvery
		}
		p.better, p.trial = better, run+p.every
	}
	return better != (run >= p.trial)
}

// note takes in how long a run took for a sample. One that was held up counts for half as much again as usual.
func (p *pace) note(shared bool, took time.Duration) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if shared != p.shared {
		p.shared, p.row = shared, 0
	}
	if p.row++; p.row <= settling {
		return
	}
	usual := &p.took[0]
	if shared {
		usual = &p.took[1]
	}
	if *usual == 0 {
		*usual = took
	}
	*usual += (min(took, *usual+*usual/2) - *usual) / 4
}

// learns reports whether a run that is not split is shared where that was faster.
func (p *plan) learns(batch int) bool {
	return p.sample != (work{}) && batch > 0 && p.expected(batch) <= certain
}
