package gemm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// generic returns what the kernels in Go give on one thread.
func generic(t *testing.T, x []float32, m int, w *pack.Matrix, a gemm.Arithmetic, out gemm.Output) []float32 {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer isa.Use(isa.Generic)()
	y := make([]float32, m*w.N)
	if err := multiply(y, x, m, w, a, out); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestTileEdges holds all tiers to the generic one around the edges of tiles, panels and blocks.
func TestTileEdges(t *testing.T) {
	sizes, depths, columns := []int{1, 4, 5, 6, 8, 9, 16, 17, 31, 32, 33, 40, 48, 127, 128, 129, 161}, []int{4, 63, 64, 65, 128, 513, 640}, []int{1, 16, 17, 32, 48, 49, 97}
	if raceEnabled || testing.Short() {
		sizes, depths, columns = []int{1, 9, 33, 129}, []int{64, 65}, []int{17, 49}
	}
	rng := rand.New(rand.NewPCG(7, 7))
	count := 0
	for _, k := range depths {
		x := activations(rng, slices.Max(sizes), k)
		for _, n := range columns {
			for number, group := range []int{k, 32, 64} {
				w := random(rng, k, n, min(group, k), 8-4*(number%2), true, false, false).pack(t)
				for _, arithmetic := range arithmetics[:4] {
					out := gemm.Output{Bias: activations(rng, 1, n), ReLU: k%2 == 0}
					want := generic(t, x, slices.Max(sizes), w, arithmetic.a, out)
					for _, m := range sizes {
						name := fmt.Sprintf("%s, m %d, k %d, n %d, groups of %d", arithmetic.name, m, k, n, w.Group)
						checkPacked(t, name, x[:m*k], m, w, arithmetic.a, out, want[:m*n])
						count++
					}
				}
			}
		}
	}
	t.Logf("%d shapes on each tier", count)
}

// TestThreads wants the same bits on any number of threads, for products that are worth sharing: few columns
// and many rows, many columns and few rows, and more rows than one block has.
func TestThreads(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, shape := range [][3]int{{1, 700, 1000}, {64, 300, 200}, {900, 65, 10}, {9000, 260, 17}} {
		m, k, n := shape[0], shape[1], shape[2]
		if testing.Short() || raceEnabled {
			m = (m + 9) / 10
		}
		x := make([]float32, m*k)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		w := random(rng, k, n, k, 8, true, false, false).pack(t)
		for _, arithmetic := range arithmetics[:4] {
			want := generic(t, x, m, w, arithmetic.a, gemm.Output{})
			for _, threads := range []int{1, 2, 3, 8} {
				before := runtime.GOMAXPROCS(threads)
				checkPacked(t, fmt.Sprintf("%d threads, %s, %v", threads, arithmetic.name, shape), x, m, w, arithmetic.a, gemm.Output{}, want)
				runtime.GOMAXPROCS(before)
			}
		}
	}
}

// TestManyColumns has few rows and many columns, of which the last panel is not whole: one tile has them all.
func TestManyColumns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // which cuts no columns
	rng := rand.New(rand.NewPCG(15, 15))
	for _, n := range []int{391, 1000, 2310} {
		const k = 64
		x := activations(rng, 9, k)
		for number, w := range []*pack.Matrix{
			random(rng, k, n, k, 8, true, false, false).pack(t), random(rng, k, n, 32, 8, true, false, false).pack(t),
			random(rng, k, n, k, 8, false, true, true).pack(t), random(rng, k, n, 32, 4, true, false, false).pack(t),
		} {
			for _, arithmetic := range arithmetics[:4] {
				want := generic(t, x, 9, w, arithmetic.a, gemm.Output{})
				for _, m := range []int{1, 2, 7, 9} {
					checkPacked(t, fmt.Sprintf("%s, weight %d, %d×%d×%d", arithmetic.name, number, m, k, n), x[:m*k], m, w, arithmetic.a, gemm.Output{}, want[:m*n])
				}
			}
		}
	}
}

// TestConcurrentCalls multiplies from many goroutines at once, with collections in between.
func TestConcurrentCalls(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	const goroutines, k, n = 8, 320, 130
	calls := 60
	if raceEnabled || testing.Short() {
		calls = 10
	}
	w := random(rng, k, n, k, 8, true, true, false).pack(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	var group sync.WaitGroup
	for id := range goroutines {
		m := 1 + id*17
		x := activations(rng, m, k)
		a := arithmetics[id%len(arithmetics)].a
		want := generic(t, x, m, w, a, gemm.Output{})
		group.Go(func() {
			for range calls {
				y := make([]float32, m*n)
				if err := multiply(y, x, m, w, a, gemm.Output{}); err != nil {
					t.Error(err)
				}
				if i := difference(y, want); i >= 0 {
					t.Errorf("m %d: row %d, column %d is %v, want %v", m, i/n, i%n, y[i], want[i])
				}
				if id == 0 {
					runtime.GC()
				}
			}
		})
	}
	group.Wait()
}

// TestMultiplyQuantized gives quantized values, and the real values that they stand for, to weights of one group
// and of several.
func TestMultiplyQuantized(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	for _, shape := range [][3]int{{1, 1, 1}, {5, 33, 17}, {70, 64, 48}, {130, 200, 30}, {20, 4096, 16}} {
		m, k, n := shape[0], shape[1], shape[2]
		for _, zero := range []int32{0, 128, 255} {
			codes, x := make([]uint8, m*k), make([]float32, m*k)
			for i := range codes {
				codes[i] = uint8(rng.UintN(256))
				x[i] = 0.25 * float32(int32(codes[i])-zero)
			}
			out := gemm.Output{Bias: activations(rng, 1, n)}
			for _, group := range []int{k, 32} {
				w := random(rng, k, n, group, 8, true, zero == 255, zero == 128).pack(t)
				want := generic(t, x, m, w, gemm.Arithmetic{Static: &kernel.Affine{Scale: 0.25, Zero: zero, High: 255}}, out)
				eachTier(func(tier isa.Tier) {
					got := slices.Repeat([]float32{7}, m*n+3)
					if err := multiplyQuantized(got, codes, zero, 0.25, m, w, out); err != nil {
						t.Fatal(err)
					}
					compare(t, fmt.Sprintf("%v, %v, groups of %d, zero point %d", tier, shape, group, zero), got, want, n)
				})
			}
		}
	}
}

// TestRequantize compares with Quantize of the real results of a product.
func TestRequantize(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	for _, shape := range [][3]int{{1, 1, 1}, {5, 33, 17}, {70, 64, 48}, {130, 200, 130}, {9000, 260, 17}} {
		m, k, n := shape[0], shape[1], shape[2]
		codes := make([]uint8, m*k)
		for i := range codes {
			codes[i] = uint8(rng.UintN(256))
		}
		w := random(rng, k, n, k, 8, true, false, false).pack(t)
		out := gemm.Output{Bias: activations(rng, 1, n), ReLU: m%2 == 0}
		numbers := make([]float32, m*n)
		if err := multiplyQuantized(numbers, codes, 100, 0.25, m, w, out); err != nil {
			t.Fatal(err)
		}
		low, high, _ := kernel.MinMax(numbers)
		to := kernel.AffineOf(low/2, high/2, 255) // half of the range saturates
		want := make([]uint8, m*n)
		kernel.Quantize(want, numbers, to)
		eachTier(func(tier isa.Tier) {
			got := slices.Repeat([]uint8{7}, m*n+3)
			if err := product(gemm.Activations{Quantized: got, Params: to}, gemm.Activations{Quantized: codes, Params: kernel.Affine{Scale: 0.25, Zero: 100, High: 255}}, m, w, gemm.Arithmetic{}, out); err != nil {
				t.Fatalf("%v, %v: %v", tier, shape, err)
			}
			for i, q := range got {
				if i < len(want) && q != want[i] || i >= len(want) && q != 7 {
					t.Fatalf("%v, %v: code %d is %d, want that of %v", tier, shape, i, q, numbers[min(i, len(numbers)-1)])
				}
			}
		})
	}
}

// TestRequantizeOverflow has a result that no float32 holds, by each of the terms of one, in few rows and in
// so many that it matters whether there can be one; and a thousandth of it, which is a code.
func TestRequantizeOverflow(t *testing.T) {
	one := kernel.Affine{Scale: 1, High: 255}
	for _, c := range []struct {
		name                   string
		k                      int
		scale, r, bias, offset float32
	}{
		{"a column's scale", 2, 1e35, 1, 0, 0},
		{"depth", 1000, 2e31, 1, 0, 0},
		{"a row's scale", 2, 1e5, 1e30, 0, 0},
		{"a sum before its row's scale", 2, 1e36, 1e-10, 0, 0},
		{"bias", 2, 1, 1e33, 3e38, 0},
		{"offset", 2, 1, 1, 0, 1e36},
	} {
		for _, m := range []int{5, 40} {
			for _, holds := range []bool{false, true} {
				w := pack.Matrix{K: c.k, N: 3, Group: c.k, Scales: []float32{1, c.scale, 1}}
				out := gemm.Output{Bias: []float32{0, c.bias, 0}}
				if c.offset > 0 {
					w.Offsets = []float32{0, c.offset, 0}
				}
				if holds {
					w.Scales[1] /= 1000
					out.Bias[1] /= 1000
					if c.offset > 0 {
						w.Offsets[1] /= 1000
					}
				}
				q := make([]int8, 3*c.k)
				copy(q[c.k:], slices.Repeat([]int8{127}, c.k))
				packed, row := pack.New(w, q, 8), m-2
				codes := make([]uint8, m*c.k)
				copy(codes[row*c.k:], slices.Repeat([]uint8{255}, c.k))
				eachTier(func(tier isa.Tier) {
					got := make([]uint8, 3*m)
					err := product(gemm.Activations{Quantized: got, Params: one}, gemm.Activations{Quantized: codes, Params: kernel.Affine{Scale: c.r, High: 255}}, m, packed, gemm.Arithmetic{}, out)
					switch place := fmt.Sprintf("+Inf at row %d, column 1", row); {
					case holds && (err != nil || got[row*3+1] != 255):
						t.Errorf("%v, %s, %d rows: a thousandth gives code %d and error %v, want 255", tier, c.name, m, got[row*3+1], err)
					case !holds && (!errors.Is(err, gemm.ErrValue) || !strings.Contains(err.Error(), place)):
						t.Errorf("%v, %s, %d rows: got error %v, want one of %s", tier, c.name, m, err, place)
					}
				})
			}
		}
	}
}
