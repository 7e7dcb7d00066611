package kernel

import (
	"math"
	"unsafe"

	"euryale/internal/half"
)

// Grid maps between real values r and quantized values q: r = Offset + Scale·q, with q in [0, High].
type Grid struct {
	Scale, Offset float32
	High          int32
}

// QuantizeGrid sets dst[i] = clamp(RNE((src[i] − Offset)/Scale), 0, High), in float64, ties to even,
// saturated, with the kernels in use. src is finite.
func QuantizeGrid(dst []uint8, src []float32, g Grid) { Current().QuantizeGrid(dst, src, g) }

func quantizeGridGeneric(dst []uint8, src []float32, g Grid) {
	scale, offset, high := float64(g.Scale), float64(g.Offset), float64(g.High)
	for i, x := range src {
		r := math.RoundToEven((float64(x) - offset) / scale)
		dst[i] = uint8(max(0, min(high, r)))
	}
}

// DequantizeGrid sets dst[i] = Offset + Scale·src[i], in float64, rounded to float32 and saturated to the
// finite values, with the kernels in use. The product is exact in float64.
func DequantizeGrid(dst []float32, src []uint8, g Grid) { Current().DequantizeGrid(dst, src, g) }

func dequantizeGridGeneric(dst []float32, src []uint8, g Grid) {
	for i, q := range src {
		dst[i] = finite(float32(float64(g.Offset) + float64(float64(g.Scale)*float64(q))))
	}
}

// minMaxBlocksGeneric sets low[i] and high[i] to the smallest and the largest of the i-th block of src, as
// MinMax does, and reports whether all blocks are finite; the ends are meaningless where one is not. src is
// len(low) blocks of size elements.
func minMaxBlocksGeneric(low, high, src []float32, size int) (allFinite bool) {
	return minMaxBlocksBy(minMaxGeneric, low, high, src, size)
}

// minMaxBlocksBy works like minMaxBlocksGeneric, with a function that works like minMaxGeneric.
func minMaxBlocksBy(minMax func([]float32) (low, high float32, bad int), low, high, src []float32, size int) (allFinite bool) {
	allFinite = true
	for i := range low {
		var bad int
		low[i], high[i], bad = minMax(src[i*size:][:size])
		allFinite = allFinite && bad < 0
	}
	return allFinite
}

// encodeGeneric sets dst[i] to the bits of src[i] in the format, rounded. src[i] may be NaN or an infinity.
func encodeGeneric(dst []uint16, src []float32, f half.Format) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = f.Encode(x)
	}
}

// quantizeBlocksGeneric quantizes blocks of size elements by a map each, as Quantize does. Values of a map
// whose Low is below 0 are stored in two's complement.
func quantizeBlocksGeneric(dst []uint8, src []float32, maps []Affine, size int) {
	for i, a := range maps {
		quantizeGeneric(dst[i*size:][:size], src[i*size:][:size], a)
	}
}

// dequantizeBlocksGeneric undoes quantizeBlocksGeneric, as Dequantize does.
func dequantizeBlocksGeneric(dst []float32, src []uint8, maps []Affine, size int) {
	for i, a := range maps {
		dst, src := dst[i*size:][:size], src[i*size:][:size]
		if a.Low < 0 {
			dequantizeGeneric(dst, asSigned(src), a)
		} else {
			dequantizeGeneric(dst, src, a)
		}
	}
}

// asSigned returns bytes as two's complement, in the same memory.
func asSigned(x []uint8) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// MostColumns is how many columns Columns has at most, and LeastColumns how many kernels do not take one by
// one.
const (
	MostColumns  = 2048
	LeastColumns = 8
)

// Columns are the maps of columns that lie side by side. Those of one call all have a Low below 0, or none
// has.
type Columns struct {
	inverse   [MostColumns]float32 // of scale, or NaN
	zero      [MostColumns]int32
	scale     [MostColumns]float32
	low, high [MostColumns]int32
	signed    bool
	mixed     bool // low or high are not the same for all
}

// Set makes a the map of column j. That of column 0 is the first to be set.
func (c *Columns) Set(j int, a Affine) {
	c.scale[j], c.zero[j], c.low[j], c.high[j] = a.Scale, a.Zero, a.Low, a.High
	c.inverse[j] = 1 / a.Scale
	if c.inverse[j]-c.inverse[j] != 0 {
		c.inverse[j] = float32(math.NaN())
	}
	c.signed = a.Low < 0
	c.mixed = j > 0 && (c.mixed || a.Low != c.low[0] || a.High != c.high[0])
}

// quantizeColumnsGeneric works like quantizeBlocksGeneric where a block is a column: element j of a row, of n
// columns, has map j. Rows are stride apart in dst and src.
func quantizeColumnsGeneric(dst []uint8, src []float32, c *Columns, n, stride, rows int) {
	for i := range rows {
		dst, src := dst[i*stride:][:n], src[i*stride:][:n]
		for j, x := range src {
			steps := math.RoundToEven(float64(x / c.scale[j]))
			low, high := float64(c.low[j]-c.zero[j]), float64(c.high[j]-c.zero[j])
			dst[j] = uint8(int32(max(low, min(high, steps))) + c.zero[j])
		}
	}
}

// dequantizeColumnsGeneric undoes quantizeColumnsGeneric.
func dequantizeColumnsGeneric(dst []float32, src []uint8, c *Columns, n, stride, rows int) {
	for i := range rows {
		dst, src := dst[i*stride:][:n], src[i*stride:][:n]
		for j, q := range src {
			code := int32(q)
			if c.signed {
				code = int32(int8(q))
			}
			dst[j] = finite(c.scale[j] * float32(code-c.zero[j]))
		}
	}
}

// minMaxColumnsGeneric extends low[j] and high[j], which are finite, to column j of src, with 0 for −0, and
// reports whether all are finite; the ends are meaningless where one is not. Rows are stride apart.
func minMaxColumnsGeneric(low, high, src []float32, stride, rows int) (allFinite bool) {
	allFinite = true
	for i := range rows {
		for j, x := range src[i*stride:][:len(low)] {
			low[j], high[j] = min(low[j], x+0), max(high[j], x+0)
			allFinite = allFinite && x-x == 0
		}
	}
	return allFinite
}
