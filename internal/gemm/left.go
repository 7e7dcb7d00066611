package gemm

import (
	"math"

	"euryale/internal/kernel"
)

// A left is the left operand of a block: rows that are integers X, with their scales.
type left struct {
	rows     int
	planes   []uint8   // [plane][row][stride]
	scales   []float64 // of a fixed point, or
	scales32 []float32 // of codes of a byte
	zeros    []int32   // what a row's planes hold above X
	totals   []int64   // [row][group] Σ X, where the weight needs them
}

// fit has memory for so many rows.
func (l *left) fit(p *matrixPlan, rows int) {
	l.planes = grow(l.planes, p.operand.Planes*rows*p.stride)
	l.fitScales(p, rows)
}

// fitScales has memory for all but the planes.
func (l *left) fitScales(p *matrixPlan, rows int) {
	l.rows, l.zeros = rows, grow(l.zeros, rows)
	if p.arithmetic.Bits > 0 {
		l.scales = grow(l.scales, rows)
	} else {
		l.scales32 = grow(l.scales32, rows)
	}
	if p.totals {
		l.totals = grow(l.totals, rows*p.w.Groups())
	}
}

// integers are those of a row or of an image: what their scale is, and what unsigned planes hold above them.
type integers struct {
	scale   float64
	scale32 float32
	zero    int32
}

// set notes the scale of row i.
func (l *left) set(p *matrixPlan, i int, x integers) {
	l.zeros[i] = x.zero
	if p.arithmetic.Bits > 0 {
		l.scales[i] = x.scale
	} else {
		l.scales32[i] = x.scale32
	}
}

// quantize makes the operand of row i, with its scale and, where the weight needs them, totals. It returns the place of a number
// that is not finite, or −1.
func (l *left) quantize(p *matrixPlan, s *scratch, i int, x []float32) (bad int) {
	var of integers
	if p.plain {
		if of, bad = p.pack(l.planes[i*p.stride:], l.rows*p.stride, x); bad < 0 {
			l.set(p, i, of)
		}
		return bad
	}
	ints := s.rowOfInts(len(x))
	if of, bad = p.integers(ints[:len(x)], x); bad < 0 {
		l.set(p, i, of)
		l.split(p, ints, i)
	}
	return bad
}

// pack likewise makes the operand of values that are quantized already.
func (l *left) pack(p *matrixPlan, s *scratch, i int, q []uint8, of integers) {
	l.set(p, i, of)
	if p.plain {
		copy(l.planes[i*p.stride:], q)
		return
	}
	ints := s.rowOfInts(len(q))
	p.set.SubtractZeroPoint(ints[:len(q)], q, of.zero)
	l.split(p, ints, i)
}

// rowOfInts returns memory for so many integers, filled up with zeros for kernels that split them: a single group has room for it.
func (s *scratch) rowOfInts(n int) []int32 {
	s.ints = grow(s.ints, (n+31)/32*32)
	clear(s.ints[n:])
	return s.ints
}

// quantized returns the scale of activations that are quantized already.
func quantized(a kernel.Affine) integers { return integers{scale32: a.Scale, zero: a.Zero} }

// affineOf returns the map to codes of numbers, and the place of one that is not finite, or −1.
func (p *matrixPlan) affineOf(numbers []float32) (a kernel.Affine, bad int) {
	low, high, bad := p.set.MinMax(numbers)
	if p.arithmetic.Static != nil {
		return *p.arithmetic.Static, bad
	}
	if bad < 0 {
		a = kernel.AffineOf(low, high, 255)
	}
	return a, bad
}

// fixedOf returns the exponent of the fixed point of numbers, likewise.
func (p *matrixPlan) fixedOf(numbers []float32) (e, bad int) {
	low, high, bad := p.set.MinMax(numbers)
	if bad < 0 {
		e = kernel.FixedOf(max(-low, high), p.arithmetic.Bits)
	}
	return e, bad
}

// pack makes a plain operand of numbers straight away: their codes, counted from the lowest one, or the planes of their fixed
// point, plane bytes apart. It returns the place of a number that is not finite, or −1.
func (p *matrixPlan) pack(dst []uint8, plane int, numbers []float32) (of integers, bad int) {
	if p.arithmetic.Bits > 0 {
		e, bad := p.fixedOf(numbers)
		if bad < 0 {
			p.set.SplitFixed(dst, plane, numbers, e, p.operand)
		}
		return integers{scale: math.Ldexp(1, -e), zero: p.operand.Offset}, bad
	}
	a, bad := p.affineOf(numbers)
	if bad < 0 {
		p.set.QuantizeU8(dst[:len(numbers)], numbers, Counted(a))
	}
	return integers{scale32: a.Scale, zero: a.Zero - a.Low}, bad
}

// Counted returns a map whose codes are those of a, counted from the lowest: those of quantized Activations.
func Counted(a kernel.Affine) kernel.Affine {
	return kernel.Affine{Scale: a.Scale, Zero: a.Zero - a.Low, High: a.High - a.Low}
}

// integers sets ints to the integers of numbers, and returns the place of a number that is not finite, or −1.
func (p *matrixPlan) integers(ints []int32, numbers []float32) (of integers, bad int) {
	if bits := p.arithmetic.Bits; bits > 0 {
		e, bad := p.fixedOf(numbers)
		if bad < 0 {
			p.set.QuantizeFixed(ints, numbers, e, bits)
		}
		return integers{scale: math.Ldexp(1, -e), zero: p.operand.Offset}, bad
	}
	a, bad := p.affineOf(numbers)
	if bad < 0 {
		p.set.QuantizeInts(ints, numbers, a)
	}
	return integers{scale32: a.Scale, zero: a.Zero - a.Low}, bad
}

// split stores the integers of row i, filled up with zeros, as its operand, and their totals.
func (l *left) split(p *matrixPlan, ints []int32, i int) {
	w, element := p.w, p.format.Bytes()
	row, plane := l.planes[i*p.stride:], l.rows*p.stride
	groups, depth := w.Groups(), w.GroupDepth()*element
	for g := range groups {
		group := ints
		if groups > 1 {
			group = ints[g*w.Group : min((g+1)*w.Group, w.K)]
		}
		if p.format == kernel.S16 {
			p.set.SplitS16(row[g*depth:], plane, group, p.operand.Planes)
		} else {
			p.set.SplitU8(row[g*depth:], plane, group, p.operand.Planes, l.zeros[i])
		}
		if p.totals {
			l.totals[i*groups+g] = kernel.Sum(group)
		}
	}
}
