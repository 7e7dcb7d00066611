package gemm

import "euryale/internal/kernel"

// dense is the algorithm for quantized values of a byte and columns of one scale and no zero point.
type dense struct{}

func (dense) tile(b *block, s *scratch, t tile, rows multiplier) {
	p := b.plan
	sums := s.sums[:t.rows*t.columns()]
	if b.finite || p.looksUp {
		p.multiply(sums, s, t, rows, 0, p.depth)
		p.end(b, s, t)
		return
	}
	rows.operand(&s.left, p, t, 0, p.depth)
	p.right(&s.right, t, 0)
	e, dst, stride := b.toReal(s, t)
	p.set.MultiplyDequantize(dst, stride, sums, &s.left, &s.right, e)
	b.quantize(dst, t, e.Columns)
}

// epilogue sets e to the epilogue of a tile, given what its rows have.
func (p *matrixPlan) epilogue(e *kernel.Epilogue, t tile, zeros []int32, scales []float32) {
	first, end := t.column(), t.column()+t.columns()
	e.Columns = min(end, p.w.N) - first
	e.Compensation, e.Scales, e.Bias = p.compensation[first:end], p.w.Scales[first:end], p.bias[first:end]
	e.Floor, e.Zeros, e.RowScales = p.floor, zeros, scales
}

// end turns the sums of a tile into the results of a block.
func (p *matrixPlan) end(b *block, s *scratch, t tile) {
	sums := s.sums[:t.rows*t.columns()]
	if b.finite {
		e, n := &s.epilogue, p.w.N
		p.epilogue(e, t, b.left.zeros[:1], b.left.scales32[:1])
		p.set.RequantizeSums(b.target.Quantized[t.row*n+t.column():], n, sums, e, b.target.Params)
		return
	}
	e, dst, stride := b.toReal(s, t)
	p.set.DequantizeSums(dst, stride, sums, e)
	b.quantize(dst, t, e.Columns)
}

// toReal returns the epilogue of a tile to real values, where they go, and how far rows are apart there.
func (b *block) toReal(s *scratch, t tile) (e *kernel.Epilogue, dst []float32, stride int) {
	e = &s.epilogue
	b.plan.epilogue(e, t, b.left.zeros[t.row:][:t.rows], b.left.scales32[t.row:][:t.rows])
	dst, stride = b.results(s, t, e.Columns)
	return e, dst, stride
}

// wideDense is the algorithm for a fixed point and such columns.
type wideDense struct{}

func (wideDense) tile(b *block, s *scratch, t tile, rows multiplier) {
	p := b.plan
	sums := s.sums[:p.operand.Planes*t.rows*t.columns()]
	p.multiply(sums, s, t, rows, 0, p.depth)
	zeros := s.zeros[:t.rows]
	for i := range zeros {
		zeros[i] = float64(b.left.zeros[t.row+i])
	}
	e := &s.wideEpilogue
	*e = kernel.WideEpilogue{
		Planes: p.operand.Planes, Base: float64(int(1) << p.operand.Shift), Columns: min(t.columns(), p.w.N-t.column()),
		Compensation: at(p.compensation, t), Scales: at(p.w.Scales, t), Bias: at(p.bias, t), Floor: p.floor,
		Zeros: zeros, RowScales: b.left.scales[t.row:][:t.rows],
	}
	dst, stride := b.results(s, t, e.Columns)
	p.set.DequantizePlanes(dst, stride, sums, e)
	b.quantize(dst, t, e.Columns)
}

// results returns where an epilogue leaves the float32 results of a tile, and how far rows are apart: the
// target, or scratch memory that quantize reads, where the target is quantized.
func (b *block) results(s *scratch, t tile, columns int) (dst []float32, stride int) {
	if b.target.Quantized != nil {
		s.result = grow(s.result, t.rows*columns)
		return s.result, columns
	}
	return b.target.Float[t.row*b.plan.w.N+t.column():], b.plan.w.N
}

// quantize sets the target, if it is quantized, to the quantized values of a tile's results, and notes one
// that is not finite.
func (b *block) quantize(results []float32, t tile, columns int) {
	if b.target.Quantized == nil {
		return
	}
	n := b.plan.w.N
	for i := range t.rows {
		row, place := results[i*columns:][:columns], (t.row+i)*n+t.column()
		if !b.plan.set.QuantizeU8(b.target.Quantized[place:][:columns], row, b.target.Params) {
			_, _, bad := b.plan.set.MinMax(row)
			b.bad.note(place+bad, row[bad])
			return
		}
	}
}
