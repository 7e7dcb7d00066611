package gemm

import (
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// ProductHalf sets dst = x·w for 16-bit weights, then applies out. Products are exact in float64 and added in
// order of depth; the sum is rounded once to float32. alone leaves all the work to the caller's goroutine. x
// is float32; dst does not overlap it. Errors: ErrValue, naming row and column.
func ProductHalf(dst []float32, x Numbers, m int, w *pack.Half, alone bool, out Output) error {
	c := calls.Get().(*call)
	c.arithmetic.Alone = alone
	c.use()
	c.source = x
	c.half, c.out = w, out
	c.floor = out.floor()
	c.rows, c.k, c.n, c.x, c.dst = m, w.K, w.N, x.Float[:m*w.K], dst[:m*w.N]
	if _, _, bad := c.set.MinMax(c.x); bad >= 0 {
		err := c.notFinite(c.x[bad], bad, w.K)
		c.release()
		return err
	}
	c.share((*call).halfPanels, w.Panels(), c.set.MultiplyTime(m, w.N, w.K*halfCost))
	c.release()
	return nil
}

// halfCost is about how many products of bytes take as long as one of numbers.
const halfCost = 4

// halfPanels computes a panel of columns of the result.
func (c *call) halfPanels(panel int, s *scratch) {
	const n = kernel.PanelColumns
	s.fit(c.set)
	s.column = grow(s.column, c.k*n)
	c.set.Decode(s.column, c.half.Panel(panel), c.half.Format)
	for i := 0; i < c.rows; i += c.set.Rows {
		t := tile{row: i, rows: min(c.set.Rows, c.rows-i), panel: panel, panels: 1}
		dots, ones := s.dots[:t.rows*n], s.numbers[:t.rows]
		for r := range ones {
			ones[r] = 1
		}
		c.set.MultiplyFloat(dots, c.x[i*c.k:], c.k, s.column, t.rows)
		dst, stride := c.result(s, t)
		c.set.FinishWide(dst, stride, dots, ones, c.bias(s, t), c.floor)
		c.place(s, t)
	}
}
