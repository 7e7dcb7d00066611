package model

import (
	"sync"
	"time"
)

// A single sample is shared between threads layer by layer. Whether that is faster depends on how soon one
// core sees what another wrote, and on what else they do: so a plan tries both, and keeps to what took less.

const (
	firstTrials = 16 // runs that take turns
	trialEvery  = 64 // of later runs, one does what seems slower
	// certain is how long a run takes on one thread that is shared in any case.
	certain = time.Millisecond
)

// A pace is what is known of a plan's runs that are not split.
type pace struct {
	lock sync.Mutex
	runs int
	took [2]time.Duration // about, for a sample: alone, and shared
}

// shares reports whether the next run is to be shared.
func (p *pace) shares() bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.runs++
	if p.runs <= firstTrials {
		return p.runs%2 == 0
	}
	return p.took[1] < p.took[0] != (p.runs%trialEvery == 0)
}

// note takes in how long a run took for a sample. One that was held up counts for twice the usual time.
func (p *pace) note(shared bool, took time.Duration) {
	p.lock.Lock()
	defer p.lock.Unlock()
	usual := &p.took[0]
	if shared {
		usual = &p.took[1]
	}
	if *usual == 0 {
		*usual = took
	}
	*usual += (min(took, 2**usual) - *usual) / 8
}

// learns reports whether a run that is not split is shared where that was faster.
func (p *plan) learns(batch int) bool {
	return p.sample != (work{}) && batch > 0 && p.expected(batch) <= certain
}
