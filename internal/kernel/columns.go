package kernel

import "math"

// Where a block is a column of a matrix, or some rows of it, elements that lie side by side have maps of their own.
// A row has n elements, of which element j has map j, and rows are stride apart.

// MostColumns is how many columns Columns and GridColumns have at most, and LeastColumns how many kernels do not take
// one by one.
const (
	MostColumns  = 2048
	LeastColumns = 8
)

// columnsRoom is the length of a list by column: the lists that follow one another do not begin at the same place of a
// page, where they would share a set of the cache.
const columnsRoom = MostColumns + 16

// Columns are the maps of columns that lie side by side. Those of one call all have a Low below 0, or none has.
type Columns struct {
	scale     [columnsRoom]float32
	zero      [columnsRoom]int32
	low, high [columnsRoom]float32 // on the other side of the zero point
	signed    bool
}

// Set makes a the map of column j.
func (c *Columns) Set(j int, a Affine) {
	c.scale[j], c.zero[j], c.low[j], c.high[j] = a.Scale, a.Zero, float32(a.Low-a.Zero), float32(a.High-a.Zero)
	c.signed = a.Low < 0
}

// SetUnsigned makes the maps of columns from j on those of some scales and zero points, with one Low of 0 or more and
// one High.
func (c *Columns) SetUnsigned(j int, scales []float32, zeros []int32, low, high int32) {
	n := copy(c.scale[j:], scales)
	copy(c.zero[j:][:n], zeros)
	lows, highs := c.low[j:][:n], c.high[j:][:n]
	for i, zero := range c.zero[j:][:n] {
		lows[i], highs[i] = float32(low-zero), float32(high-zero)
	}
	c.signed = false
}

// SetSigned makes the maps of columns from j on those of some scales, with one Low below 0 where the scale is positive and
// one where it is negative, and one High.
func (c *Columns) SetSigned(j int, scales []float32, low, lowOfNegative, high int32) {
	n := copy(c.scale[j:], scales)
	clear(c.zero[j:][:n])
	lows, highs := c.low[j:][:n], c.high[j:][:n]
	for i, scale := range scales[:n] {
		lows[i], highs[i] = float32(low), float32(high)
		if scale < 0 {
			lows[i] = float32(lowOfNegative)
		}
	}
	c.signed = true
}

// quantizeColumnsGeneric works like quantizeBlocksGeneric where a block is a column.
func quantizeColumnsGeneric(dst []uint8, src []float32, c *Columns, n, stride, rows int) {
	for i := range rows {
		dst, src := dst[i*stride:][:n], src[i*stride:][:n]
		for j, x := range src {
			steps := math.RoundToEven(float64(x / c.scale[j]))
			dst[j] = uint8(int32(max(float64(c.low[j]), min(float64(c.high[j]), steps))) + c.zero[j])
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

// GridColumns are the grids of columns that lie side by side. Those of one call have the same High.
type GridColumns struct {
	scale, offset [columnsRoom]float32
	high          int32
}

// Set makes g the grid of column j.
func (c *GridColumns) Set(j int, g Grid) { c.scale[j], c.offset[j], c.high = g.Scale, g.Offset, g.High }

// grid returns the grid of column j.
func (c *GridColumns) grid(j int) Grid {
	return Grid{Scale: c.scale[j], Offset: c.offset[j], High: c.high}
}

// quantizeGridColumnsGeneric works like quantizeGridGeneric with the grid of each column.
func quantizeGridColumnsGeneric(dst []uint8, src []float32, c *GridColumns, n, stride, rows int) {
	for i := range rows {
		dst, src := dst[i*stride:][:n], src[i*stride:][:n]
		for j := range src {
			quantizeGridGeneric(dst[j:j+1], src[j:j+1], c.grid(j))
		}
	}
}

// dequantizeGridColumnsGeneric undoes quantizeGridColumnsGeneric.
func dequantizeGridColumnsGeneric(dst []float32, src []uint8, c *GridColumns, n, stride, rows int) {
	for i := range rows {
		dst, src := dst[i*stride:][:n], src[i*stride:][:n]
		for j := range src {
			dequantizeGridGeneric(dst[j:j+1], src[j:j+1], c.grid(j))
		}
	}
}

// minMaxColumnsGeneric extends low[j] and high[j], which are finite, to column j of src, with 0 for −0, and
// reports whether all are finite; the ends are meaningless where one is not.
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
