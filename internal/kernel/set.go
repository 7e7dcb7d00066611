package kernel

import (
	"time"

	"euryale/internal/half"
	"euryale/internal/isa"
)

// Set is the kernels of one instruction set. Each function does what the generic one of its name does, bit for
// bit: Multiply that of its operands, multiplyU8Generic or multiplyS16Generic. Lengths and strides are the caller's to get
// right.
type Set struct {
	Tier isa.Tier

	Rows, Panels int     // a tile's most
	Depth        int     // sums over a multiple of it are fastest
	Wide         bool    // rows are planes of 16-bit integers, not of bytes
	CacheBytes   int     // of rows that the second cache holds beside a panel
	Rate         float64 // products a second of one thread, about: what is worth sharing depends on it
	QuantizeRate float64 // numbers a second that become operands, likewise

	// Numbers and codes.
	QuantizeS8   func(dst []int8, src []float32, a Affine)
	QuantizeU8   func(dst []uint8, src []float32, a Affine)
	DequantizeS8 func(dst []float32, src []int8, a Affine)
	DequantizeU8 func(dst []float32, src []uint8, a Affine)

	// Whole tensors.
	QuantizeGrid   func(dst []uint8, src []float32, g Grid)
	DequantizeGrid func(dst []float32, src []uint8, g Grid)
	MinMaxBlocks   func(low, high, src []float32, size int) (allFinite bool)
	Encode         func(dst []uint16, src []float32, f half.Format)

	QuantizeBlocks    func(dst []uint8, src []float32, maps []Affine, size int)
	DequantizeBlocks  func(dst []float32, src []uint8, maps []Affine, size int)
	MinMaxColumns     func(low, high, src []float32, stride, rows int) (allFinite bool)
	QuantizeColumns   func(dst []uint8, src []float32, c *Columns, n, stride, rows int)
	DequantizeColumns func(dst []float32, src []uint8, c *Columns, n, stride, rows int)

	// Rows of float32 become integers, and those an operand.
	MinMax          func(src []float32) (low, high float32, bad int)
	QuantizeCentred func(dst []int32, src []float32, a Affine)
	QuantizeFixed   func(dst []int32, src []float32, e, bits int)
	Centre          func(dst []int32, src []uint8, zero int32)
	SplitU8         func(dst []uint8, stride int, x []int32, planes int, offset int32)
	SplitS16        func(dst []uint8, stride int, x []int32, planes int)
	SplitFixed      func(dst []uint8, stride int, src []float32, e int, o Operand) // where planes are of bytes

	// Integers are multiplied.
	Multiply func(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int)
	Unpack   func(dst []int8, src []uint8)

	// Codes are pooled, added and looked up.
	MaxWindows func(dst, src []uint8, offsets []int, n, pixels, step int)
	AddU8      func(dst, x, y []uint8, ax, ay, a Affine)
	LookUp     func(dst, src []uint8, table *[256]uint8)

	// Both in one, without the sums in memory: multiplyDirectGeneric and multiplyDirectWideGeneric. nil where there is no
	// such kernel.
	MultiplyDirect     func(dst []float32, stride int, a []uint8, lda int, gaps []int, b []int8, ldb, steps, panels int, u, v []int32, scales, r, bias []float32, floor float32, lines, step int)
	MultiplyDirectWide func(dst []float32, stride int, a []uint8, lda, plane int, gaps []int, b []int8, ldb, steps, panels, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32)

	// A convolution of few channels: multiplyLanesGeneric, nil where there is no such kernel, and its operands.
	MultiplyLanes func(dst []float32, stride int, x []uint8, ldx int, offsets []int, b []int8, v []int32, scales []float32, r float32, bias []float32, floor float32, pixels, rows int)
	Lanes         func(dst, src []uint8, step, pixels int)

	// A convolution whose filters have a channel each.
	MultiplyDepthwise func(c []int32, x []uint8, step int, offsets []int, b []int8, pixels int)

	// Weights of 16-bit numbers are decoded, and multiplied as numbers.
	Decode        func(dst []float32, src []uint16, f half.Format)
	MultiplyFloat func(d []float64, x []float32, ldx int, w []float32, rows int)

	// The output stage.
	Correct     func(c, u, v []int32)
	CorrectWide func(d, u []float64, v []int32)
	Accumulate  func(d []float64, c []int32, weight float64)
	Scale       func(s []float32, c []int32, scales []float32)
	ScaleWide   func(s, d []float64, scales []float32)
	Offset      func(s, u, v []float32)
	OffsetWide  func(s, u []float64, v []float32)
	Finish      func(dst []float32, stride int, s, r, bias []float32, floor float32)
	FinishWide  func(dst []float32, stride int, s, r []float64, bias []float32, floor float32)
	Turn        func(dst []float32, stride int, src []float32, n, columns, rows int)
	TurnU8      func(dst []uint8, stride int, src []uint8, n, columns, rows int)
	Direct      func(dst []float32, stride int, c, u, v []int32, scales, r, bias []float32, floor float32)
	DirectWide  func(dst []float32, stride int, c []int32, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32)
}

// Operand returns how rows of integers of 8, 16 or 24 bits are taken.
func (s *Set) Operand(bits int) Operand {
	if s.Wide {
		return operandsS16[bits]
	}
	return operandsU8[bits]
}

// ElementBytes returns the size of an element of a plane.
func (s *Set) ElementBytes() int {
	if s.Wide {
		return 2
	}
	return 1
}

// MultiplyTime returns about how long one thread takes to multiply m×k by k×n: by its rate, or by that of memory
// where rows are few.
func (s *Set) MultiplyTime(m, n, k int) time.Duration {
	const bytesPerSecond = 20e9
	return time.Duration(float64(n) * float64(k) * max(float64(m)/s.Rate, 1/bytesPerSecond) * 1e9)
}

// QuantizeTime returns about how long one thread takes to make operands of n numbers.
func (s *Set) QuantizeTime(n int) time.Duration {
	return time.Duration(float64(n) / s.QuantizeRate * 1e9)
}

// generic is the specification.
var generic = Set{
	Tier:              isa.Generic,
	Rows:              4,
	Panels:            1,
	Depth:             StepDepth,
	Wide:              true,
	CacheBytes:        256 << 10,
	Rate:              1e9,
	QuantizeRate:      0.1e9,
	QuantizeS8:        quantizeGeneric[int8],
	QuantizeU8:        quantizeGeneric[uint8],
	DequantizeS8:      dequantizeGeneric[int8],
	DequantizeU8:      dequantizeGeneric[uint8],
	QuantizeGrid:      quantizeGridGeneric,
	DequantizeGrid:    dequantizeGridGeneric,
	MinMaxBlocks:      minMaxBlocksGeneric,
	Encode:            encodeGeneric,
	QuantizeBlocks:    quantizeBlocksGeneric,
	DequantizeBlocks:  dequantizeBlocksGeneric,
	MinMaxColumns:     minMaxColumnsGeneric,
	QuantizeColumns:   quantizeColumnsGeneric,
	DequantizeColumns: dequantizeColumnsGeneric,
	MinMax:            minMaxGeneric,
	QuantizeCentred:   quantizeCentredGeneric,
	QuantizeFixed:     quantizeFixedGeneric,
	Centre:            centreGeneric,
	SplitU8:           splitU8Generic,
	SplitS16:          splitS16Generic,
	SplitFixed:        splitFixedGeneric,
	Multiply:          multiplyS16Generic,
	Unpack:            unpackGeneric,
	MaxWindows:        maxWindowsGeneric,
	AddU8:             addU8Generic,
	LookUp:            lookUpGeneric,
	Lanes:             lanesGeneric,
	MultiplyDepthwise: multiplyDepthwiseGeneric,
	Decode:            decodeGeneric,
	MultiplyFloat:     multiplyFloatGeneric,
	Correct:           correctGeneric[int32],
	CorrectWide:       correctGeneric[float64],
	Accumulate:        accumulateGeneric,
	Scale:             scaleGeneric[float32, int32],
	ScaleWide:         scaleGeneric[float64, float64],
	Offset:            offsetGeneric[float32],
	OffsetWide:        offsetGeneric[float64],
	Finish:            finishGeneric[float32],
	FinishWide:        finishGeneric[float64],
	Turn:              turnGeneric[float32],
	TurnU8:            turnGeneric[uint8],
	Direct:            directGeneric,
	DirectWide:        directWideGeneric,
}

// Of returns the kernels of a tier, or those of the next lower one that there are.
func Of(t isa.Tier) *Set {
	for ; t > isa.Generic; t-- {
		if s, ok := sets[t]; ok {
			return s
		}
	}
	return &generic
}

// MaxWindows pools codes with the kernels in use: dst[p·n + i] = max_k src[p·step + offsets[k] + i] for so many pixels p, i < n.
func MaxWindows(dst, src []uint8, offsets []int, n, pixels, step int) {
	Current().MaxWindows(dst, src, offsets, n, pixels, step)
}

// AddU8 adds codes with the kernels in use: dst[i] = clamp(RNE((rx(x[i]) + ry(y[i]))/Scale) + Zero, Low, High) by a, rx and ry being
// what ax and ay make of a code. No rx or ry passes a quarter of the largest float32.
func AddU8(dst, x, y []uint8, ax, ay, a Affine) { Current().AddU8(dst, x, y, ax, ay, a) }

// LookUp sets dst[i] = table[src[i]] with the kernels in use. dst may be src.
func LookUp(dst, src []uint8, table *[256]uint8) { Current().LookUp(dst, src, table) }

// Turn sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i, with the kernels in use.
func Turn(dst []float32, stride int, src []float32, n, columns, rows int) {
	Current().Turn(dst, stride, src, n, columns, rows)
}

// TurnBytes sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i, with the kernels in use.
func TurnBytes(dst []uint8, stride int, src []uint8, n, columns, rows int) {
	Current().TurnU8(dst, stride, src, n, columns, rows)
}

// Current returns the kernels of the tier in use.
func Current() *Set { return Of(isa.Current()) }
