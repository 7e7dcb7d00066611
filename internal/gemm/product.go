package gemm

import (
	"fmt"
	"sync"
	"sync/atomic"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A Product computes y = x·w, prepared for a weight and an output: x is m×k, w is k×n and y is m×n. For row i
// and column j, with X the integers of the row, r their scale, and s, z, lo the scale, zero point and offset
// of a group of the column's codes q:
//
//	y = r·Σ_groups ( s·Σ X·(q − z) + lo·Σ X )
//
// The integer sums are exact, for a fixed point up to a depth of 2^22. The real sum is made in float64 for a
// fixed point and in float32 for quantized values of a byte: from 0, groups in order of depth, s before lo,
// each product rounded and then added to the sum of all that came before it. y is rounded to float32, and the
// output follows.
//
// For a fixed point, an infinite y is one whose true value passes the largest float32. For quantized values
// of a byte a partial sum may pass it too, before r is applied: y is infinite or NaN then.
//
// Where x is quantized, X = q − Params.Zero, whatever the arithmetic is. Where dst is quantized, its values
// are clamp(RNE(y/Scale) + Zero, Low, High) of what the output makes of y: a float32 division, ties to even,
// saturated.
type Product struct {
	w     *pack.Matrix
	a     Arithmetic
	out   Output
	plans plans[matrixPlan]
	few   plans[matrixPlan] // for so few rows that weights are looked up while they are multiplied
}

// NewProduct prepares the product of rows by w.
func NewProduct(w *pack.Matrix, a Arithmetic, out Output) *Product {
	return &Product{w: w, a: a, out: out}
}

// plans are what is prepared for float activations and for quantized ones.
type plans[P any] [2]atomic.Pointer[P]

// of returns where the plan for x is, and its arithmetic: that of a byte where x is quantized.
func (p *plans[P]) of(a Arithmetic, x Activations) (*atomic.Pointer[P], Arithmetic) {
	if x.Quantized != nil {
		return &p[1], Arithmetic{}
	}
	return &p[0], a
}

// plan returns the plan for m rows of x and the kernels in use, which change in tests alone.
func (p *Product) plan(x Activations, m int) *matrixPlan {
	set := kernel.Current()
	if m <= set.CodeRows && p.w.IsCoded() {
		at, a := p.few.of(p.a, x)
		plan := at.Load()
		if plan == nil || plan.set != set {
			plan = lookUpPlan(set, p.w, a, p.out)
			at.Store(plan)
		}
		if plan.looksUp && m*plan.operand.Planes <= set.CodeRows {
			return plan
		}
	}
	at, a := p.plans.of(p.a, x)
	plan := at.Load()
	if plan == nil || plan.set != set {
		plan = newMatrixPlan(set, set.Format, p.w, a, p.out)
		at.Store(plan)
	}
	return plan
}

// Run sets dst to the product of m rows of x, with the output applied. dst does not overlap x.
// Errors: ErrValue, naming row and column of x, or of a result that is to be quantized; dst is undefined
// then.
func (p *Product) Run(dst, x Activations, m int) error {
	c := productCalls.Get().(*productCall)
	c.plan = p.plan(x, m)
	c.use(x)
	err := c.run(dst, x, m)
	c.release()
	return err
}

// A productCall runs a product, block of rows by block of rows.
type productCall struct {
	team
	block
	x    Activations // of the block
	grid grid
}

var productCalls = sync.Pool{New: func() any { return new(productCall) }}

// release gives the call's memory back, and lets go of the caller's. A call that panicked is not released:
// workers may hold it.
func (c *productCall) release() {
	c.plan, c.x, c.target, c.stop, c.left.given = nil, Activations{}, Activations{}, nil, nil
	productCalls.Put(c)
}

func (c *productCall) run(dst, x Activations, m int) error {
	plan := c.plan
	k, n := plan.w.K, plan.w.N
	c.finite = dst.Quantized != nil && plan.canRequantize(x)
	most := plan.blockRows()
	for first := 0; first < m; first += c.rows {
		c.rows = min(most, m-first)
		c.x, c.target = x.rows(first, c.rows, k), dst.rows(first, c.rows, n)
		d := plan.set.MultiplyTime(c.rows, n, k*plan.operand.Planes) + plan.set.QuantizeTime(c.rows*n)
		c.fit(d)
		if !c.left.give(plan, c.x, c.rows) {
			c.left.fit(plan, c.rows)
			c.share(quantizeRows{c}, (c.rows+taskRows-1)/taskRows, plan.set.QuantizeTime(c.rows*k))
		}
		if c.bad.any() {
			return c.bad.error(first, k)
		}
		c.grid = plan.grid(c.parts(d), c.rows)
		c.share(multiplyTiles{c}, c.grid.count(), d)
		if c.bad.any() {
			return c.bad.error(first, n)
		}
	}
	return nil
}

// rows returns so many rows of length n from the given one on.
func (x Activations) rows(first, count, n int) Activations {
	if x.Quantized != nil {
		x.Quantized = x.Quantized[first*n:][:count*n]
	} else {
		x.Float = x.Float[first*n:][:count*n]
	}
	return x
}

// quantizeRows is the tasks that make the left operand of some rows each.
type quantizeRows struct{ *productCall }

// taskRows is how many rows a task quantizes.
const taskRows = 8

func (c quantizeRows) run(task int, s *scratch) {
	p, k, end := c.plan, c.plan.w.K, min((task+1)*taskRows, c.rows)
	if c.x.Quantized != nil {
		of := quantized(c.x.Params)
		for i := task * taskRows; i < end; i++ {
			c.left.pack(p, s, i, c.x.Quantized[i*k:][:k], of)
		}
		return
	}
	for i := task * taskRows; i < end; i++ {
		x := c.x.Float[i*k:][:k]
		if bad := c.left.quantize(p, s, i, x); bad >= 0 {
			c.bad.note(i*k+bad, x[bad])
			return
		}
	}
}

// multiplyTiles is the tasks that compute a part of the result each.
type multiplyTiles struct{ *productCall }

func (c multiplyTiles) run(task int, s *scratch) {
	c.tiles(s, c.grid.part(c.plan, c.rows, task), &c.left, c.plan.cachedRows())
}

// A badValue is the first value that is not finite, by its place.
type badValue struct {
	mu    sync.Mutex
	found bool
	place int
	value float32
}

// note keeps a value, unless one before it is kept.
func (b *badValue) note(place int, value float32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.found || place < b.place {
		b.found, b.place, b.value = true, place, value
	}
}

func (b *badValue) any() bool { return b.found }

// take returns what was noted, and forgets it.
func (b *badValue) take() (place int, value float32) {
	b.found = false
	return b.place, b.value
}

// error returns the error for the value, in rows of so many columns from row first on, and forgets it.
func (b *badValue) error(first, columns int) error {
	place, value := b.take()
	return fmt.Errorf("%w: got %v at row %d, column %d", ErrValue, value, first+place/columns, place%columns)
}
