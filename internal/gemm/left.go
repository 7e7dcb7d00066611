package gemm

import (
	"math"

	"euryale/internal/kernel"
)

// A left is the left operand of a block: rows that are integers X, with their scales.
type left struct {
	rows     int
	planes   []uint8   // [plane][row][stride]
	given    []uint8   // quantized activations that are the operand as they are, [row][k]
	scales   []float64 // of a fixed point, or
	scales32 []float32 // of quantized values of a byte
	zeros    []int32   // what a row's planes hold above X
	totals   []int64   // [row][group] Σ X, where the weight needs them
}

// fit makes room for so many rows.
func (l *left) fit(p *matrixPlan, rows int) {
	l.planes = grow(l.planes, p.operand.Planes*rows*p.stride)
	l.fitScales(p, rows)
}

// give takes quantized activations as the operand, without a copy, where they are laid out as one and rows are
// not so far apart that they share sets of a cache. It reports whether it did.
func (l *left) give(p *matrixPlan, x Activations, rows int) bool {
	k := p.w.K
	if x.Quantized == nil || !p.plain || !p.isDense() || p.depth > k || k%crowded == 0 {
		return false
	}
	l.fitScales(p, rows)
	for i := range rows {
		l.set(p, i, quantized(x.Params))
	}
	l.given = x.Quantized[:rows*k]
	return true
}

// crowded is how far apart rows are that share sets of the first cache.
const crowded = 4096

// fitScales makes room for all but the planes.
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

// quantize makes the operand of row i from x, with its scale and, where the weight needs them, totals. It
// returns the place of a value that is not finite, or −1.
func (l *left) quantize(p *matrixPlan, s *scratch, i int, x []float32) (bad int) {
	var of integers
	if p.plain {
		if of, bad = p.pack(l.planes[i*p.stride:], l.rows*p.stride, x); bad < 0 {
			l.set(p, i, of)
			l.addUp(p, i)
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

// pack does the same for values that are quantized already.
func (l *left) pack(p *matrixPlan, s *scratch, i int, q []uint8, of integers) {
	l.set(p, i, of)
	if p.plain {
		copy(l.planes[i*p.stride:], q)
		l.addUp(p, i)
		return
	}
	ints := s.rowOfInts(len(q))
	p.set.SubtractZeroPoint(ints[:len(q)], q, of.zero)
	l.split(p, ints, i)
}

// addUp makes the totals of row i of a plain operand, where the weight needs them.
func (l *left) addUp(p *matrixPlan, i int) {
	if !p.totals {
		return
	}
	w, groups := p.w, p.w.Groups()
	for g := range groups {
		begin, end := g*w.Group, min((g+1)*w.Group, w.K)
		total := -int64(l.zeros[i]) * int64(end-begin)
		for plane := range p.operand.Planes {
			row := l.planes[(plane*l.rows+i)*p.stride:]
			total += kernel.SumBytes(row[begin:end]) << (p.operand.Shift * plane)
		}
		l.totals[i*groups+g] = total
	}
}

// rowOfInts returns memory for n integers, filled up with zeros to a multiple of 32 for the kernels that
// split them. The operand of a single group has room for that.
func (s *scratch) rowOfInts(n int) []int32 {
	s.ints = grow(s.ints, (n+31)/32*32)
	clear(s.ints[n:])
	return s.ints
}

// quantized returns the scale of activations that are quantized already.
func quantized(a kernel.Affine) integers { return integers{scale32: a.Scale, zero: a.Zero} }

// affineOf returns the quantization parameters of x, and the place of a value that is not finite, or −1.
func (p *matrixPlan) affineOf(x []float32) (a kernel.Affine, bad int) {
	low, high, bad := p.set.MinMax(x)
	if p.arithmetic.Static != nil {
		return *p.arithmetic.Static, bad
	}
	if bad < 0 {
		a = kernel.AffineOf(low, high, 255)
	}
	return a, bad
}

// fixedOf returns the exponent of the fixed point of x, likewise.
func (p *matrixPlan) fixedOf(x []float32) (e, bad int) {
	low, high, bad := p.set.MinMax(x)
	if bad < 0 {
		e = kernel.FixedOf(max(-low, high), p.arithmetic.Bits)
	}
	return e, bad
}

// pack makes a plain operand of x without a step between: its quantized values, counted from the lowest, or
// the planes of its fixed point, plane bytes apart. It returns the place of a value that is not finite, or
// −1.
func (p *matrixPlan) pack(dst []uint8, plane int, x []float32) (of integers, bad int) {
	if p.arithmetic.Bits > 0 {
		e, bad := p.fixedOf(x)
		if bad < 0 {
			p.set.SplitFixed(dst, plane, x, e, p.operand)
		}
		return integers{scale: math.Ldexp(1, -e), zero: p.operand.Offset}, bad
	}
	return p.quantizeBytes(dst[:len(x)], x)
}

// quantizeBytes sets dst to the quantized values of x, counted from the lowest. It returns the place of a
// value that is not finite, or −1. A range that is given needs no look at x before.
func (p *matrixPlan) quantizeBytes(dst []uint8, x []float32) (of integers, bad int) {
	if p.arithmetic.Static != nil {
		a := Counted(*p.arithmetic.Static)
		bad = -1
		if !p.set.QuantizeU8(dst, x, a) {
			_, _, bad = p.set.MinMax(x)
		}
		return quantized(a), bad
	}
	a, bad := p.affineOf(x)
	a = Counted(a)
	if bad < 0 {
		p.set.QuantizeU8(dst, x, a)
	}
	return quantized(a), bad
}

// Counted returns a for quantized values that are counted from the lowest, as those of Activations are: q −
// Low, in 0 … High − Low. Low, High and the zero point move together, so they stand for the same real values.
func Counted(a kernel.Affine) kernel.Affine {
	return kernel.Affine{Scale: a.Scale, Zero: a.Zero - a.Low, High: a.High - a.Low}
}

// integers sets ints to the integers X of x, and returns the place of a value that is not finite, or −1.
func (p *matrixPlan) integers(ints []int32, x []float32) (of integers, bad int) {
	if bits := p.arithmetic.Bits; bits > 0 {
		e, bad := p.fixedOf(x)
		if bad < 0 {
			p.set.QuantizeFixed(ints, x, e, bits)
		}
		return integers{scale: math.Ldexp(1, -e), zero: p.operand.Offset}, bad
	}
	a, bad := p.affineOf(x)
	if bad < 0 {
		p.set.QuantizeInts(ints, x, a)
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
