// Command cancel measures how long model.Run takes to return after its context ended, for every kind of node: a run of that node alone is
// cancelled at a random moment. A limit of 20 ms is what model promises.
//
//	go run ./bench/cancel [-repeats 11] [-threads 1,2] [-only regexp]
//
// Took is how long the run takes by itself; median and most are from the cancellation, or from the deadline, to the return.
package main

import (
	"context"
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
	"text/tabwriter"
	"time"

	"euryale/model"

	"gorgonia.org/tensor"
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
			r, err := k.measure(repeats)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			fmt.Fprintf(table, "%d\t%v\t%v\t%v\t%v\t%v\t  %s\n", n, round(r.took), round(middle(r.cancelled)), round(slices.Max(r.cancelled)),
				round(middle(r.deadline)), round(slices.Max(r.deadline)), k.name)
			most = max(most, slices.Max(r.cancelled), slices.Max(r.deadline))
			runtime.GC()
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe most is %v.\n", round(most))
	return nil
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

// measure cancels runs at random moments.
func (k *kind) measure(repeats int) (r result, err error) {
	in := k.input()
	m, err := k.model()
	if err != nil {
		return r, err
	}
	begin := time.Now()
	if _, err := m.Run(context.Background(), in); err != nil {
		return r, err
	}
	r.took = time.Since(begin)
	if !k.first {
		begin = time.Now()
		if _, err := m.Run(context.Background(), in); err != nil {
			return r, err
		}
		r.took = time.Since(begin)
	}
	for tries := 0; len(r.cancelled) < repeats || len(r.deadline) < repeats; tries++ {
		if tries > 100*repeats {
			return r, fmt.Errorf("runs end by themselves")
		}
		if k.first {
			if m, err = k.model(); err != nil {
				return r, err
			}
		}
		delay := time.Duration(0.9 * rand.Float64() * float64(r.took))
		late, err := left(m, in, delay, tries%2 == 0)
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

// left returns how long a run takes to return after its context ended, by a cancellation or a deadline after a delay; −1 where it was
// done before.
func left(m *model.Model, in map[string]tensor.Tensor, delay time.Duration, cancelled bool) (time.Duration, error) {
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
	_, err := m.Run(ctx, in)
	returned := time.Now()
	switch {
	case err == nil:
		return -1, nil
	case ctx.Err() == nil:
		return 0, err
	}
	return returned.Sub(<-moment), nil
}
