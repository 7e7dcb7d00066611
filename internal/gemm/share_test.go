package gemm

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"euryale/internal/half"
	"euryale/internal/pack"
)

// idle puts n workers that do nothing in place of all for the length of a test, and has a handover take a
// microsecond.
func idle(t *testing.T, n int) []*worker {
	t.Helper()
	before := allWorkers.Load()
	t.Cleanup(func() { allWorkers.Store(before) })
	var list []*worker
	for i := range n {
		list = append(list, &worker{member: i + 1, wake: make(chan struct{}, 1)})
	}
	allWorkers.Store(&list)
	measuring.Wait()
	known := handover.Swap(int64(time.Microsecond))
	t.Cleanup(func() { handover.Store(known) })
	return list
}

// await yields until there is what is asked for, and reports whether it came: the deadline is for faults
// alone.
func await(t *testing.T, what string, there func() bool) bool {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !there(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Errorf("%s: waited in vain", what)
			return false
		}
	}
	return true
}

// TestWorkOrder has a member begin with its own share and go on with the others'.
func TestWorkOrder(t *testing.T) {
	for _, c := range []struct {
		members, member, parts int
		claimed                []int
		want                   []int
	}{
		{1, 0, 3, nil, []int{0, 1, 2}},
		{2, 0, 4, nil, []int{0, 1, 2, 3}},
		{2, 1, 4, nil, []int{2, 3, 0, 1}},
		{2, 1, 5, nil, []int{2, 3, 4, 0, 1}},
		{3, 1, 7, nil, []int{2, 3, 4, 5, 6, 0, 1}},
		{3, 2, 7, []int{5}, []int{4, 6, 0, 1, 2, 3}},
		{3, 2, 7, []int{4, 5, 6, 0}, []int{1, 2, 3}},
		{4, 3, 2, nil, []int{1, 0}},
		{2, 1, 3, []int{0, 1, 2}, nil},
		{2, 1, 0, nil, nil},
	} {
		var got []int
		var shared team
		j := &shared
		j.members, j.claimed = c.members, make([]atomic.Bool, c.parts)
		j.unclaimed.Store(int64(c.parts - len(c.claimed)))
		for _, part := range c.claimed {
			j.claimed[part].Store(true)
		}
		j.tasks = function(func(part int) { got = append(got, part) })
		shared.work(c.member)
		if left := j.unclaimed.Load(); !slices.Equal(got, c.want) || left != 0 {
			t.Errorf("%+v: took %v and left %d", c, got, left)
		}
	}
}

// TestOffer gives a worker in every state an offer, and takes it back.
func TestOffer(t *testing.T) {
	c, other := new(team), new(team)
	for _, state := range []struct {
		name           string
		holds          *team
		parked, wakeUp bool
		takes, wakes   bool
	}{
		{"searching", nil, false, false, true, false},
		{"searching, to be woken", nil, false, true, true, false},
		{"parked", nil, true, false, false, false},
		{"parked, to be woken", nil, true, true, true, true},
		{"working", busy, false, true, false, false},
		{"with another call", other, true, true, false, false},
	} {
		w := &worker{wake: make(chan struct{}, 1)}
		w.offered.Store(state.holds)
		w.parked.Store(state.parked)
		for range 2 { // the second time a wake-up may be on its way
			w.offer(c, state.wakeUp)
			holds, active := state.holds, int64(0)
			if state.takes {
				holds, active = c, 1
			}
			if w.offered.Load() != holds || c.active.Load() != active || len(w.wake) == 1 != state.wakes {
				t.Errorf("a worker %s: takes the offer %v, %d active, woken %v", state.name, w.offered.Load() == c, c.active.Load(), len(w.wake) == 1)
			}
			w.withdraw(c)
			if w.offered.Load() != state.holds || c.active.Load() != 0 || other.active.Load() != 0 {
				t.Errorf("a worker %s: an offer taken back leaves it with another call: %v; %d active, and %d of the other",
					state.name, w.offered.Load() != state.holds, c.active.Load(), other.active.Load())
				c.active.Store(0)
			}
		}
	}
}

// TestFit leaves short work to one thread, and work that is too short to wake others to those that are awake;
// there are more parts only where these take long.
func TestFit(t *testing.T) {
	list := idle(t, 3)
	list[1].parked.Store(true)
	for _, c := range []struct {
		threads        int
		d              time.Duration
		fit, intoParts int
	}{
		{4, worthSharing() - 1, 1, 1},
		{4, worthSharing(), 3, 3},
		{2, worthSharing(), 2, 2},
		{4, worthWaking - 1, 3, 3},
		{4, worthWaking, 4, 16},
		{1, time.Second, 1, 1},
		{9, worthSharing(), 3, 3},
	} {
		shared := team{threads: c.threads}
		shared.fit(c.d)
		if parts := shared.parts(c.d); shared.threads != c.fit || parts != c.intoParts {
			t.Errorf("%d threads, %v: got %d threads and %d parts, want %d and %d", c.threads, c.d, shared.threads, parts, c.fit, c.intoParts)
		}
	}
}

// TestMeasureHandover measures it again, and leaves it where no worker comes.
func TestMeasureHandover(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	workers(1)
	measuring.Wait()
	measureHandover()
	if got := time.Duration(handover.Load()); got <= 0 || got > time.Millisecond {
		t.Errorf("a handover takes %v", got)
	}
	idle(t, 1)
	before := handover.Load()
	if measureHandover(); handover.Load() != before {
		t.Errorf("a handover that no worker took changes what is known of it from %d to %d", before, handover.Load())
	}
}

// TestWake wakes a worker for each stretch of work that is worth it, if it is parked.
func TestWake(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, c := range []struct {
		d    time.Duration
		want []int
	}{{worthWaking - 1, []int{0, 0, 0}}, {worthWaking, []int{1, 0, 0}}, {3 * worthWaking, []int{1, 0, 1}}, {time.Hour, []int{1, 0, 1}}} {
		list := idle(t, 3)
		list[0].parked.Store(true)
		list[2].parked.Store(true)
		for range 2 {
			Wake(c.d)
		}
		for i, w := range list {
			if len(w.wake) != c.want[i] {
				t.Errorf("%v: worker %d is woken %d times, want %d", c.d, i, len(w.wake), c.want[i])
			}
		}
	}
}

// TestShareAlone has no worker begin: the caller does all parts of phase after phase, and takes every offer
// back.
func TestShareAlone(t *testing.T) {
	for _, parked := range []bool{false, true} {
		list := idle(t, 3)
		for _, w := range list {
			w.parked.Store(parked)
		}
		c := new(team)
		for _, phase := range []struct {
			threads, parts   int
			d                time.Duration
			offers, toParked int
		}{
			{4, 9, worthWaking, 3, 3},
			{4, 9, worthWaking - 1, 3, 0},
			{4, 5, worthSharing(), 3, 0},
			{4, 9, worthSharing() - 1, 0, 0},
			{3, 9, time.Second, 2, 2},
			{4, 2, time.Second, 1, 1},
			{1, 20, time.Second, 0, 0},
			{4, 1, time.Second, 0, 0},
			{4, 0, time.Second, 0, 0},
			{4, 20, time.Second, 3, 3},
		} {
			name := fmt.Sprintf("%+v, workers parked %v", phase, parked)
			want := phase.offers
			if parked {
				want = phase.toParked
			}
			counts := make([]int, phase.parts)
			c.threads = phase.threads
			c.share(function(func(part int) {
				counts[part]++
				offers := 0
				for _, w := range list {
					if w.offered.Load() == c {
						offers++
					}
				}
				if active := c.active.Load(); offers != want || active != int64(want) || c.members != phase.offers+1 {
					t.Errorf("%s: part %d is offered to %d workers, %d active, of %d members", name, part, offers, active, c.members)
				}
			}), phase.parts, phase.d)
			once(t, name, counts)
			for i, w := range list {
				if w.offered.Load() != nil {
					t.Errorf("%s: worker %d has an offer of a phase that ended", name, i)
				}
			}
			if active := c.active.Load(); active != 0 {
				t.Errorf("%s: %d active after the phase", name, active)
			}
		}
	}
}

// once wants every part counted once.
func once(t *testing.T, name string, counts []int) {
	t.Helper()
	for part, n := range counts {
		if n != 1 {
			t.Fatalf("%s: part %d of %d was done %d times", name, part, len(counts), n)
		}
	}
}

// TestShareTogether has parts that wait for one another, so that a worker must take its own: one that still
// looks for work, and one that has parked.
func TestShareTogether(t *testing.T) {
	w := workers(1)[0]
	measuring.Wait()
	c := new(team)
	c.threads = 2
	for round := range 200 {
		name := fmt.Sprintf("round %d", round)
		if round%2 == 1 && !await(t, name+": a worker that parks", w.parked.Load) {
			return
		}
		var begun [2]atomic.Bool
		c.share(function(func(part int) {
			begun[part].Store(true)
			await(t, fmt.Sprintf("%s: part %d for the other", name, part), begun[1-part].Load)
			if part == 1 && (w.parked.Load() || w.offered.Load() != busy) {
				t.Errorf("%s: a worker that works is parked %v, busy %v", name, w.parked.Load(), w.offered.Load() == busy)
			}
		}), 2, worthWaking)
		if w.offered.Load() != nil || c.active.Load() != 0 {
			t.Errorf("%s: a worker that is done is free: %v; %d active", name, w.offered.Load() == nil, c.active.Load())
		}
		if t.Failed() {
			return
		}
	}
}

// TestShareOnce has several calls at once for few workers, phase after phase of each, with counters that are
// not atomic: a part done twice or not, or one that is still worked on when its phase has ended, is seen in
// them or by the race detector.
func TestShareOnce(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 500
	}
	var group sync.WaitGroup
	for id := range 4 {
		group.Go(func() {
			c := new(team)
			c.threads = 2 + id%2
			for round := range rounds {
				counts := make([]int, (round*7+id)%23)
				c.share(function(func(part int) {
					if part%5 == 0 {
						runtime.Gosched()
					}
					counts[part]++
				}), len(counts), worthWaking)
				once(t, fmt.Sprintf("call %d, round %d", id, round), counts)
				if active := c.active.Load(); active != 0 {
					t.Errorf("call %d, round %d: %d active after the phase", id, round, active)
					return
				}
			}
		})
	}
	group.Wait()
}

// together calls f in so many goroutines that have all begun.
func together(goroutines int, f func()) {
	var group sync.WaitGroup
	var begun atomic.Int32
	for range goroutines {
		group.Go(func() {
			for begun.Add(1); int(begun.Load()) < goroutines; {
				runtime.Gosched()
			}
			f()
		})
	}
	group.Wait()
}

// TestClaim has goroutines walk through the same parts side by side: each part is one's.
func TestClaim(t *testing.T) {
	const parts = 200_000
	rounds := 20
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		counts := make([]atomic.Int32, parts)
		var shared team
		j := &shared
		j.members, j.claimed = 1, make([]atomic.Bool, parts)
		j.unclaimed.Store(parts)
		j.tasks = function(func(part int) { counts[part].Add(1) })
		together(2, func() { shared.work(0) })
		for part := range counts {
			if n := counts[part].Load(); n != 1 {
				t.Fatalf("round %d: part %d of %d was done %d times", round, part, parts, n)
			}
		}
		if left := j.unclaimed.Load(); left != 0 {
			t.Fatalf("round %d: %d parts are left", round, left)
		}
	}
}

// TestOfferTogether has two calls offered to a worker at once: it has one of them, and the other waits for
// nobody.
func TestOfferTogether(t *testing.T) {
	offers := 2_000_000
	if testing.Short() {
		offers /= 10
	}
	w := idle(t, 1)[0]
	together(2, func() {
		c := new(team)
		for i := range offers {
			w.offer(c, true)
			w.withdraw(c)
			if active := c.active.Load(); active != 0 {
				t.Errorf("offer %d: %d active after it was taken back", i, active)
				return
			}
		}
	})
}

// TestWorkersLock starts workers while another goroutine does, and takes over those that it has started.
func TestWorkersLock(t *testing.T) {
	idle(t, 0)
	moreWorkers.Lock()
	got := make(chan []*worker, 1)
	go func() { got <- workers(2) }()
	for range 1000 {
		runtime.Gosched()
	}
	if len(got) > 0 {
		t.Error("workers are started by two at once")
	}
	first := idle(t, 1)[0]
	moreWorkers.Unlock()
	if list := <-got; len(list) != 2 || list[0] != first || list[1].member != 2 {
		t.Errorf("got %d workers, the first %v, the last member %d; want two, with the one there was", len(list), list[0] == first, list[len(list)-1].member)
	}
}

// TestWorkers starts workers from many goroutines: each is there once, as the member that it says, and its
// place does not change.
func TestWorkers(t *testing.T) {
	idle(t, 0)
	lists := make([][]*worker, 12)
	var group sync.WaitGroup
	for i := range lists {
		group.Go(func() { lists[i] = workers(1 + i*5%12) })
	}
	group.Wait()
	all := workers(12)
	for i, w := range all {
		if w.member != i+1 || slices.Index(all, w) != i {
			t.Errorf("worker %d is member %d, and worker %d", i, w.member, slices.Index(all, w))
		}
	}
	for i, list := range lists {
		if n := 1 + i*5%12; len(list) != n || !slices.Equal(list, all[:n]) {
			t.Errorf("%d workers: got %d, which are the first %v", n, len(list), slices.Equal(list, all[:min(n, len(list))]))
		}
	}
}

// TestPanicKeepsCall has calls that panic, for slices that are too short: workers may hold such a call, so no
// other gets its memory.
func TestPanicKeepsCall(t *testing.T) {
	v := Conv{Channels: 1, Height: 4, Width: 4, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	w := pack.New(pack.Matrix{K: 4, N: 1, Group: 4, Scales: []float32{1}}, make([]int8, 4), 8)
	half := pack.NewHalf(4, 1, make([]uint16, 4), half.Float16())
	for _, c := range []struct {
		name  string
		calls *sync.Pool
		plan  interface {
			Run(dst, x Activations, m int) error
		}
		dst, m int
	}{
		{"Product", &productCalls, NewProduct(w, Arithmetic{}, Output{}), 4, 4},
		{"HalfProduct", &floatCalls, NewHalfProduct(half, Output{}), 4, 4},
		{"Convolution", &convolutionCalls, NewConvolution(v, []*pack.Matrix{w}, Arithmetic{}, Output{}), 16, 1},
	} {
		before, made := c.calls.New, 0
		c.calls.New = func() any {
			made++
			return before()
		}
		used := func() bool { // reports whether a call is one that was used before
			n := made
			c.calls.Get()
			return made == n
		}
		for used() { // those of other tests
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic", c.name)
				}
			}()
			_ = c.plan.Run(Activations{Float: make([]float32, c.dst)}, Activations{Float: make([]float32, 3)}, c.m)
		}()
		if used() {
			t.Errorf("%s: a call that panicked is used again", c.name)
		}
		c.calls.New = before
	}
}
