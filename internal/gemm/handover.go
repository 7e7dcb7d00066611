package gemm

import (
	"sync"
	"sync/atomic"
	"time"
)

// What is worth sharing depends on how soon one core sees what another has written, which differs tenfold
// between machines. It is measured when the first worker starts.

// handovers is how many handovers work takes at least that is worth sharing: besides the tasks, a worker reads
// what they are about and what the caller's core wrote last.
const handovers = 4

// handover is the time of a handover to a worker that looks for work, and back.
var handover atomic.Int64

// measuring is done once handover is measured.
var measuring sync.WaitGroup

func init() { handover.Store(int64(500 * time.Nanosecond)) } // until it is measured

// worthSharing returns how long work takes at least on one thread that is worth handing over.
func worthSharing() time.Duration {
	return min(handovers*time.Duration(handover.Load()), worthWaking)
}

// measureHandover sets handover to the least of some tries in which a worker takes a task while the caller has
// another. It leaves it as it is where none does.
func measureHandover() {
	const tries, patience = 64, 20 * time.Microsecond
	t := &team{threads: 2}
	least := time.Duration(0)
	for range tries {
		var begun [2]atomic.Bool
		late := false
		begin := time.Now()
		t.share(function(func(part int) {
			begun[part].Store(true)
			for spins := 1; !begun[1-part].Load(); spins++ {
				if spins%64 == 0 && time.Since(begin) > patience {
					late = late || part == 0 // the worker has not come
					return
				}
			}
		}), 2, worthWaking)
		if took := time.Since(begin); !late && took < patience && (least == 0 || took < least) {
			least = took
		}
	}
	if least > 0 {
		handover.Store(int64(least))
	}
}
