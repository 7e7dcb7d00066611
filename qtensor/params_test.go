package qtensor_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

const (
	maxFloat = math.MaxFloat32
	minScale = 0x1p-126
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// scaled returns s with float16 scales.
func scaled(s qtensor.Scheme) qtensor.Scheme { return s.WithScales(qtensor.ScaleFloat16) }

func TestNewParams(t *testing.T) {
	for _, c := range []struct {
		scheme qtensor.Scheme
		lo, hi float32
		scale  float32
		zero   int32 // of the schemes that have one
	}{
		// By the equations.
		{qtensor.Uniform(8), -1, 1.55, float32(2.55) / 255, 0},
		{qtensor.Uniform(8), 10, 265, 1, 0},
		{qtensor.Uniform(3), -265, -251, 2, 0},
		{qtensor.Symmetric(8), -127, 3, 1, 0},
		{qtensor.Symmetric(8), -3, 254, 2, 0},
		{qtensor.Symmetric(2), -3, 2, 3, 0},
		{qtensor.Int4(), 7, 14, 2, 0},
		{qtensor.Int4(), -14, -7, 2, 0},
		{qtensor.Affine(8), -1, 254, 1, 1},
		{qtensor.Affine(8), -55, 200, 1, 55},
		{qtensor.UInt4(), -8, 7, 1, 8},
		{qtensor.PowerOfTwo(8), -1, 254, 1, 1},
		{qtensor.PowerOfTwo(8), -1, 255, 2, 0}, // 0.5 to the even 0
		{qtensor.PowerOfTwo(8), -3, 255, 2, 2}, // 1.5 to the even 2
		{qtensor.PowerOfTwo(4), -6.1, 5, 1, 6},
		// Ties of the zero point go to even.
		{qtensor.Affine(8), -2.5, 252.5, 1, 2},
		{qtensor.Affine(8), -3.5, 251.5, 1, 4},
		{qtensor.Affine(4), -7.5, 7.5, 1, 8},
		// Affine ranges are widened to reach 0, Uniform's are not.
		{qtensor.Affine(8), 51, 255, 1, 0},
		{qtensor.Affine(8), -255, -51, 1, 255},
		{qtensor.UInt4(), 10, 30, 2, 0},
		{qtensor.PowerOfTwo(4), -16, -15, 2, 8},
		// Zeros and constants.
		{qtensor.Uniform(8), 0, 0, 1, 0},
		{qtensor.Symmetric(8), 0, 0, 1, 0},
		{qtensor.Affine(8), 0, 0, 1, 0},
		{qtensor.PowerOfTwo(8), 0, 0, 1, 0},
		{qtensor.Affine(8), float32(math.Copysign(0, -1)), 0, 1, 0},
		{qtensor.Uniform(8), 5, 5, 1, 0},
		{qtensor.Symmetric(8), 5, 5, float32(5) / 127, 0},
		{qtensor.Symmetric(8), -5, -5, float32(5) / 127, 0},
		{qtensor.Affine(8), 5, 5, float32(5) / 255, 0},
		{qtensor.Affine(8), -5, -5, float32(5) / 255, 255},
		{qtensor.PowerOfTwo(8), 5, 5, 0x1p-5, 0},
		{qtensor.PowerOfTwo(8), -5, -5, 0x1p-5, 160},
		// Powers of two stay, and the next number up doubles.
		{qtensor.PowerOfTwo(8), 0, 255 * 0x1p-20, 0x1p-20, 0},
		{qtensor.PowerOfTwo(8), 0, 255 * 0x1.000002p-20, 0x1p-19, 0},
		{qtensor.PowerOfTwo(2), 0, 3 * 0x1p100, 0x1p100, 0},
		{qtensor.PowerOfTwo(2), 0, 3 * 0x1.fffffep99, 0x1p100, 0},
		// No absolute epsilon.
		{qtensor.Symmetric(8), -1e-8, 127e-8, float32(127e-8) / 127, 0},
		{qtensor.Affine(4), -1e-30, 2e-30, float32(3e-30) / 15, 5},
		// The smallest scale is 2^-126, where nothing is subnormal.
		{qtensor.Symmetric(8), 0, 127 * 0x1p-126, 0x1p-126, 0},
		{qtensor.Symmetric(8), 0, 127 * 0x1p-127, minScale, 0},
		{qtensor.Uniform(8), 0, 0x1p-130, minScale, 0},
		{qtensor.Affine(8), -3 * 0x1p-126, 0x1p-149, minScale, 3},
		{qtensor.PowerOfTwo(8), -0x1p-140, 0x1p-140, minScale, 0},
		// The range overflows where its ends do not.
		{qtensor.Uniform(2), -maxFloat, maxFloat, 0x1.555554p127, 0},
		{qtensor.Affine(2), -maxFloat, maxFloat, 0x1.555554p127, 2}, // 1.5000001
		{qtensor.Affine(2), -maxFloat, 0, 0x1.555554p126, 3},
		{qtensor.Symmetric(2), -maxFloat, maxFloat, maxFloat, 0},
		{qtensor.Affine(8), -3e38, 3e38, 0x1.c528f4p120, 128},
		{qtensor.UInt4(), -3e38, 3e38, 4e37, 8},
		{qtensor.PowerOfTwo(8), -3e38, 3e38, 0x1p121, 113},
		{qtensor.PowerOfTwo(2), -maxFloat, maxFloat, 0x1p127, 2}, // at most 2^127
		{qtensor.PowerOfTwo(3), -maxFloat, maxFloat, 0x1p127, 2},
	} {
		name := fmt.Sprintf("%v of [%v, %v]", c.scheme, c.lo, c.hi)
		p, err := qtensor.NewParams(c.scheme, []float32{c.lo}, []float32{c.hi})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(p.Scales, []float32{c.scale}) {
			t.Errorf("%s: got scales %x, want %x", name, p.Scales, c.scale)
		}
		var zeros []int32
		var offsets []float32
		if c.scheme.HasZeroPoint() {
			zeros = []int32{c.zero}
		}
		if c.scheme.HasOffset() {
			offsets = []float32{c.lo}
		}
		if !slices.Equal(p.ZeroPoints, zeros) || !slices.Equal(p.Offsets, offsets) {
			t.Errorf("%s: got zero points %v and offsets %v, want %v and %v", name, p.ZeroPoints, p.Offsets, zeros, offsets)
		}
		if p.Scheme != c.scheme || p.Multiplier != 0 || !slices.Equal(p.Min, []float32{c.lo}) || !slices.Equal(p.Max, []float32{c.hi}) {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

func TestNewParamsOfBlocks(t *testing.T) {
	lo, hi := []float32{-1, 0, -6}, []float32{14, 0, -3}
	p, err := qtensor.NewParams(qtensor.UInt4().PerAxis(1), lo, hi)
	if err != nil || !slices.Equal(p.Scales, []float32{1, 1, float32(6) / 15}) || !slices.Equal(p.ZeroPoints, []int32{1, 0, 15}) {
		t.Errorf("got %+v, %v", p, err)
	}
	lo[0], hi[0] = 100, 200
	if !slices.Equal(p.Min, []float32{-1, 0, -6}) || !slices.Equal(p.Max, []float32{14, 0, -3}) {
		t.Errorf("got range %v to %v, or it follows the caller's slices", p.Min, p.Max)
	}
	for _, s := range integerSchemes() {
		p, err := qtensor.NewParams(s.PerGroup(1, 2), []float32{-1, 0, -6}, []float32{14, 0, -3})
		if err != nil || len(p.Scales) != 3 || p.Min != nil || p.Max != nil {
			t.Errorf("%v by groups: got %+v, %v, want 3 scales and no range", s, p, err)
		}
	}
	lo, hi = []float32{3}, []float32{4}
	p, err = qtensor.NewParams(qtensor.Uniform(8), lo, hi)
	if lo[0] = 9; err != nil || p.Offsets[0] != 3 {
		t.Errorf("offsets follow the caller's slice: %+v, %v", p, err)
	}
	if p.Offsets[0] = 9; p.Min[0] != 3 {
		t.Error("offsets share memory with minima")
	}
	for _, s := range []qtensor.Scheme{qtensor.Float16(), qtensor.BFloat16()} {
		p, err := qtensor.NewParams(s, lo, nil)
		if err != nil || p.Scheme != s || p.Scales != nil || p.Min != nil || p.Max != nil {
			t.Errorf("%v: got %+v, %v", s, p, err)
		}
	}
}

func TestNewParamsRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		lo, hi []float32
		want   error
	}{
		{"no ranges", nil, nil, qtensor.ErrParams},
		{"no maxima", []float32{1}, nil, qtensor.ErrParams},
		{"too many maxima", []float32{1}, []float32{1, 2}, qtensor.ErrParams},
		{"NaN minimum", []float32{0, nan}, []float32{1, 1}, qtensor.ErrValue},
		{"NaN maximum", []float32{0, 0}, []float32{1, nan}, qtensor.ErrValue},
		{"infinite minimum", []float32{-inf}, []float32{1}, qtensor.ErrValue},
		{"infinite maximum", []float32{1}, []float32{inf}, qtensor.ErrValue},
		{"upside down", []float32{1}, []float32{0.5}, qtensor.ErrValue},
	} {
		for _, s := range integerSchemes() {
			_, err := qtensor.NewParams(s, c.lo, c.hi)
			wantError(t, fmt.Sprintf("%s, %v", c.name, s), err, c.want)
		}
	}
}

// TestFloat16Scales checks that scales are powers of two times float16 numbers with all 11 bits, that none of
// a symmetric scheme is further than 2^-11 from what it was rounded from, that none of the others is less
// than that or more by 2^-10, and that the multiplier puts the largest just below 2^15.
func TestFloat16Scales(t *testing.T) {
	for _, unit := range []float32{1, 3e-5, 1e-30, 1e-37, 1e30, 1e38} {
		for _, s := range integerSchemes() {
			var lo, hi []float32
			for i := range 40 {
				lo, hi = append(lo, -unit*(float32(i)/31)), append(hi, unit*(float32(40-i)/13))
			}
			wide, err := qtensor.NewParams(s, lo, hi)
			if err != nil {
				t.Fatal(err)
			}
			p, err := qtensor.NewParams(scaled(s), lo, hi)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%v around %v", s, unit)
			if fraction, _ := math.Frexp(float64(p.Multiplier)); fraction != 0.5 {
				t.Fatalf("%s: multiplier %v is no power of two", name, p.Multiplier)
			}
			if top := float64(slices.Max(wide.Scales)) / float64(p.Multiplier); p.Multiplier > 0x1p-112 && (top < 0x1p14 || top >= 0x1p15) {
				t.Errorf("%s: the largest scale is %v times the multiplier", name, top)
			}
			for i, scale := range p.Scales {
				half := float64(scale) / float64(p.Multiplier)
				if !isNormalFloat16(half) || half > 0x1p15 {
					t.Errorf("%s: scale %d is %v times the multiplier %v, which is no normal float16 up to 2^15", name, i, half, p.Multiplier)
				}
				off, up := float64(scale)/float64(wide.Scales[i])-1, s.HasZeroPoint() || s.HasOffset()
				if up && (off < 0 || off >= 0x1p-10) || !up && math.Abs(off) > 0x1p-11 {
					t.Errorf("%s: scale %d is %v, too far from %v", name, i, scale, wide.Scales[i])
				}
				if s.HasZeroPoint() {
					if want := math.Min(math.RoundToEven(float64(-lo[i]/scale)), math.Exp2(float64(s.Bits()))-1); float64(p.ZeroPoints[i]) != want {
						t.Errorf("%s: zero point %d is %d, want %v, which its stored scale gives", name, i, p.ZeroPoints[i], want)
					}
				}
			}
		}
	}
}

// isNormalFloat16 reports whether v > 0 is a normal float16: an integer of 11 bits times 2^e.
func isNormalFloat16(v float64) bool {
	fraction, exponent := math.Frexp(v) // fraction in [0.5, 1)
	return fraction*0x1p11 == math.Trunc(fraction*0x1p11) && exponent-1 >= -14 && exponent-1 <= 15
}

func TestFloat16ScaleEdges(t *testing.T) {
	for _, c := range []struct {
		name       string
		hi         []float32 // of a block, of which lo is 0; the scale before rounding, at 2 bits
		multiplier float32
		scales     []float32
	}{
		{"zeros", []float32{0, 0}, 0x1p-15, []float32{1, 1}},
		{"power of two", []float32{1}, 0x1p-14, []float32{1}},
		{"to the even 2^15", []float32{0x1.ffep-1}, 0x1p-15, []float32{1}},
		{"tie to even, up", []float32{0x1.006p0}, 0x1p-14, []float32{0x1.008p0}},
		{"tie to even, down", []float32{0x1.002p0}, 0x1p-14, []float32{1}},
		{"above a tie", []float32{0x1.002002p0}, 0x1p-14, []float32{0x1.004p0}},
		{"2^28 apart, and further", []float32{1, 0x1p-28, 0x1.8p-29, 0}, 0x1p-14, []float32{1, 0x1p-28, 0x1p-28, 1}},
		{"a 1 for zeros is at most 2^15 multipliers", []float32{0x1p-20, 0}, 0x1p-34, []float32{0x1p-20, 0x1p-19}},
		{"zeros among tiny", []float32{0x1p-100, 0}, 0x1p-112, []float32{0x1p-100, 0x1p-97}},
		{"smallest", []float32{0x1p-149}, 0x1p-112, []float32{minScale}},
		{"largest", []float32{maxFloat}, 0x1p113, []float32{0x1.ffcp127}},
		{"next to largest", []float32{0x1.ffap127}, 0x1p113, []float32{0x1.ff8p127}},
	} {
		p, err := qtensor.NewParams(scaled(qtensor.Symmetric(2)).PerAxis(0), make([]float32, len(c.hi)), c.hi)
		if err != nil || p.Multiplier != c.multiplier || !slices.Equal(p.Scales, c.scales) {
			t.Errorf("%s: got multiplier %x and scales %x, %v, want %x and %x", c.name, p.Multiplier, p.Scales, err, c.multiplier, c.scales)
		}
	}
}

// TestFloat16ScalesRoundUp has scales between two float16 numbers, for the schemes whose ranges have no code
// to spare. Under PowerOfTwo they are powers of two already when they are stored.
func TestFloat16ScalesRoundUp(t *testing.T) {
	for _, s := range integerSchemes() {
		if !s.HasZeroPoint() && !s.HasOffset() {
			continue
		}
		_, steps := s.CodeRange()
		for _, c := range []struct {
			scale      float32 // of the range
			want       float32 // what it is stored as
			powerOfTwo float32 // and under PowerOfTwo
		}{
			{1, 1, 1},
			{0x1.0001p0, 0x1.004p0, 2},
			{0x1.002p0, 0x1.004p0, 2},
			{0x1.004p0, 0x1.004p0, 2},
			{0x1.005p0, 0x1.008p0, 2},
			{0x1.ffcp0, 0x1.ffcp0, 2},
			{0x1.ffc1p0, 2, 2},
			{0x1.0001p-100, 0x1.004p-100, 0x1p-99},
			{0x1.0001p100, 0x1.004p100, 0x1p101},
		} {
			before, want := c.scale, c.want
			if s.Method() == "PowerOfTwo" {
				before, want = c.powerOfTwo, c.powerOfTwo
			}
			_, exponent := math.Frexp(float64(before))
			multiplier := float32(math.Ldexp(1, max(exponent-15, -112)))
			p, err := qtensor.NewParams(scaled(s), []float32{0}, []float32{float32(steps) * c.scale})
			if err != nil || !slices.Equal(p.Scales, []float32{want}) || p.Multiplier != multiplier {
				t.Errorf("%v: %x became %x × %x, %v, want %x × %x", s, c.scale, p.Scales, p.Multiplier, err, want, multiplier)
			}
		}
	}
	for s, want := range map[qtensor.Scheme]float32{
		qtensor.Uniform(2):    0x1.558p127,
		qtensor.Affine(2):     0x1.558p127,
		qtensor.PowerOfTwo(2): 0x1p127,
	} {
		p, err := qtensor.NewParams(scaled(s), []float32{-maxFloat}, []float32{maxFloat})
		if err != nil || !slices.Equal(p.Scales, []float32{want}) || p.Multiplier != 0x1p113 {
			t.Errorf("%v: the widest range has scale %x × %x, %v, want %x", s, p.Scales, p.Multiplier, err, want)
		}
	}
}

// TestFloat16ScaleGiven has scales that are a normal float16 times the multiplier, which are kept as they
// are, and others, which are refused.
func TestFloat16ScaleGiven(t *testing.T) {
	x, codes := newTensor([]float32{1, 2}, 2), newTensor([]int8{1, 2}, 2)
	for _, c := range []struct {
		scale, multiplier float32
		found             float32 // the multiplier that is kept, 0 where the scale is refused
	}{
		{1, 0, 0x1p-14},
		{-1, 0, 0x1p-14},
		{1, 0x1p-15, 0x1p-15},
		{1, 0x1p14, 0x1p14},
		{1, 0x1p15, 0},  // no less than 2^-14 multipliers
		{1, 0x1p-16, 0}, // no more than 2^15
		{-1, 0x1p-16, 0},
		{0.1, 0, 0},
		{-0.1, 0, 0},
		{0.1, 1, 0},
		{0x1.998p-4, 0, 0x1p-18},
		{-0x1.998p-4, 0, 0x1p-18},
		{0x1.998p-4, 1, 1},
		{0x1.99ap-4, 0, 0}, // 12 bits
		{minScale, 0, 0x1p-112},
		{minScale, 0x1p-111, 0},
		{maxFloat, 0, 0},
		{-maxFloat, 0, 0},
		{maxFloat, 0x1p127, 0},
		{-0x1.ffcp127, 0, 0x1p113},
		{0x1.ffcp127, 0x1p127, 0x1p127},
	} {
		name := fmt.Sprintf("scale %x, multiplier %x", c.scale, c.multiplier)
		p := qtensor.Params{Scheme: scaled(qtensor.Symmetric(8)), Scales: []float32{c.scale}, Multiplier: c.multiplier}
		with, err := qtensor.QuantizeWith(x, p)
		from, fromErr := qtensor.FromCodes(codes, p)
		if c.found == 0 {
			for how, err := range map[string]error{"QuantizeWith": err, "FromCodes": fromErr, "Validate": p.Validate(tensor.Shape{2})} {
				wantError(t, name+": "+how, err, qtensor.ErrParams)
				if want := fmt.Sprintf("got scale %v at 0,", c.scale); err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %s: error %q does not say %q", name, how, err, want)
				}
			}
			continue
		}
		if err := errors.Join(err, fromErr, p.Validate(tensor.Shape{2})); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, q := range []*qtensor.QTensor{with, from} {
			if got := q.Params(); got.Scales[0] != c.scale || got.Multiplier != c.found {
				t.Errorf("%s: got %x × %x, want the scale and multiplier %x", name, got.Scales[0], got.Multiplier, c.found)
			}
		}
		if p.Scales[0] != c.scale || p.Multiplier != c.multiplier {
			t.Errorf("%s: the caller's parameters became %+v", name, p)
		}
	}
}

func TestQuantizeWithRefuses(t *testing.T) {
	x := newTensor([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	symmetric := qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}}
	affine := qtensor.Params{Scheme: qtensor.PerChannelAffine(4, 1), Scales: []float32{1, 1, 1}, ZeroPoints: []int32{0, 15, 8}}
	uniform := qtensor.Params{Scheme: qtensor.Uniform(4).PerAxis(0), Scales: []float32{1, 1}, Offsets: []float32{0, -3}}
	float16 := qtensor.Params{Scheme: scaled(qtensor.Int4()), Scales: []float32{1}, Multiplier: 0x1p-14}
	power := qtensor.Params{Scheme: qtensor.PowerOfTwo(8).PerAxis(0), Scales: []float32{-0.5, 0x1p-126}, ZeroPoints: []int32{0, 255}}
	ranged := qtensor.Params{Scheme: qtensor.Symmetric(8).PerAxis(0), Scales: []float32{1, 1}, Min: []float32{0, 1}, Max: []float32{2, 3}}
	bfloat16 := qtensor.Params{Scheme: qtensor.BFloat16()}
	for _, c := range []struct {
		name string
		p    qtensor.Params
		edit func(*qtensor.Params)
	}{
		{"no scales", symmetric, func(p *qtensor.Params) { p.Scales = nil }},
		{"too many scales", symmetric, func(p *qtensor.Params) { p.Scales = []float32{1, 1} }},
		{"zero points for symmetric", symmetric, func(p *qtensor.Params) { p.ZeroPoints = []int32{0} }},
		{"offsets for symmetric", symmetric, func(p *qtensor.Params) { p.Offsets = []float32{0} }},
		{"two minima", symmetric, func(p *qtensor.Params) { p.Min = []float32{1, 2} }},
		{"two maxima", symmetric, func(p *qtensor.Params) { p.Max = []float32{1, 2} }},
		{"a multiplier beside float32 scales", symmetric, func(p *qtensor.Params) { p.Multiplier = 1 }},
		{"multiplier NaN beside float32 scales", symmetric, func(p *qtensor.Params) { p.Multiplier = nan }},
		{"no minima", ranged, func(p *qtensor.Params) { p.Min = nil }},
		{"no maxima", ranged, func(p *qtensor.Params) { p.Max = nil }},
		{"a minimum missing", ranged, func(p *qtensor.Params) { p.Min = p.Min[:1] }},
		{"a maximum too many", ranged, func(p *qtensor.Params) { p.Max = []float32{2, 3, 4} }},
		{"a range missing", ranged, func(p *qtensor.Params) { p.Min, p.Max = p.Min[:1], p.Max[:1] }},
		{"a NaN minimum", ranged, func(p *qtensor.Params) { p.Min = []float32{0, nan} }},
		{"an infinite maximum", ranged, func(p *qtensor.Params) { p.Max = []float32{inf, 3} }},
		{"a range the wrong way round", ranged, func(p *qtensor.Params) { p.Min = []float32{0, 4} }},
		{"scale 3 of a power of two", power, func(p *qtensor.Params) { p.Scales = []float32{1, 3} }},
		{"scale -0.75 of a power of two", power, func(p *qtensor.Params) { p.Scales = []float32{-0.75, 1} }},
		{"the largest scale of a power of two", power, func(p *qtensor.Params) { p.Scales = []float32{1, maxFloat} }},
		{"NaN scale", symmetric, func(p *qtensor.Params) { p.Scales = []float32{nan} }},
		{"infinite scale", symmetric, func(p *qtensor.Params) { p.Scales = []float32{inf} }},
		{"-infinite scale", symmetric, func(p *qtensor.Params) { p.Scales = []float32{-inf} }},
		{"zero scale", symmetric, func(p *qtensor.Params) { p.Scales = []float32{0} }},
		{"small scale", symmetric, func(p *qtensor.Params) { p.Scales = []float32{0x1.fffffcp-127} }},
		{"small negative scale", symmetric, func(p *qtensor.Params) { p.Scales = []float32{-0x1.fffffcp-127} }},
		{"a scale missing", affine, func(p *qtensor.Params) { p.Scales = p.Scales[:2] }},
		{"a zero point missing", affine, func(p *qtensor.Params) { p.ZeroPoints = p.ZeroPoints[:2] }},
		{"a zero point too many", affine, func(p *qtensor.Params) { p.ZeroPoints = []int32{0, 0, 0, 0} }},
		{"no zero points", affine, func(p *qtensor.Params) { p.ZeroPoints = nil }},
		{"zero point -1", affine, func(p *qtensor.Params) { p.ZeroPoints = []int32{0, 0, -1} }},
		{"zero point 16", affine, func(p *qtensor.Params) { p.ZeroPoints = []int32{0, 16, 0} }},
		{"the last scale NaN", affine, func(p *qtensor.Params) { p.Scales = []float32{1, 1, nan} }},
		{"no offsets", uniform, func(p *qtensor.Params) { p.Offsets = nil }},
		{"zero points for uniform", uniform, func(p *qtensor.Params) { p.ZeroPoints = []int32{0, 0} }},
		{"NaN offset", uniform, func(p *qtensor.Params) { p.Offsets = []float32{0, nan} }},
		{"infinite offset", uniform, func(p *qtensor.Params) { p.Offsets = []float32{-inf, 0} }},
		{"multiplier 3", float16, func(p *qtensor.Params) { p.Multiplier = 3 }},
		{"multiplier NaN", float16, func(p *qtensor.Params) { p.Multiplier = nan }},
		{"multiplier Inf", float16, func(p *qtensor.Params) { p.Multiplier = inf }},
		{"multiplier -1", float16, func(p *qtensor.Params) { p.Multiplier = -1 }},
		{"scale 1/3", float16, func(p *qtensor.Params) { p.Scales = []float32{1. / 3} }},
		{"multiplier 2^-113", float16, func(p *qtensor.Params) { p.Multiplier = 0x1p-113 }},
		{"scales for bfloat16", bfloat16, func(p *qtensor.Params) { p.Scales = []float32{1} }},
		{"zero points for bfloat16", bfloat16, func(p *qtensor.Params) { p.ZeroPoints = []int32{1} }},
		{"offsets for bfloat16", bfloat16, func(p *qtensor.Params) { p.Offsets = []float32{1} }},
		{"minima for bfloat16", bfloat16, func(p *qtensor.Params) { p.Min = []float32{1} }},
		{"maxima for bfloat16", bfloat16, func(p *qtensor.Params) { p.Max = []float32{1} }},
		{"a range for bfloat16", bfloat16, func(p *qtensor.Params) { p.Min, p.Max = []float32{1}, []float32{1} }},
		{"a multiplier for bfloat16", bfloat16, func(p *qtensor.Params) { p.Multiplier = 1 }},
	} {
		if _, err := qtensor.QuantizeWith(x, c.p); err != nil {
			t.Errorf("%s: before the edit: %v", c.name, err)
		}
		if err := c.p.Validate(x.Shape()); err != nil {
			t.Errorf("%s: before the edit: %v", c.name, err)
		}
		p := c.p
		c.edit(&p)
		_, err := qtensor.QuantizeWith(x, p)
		wantError(t, c.name, err, qtensor.ErrParams)
		wantError(t, c.name+": Validate", p.Validate(x.Shape()), qtensor.ErrParams)
		var codes *tensor.Dense
		switch {
		case p.Scheme.IsFloat():
			codes = newTensor(make([]uint16, 6), 2, 3)
		case p.Scheme.HasZeroPoint() || p.Scheme.HasOffset():
			codes = newTensor(make([]uint8, 6), 2, 3)
		default:
			codes = newTensor(make([]int8, 6), 2, 3)
		}
		_, err = qtensor.FromCodes(codes, p)
		wantError(t, c.name+": FromCodes", err, qtensor.ErrParams)
	}
}

func TestParamsValidate(t *testing.T) {
	tensorwide := qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}}
	columns := qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 1), Scales: []float32{1, 2}}
	for _, c := range []struct {
		name  string
		p     qtensor.Params
		shape tensor.Shape
		want  error
	}{
		{"any shape", tensorwide, nil, nil},
		{"one shape", tensorwide, tensor.Shape{3, 4}, nil},
		{"float16", qtensor.Params{Scheme: qtensor.Float16()}, nil, nil},
		{"columns", columns, tensor.Shape{5, 2}, nil},
		{"columns of any shape", columns, nil, qtensor.ErrShape},
		{"columns of a vector", columns, tensor.Shape{2}, qtensor.ErrShape},
		{"other columns", columns, tensor.Shape{2, 5}, qtensor.ErrParams},
		{"nothing", tensorwide, tensor.Shape{0}, qtensor.ErrShape},
		{"the longest vector", tensorwide, tensor.Shape{math.MaxInt}, nil},
		{"the longest row of columns", columns, tensor.Shape{1, math.MaxInt}, qtensor.ErrParams},
		{"no scheme", qtensor.Params{}, nil, qtensor.ErrScheme},
	} {
		if err := c.p.Validate(c.shape); c.want != nil {
			wantError(t, c.name, err, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, shape := range hostileShapes {
		wantError(t, fmt.Sprintf("tensor of %v", shape), tensorwide.Validate(shape), qtensor.ErrShape)
		wantError(t, fmt.Sprintf("columns of %v", shape), columns.Validate(shape), qtensor.ErrShape)
	}
}
