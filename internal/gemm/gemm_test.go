package gemm_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

var arithmetics = []struct {
	name string
	a    gemm.Arithmetic
}{
	{"fixed24", gemm.Arithmetic{Bits: 24}},
	{"fixed16", gemm.Arithmetic{Bits: 16}},
	{"dynamic", gemm.Arithmetic{}},
	{"static affine8", gemm.Arithmetic{Static: &kernel.Affine{Scale: 0.037, Zero: 113, High: 255}}},
	{"static symmetric8", gemm.Arithmetic{Static: &kernel.Affine{Scale: 0.021, Low: -127, High: 127}}},
	{"static poweroftwo8", gemm.Arithmetic{Static: &kernel.Affine{Scale: 0x1p-5, Zero: 17, High: 255}}},
	{"static int4", gemm.Arithmetic{Static: &kernel.Affine{Scale: 0.4, Low: -7, High: 7}}},
	{"static uint4", gemm.Arithmetic{Static: &kernel.Affine{Scale: 0.3, Zero: 6, High: 15}}},
}

var outputs = []struct{ bias, relu bool }{{}, {bias: true}, {relu: true}, {bias: true, relu: true}}

// activations returns rows of every kind, in turn.
func activations(rng *rand.Rand, m, k int) []float32 {
	const huge = math.MaxFloat32
	kinds := []func() float32{
		func() float32 { return float32(rng.NormFloat64()) },
		func() float32 { return 3e38 },
		func() float32 { return float32(math.Abs(rng.NormFloat64())) },
		func() float32 { return -3e38 },
		func() float32 { return 0 },
		func() float32 { return []float32{huge, -huge, 1}[rng.IntN(3)] },
		func() float32 { return -float32(math.Abs(rng.NormFloat64())) },
		func() float32 { return math.Float32frombits(rng.Uint32N(1<<23) | rng.Uint32N(2)<<31) }, // subnormal
		func() float32 { return 1e-30 * float32(rng.NormFloat64()) },
		func() float32 { return float32(rng.IntN(9)-4) / 2 * 0.4 }, // ties
		func() float32 { return float32(math.Exp(6 * rng.NormFloat64())) },
		func() float32 { return float32(math.Copysign(0, -1)) },
		func() float32 { return math.Float32frombits(rng.Uint32N(3)) },
		func() float32 { return 1 - 0x1p-24 },
	}
	x := make([]float32, m*k)
	for i := range m {
		for p := range k {
			x[i*k+p] = kinds[i%len(kinds)]()
		}
	}
	return x
}

// random returns a weight whose columns are, in turn, random codes and one extreme or the other. Scales have
// both signs.
func random(rng *rand.Rand, k, n, group, bits int, signed, zeros, offsets bool) weight {
	w := weight{k: k, n: n, group: group, bits: bits, signed: signed, codes: make([]int64, n*k)}
	low, high := w.codeRange()
	for i := range w.codes {
		w.codes[i] = []int64{low + rng.Int64N(high-low+1), high, low}[i/k%3]
	}
	for range n * w.groups() {
		w.scales = append(w.scales, float32(0.1*rng.NormFloat64()))
		if zeros {
			w.zeros = append(w.zeros, int32(low+rng.Int64N(high-low+1)))
		}
		if offsets {
			w.offsets = append(w.offsets, float32(rng.NormFloat64()))
		}
	}
	return w
}

// check compares Multiply with the reference, bit for bit.
func check(t *testing.T, name string, x []float32, m int, w weight, a gemm.Arithmetic, out gemm.Output) {
	t.Helper()
	checkPacked(t, name, x, m, w.pack(t), a, out, reference(x, m, w, a, out))
}

// checkPacked compares Multiply on every tier with what is wanted, bit for bit.
func checkPacked(t *testing.T, name string, x []float32, m int, w *pack.Matrix, a gemm.Arithmetic, out gemm.Output, want []float32) {
	t.Helper()
	eachTier(func(tier isa.Tier) {
		got := slices.Repeat([]float32{7}, m*w.N+3) // three more, to see that they are left alone
		if err := multiply(got, x, m, w, a, out); err != nil {
			t.Fatalf("%v, %s: %v", tier, name, err)
		}
		compare(t, fmt.Sprintf("%v, %s", tier, name), got, want, w.N)
	})
}

// eachTier calls f once for every tier of this machine, in use.
func eachTier(f func(isa.Tier)) {
	for _, tier := range isa.All() {
		if isa.Supported(tier) {
			restore := isa.Use(tier)
			f(tier)
			restore()
		}
	}
}

func compare(t *testing.T, name string, got, want []float32, n int) {
	t.Helper()
	if i := difference(got[:len(want)], want); i >= 0 {
		t.Fatalf("%s: row %d, column %d is %v (%x), want %v (%x)", name, i/n, i%n, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
	}
	if past := got[len(want):]; slices.ContainsFunc(past, func(v float32) bool { return v != 7 }) {
		t.Fatalf("%s: wrote past the result: %v", name, past)
	}
}

// TestMultiply goes through all shapes, layouts and arithmetics.
func TestMultiply(t *testing.T) {
	const most = 130
	depths, rows := []int{1, 5, 32, 33, 100}, []int{1, 2, 63, 64, 65, most}
	if raceEnabled || testing.Short() {
		depths, rows = []int{3, 33}, []int{1, 65}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, layout := range []struct {
		name                   string
		bits                   int
		signed, zeros, offsets bool
	}{
		{"signed 8", 8, true, false, false},
		{"unsigned 8, zero points", 8, false, true, false},
		{"unsigned 8, offsets", 8, false, false, true},
		{"signed 4", 4, true, false, false},
		{"unsigned 4, zero points", 4, false, true, false},
		{"unsigned 4, offsets", 4, false, false, true},
	} {
		for _, k := range depths {
			given := activations(rng, most, k)
			x := slices.Clone(given)
			for _, n := range []int{1, 18} {
				for at, group := range []int{k, 1, 3, 32} {
					w := random(rng, k, n, min(group, k), layout.bits, layout.signed, layout.zeros, layout.offsets)
					packed := w.pack(t)
					var out gemm.Output
					for number, arithmetic := range arithmetics {
						chosen := outputs[(number+n+at)%len(outputs)]
						out.ReLU, out.Bias = chosen.relu, nil
						if chosen.bias {
							out.Bias = activations(rng, 1, n)
						}
						want := reference(x, most, w, arithmetic.a, out)
						for step, m := range rows {
							first := min((k+n+number+step)%14, most-m) // each kind of row gets its turn alone
							name := fmt.Sprintf("%s, %s, m %d, k %d, n %d, groups of %d, %+v", layout.name, arithmetic.name, m, k, n, w.group, chosen)
							checkPacked(t, name, x[first*k:], m, packed, arithmetic.a, out, want[first*n:(first+m)*n])
						}
					}
				}
			}
			if difference(x, given) >= 0 {
				t.Fatalf("k %d: Multiply changed its input", k)
			}
		}
	}
}

// TestByHand has one number of each term.
func TestByHand(t *testing.T) {
	x := []float32{1, 2, 3, -4, 5}
	exact := gemm.Arithmetic{Static: &kernel.Affine{Scale: 1, Zero: 128, High: 255}}
	w := weight{
		k: 5, n: 2, group: 3, bits: 8,
		codes:   []int64{1, 2, 3, 4, 5, 255, 0, 0, 0, 10},
		scales:  []float32{1, 10, 100, 1000},
		zeros:   []int32{1, 2, 0, 4},
		offsets: []float32{0.5, 0.25, 0, 2},
	}
	// Column 0: 1·(1·0 + 2·1 + 3·2) + 0.5·6, then 10·(−4·2 + 5·3) + 0.25·1.
	// Column 1: 100·255 + 0·6, then 1000·(−4·−4 + 5·6) + 2·1.
	want := []float32{8 + 3 + 70 + 0.25, 25500 + 46000 + 2}
	for _, c := range []struct {
		out  gemm.Output
		want []float32
	}{
		{gemm.Output{}, want},
		{gemm.Output{Bias: []float32{-100, 1}}, []float32{want[0] - 100, want[1] + 1}},
		{gemm.Output{ReLU: true}, want},
		{gemm.Output{Bias: []float32{-100, 1}, ReLU: true}, []float32{0, want[1] + 1}}, // the bias comes first
	} {
		got := make([]float32, 2)
		for _, arithmetic := range []gemm.Arithmetic{exact, {Bits: 24}, {Bits: 16}} {
			if err := multiply(got, x, 1, w.pack(t), arithmetic, c.out); err != nil || difference(got, c.want) >= 0 {
				t.Errorf("%+v, %+v: %v, %v, want %v", arithmetic, c.out, got, err, c.want)
			}
		}
	}
}

// TestRoundingOrder has sums that come out differently in any other order, or in the other precision.
func TestRoundingOrder(t *testing.T) {
	one := gemm.Arithmetic{Static: &kernel.Affine{Scale: 1, High: 255}}
	three := gemm.Arithmetic{Static: &kernel.Affine{Scale: 3, High: 255}}
	groups := func(scales ...float32) weight {
		w := weight{k: len(scales), n: 1, group: 1, bits: 8, signed: true, scales: scales}
		for range scales {
			w.codes = append(w.codes, 1)
		}
		return w
	}
	for _, c := range []struct {
		name string
		w    weight
		x    float32 // at every depth
		a    gemm.Arithmetic
		want float32
	}{
		{"float32 in order of depth", groups(1, 0x1p30, -0x1p30), 1, one, 0},
		{"float32 in order of depth, 1 last", groups(0x1p30, -0x1p30, 1), 1, one, 1},
		{"float64 in order of depth", groups(1, 0x1p60, -0x1p60), 1, gemm.Arithmetic{Bits: 24}, 0},
		{"float64 keeps what float32 loses", groups(1, 0x1p30, -0x1p30), 1, gemm.Arithmetic{Bits: 24}, 1},
		{"float64 rounds once", groups(1, 0x1p-24, 0x1p-40), 1, gemm.Arithmetic{Bits: 16}, 1 + 0x1p-23},
		{"r after the sum", groups(1, 1+0x1p-23), 3, three, 6},
	} {
		got := []float32{0}
		x := slices.Repeat([]float32{c.x}, c.w.k)
		if err := multiply(got, x, 1, c.w.pack(t), c.a, gemm.Output{}); err != nil || got[0] != c.want {
			t.Errorf("%s: %b, %v, want %b", c.name, got[0], err, c.want)
		}
	}
}

// TestOverflow passes the depths at which an int32 sum overflows: 65,793 for u8·s8 and 33,025 for u8·u8.
func TestOverflow(t *testing.T) {
	for _, c := range []struct {
		name      string
		x         float32
		zero      int32 // of the activations
		code      int64
		signed    bool
		zeroPoint int32
		bounds    []int
		each      int64 // what one step of depth adds
	}{
		{"255 · −128", 255, 0, -128, true, 0, []int{65793, 65794, 131587}, -255 * 128},
		{"255 · 127", 255, 0, 127, true, 0, []int{65793, 66313}, 255 * 127},
		{"−255 · −128", -255, 255, -128, true, 0, []int{65793, 65794}, 255 * 128},
		{"255 · (0 − 255)", 255, 0, 0, false, 255, []int{33025, 33026, 66053}, -255 * 255},
		{"255 · (255 − 0)", 255, 0, 255, false, 0, []int{33025, 33026, 66053}, 255 * 255},
		{"−255 · (255 − 0)", -255, 255, 255, false, 0, []int{33025, 33026}, -255 * 255},
	} {
		for _, k := range c.bounds {
			a := gemm.Arithmetic{Static: &kernel.Affine{Scale: 1, Zero: c.zero, High: 255}}
			w := weight{k: k, n: 1, group: k, bits: 8, signed: c.signed, codes: slices.Repeat([]int64{c.code}, k), scales: []float32{1}, zeros: []int32{c.zeroPoint}}
			x := slices.Repeat([]float32{c.x}, k)
			name := fmt.Sprintf("%s, k %d", c.name, k)
			check(t, name, x, 1, w, a, gemm.Output{})
			for _, a := range []gemm.Arithmetic{a, {}, {Bits: 24}, {Bits: 16}} {
				got := []float32{0}
				want := float32(int64(k) * c.each)
				if err := multiply(got, x, 1, w.pack(t), a, gemm.Output{}); err != nil || got[0] != want {
					t.Errorf("%s, %+v: %v, %v, want %v", name, a, got[0], err, want)
				}
			}
		}
	}
}

// TestRowsAlone multiplies each row of a batch by itself, after other sizes have used the scratch memory.
func TestRowsAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const m, k, n = 131, 37, 5
	x := activations(rng, m, k)
	w := random(rng, k, n, 8, 4, false, true, true)
	small := random(rng, 3, 1, 1, 8, true, false, false)
	packed := w.pack(t)
	for _, arithmetic := range arithmetics {
		batch, row := make([]float32, m*n), make([]float32, n)
		if err := multiply(batch, x, m, packed, arithmetic.a, gemm.Output{}); err != nil {
			t.Fatal(err)
		}
		for i := range m {
			check(t, arithmetic.name, []float32{1, 2, 3}, 1, small, arithmetic.a, gemm.Output{})
			if err := multiply(row, x[i*k:(i+1)*k], 1, packed, arithmetic.a, gemm.Output{}); err != nil {
				t.Fatal(err)
			}
			if j := difference(row, batch[i*n:]); j >= 0 {
				t.Errorf("%s: row %d, column %d is %v alone and %v in the batch", arithmetic.name, i, j, row[j], batch[i*n+j])
			}
		}
	}
}

func TestNotFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const m, k, n = 130, 5, 2
	w := random(rng, k, n, k, 8, true, false, false).pack(t)
	h := halfWeight(k, n, slices.Repeat([]uint16{1}, k*n)).pack()
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for _, at := range []int{0, 4, 63*k + 4, 64 * k, m*k - 1} {
			x := activations(rng, m, k)
			x[at] = bad
			x[m*k-1] = bad // the first is the one that is named
			dst := make([]float32, m*n)
			report := func(name string, err error) {
				t.Helper()
				want := fmt.Sprintf("got %v at row %d, column %d", bad, at/k, at%k)
				if !errors.Is(err, gemm.ErrValue) || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%s: error %v, want ErrValue and %q", name, err, want)
				}
			}
			for _, arithmetic := range arithmetics {
				report(arithmetic.name, multiply(dst, x, m, w, arithmetic.a, gemm.Output{}))
			}
			report("half", multiplyFloat16(dst, x, m, h, gemm.Output{}))
		}
	}
}

// TestNotFiniteAfterBlocks names the right row after a call that took several blocks.
func TestNotFiniteAfterBlocks(t *testing.T) {
	const m, k = 40000, 8
	w := random(rand.New(rand.NewPCG(3, 4)), k, 1, k, 8, true, false, false).pack(t)
	if err := multiply(make([]float32, m), make([]float32, m*k), m, w, gemm.Arithmetic{}, gemm.Output{}); err != nil {
		t.Fatal(err)
	}
	x := make([]float32, k)
	x[3] = float32(math.Inf(1))
	want := "got +Inf at row 0, column 3"
	for name, err := range map[string]error{
		"half": multiplyFloat16(make([]float32, 1), x, 1,
			halfWeight(k, 1, make([]uint16, k)).pack(), gemm.Output{}),
		"ints": multiply(make([]float32, 1), x, 1, w, gemm.Arithmetic{}, gemm.Output{}),
	} {
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// TestPartialSumPastFloat32 pins what the doc says of sums that pass the largest float32 on the way.
func TestPartialSumPastFloat32(t *testing.T) {
	huge := weight{k: 2, n: 1, group: 1, bits: 8, signed: true, codes: []int64{100, -100}, scales: []float32{1e37, 1e37}}
	x := []float32{0x1p-20, 0x1p-20}
	for _, c := range []struct {
		a    gemm.Arithmetic
		want float32
	}{
		{gemm.Arithmetic{Bits: 24}, 0},
		{gemm.Arithmetic{Bits: 16}, 0},
		{gemm.Arithmetic{}, float32(math.NaN())},
	} {
		got := []float32{0}
		if err := multiply(got, x, 1, huge.pack(t), c.a, gemm.Output{}); err != nil || difference(got, []float32{c.want}) >= 0 {
			t.Errorf("%+v: %v, %v, want %v", c.a, got[0], err, c.want)
		}
	}
}
