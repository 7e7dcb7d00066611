package half_test

import (
	"math"
	"testing"

	"euryale/internal/half"
)

// format describes one of the formats by its definition: a sign, then exponent bits, then fraction bits.
type format struct {
	name string
	half.Format
	exponent, fraction int
}

func formats() []format {
	return []format{
		{"float16", half.Float16(), 5, 10},
		{"bfloat16", half.BFloat16(), 8, 7},
	}
}

// value returns the number that the pattern h stands for: by IEEE 754-2008 §3.4, (−1)^sign·2^(e − bias)·1.f,
// or ·2^(1 − bias)·0.f where e is 0; an infinity or NaN where e is all ones.
func (f format) value(h uint16) float64 {
	bias := 1<<(f.exponent-1) - 1
	e := int(h>>f.fraction) & (1<<f.exponent - 1)
	significand := float64(int(h) & (1<<f.fraction - 1))
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	switch {
	case e == 1<<f.exponent-1 && significand != 0:
		return math.NaN()
	case e == 1<<f.exponent-1:
		return sign * math.Inf(1)
	case e == 0:
		return sign * math.Ldexp(significand, 1-bias-f.fraction)
	}
	return sign * math.Ldexp(significand+math.Exp2(float64(f.fraction)), e-bias-f.fraction)
}

// infinity returns the pattern of +Inf, the first past the finite numbers.
func (f format) infinity() uint16 { return 1<<15 - 1<<f.fraction }

func TestEveryPattern(t *testing.T) {
	for _, f := range formats() {
		for i := range 1 << 16 {
			h := uint16(i)
			got, want := float64(f.Decode(h)), f.value(h)
			if math.IsNaN(want) {
				if !math.IsNaN(got) || !math.IsNaN(float64(f.Decode(f.Encode(f.Decode(h))))) {
					t.Errorf("%s: NaN %#04x became %v, and then %#04x", f.name, h, got, f.Encode(f.Decode(h)))
				}
				continue
			}
			if math.Float64bits(got) != math.Float64bits(want) {
				t.Errorf("%s: %#04x is %v, want %v", f.name, h, got, want)
			}
			if back := f.Encode(f.Decode(h)); back != h {
				t.Errorf("%s: %#04x, %v, came back as %#04x", f.name, h, got, back)
			}
		}
	}
}

// TestRounding goes through every gap between two neighbors: what lies below the middle rounds down, what
// lies above rounds up, and the middle goes to the even pattern. Past the largest finite number, the middle
// is where the next one would be, and rounds to infinity.
func TestRounding(t *testing.T) {
	for _, f := range formats() {
		for h := range f.infinity() {
			low, high := f.value(h), f.value(h+1)
			if math.IsInf(high, 1) {
				high = math.Exp2(math.Ceil(math.Log2(low)))
			}
			middle := float32((low + high) / 2)
			even := h + h&1
			if float64(middle) != (low+high)/2 {
				t.Fatalf("%s: the test is wrong: the middle above %#04x is no float32", f.name, h)
			}
			for _, c := range []struct {
				x    float32
				want uint16
			}{
				{math.Nextafter32(middle, 0), h},
				{middle, even},
				{math.Nextafter32(middle, maxFloat), h + 1},
				{math.Nextafter32(float32(low), maxFloat), h},
			} {
				if got := f.Encode(c.x); got != c.want {
					t.Errorf("%s: %x became %#04x, want %#04x", f.name, c.x, got, c.want)
				}
				if got := f.Encode(-c.x); got != c.want|1<<15 {
					t.Errorf("%s: %x became %#04x, want %#04x", f.name, -c.x, got, c.want|1<<15)
				}
			}
		}
	}
}

const maxFloat = math.MaxFloat32

func TestEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name string
		f    half.Format
		x    float32
		want uint16
	}{
		{"float16 largest", half.Float16(), 65504, 0x7bff},
		{"float16 last to round down", half.Float16(), 65519.996, 0x7bff},
		{"float16 first past the range", half.Float16(), 65520, 0x7c00},
		{"float16 largest float32", half.Float16(), -maxFloat, 0xfc00},
		{"float16 infinity", half.Float16(), inf, 0x7c00},
		{"float16 smallest normal", half.Float16(), 0x1p-14, 0x0400},
		{"float16 largest subnormal", half.Float16(), 0x1.ff8p-15, 0x03ff},
		{"float16 between the two", half.Float16(), 0x1.ffcp-15, 0x0400},
		{"float16 smallest", half.Float16(), 0x1p-24, 0x0001},
		{"float16 half of it", half.Float16(), 0x1p-25, 0},
		{"float16 more than half", half.Float16(), 0x1.000002p-25, 0x0001},
		{"float16 smallest float32", half.Float16(), -0x1p-149, 0x8000},
		{"bfloat16 largest", half.BFloat16(), 0x1.fep127, 0x7f7f},
		{"bfloat16 last to round down", half.BFloat16(), 0x1.fefffep127, 0x7f7f},
		{"bfloat16 first past the range", half.BFloat16(), 0x1.ffp127, 0x7f80},
		{"bfloat16 largest float32", half.BFloat16(), maxFloat, 0x7f80},
		{"bfloat16 infinity", half.BFloat16(), -inf, 0xff80},
		{"bfloat16 smallest normal", half.BFloat16(), 0x1p-126, 0x0080},
		{"bfloat16 smallest", half.BFloat16(), 0x1p-133, 0x0001},
		{"bfloat16 half of it", half.BFloat16(), 0x1p-134, 0},
		{"bfloat16 smallest float32", half.BFloat16(), 0x1p-149, 0},
	} {
		if got := c.f.Encode(c.x); got != c.want {
			t.Errorf("%s: %v became %#04x, want %#04x", c.name, c.x, got, c.want)
		}
	}
	for _, f := range formats() {
		// A NaN whose payload is in the half that goes away is still one.
		for _, x := range []float32{nan, math.Float32frombits(0x7f800001), math.Float32frombits(0xff800001), math.Float32frombits(0xffffffff)} {
			if got := f.Decode(f.Encode(x)); got == got {
				t.Errorf("%s: NaN %#08x became %v", f.name, math.Float32bits(x), got)
			}
		}
	}
}

func TestMax(t *testing.T) {
	if half.MaxFloat16 != 65504 || half.MaxBFloat16 != 255*0x1p120 {
		t.Errorf("got %v and %v", float64(half.MaxFloat16), float64(half.MaxBFloat16))
	}
	for _, f := range formats() {
		if want := f.value(f.infinity() - 1); float64(f.Max) != want || f.Decode(f.Encode(f.Max)) != f.Max {
			t.Errorf("%s: Max is %v, want %v", f.name, f.Max, want)
		}
	}
}
