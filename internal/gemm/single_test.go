package gemm

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"euryale/internal/half"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

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

// TestSingleThreaded leaves a call one thread where its activations say so, whatever the plan is, and all
// threads else.
func TestSingleThreaded(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	const depth, columns = 2048, 1024 // worth waking workers for
	scales := slices.Repeat([]float32{1}, columns)
	w := pack.New(pack.Matrix{K: depth, N: columns, Group: depth, Scales: scales}, make([]int8, depth*columns), 8)
	half := pack.NewHalf(depth, columns, make([]uint16, depth*columns), half.Float16())
	v := Conv{Channels: 1, Height: 1, Width: depth, Kernel: [2]int{1, depth}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	floats := Activations{Float: make([]float32, depth)}
	quantized := Activations{Quantized: make([]uint8, depth), Params: kernel.Affine{Scale: 1, High: 255}}
	for _, c := range []struct {
		name string
		x    Activations
		plan interface {
			Run(dst, x Activations, m int) error
		}
	}{
		{"Product", floats, NewProduct(w, Arithmetic{}, Output{})},
		{"Product of quantized activations", quantized, NewProduct(w, Arithmetic{Bits: 24}, Output{})},
		{"HalfProduct", floats, NewHalfProduct(half, Output{})},
		{"Convolution", floats, NewConvolution(v, []*pack.Matrix{w}, Arithmetic{}, Output{})},
	} {
		for _, single := range []bool{true, false, true} {
			product, float16, convolution := new(productCall), new(floatCall), new(convolutionCall)
			productCalls = sync.Pool{New: func() any { return product }}
			floatCalls = sync.Pool{New: func() any { return float16 }}
			convolutionCalls = sync.Pool{New: func() any { return convolution }}
			x := c.x
			x.SingleThreaded = single
			if err := c.plan.Run(Activations{Float: make([]float32, columns)}, x, 1); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if got, want := product.threads+float16.threads+convolution.threads, map[bool]int{true: 1, false: 3}[single]; got != want {
				t.Errorf("%s, single-threaded %t: got %d threads, want %d", c.name, single, got, want)
			}
		}
	}
	productCalls = sync.Pool{New: func() any { return new(productCall) }}
	floatCalls = sync.Pool{New: func() any { return new(floatCall) }}
	convolutionCalls = sync.Pool{New: func() any { return new(convolutionCall) }}
}
