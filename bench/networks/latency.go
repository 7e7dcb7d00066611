package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"euryale/bench/internal/workload"
)

// pauses are what single images wait for.
var pauses = []struct {
	name string
	time time.Duration
}{{"back to back", 0}, {"1 ms between", time.Millisecond}}

// latencyRows adds how long single images take, alone and beside batches of the same model.
func (s *session) latencyRows(d *workload.Design) error {
	n, static, _, err := models(d, observed)
	if err != nil {
		return err
	}
	single := runner(static, n.Inputs(n.Images[:len(n.Images)/observed]))
	batch := runner(static, n.Inputs(slices.Repeat(n.Images, s.beside/observed)))
	for _, also := range []string{"alone", fmt.Sprintf("beside batches of %d", s.beside)} {
		for _, p := range pauses {
			stop := func() error { return nil }
			if also != "alone" {
				if err := workload.Call(s, batch); err != nil {
					return err
				}
				stop = again(batch)
			}
			micros, err := s.singly(single, s.singles, p.time)
			if failed := stop(); err == nil {
				err = failed
			}
			if err != nil {
				return err
			}
			s.add(also+", "+p.name, quantile(micros, 0.5), quantile(micros, 0.99), slices.Max(micros))
		}
	}
	return nil
}

// again has another goroutine do something again and again, until stop, which returns an error of it.
func again(run func() error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = run()
		}
		ended <- err
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

// singly returns how many µs each of so many runs takes, behind a pause.
func (s *session) singly(run func() error, count int, pause time.Duration) ([]float64, error) {
	micros := make([]float64, count)
	for i := range micros {
		if pause > 0 {
			time.Sleep(pause)
		}
		begin := time.Now()
		if err := workload.Call(s, run); err != nil {
			return nil, err
		}
		micros[i] = 1e6 * time.Since(begin).Seconds()
	}
	return micros, nil
}

// quantile returns the least element that a share of x does not pass.
func quantile(x []float64, share float64) float64 {
	return slices.Sorted(slices.Values(x))[int(math.Ceil(share*float64(len(x))))-1]
}

// singleRows adds the median of single images on one thread and on all, the least of repeats that take turns.
func (s *session) singleRows(d *workload.Design) error {
	n, static, _, err := models(d, observed)
	if err != nil {
		return err
	}
	run := runner(static, n.Inputs(n.Images[:len(n.Images)/observed]))
	for _, p := range pauses {
		took := [2]float64{math.Inf(1), math.Inf(1)}
		for range s.Repeats {
			for i, threads := range []int{1, s.at.Threads} {
				runtime.GOMAXPROCS(threads)
				micros, err := s.singly(run, max(1, s.singles/s.Repeats), p.time)
				if err != nil {
					return err
				}
				took[i] = min(took[i], workload.Median(micros))
			}
		}
		s.add(p.name, took[0], took[1], took[0]/took[1])
	}
	return nil
}
