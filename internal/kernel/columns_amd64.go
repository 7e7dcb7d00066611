//go:build !purego

package kernel

// byFours calls asm for columns from one on, a multiple of 8, of rows, four at a time, from one on. The last columns
// and rows reach back; fewer than four rows are taken one by one, as four in the same place. There are 8 columns and
// a row at least.
func byFours(n, stride, rows int, asm func(column, row, n, stride, fours int)) {
	columns := func(row, stride, fours int) {
		asm(0, row, n/8*8, stride, fours)
		if n%8 > 0 {
			asm(n-8, row, 8, stride, fours)
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
	byFours(n, stride, rows, func(column, row, n, step, fours int) {
		minMaxColumnsAVX2(&low[column], &high[column], &src[row*stride+column], n, step, fours, &bad)
	})
	return bad == 0
}

func quantizeColumnsInAVX2(dst []uint8, src []float32, c *Columns, n, stride, rows int) {
	if fewColumns(n, rows) {
		quantizeColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	byFours(n, stride, rows, func(column, row, n, step, fours int) {
		at := row*stride + column
		quantizeColumnsAVX2(&dst[at], &src[at], &c.scale[column], n, step, fours)
	})
}

func dequantizeColumnsInAVX2(dst []float32, src []uint8, c *Columns, n, stride, rows int) {
	if fewColumns(n, rows) {
		dequantizeColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	byFours(n, stride, rows, func(column, row, n, step, fours int) {
		at := row*stride + column
		dequantizeColumnsAVX2(&dst[at], &src[at], &c.scale[column], n, step, fours, flipped(c.signed))
	})
}

func quantizeGridColumnsInAVX2(dst []uint8, src []float32, c *GridColumns, n, stride, rows int) {
	if fewColumns(n, rows) {
		quantizeGridColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	byFours(n, stride, rows, func(column, row, n, step, fours int) {
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
	byFours(n, stride, rows, func(column, row, n, step, fours int) {
		at := row*stride + column
		dequantizeGridColumnsAVX2(&dst[at], &src[at], &c.scale[column], n, step, fours)
	})
}
