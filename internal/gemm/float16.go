package gemm

import (
	"sync"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A Float16Product computes y = x·w for a weight of 16-bit floats, prepared for it and for an output: x is
// m×k, w is k×n and y is m×n. Products are exact in float64 and added there in order of depth; the sum, times
// the scale of its column in float64 where there are scales, is rounded to float32 before the output.
type Float16Product struct {
	w     *pack.Half
	bias  []float32
	floor float32
}

// NewFloat16Product prepares the product of rows by w.
func NewFloat16Product(w *pack.Half, out Output) *Float16Product {
	p := &Float16Product{w, make([]float32, w.Panels()*kernel.PanelColumns), out.floor()}
	for j, bias := range out.Bias {
		p.bias[j] = bias + 0 // for −0
	}
	return p
}

// float16Cost is about how many products of bytes take as long as one of floats.
const float16Cost = 4

// Run sets dst to the product of m rows of x, with the output applied; both are float32. dst does not overlap
// x. Errors: ErrValue, naming row and column of x; dst is untouched then.
func (p *Float16Product) Run(dst, x Activations, m int) error {
	c := float16Calls.Get().(*float16Call)
	c.plan, c.set, c.rows, c.x, c.dst = p, kernel.Current(), m, x.Float[:m*p.w.K], dst.Float[:m*p.w.N]
	c.use(x)
	var err error
	if _, _, at := c.set.MinMax(c.x); at >= 0 {
		c.bad.note(at, c.x[at])
		err = c.bad.error(0, p.w.K)
	} else {
		c.share(float16Panels{c}, p.w.Panels(), c.set.MultiplyTime(m, p.w.N, p.w.K*float16Cost))
	}
	c.plan, c.x, c.dst, c.stop = nil, nil, nil, nil
	float16Calls.Put(c)
	return err
}

type float16Call struct {
	team
	plan   *Float16Product
	set    *kernel.Set
	rows   int
	x, dst []float32
	bad    badValue
}

var float16Calls = sync.Pool{New: func() any { return new(float16Call) }}

// float16Panels is the tasks that compute a panel of columns of the result each.
type float16Panels struct{ *float16Call }

func (c float16Panels) run(panel int, s *scratch) {
	const columns = kernel.PanelColumns
	w := c.plan.w
	s.fit(c.set)
	s.column = grow(s.column, w.K*columns)
	c.set.Decode(s.column, w.Panel(panel), w.Format)
	for i := 0; i < c.rows; i += c.set.Rows {
		rows := min(c.set.Rows, c.rows-i)
		dots, ones := s.dots[:rows*columns], s.zeros[:rows]
		for r := range ones {
			ones[r] = 1
		}
		c.set.MultiplyFloat(dots, c.x[i*w.K:], w.K, s.column, rows)
		if w.Scales != nil {
			dots = c.scaled(s, dots, w.Scales[panel*columns:][:columns])
		}
		c.set.FinishWide(c.dst[i*w.N+panel*columns:], w.N, min(columns, w.N-panel*columns), dots, ones, c.plan.bias[panel*columns:][:columns], c.plan.floor)
	}
}

// scaled returns sums times the scales of their columns.
func (c float16Panels) scaled(s *scratch, sums []float64, scales []float32) []float64 {
	rows := len(sums) / len(scales)
	scaled := s.wide[:len(sums)]
	clear(scaled)
	s.wideGroup = kernel.WideGroup{Panels: 1, Scales: scales, Compensation: noCompensation[:], Zeros: s.totals[:rows]}
	clear(s.totals[:rows])
	c.set.AccumulateWideGroup(scaled, sums, &s.wideGroup)
	return scaled
}

var noCompensation [kernel.PanelColumns]int32
