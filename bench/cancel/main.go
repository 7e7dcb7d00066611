// Command cancel measures how long model.Run takes to return after its context ended, for every kind of node:
// a run of that node alone is cancelled at a random moment. A limit of 20 ms is what model promises.
//
//	go run ./bench/cancel [-repeats 11] [-threads 1,2] [-only regexp]
//
// Took is how long the run takes by itself; median and most are from the cancellation, or from the deadline,
// to the return. The first row has no model: as many loops as there are threads run beside a goroutine that
// waits for a context. That is what Go and the machine take.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

func main() {
	repeats := flag.Int("repeats", 11, "runs to cancel, and runs to give a deadline, of each kind")
	threads := flag.String("threads", "1,2", "threads, as a list")
	only := flag.String("only", "", "kinds to measure, a regular expression")
	flag.Parse()
	if err := measureAll(os.Stdout, *repeats, *threads, *only); err != nil {
		fmt.Fprintln(os.Stderr, "cancel:", err)
		os.Exit(1)
	}
}

// measureAll prints a table.
func measureAll(w io.Writer, repeats int, threads, only string) error {
	matches, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cancel")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kinds, err := allKinds(dir)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "threads\ttook\tcancelled: median\tmost\tdeadline: median\tmost\t  kind")
	var most time.Duration
	for text := range strings.SplitSeq(threads, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		runtime.GOMAXPROCS(n)
		for _, k := range kinds {
			if !matches.MatchString(k.name) {
				continue
			}
			longest, err := k.writeRow(table, n, repeats)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			most = max(most, longest)
			k.in = nil // memory
			runtime.GC()
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe most is %v.\n", round(most))
	return nil
}

// writeRow measures a kind and writes its row; it returns the longest time to return, 0
// where runs end by themselves.
func (k *kind) writeRow(w io.Writer, threads, repeats int) (longest time.Duration, err error) {
	r, err := k.measure(repeats)
	if errors.Is(err, errEnds) {
		fmt.Fprintf(w, "%d\t%v\t-\t-\t-\t-\t  %s: %v\n", threads, round(r.took), k.name, err)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	cancelled, deadline := slices.Max(r.cancelled), slices.Max(r.deadline)
	fmt.Fprintf(w, "%d\t%v\t%v\t%v\t%v\t%v\t  %s\n", threads, round(r.took), round(middle(r.cancelled)),
		round(cancelled), round(middle(r.deadline)), round(deadline), k.name)
	return max(cancelled, deadline), nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// middle returns the median.
func middle(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// result is how long a run takes, and how long it takes to return when its context ends.
type result struct {
	took                time.Duration
	cancelled, deadline []time.Duration
}

// prepare returns a run of a new model.
func (k *kind) prepare() (func(context.Context) error, error) {
	if k.model == nil {
		return loops, nil
	}
	if k.in == nil {
		k.in = k.input()
	}
	m, err := k.model()
	return func(ctx context.Context) error {
		_, err := m.Run(ctx, k.in)
		return err
	}, err
}

// loops waits for a context, or for loops that take a while and occupy all threads.
func loops(ctx context.Context) error {
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for begin := time.Now(); time.Since(begin) < 200*time.Millisecond; {
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errEnds reports runs that are done before their context ends, in too many tries.
var errEnds = errors.New("runs end by themselves")

// measure cancels runs at random moments.
func (k *kind) measure(repeats int) (r result, err error) {
	run, err := k.prepare()
	if err != nil {
		return r, err
	}
	for range 2 {
		begin := time.Now()
		if err := run(context.Background()); err != nil {
			return r, err
		}
		if r.took = time.Since(begin); k.first {
			break
		}
	}
	for tries := 0; len(r.cancelled) < repeats || len(r.deadline) < repeats; tries++ {
		if tries > 100*repeats {
			return r, errEnds
		}
		if k.first {
			if run, err = k.prepare(); err != nil {
				return r, err
			}
		}
		delay := time.Duration(0.9 * rand.Float64() * float64(r.took))
		late, err := left(run, delay, tries%2 == 0)
		switch {
		case err != nil:
			return r, err
		case late < 0:
		case tries%2 == 0:
			r.cancelled = append(r.cancelled, late)
		default:
			r.deadline = append(r.deadline, late)
		}
		time.Sleep(r.took - delay) // what was left goes on
	}
	return r, nil
}

// left returns how long a run takes to return after its context ended, by a cancellation or a deadline after
// a delay; −1 where it was done before.
func left(run func(context.Context) error, delay time.Duration, cancelled bool) (time.Duration, error) {
	ends := time.Now().Add(delay)
	ctx, cancel := context.WithCancel(context.Background())
	moment := make(chan time.Time, 1)
	if cancelled {
		time.AfterFunc(delay, func() {
			moment <- time.Now()
			cancel()
		})
	} else {
		ctx, cancel = context.WithDeadline(context.Background(), ends)
		moment <- ends
	}
	defer cancel()
	err := run(ctx)
	returned := time.Now()
	switch {
	case err == nil:
		return -1, nil
	case ctx.Err() == nil:
		return 0, err
	}
	return returned.Sub(<-moment), nil
}
