package qtensor

import (
	"fmt"
	"math"
)

// mxfp4Group is how many elements share a scale.
const mxfp4Group = 32

// MXFP4 returns the scheme r = s·q, where q is a float of 4 bits, a sign, 2 exponent bits and 1 mantissa bit
// (E2M1), and s a power of two that 32 elements of a channel share. With x the elements of a group,
//
//	s = 2^(⌊log2(max|x|)⌋ − 2), at least 2^−127, as for zeros;   q = x/s, to nearest, ties to even, at most 6
//
// so what is past 6·s becomes 6·s: up to a quarter of the largest element is lost. Its quantized values are
// the codes of the format: those of 0, 0.5, 1, 1.5, 2, 3, 4 and 6 are 0 to 7, with 8 added where the sign is
// minus. It is for PerGroup with groups of 32, and not valid alone. Its scales are ScaleE8M0.
//
//	qtensor.MXFP4().PerGroup(1, 32)    4.25 bits an element
//
// Layers multiply by the integers 2·q under s/2, as by Symmetric(8) in groups, with the same bits.
//
// Sources: OCP Microscaling Formats (MX) Specification 1.0; what a group of zeros has is torchao's.
func MXFP4() Scheme { return Scheme{method: mxfp4, bits: 4, scales: ScaleE8M0} }

// bias is that of the exponent that E8M0 stores.
const bias = 127

// sharedScale returns the scale of a group with the given largest magnitude.
func sharedScale(largest float32) float32 {
	if largest == 0 {
		return float32(math.Ldexp(1, -bias))
	}
	_, exponent := math.Frexp(float64(largest)) // ⌊log2⌋ + 1
	return float32(math.Ldexp(1, max(exponent-1-2, -bias)))
}

// checkShared returns an error unless p fits MXFP4 but for the number of scales.
func (p *Params) checkShared() error {
	if p.Multiplier != 0 {
		return fmt.Errorf("%w: got multiplier %v for %v, want 0", ErrParams, p.Multiplier, p.Scheme)
	}
	for i, scale := range p.Scales {
		if fraction, exponent := math.Frexp(float64(scale)); fraction != 0.5 || exponent-1 < -bias {
			return fmt.Errorf("%w: got scale %v at %d, want a power of two from 2^-127 to 2^127", ErrParams, scale, i)
		}
	}
	return checkRanges(p.Min, p.Max)
}

// exponents returns scales of MXFP4 as E8M0.
func exponents(scales []float32) []uint8 {
	list := make([]uint8, len(scales))
	for i, scale := range scales {
		_, exponent := math.Frexp(float64(scale))
		list[i] = uint8(exponent - 1 + bias)
	}
	return list
}

// powersOfTwo returns what E8M0 stands for. Errors: ErrFormat for NaN.
func powersOfTwo(exponents []uint8) ([]float32, error) {
	scales := make([]float32, len(exponents))
	for i, e := range exponents {
		if e == math.MaxUint8 {
			return nil, fmt.Errorf("%w: got a scale of NaN, 255, at %d, want 0 to 254", ErrFormat, i)
		}
		scales[i] = float32(math.Ldexp(1, int(e)-bias))
	}
	return scales, nil
}
