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

func minMaxColumnsInAVX2(low, high, src []float32, stride, rows int) (allFinite bool) {
	n := len(low)
	if n < LeastColumns || rows < 1 {
		return minMaxColumnsGeneric(low, high, src, stride, rows)
	}
	high, src = high[:n], src[:(rows-1)*stride+n]
	var bad uint32
	byFours(LeastColumns, n, stride, rows, func(column, row, n, step, fours int) {
		minMaxColumnsAVX2(&low[column], &high[column], &src[row*stride+column], n, step, fours, &bad)
	})
	return bad == 0
}

// columnsBy returns a kernel that calls asm for a multiple of so many columns, from one on, and leaves fewer to another.
func columnsBy[D, S float32 | uint8, C any](
	lanes int, few func(dst []D, src []S, c *C, n, stride, rows int), asm func(dst *D, src *S, c *C, column, n, stride, fours int),
) func(dst []D, src []S, c *C, n, stride, rows int) {
	return func(dst []D, src []S, c *C, n, stride, rows int) {
		if n < lanes || rows < 1 {
			few(dst, src, c, n, stride, rows)
			return
		}
		last := (rows-1)*stride + n
		dst, src = dst[:last], src[:last]
		byFours(lanes, n, stride, rows, func(column, row, n, step, fours int) {
			at := row*stride + column
			asm(&dst[at], &src[at], c, column, n, step, fours)
		})
	}
}

var (
	quantizeColumnsInAVX2 = columnsBy(LeastColumns, quantizeColumnsGeneric,
		func(dst *uint8, src *float32, c *Columns, column, n, stride, fours int) {
			quantizeColumnsAVX2(dst, src, &c.scale[column], n, stride, fours)
		})
	quantizeColumnsInAVX512 = columnsBy(16, quantizeColumnsInAVX2,
		func(dst *uint8, src *float32, c *Columns, column, n, stride, fours int) {
			quantizeColumnsAVX512(dst, src, &c.scale[column], n, stride, fours)
		})
	dequantizeColumnsInAVX2 = columnsBy(LeastColumns, dequantizeColumnsGeneric,
		func(dst *float32, src *uint8, c *Columns, column, n, stride, fours int) {
			dequantizeColumnsAVX2(dst, src, &c.scale[column], n, stride, fours, flipped(c.signed))
		})
	dequantizeColumnsInAVX512 = columnsBy(16, dequantizeColumnsInAVX2,
		func(dst *float32, src *uint8, c *Columns, column, n, stride, fours int) {
			dequantizeColumnsAVX512(dst, src, &c.scale[column], n, stride, fours, flipped(c.signed))
		})
	quantizeGridColumnsInAVX2 = columnsBy(LeastColumns, quantizeGridColumnsGeneric,
		func(dst *uint8, src *float32, c *GridColumns, column, n, stride, fours int) {
			quantizeGridColumnsAVX2(dst, src, &c.scale[column], n, stride, fours, float64(c.high))
		})
	dequantizeGridColumnsInAVX2 = columnsBy(LeastColumns, dequantizeGridColumnsGeneric,
		func(dst *float32, src *uint8, c *GridColumns, column, n, stride, fours int) {
			dequantizeGridColumnsAVX2(dst, src, &c.scale[column], n, stride, fours)
		})
)
