package gemm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A call's phases are shared with workers: goroutines that stay, since one that is started for the occasion takes
// longer to arrive than most calls take. A worker looks for work for a while after its last and then parks.
// Parts of a phase are taken one at a time, by the caller too, which waits for no worker that has not begun.

// job is the state of a phase that is being shared.
type job struct {
	phase  func(*call, int, *scratch)
	parts  int64
	next   atomic.Int64 // part
	active atomic.Int64 // workers that may hold the call
}

const (
	worthSharing = 15 * time.Microsecond // below it, handing over costs more than it saves
	worthWaking  = 50 * time.Microsecond // likewise for a worker that is parked
	searchTime   = 50 * time.Microsecond // for which a worker looks for work before it parks
)

// share runs the parts of a phase that takes about the given time in all.
func (c *call) share(phase func(*call, int, *scratch), parts int, d time.Duration) {
	c.job.phase, c.job.parts = phase, int64(parts)
	c.job.next.Store(0)
	var helpers []*worker
	if n := min(c.threads, parts) - 1; n > 0 && d >= worthSharing {
		helpers = workers(n)
	}
	for _, w := range helpers {
		w.offer(c, d >= worthWaking)
	}
	c.work()
	for _, w := range helpers {
		w.withdraw(c)
	}
	for spins := 0; c.job.active.Load() > 0; spins++ {
		if spins > 100 {
			runtime.Gosched()
		}
	}
}

// work takes parts until there are none.
func (c *call) work() {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for {
		part := c.job.next.Add(1) - 1
		if part >= c.job.parts {
			return
		}
		c.job.phase(c, int(part), s)
	}
}

// worker is a goroutine that helps with calls.
type worker struct {
	offered atomic.Pointer[call] // nil when free
	parked  atomic.Bool
	wake    chan struct{}
}

// busy stands in worker.offered for a call that the worker has taken.
var busy = new(call)

var (
	allWorkers  atomic.Pointer[[]*worker]
	moreWorkers sync.Mutex
)

// workers returns n workers, and starts those that there are not yet.
func workers(n int) []*worker {
	if list := allWorkers.Load(); list != nil && len(*list) >= n {
		return (*list)[:n]
	}
	moreWorkers.Lock()
	defer moreWorkers.Unlock()
	var list []*worker
	if before := allWorkers.Load(); before != nil {
		list = append(list, *before...)
	}
	for len(list) < n {
		w := &worker{wake: make(chan struct{}, 1)}
		go w.run()
		list = append(list, w)
	}
	allWorkers.Store(&list)
	return list[:n]
}

// offer lets the worker have a share of c, if it is free, and not parked unless it is to be woken.
func (w *worker) offer(c *call, wakeUp bool) {
	if w.parked.Load() && !wakeUp || w.offered.Load() != nil {
		return
	}
	c.job.active.Add(1)
	if !w.offered.CompareAndSwap(nil, c) {
		c.job.active.Add(-1)
		return
	}
	if w.parked.Load() {
		select {
		case w.wake <- struct{}{}:
		default: // it is on its way
		}
	}
}

// withdraw takes the offer of c back if the worker has not begun.
func (w *worker) withdraw(c *call) {
	if w.offered.CompareAndSwap(c, nil) {
		c.job.active.Add(-1)
	}
}

func (w *worker) run() {
	last := time.Now()
	for spins := 1; ; spins++ {
		if c := w.offered.Load(); c != nil && w.offered.CompareAndSwap(c, busy) {
			c.work()
			w.offered.Store(nil)
			c.job.active.Add(-1)
			last = time.Now()
			continue
		}
		if spins%64 != 0 {
			continue
		}
		runtime.Gosched() // others may want the processor
		if time.Since(last) > searchTime {
			w.parked.Store(true)
			if w.offered.Load() == nil { // an offer after this line finds parked set, and wakes
				<-w.wake
			}
			w.parked.Store(false)
			last = time.Now()
		}
	}
}
