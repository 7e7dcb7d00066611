package main

import (
	"os"
	"testing"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
)

// TestWorks runs everything once, also ONNX Runtime where it is installed, and compares each result with the
// truth: operands that a contender was given the wrong way round come out at 0 dB.
func TestWorks(t *testing.T) {
	if _, err := os.Stat(defaultORT()); err != nil {
		t.Logf("without ONNX Runtime: %v", err)
	} else {
		end, err := openORT(defaultORT())
		if err != nil {
			t.Fatal(err)
		}
		defer end()
	}
	options := duel.Options{Options: workload.Options{Repeats: 1, Shapes: []workload.Shape{{M: 1, K: 64, N: 33}, {M: 5, K: 100, N: 17}}}}
	for _, w := range works {
		t.Run(w.name, func(t *testing.T) {
			for task := range w.tasks(options.Options) {
				for threads := 1; threads <= 2; threads++ {
					results, err := task.contest(t.Context(), threads, options, t.Output())
					if err != nil {
						t.Errorf("%s, threads %d: %v", task.subject.Name, threads, err)
					}
					for _, r := range results {
						check(t, task.subject.Name, threads, r)
					}
				}
			}
		})
	}
}

// check looks at what a contender made: of its own weights, if it has some, and of everyone's, from which
// those of few bits are far.
func check(t *testing.T, name string, threads int, r duel.Result) {
	t.Helper()
	least := duel.Decibels(30)
	if r.Own.Known() {
		if r.Own < least {
			t.Errorf("%s, threads %d: %s has %v dB by its own weights, want %v or more", name, threads, r.Name, r.Own, least)
		}
		least = 5
	}
	if r.Meter == nil && !(r.SQNR >= least) {
		t.Errorf("%s, threads %d: %s has %v dB, want %v or more", name, threads, r.Name, r.SQNR, least)
	}
}
