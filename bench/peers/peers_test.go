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
	options := workload.Options{Repeats: 1, Shapes: []workload.Shape{{M: 1, K: 64, N: 33}, {M: 5, K: 100, N: 17}}}
	for _, w := range works {
		for task := range w.tasks(options) {
			for threads := 1; threads <= 2; threads++ {
				results, err := task.contest(t.Context(), threads, duel.Options{Options: options}, t.Output())
				if err != nil {
					t.Errorf("%s %s, threads %d: %v", w.name, task.subject.Name, threads, err)
				}
				for _, r := range results {
					if r.SQNR < 30 {
						t.Errorf("%s %v, threads %d: %s has %.1f dB, want 30 or more", w.name, task.subject.Name, threads, r.Name, r.SQNR)
					}
				}
			}
		}
	}
}
