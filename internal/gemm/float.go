package gemm

import (
	"math"
	"sync"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A FloatProduct computes y = x·w for a weight of floats, prepared for it and for an output: x is m×k, w is
// k×n and y is m×n. Weights of 16 bits are widened, and multiplied by the scale of their column in float32
// where there is one. An element of y is one chain of fused multiply-adds in order of depth that begins with
// its bias:
//
//	y ← bias[j];  y ← fma(x[i][p], w[p][j], y)  for p = 0 … k−1;  y ← max(y, floor)
//
// Each is rounded once, so the result depends on nothing but x and w. Infinities and NaN go their way; every
// NaN is written as 0x7FC00000, and −0 as 0.
type FloatProduct struct {
	singles *pack.Floats // or
	halves  *pack.Half
	k, n    int
	bias    []float32 // of all panels
	floor   float32
}

// NewFloatProduct prepares the product of rows by w, whose elements are finite.
func NewFloatProduct(w *pack.Floats, out Output) *FloatProduct {
	return (&FloatProduct{singles: w, k: w.K, n: w.N}).with(out)
}

// NewHalfProduct prepares the product of rows by w, whose elements are finite.
func NewHalfProduct(w *pack.Half, out Output) *FloatProduct {
	return (&FloatProduct{halves: w, k: w.K, n: w.N}).with(out)
}

func (p *FloatProduct) with(out Output) *FloatProduct {
	p.bias, p.floor = make([]float32, p.panels()*kernel.PanelColumns), out.floor()
	copy(p.bias, out.Bias)
	return p
}

func (p *FloatProduct) panels() int { return blocks(p.n, kernel.PanelColumns) }

// Run sets dst to the product of m rows of x, with the output applied; both are float32. dst does not overlap
// x. The error is nil for a weight of float32; for one of 16 bits it is ErrValue, naming row and column,
// where x is not finite, and dst is untouched then.
func (p *FloatProduct) Run(dst, x Activations, m int) (err error) {
	c := floatCalls.Get().(*floatCall)
	c.floatOperands, c.rows = floatOperands{p, kernel.Current(), x.Float[:m*p.k], dst.Float[:m*p.n]}, m
	c.use(x)
	if p.halves != nil {
		if _, _, at := c.set.MinMax(c.x); at >= 0 {
			c.bad.note(at, c.x[at])
			err = c.bad.error(0, p.k)
		}
	}
	if err == nil {
		d := c.set.FloatTime(m, p.n, p.k)
		c.fit(d)
		c.grid = newGrid(c.parts(d), blocks(m, floatRows), blocks(p.panels(), floatPanels))
		c.share(floatTiles{c}, c.grid.count(), d)
	}
	c.floatOperands, c.stop = floatOperands{}, nil
	floatCalls.Put(c)
	return err
}

// floatRows and floatPanels are what parts of a product are multiples of: whole tiles of every set.
const (
	floatRows   = 24
	floatPanels = 8
)

type floatCall struct {
	team
	floatOperands
	grid grid
	rows int
	bad  badValue
}

// floatOperands are what rows of a product are computed of, and the result.
type floatOperands struct {
	plan   *FloatProduct
	set    *kernel.Set
	x, dst []float32
}

var floatCalls = sync.Pool{New: func() any { return new(floatCall) }}

// floatTiles is the tasks that compute a part of the result each.
type floatTiles struct{ *floatCall }

const (
	// floatDepth and floatRowsAtOnce bound the block of rows that the first cache holds, more rows where they
	// are short: it is multiplied by all panels of a group, which the second cache holds for all rows.
	floatDepth, floatRowsAtOnce = 512, 12
	// fewFloatRows is up to how many rows all depth is one block: those of memory are longer then.
	fewFloatRows = 4
)

func (c floatTiles) run(task int, s *scratch) {
	var r part
	r.firstRow, r.endRow = wholes(c.rows, floatRows, c.grid.down, task/c.grid.across)
	r.firstPanel, r.endPanel = wholes(c.plan.panels(), floatPanels, c.grid.across, task%c.grid.across)
	c.compute(s, r)
}

// compute goes through groups of panels, and of each through blocks of depth, so weights are read once.
func (c *floatOperands) compute(s *scratch, rows part) {
	p, all, first, end := c.plan, c.plan.panels(), rows.firstPanel, rows.endPanel
	count, depth := floatPanels, p.k
	if rows.endRow-rows.firstRow > fewFloatRows {
		depth = min(p.k, floatDepth)
		count = max(floatPanels, c.set.CacheBytes/(4*kernel.PanelColumns*depth))
	}
	for panel := first; panel < end; panel += count {
		r := rows
		r.firstPanel, r.endPanel = panel, min(panel+count, end)
		if whole := p.n / kernel.PanelColumns; r.endPanel > whole && r.firstPanel < whole {
			r.endPanel = whole
			c.group(s, r, depth)
			r.firstPanel, r.endPanel = whole, all
		}
		c.group(s, r, depth)
	}
}

// group multiplies all rows of a part by all its panels: whole ones, or the last, which is not.
func (c *floatOperands) group(s *scratch, r part, most int) {
	p := c.plan
	panels := r.endPanel - r.firstPanel
	for begin := 0; begin < p.k; begin += most {
		depth := min(most, p.k-begin)
		halves := p.singles == nil && r.endRow-r.firstRow == 1 && p.halves.Scales == nil
		switch {
		case halves:
			s.halfRight = p.halves.Right(r.firstPanel, panels, begin, depth)
		case p.singles == nil:
			s.widen(p.halves, r.firstPanel, panels, begin, depth, c.set)
		default:
			s.floatRight = p.singles.Right(r.firstPanel, panels, begin, depth)
		}
		atOnce := floatRowsAtOnce * max(1, floatDepth/depth)
		for row := r.firstRow; row < r.endRow; row += atOnce {
			rows := min(atOnce, r.endRow-row)
			s.floatLeft = kernel.FloatLeft{Data: c.x[row*p.k+begin:], Rows: rows, Stride: p.k}
			if rows > fewFloatRows && p.k%256 == 0 {
				s.copyRows(depth)
			}
			c.multiply(s, part{row, row + rows, r.firstPanel, r.endPanel}, begin, depth, halves)
		}
	}
}

// wholes returns where part i of n things in so many parts begins and ends, all of them multiples of whole
// but the end.
func wholes(n, whole, parts, i int) (begin, end int) {
	begin, end = share(blocks(n, whole), parts, i)
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

// multiply takes the chains of some rows and panels through a block of depth: the first begins them, the last
// ends them. Those of a panel that is not whole are in scratch memory.
func (c *floatOperands) multiply(s *scratch, r part, begin, depth int, halves bool) {
	p, rows, panels := c.plan, r.endRow-r.firstRow, r.endPanel-r.firstPanel
	column, all := r.firstPanel*kernel.PanelColumns, panels*kernel.PanelColumns
	columns := min(all, p.n-column)
	result := c.dst[r.firstRow*p.n+column:]
	dst, stride := result, p.n
	if columns < all {
		s.result = grow(s.result, rows*all)
		dst, stride = s.result, all
	}
	s.ends = kernel.FloatEnds{From: p.bias[column:], Panel: kernel.PanelColumns, Floor: p.floor}
	if begin > 0 {
		s.ends.From, s.ends.Row = dst, stride
		for i := range rows {
			copy(dst[i*stride:][:columns], result[i*p.n:])
		}
	}
	if begin+depth < p.k {
		s.ends.Floor = float32(math.Inf(-1))
	}
	if halves {
		c.set.MultiplyHalves(dst, s.floatLeft.Data[:depth], &s.halfRight, &s.ends)
	} else {
		c.set.MultiplyFloats(dst, stride, &s.floatLeft, &s.floatRight, &s.ends)
	}
	if columns < all {
		for i := range rows {
			copy(result[i*p.n:][:columns], dst[i*stride:])
		}
	}
}

// widen sets the right operand to panels of a weight of 16 bits, in memory.
func (s *scratch) widen(w *pack.Half, panel, panels, begin, depth int, set *kernel.Set) {
	const n = kernel.PanelColumns
	s.widened = grow(s.widened, panels*depth*n)
	for i := range panels {
		to := s.widened[i*depth*n:][:depth*n]
		set.Decode(to, w.Panel(panel + i)[begin*n:][:depth*n], w.Format)
		if w.Scales == nil {
			continue
		}
		scales := w.Scales[(panel+i)*n:][:n]
		for p := 0; p < len(to); p += n {
			for j, scale := range scales {
				to[p+j] = max(-math.MaxFloat32, min(math.MaxFloat32, to[p+j]*scale))
			}
		}
	}
	s.floatRight = kernel.FloatRight{Data: s.widened, Panels: panels, Stride: depth * n, Offsets: kernel.OneSegment, Length: depth, Step: n}
}
