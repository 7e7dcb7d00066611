package gemm

import (
	"math"

	"euryale/internal/kernel"
)

// partRows is how many rows a thread quantizes at a time.
const partRows = 8

// quantize turns the rows of a part into operands, with their scales and, where the weight needs them, totals.
func (c *call) quantize(part int, s *scratch) {
	k := c.w.K
	s.ints = grow(s.ints, wholeVectors(k))
	clear(s.ints[k:])
	for i := part * partRows; i < min((part+1)*partRows, c.rows); i++ {
		bad := -1
		switch {
		case c.codes == nil && c.plain:
			bad = c.operandOf(i)
		case c.codes == nil:
			if c.scales[i], c.offsets[i], bad = c.integers(s.ints[:k], c.x[i*k:][:k]); bad < 0 {
				c.split(s.ints, i)
			}
		default:
			c.scales[i], c.offsets[i] = float64(c.source.Map.Scale), c.source.Map.Zero
			if c.plain {
				copy(c.planes[i*c.stride:], c.codes[i*k:][:k])
				break
			}
			c.set.Centre(s.ints[:k], c.codes[i*k:][:k], c.source.Map.Zero)
			c.split(s.ints, i)
		}
		if bad >= 0 {
			c.fail(int64(i*k + bad))
			return
		}
	}
}

// affineOf returns the map to codes of numbers, and the place of one that is not finite, or −1.
func (c *call) affineOf(numbers []float32) (a kernel.Affine, bad int) {
	low, high, bad := c.set.MinMax(numbers)
	if c.arithmetic.Static != nil {
		return *c.arithmetic.Static, bad
	}
	if bad < 0 {
		a = kernel.AffineOf(low, high, 255)
	}
	return a, bad
}

// fixedOf returns the exponent of the fixed point of numbers, likewise.
func (c *call) fixedOf(numbers []float32) (e, bad int) {
	low, high, bad := c.set.MinMax(numbers)
	if bad < 0 {
		e = kernel.FixedOf(max(-low, high), c.arithmetic.Bits)
	}
	return e, bad
}

// operandOf makes the operand of row i of x straight away: its codes, counted from the lowest one, or the planes of its fixed
// point. It returns the place of a number that is not finite, or −1.
func (c *call) operandOf(i int) (bad int) {
	numbers, operand := c.x[i*c.k:][:c.k], c.planes[i*c.stride:]
	if c.arithmetic.Bits > 0 {
		e, bad := c.fixedOf(numbers)
		if bad < 0 {
			c.scales[i], c.offsets[i] = math.Ldexp(1, -e), c.operand.Offset
			c.set.SplitFixed(operand, c.rows*c.stride, numbers, e, c.operand)
		}
		return bad
	}
	a, bad := c.affineOf(numbers)
	if bad < 0 {
		c.scales[i], c.offsets[i] = float64(a.Scale), a.Zero-a.Low
		c.set.QuantizeU8(operand[:c.k], numbers, Counted(a))
	}
	return bad
}

// Counted returns a map whose codes are those of a, counted from the lowest: codes of a byte for Numbers.
func Counted(a kernel.Affine) kernel.Affine {
	return kernel.Affine{Scale: a.Scale, Zero: a.Zero - a.Low, High: a.High - a.Low}
}

// integers sets ints to the integers of numbers, and returns their scale, the offset of unsigned planes, and the place of
// a number that is not finite, or −1.
func (c *call) integers(ints []int32, numbers []float32) (scale float64, offset int32, bad int) {
	if bits := c.arithmetic.Bits; bits > 0 {
		e, bad := c.fixedOf(numbers)
		if bad < 0 {
			c.set.QuantizeFixed(ints, numbers, e, bits)
		}
		return math.Ldexp(1, -e), c.operand.Offset, bad
	}
	a, bad := c.affineOf(numbers)
	if bad < 0 {
		c.set.QuantizeCentred(ints, numbers, a)
	}
	return float64(a.Scale), a.Zero - a.Low, bad
}

// requantize turns the results of a part into codes.
func (c *call) requantize(part int, _ *scratch) {
	begin, end := part*partRows*c.n, min((part+1)*partRows, c.rows)*c.n
	numbers := c.dst[begin:end]
	if bad := c.toCodes(c.target.Codes[c.first*c.n+begin:][:len(numbers)], numbers); bad >= 0 {
		c.fail(int64(begin + bad))
	}
}

// toCodes sets dst to the codes of results, and returns the place of one that is not finite, or −1.
func (c *call) toCodes(dst []uint8, results []float32) (bad int) {
	if !c.finite {
		if _, _, bad := c.set.MinMax(results); bad >= 0 {
			return bad
		}
	}
	c.set.QuantizeU8(dst, results, c.target.Map)
	return -1
}

// manyRows is from how many rows on it is worth knowing that their results are finite.
const manyRows = 16

// isFinite reports that no result of codes over a given range can pass the largest float32, whatever the codes are: none is looked
// at then.
func (c *call) isFinite() bool {
	if c.target.Codes == nil || !c.simple || c.arithmetic.Static == nil {
		return false
	}
	largest := func(list []float32) (top float64) {
		for _, v := range list {
			top = max(top, math.Abs(float64(v)))
		}
		return top
	}
	sums := 255 * 128 * float64(c.k) * largest(c.w.Scales) // of codes of a byte, scaled by column
	return max(sums, float64(sums*math.Abs(float64(c.arithmetic.Static.Scale)))+largest(c.out.Bias)) < math.MaxFloat32/2
}

// fail notes the place of a number that is not finite; the first one counts.
func (c *call) fail(at int64) {
	for {
		before := c.bad.Load()
		if at >= before || c.bad.CompareAndSwap(before, at) {
			return
		}
	}
}

// wholeVectors returns n with what fills it up for kernels that split integers: a single group has room for it.
func wholeVectors(n int) int { return (n + 31) / 32 * 32 }

// split stores the integers of row i, filled up with zeros, as its operand, and their totals.
func (c *call) split(ints []int32, i int) {
	w, element := c.w, c.set.ElementBytes()
	row, plane := c.planes[i*c.stride:], c.rows*c.stride
	groups, depth := w.Groups(), w.GroupDepth()*element
	for g := range groups {
		group := ints
		if groups > 1 {
			group = ints[g*w.Group : min((g+1)*w.Group, w.K)]
		}
		if c.set.Wide {
			c.set.SplitS16(row[g*depth:], plane, group, c.operand.Planes)
		} else {
			c.set.SplitU8(row[g*depth:], plane, group, c.operand.Planes, c.offsets[i])
		}
		if w.Zeros != nil || w.Offsets != nil {
			c.totals[i*groups+g] = kernel.Sum(group)
		}
	}
}
