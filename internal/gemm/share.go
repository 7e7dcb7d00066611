package gemm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A call's phases are shared with workers: goroutines that stay, since one that is started for the occasion takes
// longer to arrive than most calls take. A worker looks for work for a while after its last and then parks.
// Parts of a phase are taken one at a time, by the caller too, which waits for no worker that has not begun. Each begins with its own
// share of them, the same at every call, so that what it wrote and read is still in its caches, and goes on with what others have left.

// job is the state of a phase that is being shared.
type job struct {
	phase   func(*call, int, *scratch)
	members int           // that may take parts
	claimed []atomic.Bool // by part
	left    atomic.Int64  // parts that are not claimed
	active  atomic.Int64  // workers that may hold the call
	failed  atomic.Pointer[Panic]
}

const (
	worthSharing = 15 * time.Microsecond // below it, handing over costs more than it saves
	worthWaking  = 50 * time.Microsecond // likewise for a worker that is parked
	searchTime   = 50 * time.Microsecond // for which a worker looks for work before it parks
)

// Share calls do for every part of something that takes about the given time in all, by the caller and by workers that are free, and
// returns when all are done. What do multiplies is Alone. A panic of do is one of Share, a *Panic.
func Share(parts int, d time.Duration, do func(part int)) {
	c := calls.Get().(*call)
	c.use()
	c.share(func(_ *call, part int, _ *scratch) { do(part) }, parts, d)
	c.job.phase = nil
	c.release()
}

// share runs the parts of a phase that takes about the given time in all.
func (c *call) share(phase func(*call, int, *scratch), parts int, d time.Duration) {
	var helpers []*worker
	if n := min(c.threads, parts) - 1; n > 0 && d >= worthSharing {
		helpers = workers(n)
	}
	c.job.phase, c.job.members = phase, len(helpers)+1
	c.job.claimed = grow(c.job.claimed, parts)
	for i := range c.job.claimed {
		c.job.claimed[i].Store(false)
	}
	c.job.left.Store(int64(parts))
	c.job.failed.Store(nil)
	for _, w := range helpers {
		w.offer(c, d >= worthWaking)
	}
	c.work(0)
	for _, w := range helpers {
		w.withdraw(c)
	}
	for spins := 0; c.job.active.Load() > 0; spins++ {
		if spins > 100 {
			runtime.Gosched()
		}
	}
	if p := c.job.failed.Load(); p != nil {
		panic(p)
	}
}

// stopped reports that nobody waits for the results any more.
func (c *call) stopped() bool {
	select {
	case <-c.source.Stop:
		return true
	default:
		return false
	}
}

// work takes parts until there are none, and keeps a panic of one for the caller.
func (c *call) work(member int) {
	if p := Catch(func() { c.takeParts(member) }); p != nil {
		c.job.failed.Store(p)
		c.job.left.Store(0)
	}
}

// takeParts takes parts until there are none, from the share of a member on. Those of a call that is stopped
// are left undone.
func (c *call) takeParts(member int) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	parts := len(c.job.claimed)
	for part, _ := share(parts, c.job.members, member); c.job.left.Load() > 0; part++ {
		if part >= parts {
			part = 0
		}
		if c.job.claimed[part].CompareAndSwap(false, true) {
			c.job.left.Add(-1)
			if !c.stopped() {
				c.job.phase(c, part, s)
			}
		}
	}
}

// worker is a goroutine that helps with calls.
type worker struct {
	member  int                  // 1 for the first
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
		w := &worker{member: len(list) + 1, wake: make(chan struct{}, 1)}
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
			c.work(w.member)
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
