package minifloat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"euryale/internal/half"
	"euryale/internal/minifloat"
)

// formats are the formats with their largest and smallest numbers, as their specifications list them.
var formats = []struct {
	name                           string
	f                              *minifloat.Format
	signed                         uint8 // the code of −0
	largest, normal, subnormal     float32
	largestCode, normalCode, first uint8
	overflows                      float32 // the least that is past the largest
	past                           uint8   // what that becomes
}{
	{"E4M3FN", minifloat.E4M3FN(), 0x80, 448, 0x1p-6, 0x1p-9, 0x7e, 0x08, 0x01, math.Nextafter32(464, 1000), 0x7f},
	{"E5M2", minifloat.E5M2(), 0x80, 57344, 0x1p-14, 0x1p-16, 0x7b, 0x04, 0x01, 61440, 0x7c},
	{"E2M1", minifloat.E2M1(), 0x08, 6, 1, 0.5, 0x07, 0x02, 0x01, 7, 0x07},
}

func encode(f *minifloat.Format, x, scale float32) uint8 {
	var code [1]uint8
	f.Encode(code[:], []float32{x}, scale)
	return code[0]
}

func decode(f *minifloat.Format, code uint8, scale float32) float32 {
	var x [1]float32
	f.Decode(x[:], []uint8{code}, scale)
	return x[0]
}

// TestEveryCode has the values of every code go there and back, ascending, with those that specifications
// list.
func TestEveryCode(t *testing.T) {
	for _, c := range formats {
		for code := range c.f.Last + 1 {
			for _, signed := range []uint8{code, code | c.signed} {
				r := decode(c.f, signed, 1)
				if back := encode(c.f, r, 1); back != signed || c.f.Magnitude(signed) != code {
					t.Errorf("%s: %#02x, %v, came back as %#02x", c.name, signed, r, back)
				}
				if math.Signbit(float64(r)) != (signed != code) {
					t.Errorf("%s: %#02x is %v, with another sign", c.name, signed, r)
				}
			}
			if code > 0 && !(decode(c.f, code, 1) > decode(c.f, code-1, 1)) {
				t.Errorf("%s: %#02x is %v, not above what comes before", c.name, code, decode(c.f, code, 1))
			}
		}
		for code, want := range map[uint8]float32{0: 0, c.first: c.subnormal, c.normalCode: c.normal, c.largestCode: c.largest} {
			if got := decode(c.f, code, 1); got != want {
				t.Errorf("%s: %#02x is %v, want %v", c.name, code, got, want)
			}
		}
		if c.f.Last != c.largestCode || c.f.Max != c.largest {
			t.Errorf("%s: ends with %#02x, %v, want %#02x, %v", c.name, c.f.Last, c.f.Max, c.largestCode, c.largest)
		}
	}
}

// TestUpperByte: E5M2 is the upper byte of a float16.
func TestUpperByte(t *testing.T) {
	f := minifloat.E5M2()
	for code := range 256 {
		want := half.Float16().Decode(uint16(code) << 8)
		if got := f.Values[code]; got != want && f.Magnitude(uint8(code)) <= f.Last {
			t.Errorf("%#02x is %v, want %v", code, got, want)
		}
	}
}

// TestRounding goes through every gap between two neighbours: what lies below the middle rounds down, what
// lies above rounds up, and the middle goes to the even code.
func TestRounding(t *testing.T) {
	const most = math.MaxFloat32
	for _, c := range formats {
		for code := range c.f.Last {
			low, high := decode(c.f, code, 1), decode(c.f, code+1, 1)
			middle := low + (high-low)/2
			for _, r := range []struct {
				x    float32
				want uint8
			}{
				{math.Nextafter32(middle, 0), code},
				{middle, code + code&1},
				{math.Nextafter32(middle, most), code + 1},
				{math.Nextafter32(low, most), code},
				{math.Nextafter32(high, 0), code + 1},
			} {
				for _, scale := range []float32{1, 0x1p40, -0x1p-30} {
					x, want := r.x*scale, r.want
					if got := encode(c.f, x, scale); got != want {
						t.Errorf("%s: %x by %v became %#02x, want %#02x", c.name, x, scale, got, want)
					}
					if got := encode(c.f, -x, scale); got != want|c.signed {
						t.Errorf("%s: %x by %v became %#02x, want %#02x", c.name, -x, scale, got, want|c.signed)
					}
				}
			}
		}
	}
}

// TestPastTheLargest has numbers on both sides of what rounds to the largest one.
func TestPastTheLargest(t *testing.T) {
	for _, c := range formats {
		for x, want := range map[float32]uint8{
			c.largest: c.f.Last, math.Nextafter32(c.overflows, 0): c.f.Last, c.overflows: c.past,
			2 * c.overflows: c.past, math.MaxFloat32: c.past,
		} {
			if got := encode(c.f, x, 1); got != want {
				t.Errorf("%s: %v became %#02x, want %#02x", c.name, x, got, want)
			}
			if got := encode(c.f, -x, 1); got != want|c.signed {
				t.Errorf("%s: %v became %#02x, want %#02x", c.name, -x, got, want|c.signed)
			}
		}
		if got := encode(c.f, math.MaxFloat32, 0x1p-126); got != c.past {
			t.Errorf("%s: a quotient past float32 became %#02x, want %#02x", c.name, got, c.past)
		}
		if got := decode(c.f, c.f.Last, math.MaxFloat32); got != math.MaxFloat32 {
			t.Errorf("%s: a product past float32 became %v, want it saturated", c.name, got)
		}
	}
}

// TestNearest compares codes of random numbers with the nearest of all values.
func TestNearest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range formats {
		for range 20000 {
			x := float32(rng.NormFloat64() * math.Exp(4*rng.NormFloat64()-2))
			if math.Abs(float64(x)) > float64(c.largest) {
				continue
			}
			code := encode(c.f, x, 1)
			e := math.Abs(float64(x) - float64(decode(c.f, code, 1)))
			for other := range c.f.Last + 1 {
				r := math.Copysign(float64(decode(c.f, other, 1)), float64(x))
				if d := math.Abs(float64(x) - r); d < e || d == e && other != c.f.Magnitude(code) && other&1 == 0 {
					t.Fatalf("%s: %v became %#02x, but %#02x is nearer, or as near and even", c.name, x, code, other)
				}
			}
		}
	}
}
