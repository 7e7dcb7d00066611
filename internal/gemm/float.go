package gemm

import (
	"sync"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A FloatProduct computes y = x·w for a weight of float32, prepared for it and for an output: x is m×k, w is k×n and y
// is m×n. An element of y is one chain of fused multiply-adds in order of depth that begins with its bias:
//
//	y ← bias[j];  y ← fma(x[i][p], w[p][j], y)  for p = 0 … k−1;  y ← max(y, floor)
//
// Each is rounded once, so the result depends on nothing but x and w. Infinities and NaN go their way; every NaN is
// written as 0x7FC00000, and −0 as 0.
type FloatProduct struct {
	w     *pack.Floats
	bias  []float32 // of all panels
	floor float32
}

// NewFloatProduct prepares the product of rows by w, whose elements are finite.
func NewFloatProduct(w *pack.Floats, out Output) *FloatProduct {
	p := &FloatProduct{w, make([]float32, w.Panels()*kernel.PanelColumns), out.floor()}
	copy(p.bias, out.Bias)
	return p
}

// Run sets dst to the product of m rows of x, with the output applied; both are float32. dst does not overlap x. The
// error is nil.
func (p *FloatProduct) Run(dst, x Activations, m int) error {
	c := floatCalls.Get().(*floatCall)
	c.plan, c.set, c.rows, c.x, c.dst = p, kernel.Current(), m, x.Float, dst.Float
	c.use(x)
	c.grid = newGrid(c.threads, (m+floatRows-1)/floatRows, (p.w.Panels()+floatPanels-1)/floatPanels)
	c.share(floatTiles{c}, c.grid.count(), c.set.FloatTime(m, p.w.N, p.w.K))
	c.plan, c.x, c.dst, c.stop = nil, nil, nil, nil
	floatCalls.Put(c)
	return nil
}

// floatRows and floatPanels are what parts of a product are multiples of: whole tiles of every set.
const (
	floatRows   = 24
	floatPanels = 8
)

type floatCall struct {
	team
	plan   *FloatProduct
	set    *kernel.Set
	grid   grid
	rows   int
	x, dst []float32
}

var floatCalls = sync.Pool{New: func() any { return new(floatCall) }}

// floatTiles is the tasks that compute a part of the result each.
type floatTiles struct{ *floatCall }

// fewFloatRows is up to how many rows a tile has eight panels, and its rows are read where they are.
const fewFloatRows = 4

// run goes through blocks of rows and of depth: one of rows takes half of the second cache. Rows whose distance would
// have them share sets of the first cache are copied.
func (c floatTiles) run(task int, s *scratch) {
	w := c.plan.w
	firstRow, endRow := wholes(c.rows, floatRows, c.grid.down, task/c.grid.across)
	firstPanel, endPanel := wholes(w.Panels(), floatPanels, c.grid.across, task%c.grid.across)
	most := c.set.CacheBytes / 8 // elements of a block
	rows := max(floatRows, most/min(w.K, 1024)/floatRows*floatRows)
	for row := firstRow; row < endRow; row += rows {
		rows := min(rows, endRow-row)
		depth := max(1024, most/rows)
		for begin := 0; begin < w.K; begin += depth {
			depth := min(depth, w.K-begin)
			s.floatLeft = kernel.FloatLeft{Data: c.x[row*w.K+begin:], Rows: rows, Stride: w.K}
			panels := floatPanels
			if rows > fewFloatRows {
				panels = 2
				if w.K%256 == 0 {
					s.copyRows(depth)
				}
			}
			for panel := firstPanel; panel < endPanel; panel += panels {
				s.floatRight = w.Right(panel, min(panels, endPanel-panel), begin, depth)
				c.multiply(s, row, panel, begin)
			}
		}
	}
}

// wholes returns where part i of n things in so many parts begins and ends, all of them multiples of whole but the end.
func wholes(n, whole, parts, i int) (begin, end int) {
	begin, end = share((n+whole-1)/whole, parts, i)
	return begin * whole, min(end*whole, n)
}

// copyRows copies the left operand to memory where its rows are no multiple of 1024 bytes apart.
func (s *scratch) copyRows(depth int) {
	a := &s.floatLeft
	stride := depth + kernel.PanelColumns
	s.column = grow(s.column, a.Rows*stride)
	for i := range a.Rows {
		copy(s.column[i*stride:][:depth], a.Data[i*a.Stride:])
	}
	a.Data, a.Stride = s.column, stride
}

// multiply takes the chains of some rows and panels through a block of depth: the first begins them, the last ends
// them. A panel that is not whole has its chains in scratch memory.
func (c floatTiles) multiply(s *scratch, row, panel, begin int) {
	w, rows, b := c.plan.w, s.floatLeft.Rows, &s.floatRight
	column := panel * kernel.PanelColumns
	all := b.Panels * kernel.PanelColumns
	columns := min(all, w.N-column)
	dst, stride := c.dst[row*w.N+column:], w.N
	if columns < all {
		s.result = grow(s.result, rows*all)
		dst, stride = s.result, all
	}
	for i := range rows {
		switch {
		case begin == 0:
			copy(dst[i*stride:][:all], c.plan.bias[column:])
		case columns < all:
			copy(dst[i*stride:][:columns], c.dst[(row+i)*w.N+column:])
		}
	}
	c.set.MultiplyFloats(dst, stride, &s.floatLeft, b)
	if begin+b.Length == w.K {
		c.set.FinishFloats(dst, stride, rows, all, c.plan.floor)
	}
	if columns < all {
		for i := range rows {
			copy(c.dst[(row+i)*w.N+column:][:columns], dst[i*stride:])
		}
	}
}
