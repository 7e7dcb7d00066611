package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// TestEveryShape goes through every m, n and k from 1 to past two tiles of each tier, with EURYALE_LONG=1.
func TestEveryShape(t *testing.T) {
	if os.Getenv("EURYALE_LONG") == "" {
		t.Skip("EURYALE_LONG is not set")
	}
	const depths = 2*64 + 2
	rng := rand.New(rand.NewPCG(11, 11))
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			t.Logf("%v: this machine has none", tier)
			continue
		}
		set, count := kernel.Of(tier), 0
		rows, columns := 2*set.Rows+1, 2*set.Panels*kernel.PanelColumns+1
		for k := 1; k <= depths; k++ {
			x := activations(rng, rows, k)
			for n := 1; n <= columns; n++ {
				w := random(rng, k, n, k, 8, true, false, false).pack(t)
				a := arithmetics[(k+n)%4]
				want := generic(t, x, rows, w, a.a, gemm.Output{})
				restore := isa.Use(tier)
				for m := 1; m <= rows; m++ {
					got := make([]float32, m*n)
					if err := multiply(got, x[:m*k], m, w, a.a, gemm.Output{}); err != nil {
						t.Fatal(err)
					}
					compare(t, fmt.Sprintf("%v, %s, m %d, k %d, n %d", tier, a.name, m, k, n), got, want[:m*n], n)
					count++
				}
				restore()
			}
		}
		t.Logf("%v: %d shapes, bit for bit", tier, count)
	}
}

// TestStress multiplies from many goroutines for as long as EURYALE_STRESS says (10m), under constant
// collections and signals, on every tier in turn, and counts wrong results.
func TestStress(t *testing.T) {
	text := os.Getenv("EURYALE_STRESS")
	if text == "" {
		t.Skip("EURYALE_STRESS is not set, to 10m for example")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	const goroutines = 8
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var calls, wrong atomic.Int64
	stop := make(chan struct{})
	running := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	var group sync.WaitGroup
	for id := range goroutines {
		rng := rand.New(rand.NewPCG(12, uint64(id)))
		m, k, n := 1+rng.IntN(200), 1+rng.IntN(500), 1+rng.IntN(200)
		x, w := activations(rng, m, k), random(rng, k, n, k, 8, true, id%2 == 0, false).pack(t)
		a := arithmetics[id%4]
		want := generic(t, x, m, w, a.a, gemm.Output{})
		group.Go(func() {
			for running() {
				got := make([]float32, m*n) // fresh, to keep the collector busy
				if err := multiply(got, x, m, w, a.a, gemm.Output{}); err != nil || difference(got, want) >= 0 {
					wrong.Add(1)
				}
				calls.Add(1)
			}
		})
	}
	group.Go(func() {
		for running() {
			runtime.GC()
		}
	})
	group.Go(func() { interrupt(running) })
	end := time.After(length)
	for done := false; !done; {
		for _, tier := range isa.All() {
			if isa.Supported(tier) && tier != isa.Generic {
				restore := isa.Use(tier)
				select {
				case <-end:
					done = true
				case <-time.After(100 * time.Millisecond):
				}
				restore()
			}
		}
	}
	close(stop)
	group.Wait()
	t.Logf("%v: %d products, %d wrong", length, calls.Load(), wrong.Load())
	if wrong.Load() > 0 {
		t.Errorf("%d products of %d are wrong", wrong.Load(), calls.Load())
	}
}
