//go:build !purego

package kernel

// byFours calls asm for columns from one on, a multiple of lanes, of rows, four at a time, from one on. The last columns
// and rows reach back; fewer than four rows are taken one by one, as four in the same place. There are so many columns
// and a row at least.
func byFours(lanes, n, stride, rows int, asm func(column, row, n, stride, fours int)) {
	columns := func(row, stride, fours int) {
		asm(0, row, n/lanes*lanes, stride, fours)
		if n%lanes > 0 {
			asm(n-lanes, row, lanes, stride, fours)
		}
	}
	if rows < 4 {
		for row := range rows {
			columns(row, 0, 1)
		}
		return
	}
	columns(0, stride, rows/4)
	if rows%4 > 0 {
		columns(rows-4, stride, 1)
	}
}

// fewColumns reports whether columns are left to the generic functions.
func fewColumns(n, rows int) bool { return n < LeastColumns || rows < 1 }

func minMaxColumnsInAVX2(low, high, src []float32, stride, rows int) (allFinite bool) {
	n := len(low)
	if fewColumns(n, rows) {
		return minMaxColumnsGeneric(low, high, src, stride, rows)
	}
	high, src = high[:n], src[:(rows-1)*stride+n]
	var bad uint32
	byFours(8, n, stride, rows, func(column, row, n, step, fours int) {
		minMaxColumnsAVX2(&low[column], &high[column], &src[row*stride+column], n, step, fours, &bad)
	})
	return bad == 0
}

// quantizeColumnsBy returns a kernel that has assembly for so many columns at a time, and leaves fewer to another.
func quantizeColumnsBy(
	lanes int, asm func(dst *uint8, src, columns *float32, n, stride, fours int),
	few func(dst []uint8, src []float32, c *Columns, n, stride, rows int),
) func(dst []uint8, src []float32, c *Columns, n, stride, rows int) {
	return func(dst []uint8, src []float32, c *Columns, n, stride, rows int) {
		if n < lanes || rows < 1 {
			few(dst, src, c, n, stride, rows)
			return
		}
		last := (rows-1)*stride + n
		dst, src = dst[:last], src[:last]
		byFours(lanes, n, stride, rows, func(column, row, n, step, fours int) {
			at := row*stride + column
			asm(&dst[at], &src[at], &c.scale[column], n, step, fours)
		})
	}
}

// dequantizeColumnsBy is that of quantizeColumnsBy's inverse.
func dequantizeColumnsBy(
	lanes int, asm func(dst *float32, src *uint8, columns *float32, n, stride, fours int, flip uint32),
	few func(dst []float32, src []uint8, c *Columns, n, stride, rows int),
) func(dst []float32, src []uint8, c *Columns, n, stride, rows int) {
	return func(dst []float32, src []uint8, c *Columns, n, stride, rows int) {
		if n < lanes || rows < 1 {
			few(dst, src, c, n, stride, rows)
			return
		}
		last := (rows-1)*stride + n
		dst, src = dst[:last], src[:last]
		byFours(lanes, n, stride, rows, func(column, row, n, step, fours int) {
			at := row*stride + column
			asm(&dst[at], &src[at], &c.scale[column], n, step, fours, flipped(c.signed))
		})
	}
}

var (
	quantizeColumnsInAVX2     = quantizeColumnsBy(LeastColumns, quantizeColumnsAVX2, quantizeColumnsGeneric)
	quantizeColumnsInAVX512   = quantizeColumnsBy(16, quantizeColumnsAVX512, quantizeColumnsInAVX2)
	dequantizeColumnsInAVX2   = dequantizeColumnsBy(LeastColumns, dequantizeColumnsAVX2, dequantizeColumnsGeneric)
	dequantizeColumnsInAVX512 = dequantizeColumnsBy(16, dequantizeColumnsAVX512, dequantizeColumnsInAVX2)
)

func quantizeGridColumnsInAVX2(dst []uint8, src []float32, c *GridColumns, n, stride, rows int) {
	if fewColumns(n, rows) {
		quantizeGridColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	byFours(8, n, stride, rows, func(column, row, n, step, fours int) {
		at := row*stride + column
		quantizeGridColumnsAVX2(&dst[at], &src[at], &c.scale[column], n, step, fours, float64(c.high))
	})
}

func dequantizeGridColumnsInAVX2(dst []float32, src []uint8, c *GridColumns, n, stride, rows int) {
	if fewColumns(n, rows) {
		dequantizeGridColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	byFours(8, n, stride, rows, func(column, row, n, step, fours int) {
		at := row*stride + column
		dequantizeGridColumnsAVX2(&dst[at], &src[at], &c.scale[column], n, step, fours)
	})
}
