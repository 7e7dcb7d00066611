package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// codebooks are all sizes of groups and of codes, with tables of any levels, of linear ones and without a 0.
var codebooks = []struct {
	bits, size int
	table      string
}{
	{4, 32, "any"},
	{4, 16, "any"},
	{4, 64, "linear"},
	{4, 128, "any"},
	{4, 0, "any"},
	{4, 0, "linear"},
	{3, 32, "any"},
	{3, 0, "linear"},
	{2, 32, "any"},
	{2, 16, "linear"},
	{2, 64, "any"},
	{2, 128, "no zero"},
	{2, 0, "any"},
	{4, 32, "no zero"},
	{2, 0, "linear"},
}

// drawCodebook returns a weight k×n of drawn codes and multipliers of both signs, and the same as int8.
func drawCodebook(rng *rand.Rand, k, n, bits, size int, table string) (coded, decoded *pack.Matrix) {
	c := pack.Codebook{Bits: bits, Size: size, Fill: 1<<bits/2 - 1}
	for q := range 1 << bits {
		level := -127 + q*254/(1<<bits-1)
		switch {
		case table == "linear":
			level, c.Fill = (q-1<<(bits-1))<<(8-bits), 1<<bits/2
		case table == "any" && q == int(c.Fill):
			level = 0
		}
		c.Levels = append(c.Levels, int8(level))
	}
	if size > 0 {
		for range n * ((k + size - 1) / size) {
			c.Multipliers = append(c.Multipliers, []int8{int8(rng.IntN(255) - 127), 127, -127, 0}[rng.IntN(4)])
		}
	}
	codes := make([]uint8, k*n)
	for i := range codes {
		codes[i] = []uint8{uint8(rng.IntN(1 << bits)), 0, 1<<bits - 1}[i/k%3]
	}
	m := pack.Matrix{K: k, N: n, Group: k}
	for range n {
		m.Scales = append(m.Scales, float32(0.1*rng.NormFloat64()))
	}
	coded = pack.FromCodebook(m, c, pack.Source{Order: pack.ColumnMajor(k), Codes: codes, Bits: 8}, pack.Serial)
	return coded, pack.New(m, coded.Codes(), 8)
}

// TestCodebooks wants what the same weights as int8 give, for all numbers of rows around those for which
// weights are looked up or decoded first, and on any number of threads.
func TestCodebooks(t *testing.T) {
	const most = 40
	rng := rand.New(rand.NewPCG(21, 21))
	depths, columns := []int{5, 64, 100, 448}, []int{1, 17, 49}
	if raceEnabled || testing.Short() {
		depths, columns = []int{100}, []int{17}
	}
	for number, c := range codebooks {
		for at, k := range depths {
			x := activations(rng, most, k)
			for _, n := range columns {
				w, w8 := drawCodebook(rng, k, n, c.bits, c.size, c.table)
				for of, arithmetic := range arithmetics[:5] {
					out := gemm.Output{ReLU: outputs[(number+at)%4].relu}
					if outputs[(number+at)%4].bias {
						out.Bias = activations(rng, 1, n)
					}
					want := generic(t, x, most, w8, arithmetic.a, out)
					for m := 1; m <= most; m++ {
						if m > 9 && (m+of+number)%5 != 0 {
							continue
						}
						threads := 1 + 2*(m%2)
						name := fmt.Sprintf("%d bits in groups of %d, %s, %s, %d threads, m %d, k %d, n %d", c.bits, c.size, c.table, arithmetic.name, threads, m, k, n)
						before := runtime.GOMAXPROCS(threads)
						checkPacked(t, name, x[:m*k], m, w, arithmetic.a, out, want[:m*n])
						runtime.GOMAXPROCS(before)
					}
				}
			}
		}
	}
}

// TestCodebooksShared has products that are worth sharing between threads.
func TestCodebooksShared(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	rng := rand.New(rand.NewPCG(22, 22))
	for _, shape := range [][3]int{{1, 700, 1000}, {2, 1024, 500}, {65, 300, 200}, {300, 65, 40}} {
		m, k, n := shape[0], shape[1], shape[2]
		x := activations(rng, m, k)
		for number, c := range codebooks[:9] {
			w, w8 := drawCodebook(rng, k, n, c.bits, c.size, c.table)
			for of, arithmetic := range arithmetics[:4] {
				if testing.Short() && (number+of)%4 > 0 { // each has its turn
					continue
				}
				want := generic(t, x, m, w8, arithmetic.a, gemm.Output{})
				checkPacked(t, fmt.Sprintf("%d bits in groups of %d, %s, %v", c.bits, c.size, arithmetic.name, shape), x, m, w, arithmetic.a, gemm.Output{}, want)
			}
		}
	}
}

// TestCodebooksQuantized has quantized values in, and out.
func TestCodebooksQuantized(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 23))
	for _, shape := range [][3]int{{1, 64, 33}, {3, 100, 17}, {8, 33, 48}, {40, 200, 30}} {
		m, k, n := shape[0], shape[1], shape[2]
		codes := make([]uint8, m*k)
		for i := range codes {
			codes[i] = uint8(rng.UintN(256))
		}
		for _, zero := range []int32{0, 100, 255} {
			from, to := kernel.Affine{Scale: 0.25, Zero: zero, High: 255}, kernel.Affine{Scale: 2, Zero: 128, High: 255}
			for _, c := range codebooks {
				w, w8 := drawCodebook(rng, k, n, c.bits, c.size, c.table)
				out := gemm.Output{Bias: activations(rng, 1, n)}
				for i := range out.Bias {
					out.Bias[i] = float32(i)
				}
				want, floats := slices.Repeat([]uint8{7}, m*n+3), slices.Repeat([]float32{7}, m*n+3)
				run := func(q []uint8, y []float32, w *pack.Matrix) {
					x := gemm.Activations{Quantized: codes, Params: from}
					if err := product(gemm.Activations{Quantized: q, Params: to}, x, m, w, gemm.Arithmetic{}, out); err != nil {
						t.Fatal(err)
					}
					if err := product(gemm.Activations{Float: y}, x, m, w, gemm.Arithmetic{}, out); err != nil {
						t.Fatal(err)
					}
				}
				run(want, floats, w8)
				eachTier(func(tier isa.Tier) {
					name := fmt.Sprintf("%v, %d bits in groups of %d, %s, %v, zero point %d", tier, c.bits, c.size, c.table, shape, zero)
					got, y := slices.Repeat([]uint8{7}, m*n+3), slices.Repeat([]float32{7}, m*n+3)
					run(got, y, w)
					compare(t, name, y, floats[:m*n], n)
					if !slices.Equal(got, want) {
						t.Fatalf("%s: got %v, want %v", name, got, want)
					}
				})
			}
		}
	}
}

// TestCodebookOverflow passes the depth at which an int32 sum overflows.
func TestCodebookOverflow(t *testing.T) {
	exact := gemm.Arithmetic{Static: &kernel.Affine{Scale: 1, High: 255}}
	depths := []int{65728, 65792, 65793, 65856, 131587}
	if testing.Short() {
		depths = []int{65793}
	}
	for _, c := range []struct {
		name       string
		levels     []int8
		multiplier int8 // 0 for none
		w          int64
	}{
		{"−128", []int8{-128, -64, 0, 64}, 0, -128},
		{"−127 · 127", []int8{-127, -64, 0, 64}, 127, -126},
		{"−128 · 127", []int8{-128, -64, 0, 64}, 127, -127},
		{"−127 · −127", []int8{-127, -64, 0, 64}, -127, 126},
	} {
		for _, k := range depths {
			book := pack.Codebook{Bits: 2, Levels: c.levels, Fill: 2}
			if c.multiplier != 0 {
				book.Size = 128
				book.Multipliers = slices.Repeat([]int8{c.multiplier}, (k+127)/128)
			}
			m := pack.Matrix{K: k, N: 1, Scales: []float32{1}}
			w := pack.FromCodebook(m, book, pack.Source{Order: pack.ColumnMajor(k), Codes: make([]uint8, k), Bits: 8}, pack.Serial)
			x := slices.Repeat([]float32{255}, k)
			for _, a := range []gemm.Arithmetic{exact, {}, {Bits: 24}, {Bits: 16}} {
				checkPacked(t, fmt.Sprintf("%s, k %d, %+v", c.name, k, a), x, 1, w, a, gemm.Output{}, []float32{float32(int64(k) * 255 * c.w)})
			}
		}
	}
}

// TestCodebookConvolution convolves by filters that are looked up.
func TestCodebookConvolution(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 24))
	for _, v := range []gemm.Conv{
		{Channels: 4, Height: 6, Width: 9, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}},
		{Channels: 16, Height: 5, Width: 7, Kernel: [2]int{3, 1}},
		{Channels: 1, Height: 12, Width: 11, Kernel: [2]int{5, 4}, NCHW: true},
	} {
		v.Stride, v.Dilation = [2]int{1, 1}, [2]int{1, 1}
		const samples, n = 3, 18
		height, width := v.Out()
		x := activations(rng, samples, v.Channels*v.Height*v.Width)
		for _, c := range codebooks {
			w, w8 := drawCodebook(rng, v.Depth(), n, c.bits, c.size, c.table)
			for _, arithmetic := range arithmetics[:4] {
				convolve := func(w *pack.Matrix) []float32 {
					y := make([]float32, samples*n*height*width)
					err := gemm.NewConvolution(v, []*pack.Matrix{w}, arithmetic.a, gemm.Output{}).Run(gemm.Activations{Float: y}, gemm.Activations{Float: x}, samples)
					if err != nil {
						t.Fatal(err)
					}
					return y
				}
				want := convolve(w8)
				eachTier(func(tier isa.Tier) {
					compare(t, fmt.Sprintf("%v, %+v, %d bits in groups of %d, %s", tier, v, c.bits, c.size, arithmetic.name), convolve(w), want, height*width)
				})
			}
		}
	}
}

// TestCodebookAllocations wants none, whether weights are looked up or decoded first.
func TestCodebookAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(25, 25))
	const most, k, n = 40, 100, 33
	x, dst := activations(rng, most, k), make([]float32, most*n)
	for _, bits := range []int{2, 4} {
		w, _ := drawCodebook(rng, k, n, bits, 32, "any")
		for _, arithmetic := range arithmetics[:4] {
			p := gemm.NewProduct(w, arithmetic.a, gemm.Output{})
			for _, m := range []int{1, 2, most} {
				run := func() {
					if err := p.Run(gemm.Activations{Float: dst}, gemm.Activations{Float: x}, m); err != nil {
						t.Fatal(err)
					}
				}
				eachTier(func(tier isa.Tier) {
					if got := testing.AllocsPerRun(50, run); got != 0 {
						t.Errorf("%v, %d bits, %s, %d rows: %v allocations a call, want none", tier, bits, arithmetic.name, m, got)
					}
				})
			}
		}
	}
}
