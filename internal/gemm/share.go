package gemm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The tasks of a call are shared with workers: goroutines that stay, since starting one takes longer than
// most calls do. A worker looks for work for a while after its last and then parks. Tasks are taken one at a
// time, by the caller too, which waits for no worker that has not begun. Each begins with its own share of
// them, the same at every call, so that what it wrote and read is still in its caches, and goes on with what
// others have left.

// tasks is work that is shared: each has a number.
type tasks interface{ run(task int, s *scratch) }

// A team is the caller and the workers that help.
type team struct {
	threads int
	stop    <-chan struct{} // once closed, tasks that have not begun are left undone

	tasks     tasks
	members   int           // that may take tasks
	claimed   []atomic.Bool // by task
	unclaimed atomic.Int64  // tasks that are not claimed
	active    atomic.Int64  // workers that may hold the team
	failed    atomic.Pointer[Panic]
}

// use sets how many threads a call has, all or one, and what stops it, as its input says.
func (t *team) use(x Activations) {
	t.stop, t.threads = x.Stop, runtime.GOMAXPROCS(0)
	if x.SingleThreaded {
		t.threads = 1
	}
}

// fit leaves work of about the given time in all to as many threads as are worth it: one where it is short,
// and those that look for work where it is too short to wake others for.
func (t *team) fit(d time.Duration) {
	switch {
	case t.threads == 1 || d >= worthWaking:
	case d < worthSharing():
		t.threads = 1
	default:
		awake := 1
		if list := allWorkers.Load(); list != nil {
			for _, w := range (*list)[:min(len(*list), t.threads-1)] {
				if !w.parked.Load() {
					awake++
				}
			}
		}
		t.threads = awake
	}
}

// parts returns into how many parts work of about the given time is cut, after fit: one for each thread where
// it is short, and else some, since one that comes late takes fewer then.
func (t *team) parts(d time.Duration) int {
	if t.threads == 1 || d < worthWaking {
		return t.threads
	}
	return partsPerThread * t.threads
}

const (
	partsPerThread = 4
	worthWaking    = 50 * time.Microsecond // what is worth waking a worker for that is parked
	searchTime     = 50 * time.Microsecond // for which a worker looks for work before it parks
)

// Wake has workers look for work where calls to come take so long in all on one thread: each of them may be
// too short to wake a worker for. They do not park before about that time has passed.
func Wake(d time.Duration) {
	n := min(runtime.GOMAXPROCS(0)-1, int(d/worthWaking))
	if n <= 0 {
		return
	}
	until := time.Since(start) + min(d, mostSearch)
	for _, w := range workers(n) {
		w.until.Store(int64(until))
		if w.parked.Load() {
			w.rouse()
		}
	}
}

// mostSearch bounds for how long workers look for work that was announced, since it may take less time.
const mostSearch = 500 * time.Microsecond

// start is what times are counted from.
var start = time.Now()

// Share calls do(part) for every part in 0 … parts − 1, on the caller's goroutine and on workers that are
// free, and returns when all calls have returned. d is about how long all of them take one thread. Products
// and convolutions within do are SingleThreaded. Share panics with a *Panic where do panics.
func Share(parts int, d time.Duration, do func(part int)) {
	t := teams.Get().(*team)
	t.use(Activations{})
	t.share(function(do), parts, d)
	t.tasks = nil
	teams.Put(t)
}

var teams = sync.Pool{New: func() any { return new(team) }}

type function func(part int)

func (f function) run(part int, _ *scratch) { f(part) }

// share runs so many tasks that take about the given time in all.
func (t *team) share(tasks tasks, count int, d time.Duration) {
	var helpers []*worker
	if n := min(t.threads, count) - 1; n > 0 && d >= worthSharing() {
		helpers = workers(n)
	}
	t.tasks, t.members = tasks, len(helpers)+1
	if len(helpers) == 0 {
		t.alone(count)
		return
	}
	t.claimed = grow(t.claimed, count)
	for i := range t.claimed {
		t.claimed[i].Store(false)
	}
	t.unclaimed.Store(int64(count))
	t.failed.Store(nil)
	for _, w := range helpers {
		w.offer(t, d >= worthWaking)
	}
	t.work(0)
	for _, w := range helpers {
		w.withdraw(t)
	}
	for spins := 0; t.active.Load() > 0; spins++ {
		if spins > spinsAtOnce {
			runtime.Gosched()
		}
	}
	if p := t.failed.Load(); p != nil {
		panic(p)
	}
}

// alone runs all tasks on the caller's goroutine.
func (t *team) alone(count int) {
	p := Catch(func() {
		s := scratches.Get().(*scratch)
		for task := 0; task < count && !t.stopped(); task++ {
			t.tasks.run(task, s)
		}
		s.release()
	})
	if p != nil {
		panic(p)
	}
}

// stopped reports that nobody waits for the results any more.
func (t *team) stopped() bool {
	select {
	case <-t.stop:
		return true
	default:
		return false
	}
}

// work takes tasks until there are none, and keeps a panic of one for the caller.
func (t *team) work(member int) {
	if p := Catch(func() { t.take(member) }); p != nil {
		t.failed.Store(p)
		t.unclaimed.Store(0)
	}
}

// take takes tasks until there are none, from the share of a member on.
func (t *team) take(member int) {
	s := scratches.Get().(*scratch)
	defer s.release()
	count := len(t.claimed)
	for task, _ := share(count, t.members, member); t.unclaimed.Load() > 0; task++ {
		if task >= count {
			task = 0
		}
		if t.claimed[task].CompareAndSwap(false, true) {
			t.unclaimed.Add(-1)
			if !t.stopped() {
				t.tasks.run(task, s)
			}
		}
	}
}

// worker is a goroutine that helps teams.
type worker struct {
	member  int                  // 1 for the first
	offered atomic.Pointer[team] // nil when free
	parked  atomic.Bool
	until   atomic.Int64 // it does not park before, counted from start
	wake    chan struct{}
}

// busy stands in worker.offered for a team that the worker helps.
var busy = new(team)

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
	if len(list) == 0 {
		measuring.Go(measureHandover)
	}
	for len(list) < n {
		w := &worker{member: len(list) + 1, wake: make(chan struct{}, 1)}
		go w.run()
		list = append(list, w)
	}
	allWorkers.Store(&list)
	return list[:n]
}

// offer lets the worker have a share of t, if it is free, and not parked unless it is to be woken.
func (w *worker) offer(t *team, wakeUp bool) {
	if w.parked.Load() && !wakeUp || w.offered.Load() != nil {
		return
	}
	t.active.Add(1)
	if !w.offered.CompareAndSwap(nil, t) {
		t.active.Add(-1)
		return
	}
	if w.parked.Load() {
		w.rouse()
	}
}

// rouse wakes a worker that is parked.
func (w *worker) rouse() {
	select {
	case w.wake <- struct{}{}:
	default: // it is on its way
	}
}

// withdraw takes the offer of t back if the worker has not begun.
func (w *worker) withdraw(t *team) {
	if w.offered.CompareAndSwap(t, nil) {
		t.active.Add(-1)
	}
}

// spinsAtOnce is how often a worker looks for work before it lets others have its processor: about a
// microsecond.
const spinsAtOnce = 1 << 10

func (w *worker) run() {
	last := time.Now()
	for spins := 1; ; spins++ {
		if t := w.offered.Load(); t != nil && w.offered.CompareAndSwap(t, busy) {
			t.work(w.member)
			w.offered.Store(nil)
			t.active.Add(-1)
			last = time.Now()
			continue
		}
		if spins%spinsAtOnce != 0 {
			continue
		}
		runtime.Gosched() // others may want the processor
		if time.Since(last) > searchTime && time.Since(start) > time.Duration(w.until.Load()) {
			w.parked.Store(true)
			if w.offered.Load() == nil { // an offer after this line finds parked set, and wakes
				<-w.wake
			}
			w.parked.Store(false)
			last = time.Now()
		}
	}
}
