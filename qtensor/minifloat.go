package qtensor

import (
	"fmt"

	"euryale/internal/convert"
	"euryale/internal/minifloat"
)

// Float8E4M3FN returns the scheme r = s·q, where q is a float of 8 bits: a sign, 4 exponent and 3 mantissa
// bits, up to 448, without infinities: PyTorch's float8_e4m3fn. s = max|x|/448, a float32, and q is x/s
// rounded to nearest, ties to even, with subnormals kept. Under given Params an x/s that rounds past 448 is
// ErrValue, or saturates with WithSaturation. It is per tensor, or PerAxis.
//
// Source: OCP 8-bit Floating Point Specification (OFP8), revision 1.0.
func Float8E4M3FN() Scheme { return Scheme{method: float8E4M3FN, bits: 8} }

// Float8E5M2 returns the scheme Float8E4M3FN with 5 exponent and 2 mantissa bits, up to 57,344, so that s =
// max|x|/57344: PyTorch's float8_e5m2. q is the upper byte of a float16.
func Float8E5M2() Scheme { return Scheme{method: float8E5M2, bits: 8} }

func (s Scheme) isFloat8() bool { return s.method == float8E4M3FN || s.method == float8E5M2 }

// minifloat returns the format of quantized values that are floats of less than 16 bits; nil for others.
func (s Scheme) minifloat() *minifloat.Format {
	switch s.method {
	case float8E4M3FN:
		return minifloat.E4M3FN()
	case float8E5M2:
		return minifloat.E5M2()
	case mxfp4:
		return minifloat.E2M1()
	default:
		return nil
	}
}

// validateMinifloat returns an error for scales that a float of 4 or 8 bits does not go with.
func (s Scheme) validateMinifloat() error {
	switch {
	case s.method == mxfp4 && (s.sharing != perGroup || s.size != mxfp4Group):
		return fmt.Errorf("%w: got MXFP4 without groups of %d, want it PerGroup(axis, %d)", ErrScheme, mxfp4Group, mxfp4Group)
	case !s.isFloat8():
		return nil
	case s.sharing == perGroup:
		return fmt.Errorf("%w: got %v per group, want it per tensor or per axis", ErrScheme, s.method.info().name)
	case s.scales != ScaleFloat32:
		return fmt.Errorf("%w: got %v with %v scales, want float32", ErrScheme, s.method.info().name, s.scales)
	}
	return nil
}

// encodeMinifloats returns data as floats of 4 or 8 bits.
func encodeMinifloats(data []float32, p *Params, b convert.Blocks, saturate bool) ([]uint8, error) {
	f := p.Scheme.minifloat()
	codes := make([]uint8, len(data))
	convert.EncodeMinifloats(codes, data, b, p.Scales, f)
	for i, c := range codes {
		if f.Magnitude(c) <= f.Last {
			continue
		}
		if !saturate {
			return nil, fmt.Errorf("%w: got %v at %d, want a magnitude up to %v times its scale for %v, or WithSaturation",
				ErrValue, data[i], i, f.Max, p.Scheme)
		}
		codes[i]-- // the largest number is what comes before
	}
	return codes, nil
}

// decodeMinifloatRows does what decodeRows does.
func decodeMinifloatRows(q *QTensor, dst []float32, rows []int) {
	f, width, codes := q.params.Scheme.minifloat(), q.width(), inBytes(stored[uint8](q))
	if q.params.Storage().packed() {
		codes = inStream[uint8](q)
	}
	for i, row := range rows {
		out, first := dst[i*width:][:width], row*width
		in := codes(first, first+width)
		q.blocks.Within(first, first+width, func(block, begin, end int) {
			f.Decode(out[begin-first:end-first], in[begin-first:end-first], q.params.Scales[block])
		})
	}
}

// pastMinifloat returns how many elements round past the largest number of their block.
func (q *QTensor) pastMinifloat(data []float32) (n int) {
	f := q.params.Scheme.minifloat()
	codes := make([]uint8, len(data))
	convert.EncodeMinifloats(codes, data, q.blocks, q.params.Scales, f)
	for _, c := range codes {
		if f.Magnitude(c) > f.Last {
			n++
		}
	}
	return n
}
