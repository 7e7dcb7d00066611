package kernel

import (
	"math"

	"euryale/internal/half"
)

// A product of float32 is chains of fused multiply-adds, one for each element of the result, in order of depth:
//
//	y ← fma(a[p], b[p], y)  for p = 0 … k−1
//
// which begins with its bias and ends with max(y, floor). Every NaN is written as 0x7FC00000, and −0 as 0. A
// fused multiply-add is rounded once, to nearest, ties to even. No element waits for another, so vectors,
// threads and blocks of any shape give the same bits, as long as each goes through its depth in order.

// FloatLeft is the left operand of a product of float32: Rows rows, Stride elements apart, whose depth is
// contiguous.
type FloatLeft struct {
	Data         []float32
	Rows, Stride int
}

// FloatRight is the right operand: Panels panels of 16 columns, Stride elements apart. Depth is segments of
// Length, one from each of Offsets on; within a segment, the columns of one depth are Step elements behind
// those of the last. Panels, segments and steps may overlap. A packed weight is one segment with a Step of
// 16; the pixels of an image are columns, with a segment for each element of the kernel and a Step from
// channel to channel.
type FloatRight struct {
	Data           []float32
	Panels, Stride int
	Offsets        []int
	Length, Step   int
}

// OneSegment is the Offsets of a depth in one piece. Nobody changes it.
var OneSegment = []int{0}

// FloatEnds is where chains begin, and what they end with. The chain of row i and column j begins with the
// element i·Row + ⌊j/16⌋·Panel + j%16 of From, and ends with max(y, Floor), NaN for NaN. A block of depth
// begins with what the last one has left in the result, and ends with a Floor of −Inf unless it is the last.
type FloatEnds struct {
	From       []float32
	Row, Panel int
	Floor      float32
}

// checkFloats panics where lengths do not go together, a bug of the caller.
func checkFloats(dst []float32, stride int, a *FloatLeft, b *FloatRight, e *FloatEnds) {
	if a.Rows < 1 || b.Panels < 1 || b.Length < 1 || len(b.Offsets) < 1 {
		panic("kernel: MultiplyFloats: nothing to multiply")
	}
	_ = dst[(a.Rows-1)*stride:][:b.Panels*PanelColumns]
	_ = a.Data[(a.Rows-1)*a.Stride:][:len(b.Offsets)*b.Length]
	_ = e.From[(a.Rows-1)*e.Row+(b.Panels-1)*e.Panel:][:PanelColumns]
	last := (b.Panels-1)*b.Stride + (b.Length-1)*b.Step
	for _, offset := range b.Offsets {
		_ = b.Data[offset:][last:][:PanelColumns]
	}
}

// multiplyFloatsGeneric sets dst[i·stride + j], for rows i and the columns j of all panels, to the ends of
// chains.
func multiplyFloatsGeneric(dst []float32, stride int, a *FloatLeft, b *FloatRight, e *FloatEnds) {
	checkFloats(dst, stride, a, b, e)
	for i := range a.Rows {
		for panel := range b.Panels {
			sums, x := e.begin(i, panel), a.Data[i*a.Stride:]
			for _, offset := range b.Offsets {
				for p, v := range x[:b.Length] {
					w := (*[PanelColumns]float32)(b.Data[panel*b.Stride+offset+p*b.Step:])
					for j := range sums {
						sums[j] = fused(v, w[j], sums[j])
					}
				}
				x = x[b.Length:]
			}
			e.end(dst[i*stride+panel*PanelColumns:], &sums)
		}
	}
}

func (e *FloatEnds) begin(row, panel int) (sums [PanelColumns]float32) {
	copy(sums[:], e.From[row*e.Row+panel*e.Panel:][:PanelColumns])
	return sums
}

// quietNaN is what every NaN is written as. That of x86 has a sign, that of arm64 has none.
var quietNaN = math.Float32frombits(0x7FC00000)

func (e *FloatEnds) end(dst []float32, sums *[PanelColumns]float32) {
	dst = dst[:PanelColumns]
	for j, y := range sums {
		dst[j] = endOf(y, e.Floor)
	}
}

// endOf ends a chain.
func endOf(y, floor float32) float32 {
	if y != y {
		return quietNaN
	}
	return max(y, floor) + 0
}

// HalfRight is a packed weight of 16-bit floats: Panels panels of 16 columns, Stride elements apart.
type HalfRight struct {
	Data           []uint16
	Panels, Stride int
	Format         half.Format
}

// multiplyHalvesGeneric works like multiplyFloatsGeneric for one row by weights of 16 bits, widened to float32.
func multiplyHalvesGeneric(dst, x []float32, b *HalfRight, e *FloatEnds) {
	for panel := range b.Panels {
		sums := e.begin(0, panel)
		for p, v := range x {
			for j, w := range b.Data[panel*b.Stride+p*PanelColumns:][:PanelColumns] {
				sums[j] = fused(v, b.Format.Decode(w), sums[j])
			}
		}
		e.end(dst[panel*PanelColumns:], &sums)
	}
}

// fused returns a·b + c, rounded once. The product is exact in float64. The sum is rounded to odd there where
// rounding it twice could matter: where it lies in the middle between two float32, or is too small for a
// normal one.
func fused(a, b, c float32) float32 {
	const (
		below  = 1<<29 - 1 // the bits of a float64 that a normal float32 lacks
		middle = 1 << 28
	)
	x, y := float64(float64(a)*float64(b)), float64(c)
	sum := x + y
	if bits := math.Float64bits(sum); bits&below != middle && (sum <= -0x1p-126 || sum >= 0x1p-126) {
		return float32(sum)
	}
	return float32(roundToOdd(sum, x, y))
}

// roundToOdd returns x + y, of which sum is the nearest float64: sum where that is exact, else the one of the
// two neighbours of the exact sum whose last bit is set.
func roundToOdd(sum, x, y float64) float64 {
	// The error of the sum, exactly (Knuth, "The Art of Computer Programming", volume 2, 4.2.2, theorem B).
	back := sum - x
	rest := float64(x-float64(sum-back)) + float64(y-back)
	bits := math.Float64bits(sum)
	if !(rest < 0 || rest > 0) || bits&1 != 0 {
		return sum
	}
	if rest > 0 == (sum > 0) {
		return math.Float64frombits(bits + 1)
	}
	return math.Float64frombits(bits - 1)
}
