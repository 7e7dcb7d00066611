package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// schemes are the ten methods, and what can be said of how they share scales.
var schemes = []qtensor.Scheme{
	qtensor.Uniform(8),
	qtensor.Symmetric(8),
	qtensor.Affine(8),
	qtensor.PowerOfTwo(8),
	qtensor.Int4(),
	qtensor.UInt4(),
	qtensor.Float16(),
	qtensor.BFloat16(),
	qtensor.Float8E4M3FN(),
	qtensor.Float8E5M2().PerAxis(1),
	qtensor.PerChannelSymmetric(8, 1),
	qtensor.PerChannelAffine(8, 1),
	qtensor.Uniform(3),
	qtensor.Symmetric(2),
	qtensor.Affine(5),
	qtensor.Uniform(8).PerAxis(1),
	qtensor.PowerOfTwo(8).PerAxis(1),
	qtensor.Int4().PerAxis(1),
	qtensor.UInt4().PerAxis(1),
	qtensor.Int4().PerGroup(1, 32),
	qtensor.UInt4().PerGroup(1, 32),
	qtensor.Int4().PerGroup(1, 3),
	qtensor.UInt4().PerGroup(1, 1),
	qtensor.Symmetric(8).PerGroup(1, 32),
	qtensor.Affine(8).PerGroup(1, 5),
	qtensor.PowerOfTwo(4).PerGroup(1, 2),
	qtensor.Uniform(8).PerGroup(1, 7),
	qtensor.Uniform(4).PerGroup(1, math.MaxInt), // the whole column
	qtensor.Symmetric(8).WithScales(qtensor.ScaleFloat16),
	qtensor.Int4().PerGroup(1, 32).WithScales(qtensor.ScaleFloat16),
	qtensor.UInt4().PerGroup(1, 5).WithScales(qtensor.ScaleFloat16),
}

// anyWeight returns a matrix with codes over the whole range of s, columns of the extreme ones, any zero
// point, and scales of both signs.
func anyWeight(t testing.TB, rng *rand.Rand, s qtensor.Scheme, in, out int) *qtensor.QTensor {
	t.Helper()
	if s.IsFloat() {
		return mustQuantize(t, rng.Uint64(), s, in, out)
	}
	shape := tensor.Shape{in, out}
	count, err := s.Blocks(shape)
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := gaussian(rng.Uint64(), count), gaussian(rng.Uint64(), count)
	for i := range lo {
		lo[i], hi[i] = min(lo[i], hi[i]), max(lo[i], hi[i])
	}
	p, err := qtensor.NewParams(s, lo, hi)
	if err != nil {
		t.Fatal(err)
	}
	low, high := s.CodeRange()
	for i := range p.ZeroPoints {
		p.ZeroPoints[i] = low + rng.Int32N(high-low+1)
	}
	for i := range p.Scales {
		if i%3 == 1 {
			p.Scales[i] = -p.Scales[i]
		}
	}
	if low < 0 {
		low-- // the code that a negative scale is for
	}
	code := func(i int) int32 { return []int32{low + rng.Int32N(high-low+1), high, low}[i%out%3] }
	var codes *tensor.Dense
	if low < 0 {
		codes = newTensor(fill(in*out, func(i int) int8 { return int8(code(i)) }), in, out)
	} else {
		codes = newTensor(fill(in*out, func(i int) uint8 { return uint8(code(i)) }), in, out)
	}
	q, err := qtensor.FromCodes(codes, p)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func fill[T any](n int, f func(i int) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

// rowsOf returns rows of every kind, in turn.
func rowsOf(rng *rand.Rand, m, k int) []float32 {
	kinds := []func() float32{
		func() float32 { return float32(rng.NormFloat64()) },
		func() float32 { return 3e38 },
		func() float32 { return -3e38 },
		func() float32 { return 0 },
		func() float32 { return []float32{3e38, -3e38, 1}[rng.IntN(3)] },
		func() float32 { return math.Float32frombits(rng.Uint32N(1<<23) | rng.Uint32N(2)<<31) }, // subnormal
		func() float32 { return 1e-30 * float32(rng.NormFloat64()) },
		func() float32 { return float32(math.Abs(rng.NormFloat64())) },
		func() float32 { return -float32(math.Abs(rng.NormFloat64())) },
		func() float32 { return float32(math.Exp(5 * rng.NormFloat64())) },
	}
	return fill(m*k, func(i int) float32 { return kinds[i/k%len(kinds)]() })
}

// TestLinear compares every scheme of weights under all Activations with the reference, bit for bit. The rows
// of a batch come back after a while, in other blocks of it, since the reference takes its time.
func TestLinear(t *testing.T) {
	const distinct, most = 30, 130
	depths := []int{1, 2, 3, 5, 31, 32, 33, 64, 100}
	if raceEnabled || testing.Short() {
		depths = []int{5, 33}
	}
	computings := computings(t)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, k := range depths {
		x := rowsOf(rng, distinct, k)
		batch := slices.Repeat(x, most/distinct+2)
		rows := make([][]integers, len(computings))
		for i, c := range computings {
			rows[i] = c.integersOf(t, x, distinct, k)
		}
		for _, s := range schemes {
			for _, n := range []int{1, 2, 7, 16} {
				q := anyWeight(t, rng, s, k, n)
				w := mustPack(t, q)
				for i, c := range computings {
					if s.IsFloat() && c.bits != 24 {
						continue
					}
					var want []float32
					if s.IsFloat() {
						want = floatReference(t, q, x, distinct)
					} else {
						want = reference(t, q, c, rows[i])
					}
					want = slices.Repeat(want, most/distinct+2)
					op := mustOp(t, tensor.Float32, 2, w, under(c.compute))
					for step, m := range []int{1, 2, 63, 64, 65, most} {
						first := (k + n + i + step) % distinct // each kind of row gets its turn alone
						got := mustDo(t, op, newTensor(slices.Clone(batch[first*k:][:m*k]), m, k))
						compare(t, fmt.Sprintf("%v, %v, m %d, k %d, n %d", s, c, m, k, n), got, want[first*n:][:m*n], n)
					}
				}
			}
		}
	}
}

func compare(t *testing.T, name string, got, want []float32, n int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: row %d, column %d is %v (%x), want %v (%x)", name, i/n, i%n, got[i], math.Float32bits(got[i]), want[i],
				math.Float32bits(want[i]))
		}
	}
}
