package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"euryale/internal/convert"
	"euryale/internal/half"
	"euryale/internal/kernel"
)

// tensors are shapes and ways of cutting them: lines long and short, groups that fit them and do not, one
// element, and what takes several tiles and threads.
func tensors() (list []convert.Blocks) {
	for _, shape := range [][]int{
		{1},
		{7},
		{1, 1, 1},
		{3, 5},
		{5, 3, 2},
		{70, 130},
		{2, 3, 40},
		{4, 5, 3, 3},
		{129, 67, 9},
		{300, 2, 31},
		{2, 3, 32},
		{100, 901},
		{3, 30011},
		{30011, 3},
		{30, 33, 32, 3},
	} {
		total := 1
		for _, n := range shape {
			total *= n
		}
		list = append(list, convert.One(total))
		for axis := range shape {
			for _, size := range []int{0, 32, 100, 1, 3, 64, 128, 600} {
				if total > 1<<16 && size != 0 && size != 32 && size != 100 {
					break
				}
				list = append(list, convert.PerAxis(shape, axis, size))
			}
		}
	}
	return list
}

// blockOf returns the block of each element by counting.
func blockOf(b convert.Blocks) []int {
	seen, blocks := make([]int, b.Channels), make([]int, b.Outer*b.Channels*b.Inner)
	for i := range blocks {
		channel := i / b.Inner % b.Channels
		blocks[i] = channel*b.Groups() + seen[channel]/b.Size
		seen[channel]++
	}
	return blocks
}

// eachTensor runs a test on every tensor with one thread and with several.
func eachTensor(t *testing.T, run func(t *testing.T, b convert.Blocks, blocks []int, rng *rand.Rand)) {
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			for _, b := range tensors() {
				if blocks := blockOf(b); blocks[len(blocks)-1] != b.Count()-1 {
					t.Fatalf("%+v: the last of %d elements is in block %d, want %d", b, len(blocks), blocks[len(blocks)-1], b.Count()-1)
				} else if threads > 1 || len(blocks) < 1<<10 || !testing.Short() { // several threads have it all
					run(t, b, blocks, rand.New(rand.NewPCG(1, uint64(b.Size))))
				}
			}
		})
	}
}

func numbers(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(int32(rng.Uint32())>>8) / (1 << 20)
	}
	return x
}

// compare fails unless two results are the same to the bit.
func compare[T float32 | int8 | uint8 | uint16](t *testing.T, what string, b convert.Blocks, got, want []T) {
	t.Helper()
	for i := range want {
		if g, w := float64(got[i]), float64(want[i]); math.Float64bits(g) != math.Float64bits(w) {
			t.Fatalf("%+v: %s at %d of %d is %v, want %v", b, what, i, len(want), got[i], want[i])
		}
	}
}

func affines(blocks int, signed bool) *convert.Affines {
	a := &convert.Affines{Scales: make([]float32, blocks), High: 255}
	for i := range a.Scales {
		a.Scales[i] = 0.01 * float32(1+i%7)
	}
	if !signed {
		for i := range a.Scales {
			a.Zeros = append(a.Zeros, int32(i%256))
		}
		return a
	}
	a.Low, a.High = -127, 127
	for i := 1; i < blocks; i += 3 {
		a.Scales[i] = -a.Scales[i]
	}
	return a
}

func testAffine[C kernel.Code](t *testing.T, signed bool) {
	eachTensor(t, func(t *testing.T, b convert.Blocks, blocks []int, rng *rand.Rand) {
		maps, x := affines(b.Count(), signed), numbers(rng, len(blocks))
		q, want := make([]C, len(x)), make([]C, len(x))
		y, wantY := make([]float32, len(x)), make([]float32, len(x))
		convert.Quantize(q, x, b, maps)
		convert.Dequantize(y, q, b, maps)
		for i, block := range blocks {
			a := kernel.Affine{Scale: maps.Scales[block], Low: maps.Low, High: maps.High}
			if !signed {
				a.Zero = maps.Zeros[block]
			} else if a.Scale < 0 {
				a.Low = -128
			}
			kernel.Quantize(want[i:i+1], x[i:i+1], a)
			kernel.Dequantize(wantY[i:i+1], want[i:i+1], a)
		}
		compare(t, "code", b, q, want)
		compare(t, "element", b, y, wantY)
	})
}

func TestSigned(t *testing.T)   { testAffine[int8](t, true) }
func TestUnsigned(t *testing.T) { testAffine[uint8](t, false) }

func TestGrid(t *testing.T) {
	eachTensor(t, func(t *testing.T, b convert.Blocks, blocks []int, rng *rand.Rand) {
		grids := &convert.Grids{High: 255}
		for i := range b.Count() {
			grids.Scales, grids.Offsets = append(grids.Scales, 0.01*float32(1+i%7)), append(grids.Offsets, -float32(i%5))
		}
		x := numbers(rng, len(blocks))
		q, want := make([]uint8, len(x)), make([]uint8, len(x))
		y, wantY := make([]float32, len(x)), make([]float32, len(x))
		convert.QuantizeGrid(q, x, b, grids)
		convert.DequantizeGrid(y, q, b, grids)
		for i, block := range blocks {
			g := kernel.Grid{Scale: grids.Scales[block], Offset: grids.Offsets[block], High: 255}
			kernel.QuantizeGrid(want[i:i+1], x[i:i+1], g)
			kernel.DequantizeGrid(wantY[i:i+1], want[i:i+1], g)
		}
		compare(t, "code", b, q, want)
		compare(t, "element", b, y, wantY)
	})
}

func TestRanges(t *testing.T) {
	eachTensor(t, func(t *testing.T, b convert.Blocks, blocks []int, rng *rand.Rand) {
		x := numbers(rng, len(blocks))
		low, high := make([]float32, b.Count()), make([]float32, b.Count())
		for i := range low {
			low[i], high[i] = math.MaxFloat32, -math.MaxFloat32
		}
		for i, block := range blocks {
			low[block], high[block] = min(low[block], x[i]), max(high[block], x[i])
		}
		gotLow, gotHigh, bad := convert.Ranges(x, b)
		if bad != -1 || len(gotLow) != len(low) || len(gotHigh) != len(high) {
			t.Fatalf("%+v: got %d minima, %d maxima and %d, want %d, %d and -1", b, len(gotLow), len(gotHigh), bad, len(low), len(high))
		}
		compare(t, "minimum", b, gotLow, low)
		compare(t, "maximum", b, gotHigh, high)
		at := rng.IntN(len(x))
		for _, i := range []int{at, at + rng.IntN(len(x)-at)} {
			x[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}[rng.IntN(3)]
		}
		if _, _, bad := convert.Ranges(x, b); bad != at {
			t.Fatalf("%+v: %v at %d was found at %d", b, x[at], at, bad)
		}
	})
}

func testMask[T float32 | float64](t *testing.T) {
	eachTensor(t, func(t *testing.T, b convert.Blocks, blocks []int, rng *rand.Rand) {
		x, low, high := numbers(rng, len(blocks)), make([]float32, b.Count()), make([]float32, b.Count())
		for i := range low {
			low[i], high[i] = -float32(i%7), float32(i%5)
		}
		src, got := make([]T, len(x)), make([]T, len(x))
		for i, v := range numbers(rng, len(x)) {
			src[i], got[i] = T(v), 99
		}
		for i := range min(len(x), 3) {
			x[i] = []float32{low[blocks[i]], high[blocks[i]], float32(math.NaN())}[i]
		}
		convert.Mask(got, src, x, b, low, high)
		for i, block := range blocks {
			want := src[i]
			if !(x[i] >= low[block] && x[i] <= high[block]) {
				want = 0
			}
			if math.Float64bits(float64(got[i])) != math.Float64bits(float64(want)) {
				t.Fatalf("%+v: element %d for %v in %v … %v is %v, want %v", b, i, x[i], low[block], high[block], got[i], want)
			}
		}
	})
}

func TestMask(t *testing.T) {
	t.Run("float32", testMask[float32])
	t.Run("float64", testMask[float64])
}

// TestHalves and TestBits have lengths that are cut between threads, and some that are not.
func TestHalves(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for _, n := range []int{0, 1, 9, 300001} {
		x := numbers(rand.New(rand.NewPCG(1, 2)), n)
		for _, f := range []half.Format{half.Float16(), half.BFloat16()} {
			q, y := make([]uint16, n), make([]float32, n)
			convert.Encode(q, x, f)
			convert.Decode(y, q, f)
			for i, v := range x {
				if q[i] != f.Encode(v) || y[i] != f.Decode(q[i]) {
					t.Fatalf("%d of %d: %v became %#04x and %v, want %#04x and %v", i, n, v, q[i], y[i], f.Encode(v), f.Decode(f.Encode(v)))
				}
			}
		}
	}
}

func TestBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for bits := 2; bits <= 7; bits++ {
		for _, n := range []int{0, 1, 2, 9, 300001, 300002} {
			signed, unsigned := make([]int8, n), make([]uint8, n)
			for i := range signed {
				signed[i] = int8(i*7) << (8 - bits) >> (8 - bits)
				unsigned[i] = uint8(i*5) % (1 << bits)
			}
			packed, gotSigned, gotUnsigned := make([]uint8, kernel.PackedBytes(n, bits)), make([]int8, n), make([]uint8, n)
			convert.PackBits(packed, signed, bits)
			convert.UnpackBits(gotSigned, packed, bits)
			convert.PackBits(packed, unsigned, bits)
			convert.UnpackBits(gotUnsigned, packed, bits)
			if !slices.Equal(gotSigned, signed) || !slices.Equal(gotUnsigned, unsigned) {
				t.Errorf("%d codes of %d bits came back as others", n, bits)
			}
		}
	}
}

// TestWithin cuts a part of a tensor where blocks change, and nowhere else.
func TestWithin(t *testing.T) {
	for _, b := range tensors() {
		blocks := blockOf(b)
		if len(blocks) > 1000 {
			continue
		}
		for begin := 0; begin < len(blocks); begin += 1 + len(blocks)/5 {
			for end := begin; end <= len(blocks); end += 1 + len(blocks)/7 {
				next := begin
				b.Within(begin, end, func(block, from, to int) {
					if from != next || to <= from || to > end {
						t.Fatalf("%+v: %d to %d: got a segment %d to %d after %d", b, begin, end, from, to, next)
					}
					for i := from; i < to; i++ {
						if blocks[i] != block {
							t.Fatalf("%+v: %d to %d: element %d is in block %d, want %d", b, begin, end, i, block, blocks[i])
						}
					}
					next = to
				})
				if next != end {
					t.Fatalf("%+v: %d to %d: segments end at %d", b, begin, end, next)
				}
			}
		}
	}
}
