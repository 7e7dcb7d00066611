package qtensor

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/convert"
	"euryale/internal/half"
	"euryale/internal/kernel"

	"gorgonia.org/tensor"
)

// Params holds the quantization parameters of a tensor: all that turns its quantized values back into real
// ones. Scales, ZeroPoints, Offsets, Min and Max have an entry for each block, ordered [channel][group];
// Scheme.Blocks returns their number.
//
// A scale is finite and at least 2^−126 in magnitude; of MXFP4 it is a power of two from 2^−127 to 2^127.
// Others may be negative, as those of llama.cpp's Q4_0 are, where the element of the largest magnitude has q
// = −2^(bits−1). NewParams and Quantize give positive ones.
type Params struct {
	Scheme     Scheme
	Scales     []float32 // s; none under Float16 and BFloat16
	ZeroPoints []int32   // z, within qmin … qmax; under Affine, PowerOfTwo and UInt4 alone
	Offsets    []float32 // lo; under Uniform alone
	Min, Max   []float32 // the range that the rest was computed from, for information; both or neither
	// Multiplier is for ScaleFloat16 alone: a power of two, at least 2^−112. Every scale is Multiplier times
	// a normal float16. 0 stands for the default, which brings the largest of these float16s into 2^14 … 2^15
	// where it can; the Params of a QTensor or a File have it filled in.
	Multiplier float32
	// Levels and GroupMultipliers are for Codebook alone, whose Scales have an entry for each channel: the
	// levels by quantized value, ascending, in −127 … 127 (−128 in LinearLevels), and per group the multipliers,
	// in −127 … 127, ordered [channel][group].
	Levels           []int8
	GroupMultipliers []int8
}

// Bits returns p.Scheme.Bits().
func (p Params) Bits() int { return p.Scheme.Bits() }

// Storage returns p.Scheme.Storage().
func (p Params) Storage() Storage { return p.Scheme.Storage() }

// NewParams returns the parameters of s, which is no Codebook, for blocks with the ranges lo[i] … hi[i],
// ordered [channel][group], computed in float32:
//
//	Uniform            s = (hi − lo)/(2^bits − 1)    offset lo
//	Symmetric, Int4    s = max(|lo|, |hi|)/(2^(bits−1) − 1)
//	Affine, UInt4      s = (hi − lo)/(2^bits − 1)    z = RNE(−lo/s), with lo … hi widened to contain 0
//	Float8E4M3FN       s = max(|lo|, |hi|)/448
//	Float8E5M2         s = max(|lo|, |hi|)/57344
//	MXFP4              s = 2^(⌊log2(max(|lo|, |hi|))⌋ − 2), at least 2^−127
//	PowerOfTwo         s of Affine rounded up to a power of two, at most 2^127; z from it
//
// But for MXFP4, s is at least 2^−126, and 1 where the equation gives 0: for a block of zeros, and under
// Uniform for one of equal values. Min and Max are copies of lo and hi, but nil per group, where they would
// take more than the quantized values. Under Float16 and BFloat16, lo and hi are not used, and only Scheme is
// set.
//
// Under ScaleFloat16, s is rounded before z is chosen: to nearest, ties to even, for Symmetric and Int4, and
// up for the others, so that the range stays covered; it is clamped to 2^−14 … 2^15 times Multiplier.
//
// Errors: ErrScheme; ErrParams unless lo and hi have one length, at least 1; ErrValue for NaN, an infinity or
// lo > hi. Whether the length fits a tensor shows when the parameters are used, or in Validate.
func NewParams(s Scheme, lo, hi []float32) (Params, error) {
	if err := s.validate(); err != nil {
		return Params{}, fmt.Errorf("qtensor: NewParams: %w", err)
	}
	if s.IsCodebook() {
		return Params{}, fmt.Errorf("qtensor: NewParams: %w: got %v, want a scheme whose parameters follow from ranges", ErrScheme, s)
	}
	if !s.HasScales() {
		return Params{Scheme: s}, nil
	}
	if len(lo) != len(hi) || len(lo) == 0 {
		return Params{}, fmt.Errorf("qtensor: NewParams: %w: got %d minima and %d maxima, want as many of each, at least one", ErrParams, len(lo), len(hi))
	}
	for i := range lo {
		if !isFinite(lo[i]) || !isFinite(hi[i]) || lo[i] > hi[i] {
			return Params{}, fmt.Errorf("qtensor: NewParams: %w: got range [%v, %v] at %d, want finite lo ≤ hi", ErrValue, lo[i], hi[i], i)
		}
	}
	p := Params{Scheme: s, Scales: make([]float32, len(lo))}
	if s.sharing != perGroup {
		p.Min, p.Max = slices.Clone(lo), slices.Clone(hi)
	}
	convert.Share(len(lo), func(begin, end int) { s.scales32(p.Scales[begin:end], lo[begin:end], hi[begin:end]) })
	if s.scales == ScaleFloat16 {
		p.Multiplier = multiplierFor(p.Scales)
	}
	convert.Share(len(lo), func(begin, end int) { s.storeScales(p.Scales[begin:end], p.Multiplier) })
	switch {
	case s.HasOffset():
		p.Offsets = slices.Clone(lo)
	case s.HasZeroPoint():
		p.ZeroPoints = make([]int32, len(lo))
		_, high := s.CodeRange()
		convert.Share(len(lo), func(begin, end int) {
			zeros, scales := p.ZeroPoints[begin:end], p.Scales[begin:end]
			for i, least := range lo[begin:end] {
				zeros[i] = kernel.ZeroPoint(min(least, 0), scales[i], high)
			}
		})
	}
	return p, nil
}

// scales32 sets scales to those of some ranges, before any rounding to their stored type; 0 where the range
// does not fix one.
func (s *Scheme) scales32(scales, lo, hi []float32) {
	_, high := s.CodeRange()
	lo, hi = lo[:len(scales)], hi[:len(scales)]
	largest := float32(high)
	if s.isFloat8() {
		largest = s.minifloat().Max
	}
	switch {
	case s.method == mxfp4:
		for i := range scales {
			scales[i] = sharedScale(max(-lo[i], hi[i]))
		}
	case s.signed() || s.isFloat8():
		for i := range scales {
			scales[i] = max(-lo[i], hi[i], 0) / largest
		}
	case s.HasOffset():
		for i := range scales {
			scales[i] = kernel.Step(lo[i], hi[i], high)
		}
	default:
		for i := range scales {
			scales[i] = kernel.Step(min(lo[i], 0), max(hi[i], 0), high)
		}
	}
	if s.method == powerOfTwo {
		for i, scale := range scales {
			scales[i] = powerAbove(scale)
		}
	}
}

// powerAbove returns the least power of two that is a scale or more, at most 2^127; 0 for 0.
func powerAbove(scale float32) float32 {
	if scale == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(float64(scale)) // fraction in [0.5, 1)
	if fraction == 0.5 {
		exponent--
	}
	return float32(math.Ldexp(1, min(exponent, 127)))
}

// storeScales rounds scales to their stored type, with 1 for 0.
func (s *Scheme) storeScales(scales []float32, multiplier float32) {
	if s.method == mxfp4 {
		return // they are powers of two, from 2^−127 on
	}
	for i, scale := range scales {
		if scale == 0 {
			scale = 1
		}
		scales[i] = max(scale, kernel.MinScale)
	}
	if multiplier != 0 {
		for i, scale := range scales {
			scales[i] = storedScale(scale, multiplier, !s.signed())
		}
	}
}

// The largest scale is put just below 2^15, and no scale below the smallest normal float16: a span of
// 2^29 in which every scale has the full 11 bits. maxStoredScale is the largest float32 with 11 bits, where
// rounding to nearest would give 2^128.
const (
	maxFloat16Scale = 0x1p15
	minFloat16Scale = 0x1p-14
	maxStoredScale  = 0x1.ffcp127
)

// multiplierFor returns the power of two m that puts the largest |scale|/m into [2^14, 2^15); 2^−15, which
// leaves room for a scale of 1, where all are zero.
func multiplierFor(scales []float32) float32 {
	var largest float64
	for _, s := range scales {
		largest = max(largest, math.Abs(float64(s)))
	}
	_, exponent := math.Frexp(largest) // largest in [2^(exponent−1), 2^exponent)
	return float32(math.Ldexp(1, max(exponent-15, -126+14)))
}

// storedScale returns s rounded to multiplier times a normal float16, to nearest with ties to even or away
// from zero, clamped to the least of them and maxStoredScale; s itself where the multiplier is 0.
func storedScale(s, multiplier float32, away bool) float32 {
	if multiplier == 0 {
		return s
	}
	f := half.Float16()
	magnitude := max(minFloat16Scale, min(maxFloat16Scale, math.Abs(float64(s))/float64(multiplier)))
	code := f.Encode(float32(magnitude))
	if away && float64(f.Decode(code)) < magnitude {
		code++
	}
	stored := min(float64(f.Decode(code))*float64(multiplier), maxStoredScale)
	return float32(math.Copysign(stored, float64(s)))
}

// Validate returns an error unless a tensor of the given shape can have these parameters. A nil shape is that
// of a scalar; under a scheme per tensor it stands for any. Errors: ErrScheme, ErrShape, ErrParams.
func (p Params) Validate(shape tensor.Shape) error {
	b, err := p.Scheme.blocks(shape)
	if err == nil {
		_, err = p.check(b)
	}
	if err != nil {
		return fmt.Errorf("qtensor: Params.Validate: %w", err)
	}
	return nil
}

// check returns a copy of p with its multiplier filled in, or an error if p does not fit its scheme and a
// tensor with the given blocks.
func (p Params) check(b convert.Blocks) (Params, error) {
	s := p.Scheme
	if !s.IsCodebook() && len(p.Levels)+len(p.GroupMultipliers) > 0 {
		return Params{}, fmt.Errorf("%w: got levels or group multipliers for %v, want none", ErrParams, s)
	}
	if s.IsCodebook() {
		return p.Clone(), p.checkCodebook(b)
	}
	if !s.HasScales() {
		if len(p.Scales)+len(p.ZeroPoints)+len(p.Offsets)+len(p.Min)+len(p.Max) > 0 || p.Multiplier != 0 {
			return Params{}, fmt.Errorf("%w: got parameters for %v, want none", ErrParams, s)
		}
		return Params{Scheme: s}, nil
	}
	if err := checkLengths(p, b.Count()); err != nil {
		return Params{}, err
	}
	if s.method == mxfp4 {
		return p.Clone(), p.checkShared()
	}
	low, high := s.CodeRange()
	for i, z := range p.ZeroPoints {
		if z < low || z > high {
			return Params{}, fmt.Errorf("%w: got zero point %d at %d, want %d to %d", ErrParams, z, i, low, high)
		}
	}
	for i, offset := range p.Offsets {
		if !isFinite(offset) {
			return Params{}, fmt.Errorf("%w: got offset %v at %d, want a finite one", ErrParams, offset, i)
		}
	}
	for i, scale := range p.Scales {
		if magnitude := math.Abs(float64(scale)); !(magnitude >= kernel.MinScale && magnitude <= math.MaxFloat32) {
			return Params{}, fmt.Errorf("%w: got scale %v at %d, want a finite one of at least 2^-126", ErrParams, scale, i)
		}
	}
	if err := checkRanges(p.Min, p.Max); err != nil {
		return Params{}, err
	}
	p = p.Clone()
	return p, p.checkStored()
}

// checkRanges returns an error for a range that there cannot be.
func checkRanges(low, high []float32) error {
	for i := range low {
		if !isFinite(low[i]) || !isFinite(high[i]) || low[i] > high[i] {
			return fmt.Errorf("%w: got range [%v, %v] at %d, want finite min ≤ max", ErrParams, low[i], high[i], i)
		}
	}
	return nil
}

// checkStored fills in the multiplier, and returns an error for a scale that its type or method cannot be.
func (p *Params) checkStored() error {
	if p.Scheme.scales == ScaleFloat16 && p.Multiplier == 0 {
		p.Multiplier = multiplierFor(p.Scales)
	}
	switch fraction, _ := math.Frexp(float64(p.Multiplier)); {
	case p.Scheme.scales == ScaleFloat32 && p.Multiplier != 0:
		return fmt.Errorf("%w: got multiplier %v for %v scales, want 0", ErrParams, p.Multiplier, p.Scheme.scales)
	case p.Scheme.scales == ScaleFloat16 && (fraction != 0.5 || p.Multiplier < 0x1p-112):
		return fmt.Errorf("%w: got multiplier %v, want a power of two from 2^-112", ErrParams, p.Multiplier)
	}
	if p.Scheme.scales == ScaleFloat32 && p.Scheme.method != powerOfTwo {
		return nil
	}
	for i, scale := range p.Scales {
		if storedScale(scale, p.Multiplier, false) != scale {
			return fmt.Errorf("%w: got scale %v at %d, want one that %v holds with multiplier %v", ErrParams, scale, i, p.Scheme.scales, p.Multiplier)
		}
		if fraction, _ := math.Frexp(float64(scale)); p.Scheme.method == powerOfTwo && math.Abs(fraction) != 0.5 {
			return fmt.Errorf("%w: got scale %v at %d, want a power of two for %v", ErrParams, scale, i, p.Scheme)
		}
	}
	return nil
}

func checkLengths(p Params, want int) error {
	for _, list := range []struct {
		name   string
		got    int
		wanted bool
	}{
		{"scales", len(p.Scales), true},
		{"zero points", len(p.ZeroPoints), p.Scheme.HasZeroPoint()},
		{"offsets", len(p.Offsets), p.Scheme.HasOffset()},
		{"minima", len(p.Min), len(p.Min)+len(p.Max) > 0},
		{"maxima", len(p.Max), len(p.Min)+len(p.Max) > 0},
	} {
		want := want
		if !list.wanted {
			want = 0
		}
		if list.got != want {
			return fmt.Errorf("%w: got %d %s for %v, want %d", ErrParams, list.got, list.name, p.Scheme, want)
		}
	}
	return nil
}

// Clone returns a deep copy of p.
func (p Params) Clone() Params {
	p.Scales = slices.Clone(p.Scales)
	p.ZeroPoints = slices.Clone(p.ZeroPoints)
	p.Offsets = slices.Clone(p.Offsets)
	p.Min, p.Max = slices.Clone(p.Min), slices.Clone(p.Max)
	p.Levels, p.GroupMultipliers = slices.Clone(p.Levels), slices.Clone(p.GroupMultipliers)
	return p
}

// affines returns the maps of the blocks, for every scheme of integers but Uniform.
func (p *Params) affines() *convert.Affines {
	low, high := p.Scheme.CodeRange()
	return &convert.Affines{Scales: p.Scales, Zeros: p.ZeroPoints, Low: low, High: high}
}

// fullAffines returns affines that use −2^(bits−1) under a positive scale too, as a search does.
func (p *Params) fullAffines() *convert.Affines {
	a := p.affines()
	a.Full = true
	return a
}

// grids returns the grids of the blocks, for Uniform.
func (p *Params) grids() *convert.Grids {
	_, high := p.Scheme.CodeRange()
	return &convert.Grids{Scales: p.Scales, Offsets: p.Offsets, High: high}
}

// Bytes returns the size of a tensor of the given shape as a file stores it: its quantized values; scales of
// their type, a byte for a zero point and four for an offset, by block, and four for the multiplier of
// float16 scales; or four by channel of a Codebook, a byte for each level and for the multiplier of a group.
// Params.Min and Max, where there are any, are not counted: they take 8 bytes more for each scale. Errors:
// ErrScheme, ErrShape.
func (s Scheme) Bytes(shape tensor.Shape) (int, error) {
	b, err := s.blocks(shape)
	if err != nil {
		return 0, fmt.Errorf("qtensor: Scheme.Bytes: %w", err)
	}
	return s.bytes(b), nil
}

// bytes is Bytes for the blocks of a tensor.
func (s Scheme) bytes(b convert.Blocks) int {
	n := s.Storage().bytes(b.Outer * b.Channels * b.Inner)
	switch {
	case !s.HasScales():
		return n
	case s.IsCodebook():
		if n += 4*b.Channels + 1<<s.bits; s.sharing == perGroup {
			n += b.Count()
		}
		return n
	}
	each := s.scales.bytes()
	if s.HasZeroPoint() {
		each++
	}
	if s.HasOffset() {
		each += 4
	}
	if s.scales == ScaleFloat16 {
		n += 4
	}
	return n + each*b.Count()
}

// Blocks returns the number of blocks of a tensor of the given shape: 1, the size of the channel axis, or
// that times the groups of a channel. It is the length of Params.Scales, but for Float16 and BFloat16, which
// have none, and for a Codebook, which has one for each channel. Errors: ErrScheme, ErrShape.
func (s Scheme) Blocks(shape tensor.Shape) (int, error) {
	b, err := s.blocks(shape)
	if err != nil {
		return 0, fmt.Errorf("qtensor: Scheme.Blocks: %w", err)
	}
	return b.Count(), nil
}

func isFinite(x float32) bool { return x-x == 0 }
