package gemm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"euryale/internal/half"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// TestAlone holds a call by itself to one thread, from codes too.
func TestAlone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	codes := Numbers{Codes: make([]uint8, 1), Map: kernel.Affine{Scale: 1, High: 255}}
	for _, x := range []Numbers{{Float: make([]float32, 1)}, codes} {
		for _, alone := range []bool{true, false} {
			c := new(call)
			c.take(Numbers{}, x, nil, Arithmetic{Bits: 24, Alone: alone}, Output{})
			c.use()
			if want := map[bool]int{true: 1, false: 3}[alone]; c.threads != want {
				t.Errorf("alone is %t, from codes is %t: got %d threads, want %d", alone, x.Codes != nil, c.threads, want)
			}
		}
	}
}

// TestShareOfOthers holds parts that are no call's to once each, among them such that share again.
func TestShareOfOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for _, parts := range []int{1, 2, 3, 17} {
		done := make([]atomic.Int64, parts)
		Share(parts, time.Second, func(part int) {
			Share(2, time.Second, func(int) { done[part].Add(1) })
		})
		for part := range done {
			if n := done[part].Load(); n != 2 {
				t.Errorf("%d parts: got part %d done %d times, want 2", parts, part, n)
			}
		}
	}
}

// TestAloneHasOneThread: alone leaves a call one thread, whatever the weights are, and what is not alone has
// all.
func TestAloneHasOneThread(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	w := pack.New(pack.Matrix{K: 4, N: 1, Group: 4, Scales: []float32{1}}, make([]int8, 4), 8)
	half := pack.NewHalf(4, 1, make([]uint16, 4), half.Float16())
	x, dst := make([]float32, 4), make([]float32, 4)
	for name, multiply := range map[string]func(alone bool) error{
		"Multiply":    func(alone bool) error { return Multiply(dst[:1], x, 1, w, Arithmetic{Alone: alone}, Output{}) },
		"ProductHalf": func(alone bool) error { return ProductHalf(dst[:1], Numbers{Float: x}, 1, half, alone, Output{}) },
	} {
		for _, alone := range []bool{true, false, true} {
			last := new(call)
			calls = sync.Pool{New: func() any { return last }}
			if err := multiply(alone); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if want := map[bool]int{true: 1, false: 3}[alone]; last.threads != want {
				t.Errorf("%s, alone %t: got %d threads, want %d", name, alone, last.threads, want)
			}
		}
	}
	calls = sync.Pool{New: func() any { return new(call) }}
}
