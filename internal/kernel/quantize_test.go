package kernel_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/kernel"
)

const maxFloat = math.MaxFloat32

func TestQuantize(t *testing.T) {
	signed := kernel.Affine{Scale: 1, Low: -127, High: 127}
	scaled := func(a kernel.Affine, scale float32) kernel.Affine {
		a.Scale = scale
		return a
	}
	for _, c := range []struct {
		name string
		a    kernel.Affine
		x    []float32
		want []int32
	}{
		{"ties to even", signed, []float32{0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, -3.5}, []int32{0, 2, 2, 4, 0, -2, -2, -4}},
		{"around a tie", signed, []float32{0x1.fffffep-2, 0x1.000002p-1, 0x1.3ffffep1, 0x1.400002p1}, []int32{0, 1, 2, 3}},
		{"ends", signed, []float32{126.5, 127.49, 127.5, 128, -126.5, -127.5, -128, -1e9}, []int32{126, 127, 127, 127, -126, -127, -127, -127}},
		{"quotient past the largest float32", scaled(signed, 0x1p-126), []float32{maxFloat, -maxFloat, 0x1p-126, 0x1p-127}, []int32{127, -127, 1, 0}},
		{"quotient past int32 and int64", scaled(signed, 1e-3), []float32{1e7, -1e7, 1e20, -1e20}, []int32{127, -127, 127, -127}},
		{"zeros", signed, []float32{0, float32(math.Copysign(0, -1))}, []int32{0, 0}},
		{"negative scale", kernel.Affine{Scale: -0.5, Low: -8, High: 7}, []float32{4, 3.5, 3.75, 4.25, -3.5, -3.75, -4, 0, 0.25, -0.25}, []int32{-8, -7, -8, -8, 7, 7, 7, 0, 0, 0}},
		// The division is rounded to float32: exactly, these are 2.5 less or more a hair.
		{"true division", scaled(signed, 0.1), []float32{0.25, 0.35, -0.25}, []int32{2, 4, -2}},
		{"zero point", kernel.Affine{Scale: 2, Zero: 3, Low: 0, High: 15}, []float32{0, 1, 3, 5, -1, -3, -5, -6, -7, -100, 24, 25, 27, 100}, []int32{3, 3, 5, 5, 3, 1, 1, 0, 0, 0, 15, 15, 15, 15}},
		{"8-bit zero point", kernel.Affine{Scale: 1, Zero: 200, Low: 0, High: 255}, []float32{0, 55, 56, -200, -201, 1e30, -1e30, 0.5, -0.5}, []int32{200, 255, 255, 0, 0, 255, 0, 200, 200}},
	} {
		if c.a.Low < 0 {
			got := make([]int8, len(c.x))
			kernel.Quantize(got, c.x, c.a)
			compareCodes(t, c.name, c.x, got, c.want)
		} else {
			got := make([]uint8, len(c.x))
			kernel.Quantize(got, c.x, c.a)
			compareCodes(t, c.name, c.x, got, c.want)
		}
		got := make([]int32, len(c.x))
		kernel.Current().QuantizeInts(got, c.x, c.a)
		for i, want := range c.want {
			if got[i] != want-c.a.Zero {
				t.Errorf("%s: centred code of %v is %d, want %d", c.name, c.x[i], got[i], want-c.a.Zero)
			}
		}
	}
}

func compareCodes[C kernel.Code](t *testing.T, name string, x []float32, got []C, want []int32) {
	t.Helper()
	for i := range want {
		if int32(got[i]) != want[i] {
			t.Errorf("%s: code of %v is %d, want %d", name, x[i], got[i], want[i])
		}
	}
}

// nearest returns the integer nearest to v, the even one of two.
func nearest(v float64) float64 {
	below := math.Floor(v)
	switch rest := v - below; {
	case rest < 0.5, rest == 0.5 && math.Mod(below, 2) == 0:
		return below
	default:
		return below + 1
	}
}

// TestQuantizeRandom compares with the equation in float64, which divides two float32 numbers so precisely
// that rounding the quotient to float32 gives the same as rounding once.
func TestQuantizeRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		bits := 2 + rng.IntN(7)
		a := kernel.Affine{Scale: float32(math.Exp(8 * rng.NormFloat64())), High: 1<<bits - 1}
		if rng.IntN(2) == 0 {
			a.Zero = int32(rng.IntN(1 << bits))
		} else {
			a.High = 1<<(bits-1) - 1
			a.Low = -a.High
			if rng.IntN(2) == 0 {
				a.Scale, a.Low = -a.Scale, a.Low-1
			}
		}
		x := make([]float32, 40)
		for i := range x {
			x[i] = a.Scale * float32(rng.NormFloat64()*float64(a.High))
			if i%4 == 0 {
				x[i] = a.Scale * (float32(rng.IntN(2*int(a.High)+1)) - float32(a.High) + 0.5) // near a tie
			}
		}
		want := make([]int32, len(x))
		for i := range x {
			steps := float64(float32(float64(x[i]) / float64(a.Scale)))
			want[i] = int32(math.Min(float64(a.High), math.Max(float64(a.Low), nearest(steps)+float64(a.Zero))))
		}
		if a.Low < 0 {
			got := make([]int8, len(x))
			kernel.Quantize(got, x, a)
			compareCodes(t, "signed", x, got, want)
		} else {
			got := make([]uint8, len(x))
			kernel.Quantize(got, x, a)
			compareCodes(t, "unsigned", x, got, want)
		}
	}
}

func TestQuantizeIntsWide(t *testing.T) {
	x := []float32{0, 40000, 32767.5, -32768, -1e9, 1e30, 2.5}
	got := make([]int32, len(x))
	kernel.Current().QuantizeInts(got, x, kernel.Affine{Scale: 1, Low: -32767, High: 32767})
	if want := []int32{0, 32767, 32767, -32767, -32767, 32767, 2}; !slices.Equal(got, want) {
		t.Errorf("%v became %v, want %v", x, got, want)
	}
}

// TestDequantize goes through every code; 24 bits times 9 are exact in float64, so one rounding is left.
func TestDequantize(t *testing.T) {
	for _, scale := range []float32{1, -1, 0.1, -0.7, 0x1p-126, 1e-30, 3e36, -2.7e36, 0x1p127, -maxFloat, maxFloat} {
		var signed []int8
		var unsigned []uint8
		for i := range 256 {
			signed, unsigned = append(signed, int8(i-128)), append(unsigned, uint8(i))
		}
		for _, zero := range []int32{0, 1, 128, 255} {
			got := make([]float32, 256)
			check := func(q int32, r float32) {
				want := float32(math.Max(-maxFloat, math.Min(maxFloat, float64(scale)*float64(q-zero))))
				if r != want {
					t.Errorf("%v·(%d − %d) is %v, want %v", scale, q, zero, r, want)
				}
			}
			kernel.Dequantize(got, unsigned, kernel.Affine{Scale: scale, Zero: zero})
			for i, r := range got {
				check(int32(unsigned[i]), r)
			}
			kernel.Dequantize(got, signed, kernel.Affine{Scale: scale, Zero: zero})
			for i, r := range got {
				check(int32(signed[i]), r)
			}
		}
	}
}

func TestQuantizeGrid(t *testing.T) {
	for _, c := range []struct {
		name string
		g    kernel.Grid
		x    []float32
		want []int32
	}{
		{"ties to even", kernel.Grid{Scale: 1, High: 15}, []float32{0, 0.5, 1.5, 2.5, 14.5, 15.5}, []int32{0, 0, 2, 2, 14, 15}},
		{"saturated", kernel.Grid{Scale: 1, High: 15}, []float32{-0.5, -1, -maxFloat, 16, maxFloat}, []int32{0, 0, 0, 15, 15}},
		{"offset", kernel.Grid{Scale: 2, Offset: 10, High: 255}, []float32{10, 11, 13, 9, 520, 521, 0, 1000}, []int32{0, 0, 2, 0, 255, 255, 0, 255}},
		{"negative scale", kernel.Grid{Scale: -2, Offset: 10, High: 3}, []float32{10, 8, 4, 0, 12}, []int32{0, 1, 3, 3, 0}},
		{"whole range", kernel.Grid{Scale: 0x1.555554p127, Offset: -maxFloat, High: 3}, []float32{-maxFloat, -1e38, 0, 1e38, maxFloat}, []int32{0, 1, 2, 2, 3}},
		{"float64 throughout", kernel.Grid{Scale: 1, Offset: -0x1p24, High: 255}, []float32{-0x1p24 + 3, -0x1p24 + 250}, []int32{3, 250}},
		{"a float32 difference would tie", kernel.Grid{Scale: 2, Offset: -0x1p-30, High: 255}, []float32{1, 5}, []int32{1, 3}},
	} {
		got := make([]uint8, len(c.x))
		kernel.QuantizeGrid(got, c.x, c.g)
		compareCodes(t, c.name, c.x, got, c.want)
	}
}

func TestDequantizeGrid(t *testing.T) {
	for _, c := range []struct {
		name string
		g    kernel.Grid
		q    []uint8
		want []float32
	}{
		{"offset", kernel.Grid{Scale: 2, Offset: 10}, []uint8{0, 1, 255}, []float32{10, 12, 520}},
		{"negative scale", kernel.Grid{Scale: -2, Offset: 10}, []uint8{0, 1, 255}, []float32{10, 8, -500}},
		// 3·(1 + 2^−23) is no float32; neither is the sum, which is rounded once.
		{"rounded once, up", kernel.Grid{Scale: 1 + 0x1p-23, Offset: 0x1p-24}, []uint8{3}, []float32{3 + 0x1p-21}},
		{"rounded once, down", kernel.Grid{Scale: 1 + 0x1p-23, Offset: -0x1p-24}, []uint8{3}, []float32{3 + 0x1p-22}},
		{"past the largest float32", kernel.Grid{Scale: 0x1.555556p127, Offset: -maxFloat}, []uint8{0, 3, 255}, []float32{-maxFloat, maxFloat, maxFloat}},
		{"past the least", kernel.Grid{Scale: -maxFloat, Offset: -maxFloat}, []uint8{1, 2}, []float32{-maxFloat, -maxFloat}},
	} {
		got := make([]float32, len(c.q))
		kernel.DequantizeGrid(got, c.q, c.g)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v became %x, want %x", c.name, c.q, got, c.want)
		}
	}
}

func TestMinMax(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		x         []float32
		low, high float32
		bad       int
	}{
		{[]float32{3}, 3, 3, -1},
		{[]float32{3, -1, 2}, -1, 3, -1},
		{[]float32{-1, -3, -2}, -3, -1, -1},
		{[]float32{maxFloat}, maxFloat, maxFloat, -1},
		{[]float32{-maxFloat}, -maxFloat, -maxFloat, -1},
		{[]float32{0x1p-149, 0}, 0, 0x1p-149, -1},
		{[]float32{1, nan, inf}, 0, 0, 1},
		{[]float32{inf, nan}, 0, 0, 0},
		{[]float32{1, 2, -inf}, 0, 0, 2},
	} {
		low, high, bad := kernel.MinMax(c.x)
		if bad != c.bad || bad < 0 && (low != c.low || high != c.high) {
			t.Errorf("MinMax(%v) = %v, %v, %d, want %v, %v, %d", c.x, low, high, bad, c.low, c.high, c.bad)
		}
	}
	if _, _, bad := kernel.MinMax(nil); bad != -1 {
		t.Errorf("MinMax(nil) found element %d", bad)
	}
}
