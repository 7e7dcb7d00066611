package gemm

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A call is a block of rows times a weight, in two phases: rows to operands, and tiles of the result. Its memory
// is used again.
type call struct {
	set        *kernel.Set
	threads    int
	w          *pack.Matrix // or
	half       *pack.Half
	arithmetic Arithmetic
	out        Output
	floor      float32

	source, target    Numbers // all of them, of which this is a block:
	first, rows, k, n int
	x                 []float32 // rows×k, or
	codes             []uint8
	dst               []float32 // rows×n
	results           []float32 // memory for dst where it is not the target's

	operand kernel.Operand
	depth   int     // of a group, with what kernels take of what fills it up
	stride  int     // between rows of a plane, in bytes
	planes  []uint8 // [plane][row][stride]
	scales  []float64
	offsets []int32 // what a row's planes hold above X
	totals  []int64 // [row][group] Σ X, where the weight needs them
	simple  bool    // a column has one scale and no zero point, and the sum of all its depth fits an int32
	plain   bool    // an operand is the bytes of a row's integers, in order
	bad     atomic.Int64
	parts   grid

	images  images  // of a convolution, and
	shared  *images // those of the call that this is a piece of
	inPlace bool    // windows are multiplied where they lie,
	lanes   bool    // or become lanes
	finite  bool    // results are

	job job
}

var calls = sync.Pool{New: func() any { return new(call) }}

// release gives the call's memory back, and lets go of the caller's. A call that panicked is not released: workers may
// hold it.
func (c *call) release() {
	c.w, c.half, c.arithmetic, c.out, c.first = nil, nil, Arithmetic{}, Output{}, 0
	c.source, c.target, c.x, c.codes, c.dst = Numbers{}, Numbers{}, nil, nil, nil
	c.shared, c.inPlace, c.lanes = nil, false, false
	calls.Put(c)
}

// take notes what is to be done.
func (c *call) take(dst, x Numbers, w *pack.Matrix, a Arithmetic, out Output) {
	c.target, c.source, c.w, c.arithmetic, c.out = dst, x, w, a, out
	if x.Codes != nil {
		c.arithmetic = Arithmetic{Static: &c.source.Map, Alone: a.Alone}
	}
}

// operandBytes is the most memory that the operands of a block take, or those of 64 rows if that is more.
const operandBytes = 4 << 20

// use takes a set of kernels and a number of threads for all of the call.
func (c *call) use() {
	c.set, c.threads = kernel.Current(), runtime.GOMAXPROCS(0)
	if c.arithmetic.Alone {
		c.threads = 1
	}
}

// begin chooses kernels and layout, and returns how many rows a block has at most.
func (c *call) begin() (rows int) {
	c.use()
	c.k, c.n = c.w.K, c.w.N
	c.operand = c.set.Operand(max(8, c.arithmetic.Bits))
	if c.arithmetic.Bits == 0 && c.w.Zeros != nil {
		c.operand.Depth = kernel.DepthZeros
	}
	c.floor = c.out.floor()
	c.depth = min((c.w.Group+c.set.Depth-1)/c.set.Depth*c.set.Depth, c.w.GroupDepth())
	c.simple = c.w.Groups() == 1 && c.w.Zeros == nil && c.w.Offsets == nil && c.depth <= c.operand.Depth
	c.plain = !c.set.Wide && c.w.Groups() == 1 && c.w.Zeros == nil && c.w.Offsets == nil
	c.stride = c.w.Depth() * c.set.ElementBytes()
	if c.stride%1024 == 0 {
		c.stride += 64 // rows a power of two apart share sets of a cache
	}
	return max(64, operandBytes/(c.operand.Planes*c.stride)/64*64)
}

// multiplyRows computes m rows, block by block.
func (c *call) multiplyRows(m int) error {
	most := c.begin()
	c.finite = m >= manyRows && c.isFinite()
	for c.first = 0; c.first < m; c.first += c.rows {
		c.rows = min(most, m-c.first)
		if c.target.Codes != nil {
			c.results = grow(c.results, c.rows*c.n)
			c.dst = c.results
		} else {
			c.dst = c.target.Float[c.first*c.n:][:c.rows*c.n]
		}
		if c.source.Codes != nil {
			c.codes = c.source.Codes[c.first*c.k:][:c.rows*c.k]
		} else {
			c.x = c.source.Float[c.first*c.k:][:c.rows*c.k]
		}
		if err := c.multiply(); err != nil {
			return err
		}
	}
	return nil
}

// multiply computes a block.
func (c *call) multiply() error {
	c.makeRoom()
	c.bad.Store(math.MaxInt64)
	c.share((*call).quantize, (c.rows+partRows-1)/partRows, c.set.QuantizeTime(c.rows*c.k))
	if at := c.bad.Load(); at != math.MaxInt64 {
		return c.notFinite(c.x[at], int(at), c.k)
	}
	c.multiplyOperands()
	if c.target.Codes == nil {
		return nil
	}
	c.share((*call).requantize, (c.rows+partRows-1)/partRows, c.set.QuantizeTime(c.rows*c.n))
	if at := c.bad.Load(); at != math.MaxInt64 {
		return c.notFinite(c.dst[at], int(at), c.n)
	}
	return nil
}

// makeRoom has the memory for the operands of the block's rows.
func (c *call) makeRoom() {
	if !c.inPlace {
		c.planes = grow(c.planes, c.operand.Planes*c.rows*c.stride)
	}
	c.scales, c.offsets = grow(c.scales, c.rows), grow(c.offsets, c.rows)
	if c.w.Zeros != nil || c.w.Offsets != nil {
		c.totals = grow(c.totals, c.rows*c.w.Groups())
	}
}

// multiplyOperands sets dst to the operands times the weight.
func (c *call) multiplyOperands() {
	c.parts = c.grid()
	c.share((*call).tiles, c.parts.count(), c.set.MultiplyTime(c.rows, c.n, c.k*c.operand.Planes))
}

// notFinite returns the error for a number at the given place of the block, in rows of so many.
func (c *call) notFinite(x float32, at, columns int) error {
	return fmt.Errorf("%w: got %v at row %d, column %d", ErrValue, x, c.first+at/columns, at%columns)
}
