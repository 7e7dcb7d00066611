// Package limits measures what a machine can do at most: how many operations an instruction makes with its
// operands in registers, and how fast memory is read and copied. Kernels are judged by how near they come.
package limits

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"euryale/internal/isa"
)

// Limit is something that a machine has so much of and no more.
type Limit struct {
	Name  string
	Kind  Kind
	Bytes int      // that are read or copied
	Tier  isa.Tier // whose kernels make their products by the instruction of a peak; isa.Generic for the rest

	prepare func(threads int) []step
}

// Kind is what a limit is of.
type Kind string

// The kinds.
const (
	Peak    Kind = "peak" // of an instruction; a multiplication and an addition are two operations
	Reading Kind = "read"
	Copying Kind = "copy"
)

// Unit returns what a limit of the kind is counted in: GOP/s or GB/s.
func (k Kind) Unit() string {
	if k == Peak {
		return "GOP/s"
	}
	return "GB/s"
}

// A step does a little work and returns how many operations or bytes that was.
type step func() float64

// Meter measures a limit for about the given time, 2 steps at the least, and returns its units per second.
type Meter func(budget time.Duration) float64

// Meter returns what measures l on so many threads; GOMAXPROCS lets as many run at once. It
// keeps buffers, which have been written.
func (l Limit) Meter(threads int) Meter {
	steps := l.prepare(threads)
	return func(budget time.Duration) float64 { return 1e-9 * rate(steps, budget) }
}

// rate returns what steps do in a second, each in a goroutine of its own. They begin
// together, after a step that does not count.
func rate(steps []step, budget time.Duration) float64 {
	rates := make([]float64, len(steps))
	var ready atomic.Int64
	var all sync.WaitGroup
	for i, step := range steps {
		all.Go(func() {
			step()
			for ready.Add(1); ready.Load() < int64(len(steps)); {
				runtime.Gosched()
			}
			var done float64
			var took time.Duration
			for begin := time.Now(); took <= 0 || took < budget; took = time.Since(begin) {
				done += step()
			}
			rates[i] = done / took.Seconds()
		})
	}
	all.Wait()
	var sum float64
	for _, r := range rates {
		sum += r
	}
	return sum
}

// instruction is one whose peak can be measured.
type instruction struct {
	name       string
	tier       isa.Tier             // that has it
	own        bool                 // the kernels of the tier make their products by it
	ops        float64              // of an iteration
	iterations int                  // of some 20 µs: assembly is not interrupted
	run        func(iterations int) // iterations > 0
}

// Peaks returns the instructions that this build knows and this machine has. Without assembly there are none.
func Peaks() []Limit {
	var limits []Limit
	for _, in := range instructions() {
		if !isa.Supported(in.tier) {
			continue
		}
		l := Limit{Name: in.name, Kind: Peak, prepare: func(threads int) []step {
			return slices.Repeat([]step{func() float64 {
				in.run(in.iterations)
				return in.ops * float64(in.iterations)
			}}, threads)
		}}
		if in.own {
			l.Tier = in.tier
		}
		limits = append(limits, l)
	}
	return limits
}

// Levels returns reading at sizes that lie in the first, second and third cache of most
// processors, and in none. The first two caches are each thread's own, and so are the bytes; of
// the others each thread reads its share.
func Levels() []Limit {
	return []Limit{
		{Name: "L1", Kind: Reading, Bytes: 16 << 10, prepare: reader(16<<10, true)},
		{Name: "L2", Kind: Reading, Bytes: 128 << 10, prepare: reader(128<<10, true)},
		{Name: "L3", Kind: Reading, Bytes: 8 << 20, prepare: reader(8<<20, false)},
		{Name: "memory", Kind: Reading, Bytes: 256 << 20, prepare: reader(256<<20, false)},
	}
}

// Read returns reading the same bytes again and again, of which each thread has its share.
func Read(bytes int) Limit {
	return Limit{Name: fmt.Sprintf("read %.3g MB", 1e-6*float64(bytes)), Kind: Reading, Bytes: bytes, prepare: reader(bytes, false)}
}

// Copy returns copying the same bytes again and again, of which each thread has its share. Bytes count twice,
// as they are read and as they are written.
func Copy(bytes int) Limit {
	prepare := func(threads int) []step {
		steps := make([]step, threads)
		for i := range steps {
			dst, src := written(bytes/threads), written(bytes/threads)
			steps[i] = func() float64 { return 2 * 8 * float64(copy(dst, src)) }
		}
		return steps
	}
	return Limit{Name: fmt.Sprintf("copy %.3g MB", 1e-6*float64(bytes)), Kind: Copying, Bytes: bytes, prepare: prepare}
}

// blockWords is what reading goes by, in words of 8 bytes.
const blockWords = 64

// written returns about so many bytes, whole blocks and at least one, that have been written: memory that
// nothing was written to is one page of zeros.
func written(bytes int) []uint64 {
	x := make([]uint64, max(1, bytes/8/blockWords)*blockWords)
	for i := range x {
		x[i] = uint64(i)
	}
	return x
}

// reader returns what prepares to read the given bytes, or with perThread, as many in every thread.
func reader(bytes int, perThread bool) func(threads int) []step {
	const (
		atOnce  = 512 << 10 / 8 // words: some 20 µs of memory
		atLeast = 256 << 10 / 8 // words of a step: longer than to look at the clock
	)
	return func(threads int) []step {
		share := bytes
		if !perThread {
			share = bytes / threads
		}
		steps := make([]step, threads)
		for i := range steps {
			x := written(share)
			passes := max(1, atLeast/len(x))
			steps[i] = func() float64 {
				for chunk := range slices.Chunk(x, atOnce) {
					read(chunk, passes)
				}
				return 8 * float64(len(x)*passes)
			}
		}
		return steps
	}
}

// sink takes what readGeneric made, so that it is made.
var sink atomic.Uint64

// readGeneric reads the blocks of x so many times.
func readGeneric(x []uint64, passes int) {
	var a, b, c, d uint64
	for range passes {
		for i := 0; i+8 <= len(x); i += 8 {
			block := x[i : i+8 : i+8]
			a |= block[0] | block[4]
			b |= block[1] | block[5]
			c |= block[2] | block[6]
			d |= block[3] | block[7]
		}
	}
	sink.Store(a | b | c | d)
}
