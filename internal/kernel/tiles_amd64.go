//go:build !purego

package kernel

import (
	"math"
	"unsafe"
)

// These structs are the arguments of the assembly of products and epilogues, as the module in _asm has them:
// fields of 8 bytes, with a value of 4 bytes in the lower half.

// A multiplyTile is rows of a product, up to height of them at a time, and what follows their sums where there is
// a dst. Rows are at a and a2 by turns, each lda bytes further than the last of its own, and their sums at sums
// and sums2, ldc bytes further. A tile is nextA and nextSums bytes behind the one before, and a line lineA and
// lineSums more than that. Segment i+1 of a row begins gaps[i] bytes behind the end of segment i. last
// has a bit for each column of the last panel that is a result.
type multiplyTile struct {
	a, a2               *uint8
	lda                 int
	lines, rows, height int
	nextA, nextSums     int
	lineRows            int
	lineA, lineSums     int
	b                   *int8
	ldb, steps          int
	gaps                *int
	segments            int
	sums, sums2         *int32
	ldc                 int

	dst          *float32
	stride       int // bytes
	last         uint64
	compensation *int32
	scales, bias *float32
	zeros        *int32
	rowScales    *float32
	floor, _     float32
	done         [4]int // of a, sums, rows and dst, while it runs
}

// An epilogueTile is an Epilogue or a WideEpilogue, and an Affine that follows.
type epilogueTile struct {
	dst              unsafe.Pointer
	stride           int // bytes
	sums             *int32
	row              int // bytes of sums
	compensation     *int32
	scales, bias     *float32
	zeros, rowScales unsafe.Pointer
	rows, columns    int
	plane, lastPlane int // bytes of sums
	morePlanes       int
	base             float64
	floor, _         float32
	requantizing
	first, firstDst int // where requantizeSums goes back to
	firstSums, end  int
}

// requantizing is how the sums of all rows become quantized values.
type requantizing struct {
	rowScale, _        float32
	zeroPoint, _       int32
	scale, _           float32
	low, _, high, _    float32
	zero, _            int32
	lower, _, upper, _ float32
	least, _, most, _  float32
	doubt, _           int32
}

// A groupTile is a Group or a WideGroup.
type groupTile struct {
	acc, sums                  unsafe.Pointer
	scales                     *float32
	compensation, zeroPoints   *int32
	offsets                    *float32
	zeros, totals, floatTotals unsafe.Pointer
	rows, columns, gap         int // gap is bytes between the lists of two panels
}

// A pixelTile is two vectors of pixels and their results, of which those in the masks are stored.
type pixelTile struct {
	dst                   *float32
	stride                int // bytes
	dst2                  *float32
	x, x2                 *uint8
	filters               int
	offsets               *int
	steps                 int
	b                     *int8
	compensation          *int32
	scales, bias          *float32
	rowScale, _, floor, _ float32
	mask, mask2           uint64
}

// A depthwiseTile is pixels of a panel of channels, four at a time, and what follows their sums.
type depthwiseTile struct {
	x            *uint8
	pixels       *int
	fours        int
	steps        int
	b            *int8
	dst          unsafe.Pointer
	stride       int    // bytes
	columns      uint64 // a bit for each that is a result
	compensation *int32
	scales, bias *float32
	requantizing
	taps taps
}

// asm is a kernel whose argument is a pointer to one of them. It keeps no pointer.
type asm func(t *uint8)

// hidden returns p without letting the compiler see that it is passed on: what it points to stays on the
// stack, since assembly that is called through a variable keeps no pointer either.
//
//go:nosplit
func hidden[T any](p *T) *uint8 {
	x := uintptr(unsafe.Pointer(p))
	return *(**uint8)(unsafe.Pointer(&x))
}

// newEpilogueTile returns the arguments of an epilogue over so many rows and columns.
func newEpilogueTile(e *Epilogue, sums []int32, rows, columns int) epilogueTile {
	return epilogueTile{
		sums: &sums[0], row: 4 * len(e.Compensation), compensation: &e.Compensation[0], scales: &e.Scales[0], bias: &e.Bias[0],
		zeros: unsafe.Pointer(&e.Zeros[0]), rowScales: unsafe.Pointer(&e.RowScales[0]), rows: rows, columns: columns, floor: e.Floor,
		requantizing: requantizing{zeroPoint: e.Zeros[0], rowScale: e.RowScales[0]},
	}
}

// to sets the parameters by which results are quantized. What is below the floor has the floor's quantized
// value: rounding keeps the order of quotients.
func (t *requantizing) to(a Affine, floor float32) {
	t.scale, t.zero = a.Scale, a.Zero
	t.low, t.high = float32(a.Low-a.Zero), float32(a.High-a.Zero)
	t.low = max(t.low, min(t.high, float32(math.RoundToEven(float64(floor/a.Scale)))))
	n := nearestTo(a.Scale, t.low, t.high)
	t.lower, t.upper, t.least, t.most = n.lower, n.upper, n.least, n.most
	if !n.valid {
		t.doubt = -1
	}
}

// nearest is how AVX-512 rounds quotients x/scale to integers, clamped, without dividing: the rounded
// quotient is between x·lower and x·upper. Where both round to the same integer, so does the quotient; else
// it divides. valid is false for a scale whose inverse is no normal float32.
type nearest struct {
	lower, upper, least, most float32
	valid                     bool
}

// nearestTo returns the factors for a scale and a clamp. A product with the rounded inverse is within 2^−23
// of the quotient, relatively, and the rounded quotient within 2^−24.
func nearestTo(scale, low, high float32) nearest {
	inverse := 1 / scale
	const apart = 0x1p-21
	n := nearest{lower: inverse * (1 - apart), upper: inverse * (1 + apart), least: low * scale, most: high * scale}
	n.valid = n.upper-n.upper == 0 && n.lower >= 0x1p-126
	return n
}
