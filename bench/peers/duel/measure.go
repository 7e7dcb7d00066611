// Package duel measures contenders beside each other: in one process, by turns, with
// medians of what the turns give.
package duel

import (
	"context"
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"

	"euryale/bench/internal/workload"
)

// Contender is a program that does the work.
type Contender struct {
	Name   string
	Kernel string           // what the program calls the code that runs, if it tells
	Aside  bool             // does other arithmetic: shown, but not among the best that ours is compared with
	Run    func() error     // does the work once
	Output func() []float32 // what Run made, as real values
	Own    Truth            // by the contender's own weights, where they are not everyone's
	Close  func()           // may be nil

	// Meter, in place of Run and Output, measures something beside the work for about the given time, and
	// returns how long the work would take by it.
	Meter func(budget time.Duration) (seconds float64)
}

// Result is a contender's figures.
type Result struct {
	Contender
	seconds []float64 // of a call, one for each repeat
	Cores   float64   // processor time per time: how many threads really ran, spinning or not
	SQNR    Decibels  // against what is right
	Own     Decibels  // against Contender.Own
}

// Seconds returns the median duration of a call.
func (r Result) Seconds() float64 { return workload.Median(r.seconds) }

// Ratio returns the median, over the repeats, of how many times faster r was than b in the same repeat.
func (r Result) Ratio(b Result) float64 {
	ratios := make([]float64, len(r.seconds))
	for i := range ratios {
		ratios[i] = b.seconds[i] / r.seconds[i]
	}
	return workload.Median(ratios)
}

// Threads of ONNX Runtime and OpenMP spin for a while after their work, which costs the
// next contender a core.
const (
	window   = 5 * time.Millisecond // is idle where this process used less than a fifth of it
	patience = 2 * time.Second
)

// waitIdle waits until the threads of the last contender sleep, or until patience ends.
func waitIdle() {
	for begin := time.Now(); time.Since(begin) < patience; {
		busy := processorTime()
		time.Sleep(window)
		if processorTime()-busy < window/5 {
			return
		}
	}
}

// Measure runs contenders by turns, in order and then in reverse: each waits until the one
// before sleeps, makes one call that does not count and then calls for at least burst, one at
// the least. Before all this each makes a call, whose output truth judges. Errors: ctx's,
// between two calls, and those of the contenders.
func Measure(ctx context.Context, contenders []Contender, truth Truth, repeats int, burst time.Duration) ([]Result, error) {
	results := make([]Result, len(contenders))
	order := make([]int, len(contenders))
	for i, c := range contenders {
		var output []float32
		if c.Meter == nil {
			if err := c.call(ctx); err != nil {
				return nil, err
			}
			output = c.Output()
		}
		results[i] = Result{Contender: c, SQNR: truth.SQNR(output), Own: c.Own.SQNR(output)}
		order[i] = i
	}
	for range repeats {
		for _, i := range order {
			r := &results[i]
			seconds, cores, err := r.burst(ctx, burst)
			if err != nil {
				return nil, err
			}
			r.seconds = append(r.seconds, seconds)
			r.Cores += cores / float64(repeats)
		}
		slices.Reverse(order)
	}
	return results, nil
}

// call does the work once.
func (c Contender) call(ctx context.Context) error {
	return c.name(workload.Call(ctx, c.Run))
}

func (c Contender) name(err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

// burst returns the mean duration of the calls of a burst, and the cores that they kept busy.
func (c Contender) burst(ctx context.Context, least time.Duration) (seconds, cores float64, err error) {
	waitIdle()
	if c.Meter != nil {
		begin, busy := time.Now(), processorTime()
		seconds = c.Meter(least)
		return seconds, float64(processorTime()-busy) / float64(time.Since(begin)), c.name(ctx.Err())
	}
	if err := c.call(ctx); err != nil {
		return 0, 0, err
	}
	busy := processorTime()
	took, seconds, err := workload.Burst(ctx, c.Run, least)
	if err != nil {
		return 0, 0, c.name(err)
	}
	return seconds, float64(processorTime()-busy) / float64(took), nil
}

// processorTime returns what all threads of this process have used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprintf("duel: getrusage: %v", err)) // it fails on bad arguments only
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// GeoMean returns the geometric mean of x, which is positive, and NaN of nothing.
func GeoMean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(x)))
}
