package gemm

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	halfs "euryale/internal/half"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// TestPanicOfPart has a part of a shared phase panic, in the caller's goroutine and in a worker's: the caller
// has the panic, and everything works afterwards.
func TestPanicOfPart(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	goroutine := func() string {
		var b [64]byte
		name, _, _ := strings.Cut(string(b[:runtime.Stack(b[:], false)]), "[")
		return name
	}
	bad, me := errors.New("bad"), goroutine()
	const parts = 12
	for round := range 20 {
		ofWorker := round%2 == 1
		var begun atomic.Int32
		p := Catch(func() {
			Share(parts, time.Second, func(int) {
				for begun.Add(1); begun.Load() < 2; runtime.Gosched() { // until a worker has a part too
				}
				if (goroutine() != me) == ofWorker {
					panic(bad)
				}
			})
		})
		if p == nil || !errors.Is(p, bad) || !strings.Contains(p.Error(), "TestPanicOfPart") {
			t.Errorf("by a worker %v: got %v, want the panic and where it was", ofWorker, p)
		}
		var done [parts]atomic.Int32
		Share(parts, time.Second, func(i int) { done[i].Add(1) })
		for i := range done {
			if n := done[i].Load(); n != 1 {
				t.Errorf("by a worker %v: then part %d was done %d times", ofWorker, i, n)
			}
		}
	}
	if p := Catch(func() {}); p != nil {
		t.Errorf("got %v of what does not panic", p)
	}
}

// TestStop has products and convolutions that nobody waits for: no part is computed, and the next call is as
// ever.
func TestStop(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	computed := func(y []float32) bool { return slices.ContainsFunc(y, func(v float32) bool { return v != 0 }) }
	const m, k, n = 64, 64, 32
	codes := make([]int8, k*n)
	x := make([]float32, m*k)
	for i := range codes {
		codes[i] = int8(i * 7)
	}
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	w := pack.New(pack.Matrix{K: k, N: n, Group: k, Scales: slices.Repeat([]float32{0.5}, n)}, codes, 8)
	for _, a := range []Arithmetic{{}, {Bits: 16}, {Bits: 24}, {Static: &kernel.Affine{Scale: 0.1, Zero: 100, High: 255}}} {
		want, got := make([]float32, m*n), make([]float32, m*n)
		p := NewProduct(w, a, Output{})
		if err := p.Run(Activations{Float: want}, Activations{Float: x}, m); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(Activations{Float: got}, Activations{Float: x, Stop: stop}, m); err != nil || computed(got) {
			t.Errorf("%+v: error %v, or results of a product that is stopped", a, err)
		}
		going := Activations{Float: x, Stop: make(chan struct{})}
		if err := p.Run(Activations{Float: got}, going, m); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: error %v, or other results after one that was stopped", a, err)
		}
	}
	half := pack.NewHalf(k, n, slices.Repeat([]uint16{0x3c00}, k*n), halfs.Float16())
	halves := make([]float32, m*n)
	if err := NewHalfProduct(half, Output{}).Run(Activations{Float: halves}, Activations{Float: x, Stop: stop}, m); err != nil || computed(halves) {
		t.Errorf("error %v, or results of a product with 16-bit weights that is stopped", err)
	}
	v := Conv{Channels: 1, Height: 8, Width: 8, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	filters := []*pack.Matrix{pack.New(pack.Matrix{K: 4, N: 1, Group: 4, Scales: []float32{1}}, []int8{3, 0, 0, 0}, 8)}
	y := make([]float32, m*64)
	images := Activations{Float: x[:m*64], Stop: stop}
	if err := NewConvolution(v, filters, Arithmetic{}, Output{}).Run(Activations{Float: y}, images, m); err != nil || computed(y) {
		t.Errorf("error %v, or results of a convolution that is stopped", err)
	}
}
