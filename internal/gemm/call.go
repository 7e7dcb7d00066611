package gemm

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A call is a block of rows times a weight, in two phases: rows to operands, and tiles of the result. Its memory
// is used again.
type call struct {
	set        *kernel.Set
	w          *pack.Matrix
	arithmetic Arithmetic
	out        Output
	given      kernel.Affine // the map of codes that come as such

	first, rows int
	x           []float32 // rows×k, or
	codes       []uint8
	dst         []float32

	operand kernel.Operand
	stride  int     // between rows of a plane, in bytes
	planes  []uint8 // [plane][row][stride]
	scales  []float64
	offsets []int32 // what a row's planes hold above X
	totals  []int64 // [row][group] Σ X, where the weight needs them
	bad     atomic.Int64
	parts   grid

	job job
}

var calls = sync.Pool{New: func() any { return new(call) }}

// release gives the call's memory back, and lets go of the caller's.
func (c *call) release() {
	c.w, c.arithmetic, c.out = nil, Arithmetic{}, Output{}
	c.x, c.codes, c.dst = nil, nil, nil
	calls.Put(c)
}

// operandBytes is the most memory that the operands of a block take, or those of 64 rows if that is more.
const operandBytes = 4 << 20

// begin chooses kernels and layout, and returns how many rows a block has at most.
func (c *call) begin() (rows int) {
	c.set = kernel.Current()
	c.operand = c.set.Operand(max(8, c.arithmetic.Bits))
	if c.arithmetic.Bits == 0 && c.w.Zeros != nil {
		c.operand.Depth = kernel.DepthZeros
	}
	c.stride = c.w.Depth() * c.set.ElementBytes()
	if c.stride%1024 == 0 {
		c.stride += 64 // rows a power of two apart share sets of a cache
	}
	return max(64, operandBytes/(c.operand.Planes*c.stride)/64*64)
}

// multiply computes a block.
func (c *call) multiply() error {
	w := c.w
	c.planes = grow(c.planes, c.operand.Planes*c.rows*c.stride)
	c.scales, c.offsets = grow(c.scales, c.rows), grow(c.offsets, c.rows)
	if w.Zeros != nil || w.Offsets != nil {
		c.totals = grow(c.totals, c.rows*w.Groups())
	}
	c.bad.Store(math.MaxInt64)
	c.share((*call).quantize, (c.rows+partRows-1)/partRows, c.set.QuantizeTime(c.rows*w.K))
	if at := int(c.bad.Load()); at != math.MaxInt64 {
		return fmt.Errorf("%w: got %v at row %d, column %d", ErrValue, c.x[at], c.first+at/w.K, at%w.K)
	}
	c.parts = c.grid()
	c.share((*call).tiles, c.parts.count(), c.set.MultiplyTime(c.rows, w.N, w.Depth()*c.operand.Planes))
	return nil
}

// grow returns s with length n, anew if it does not fit.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// tileSize is the most elements that a tile has.
const tileSize = 32 * 32

// scratch is the working memory of a thread.
type scratch struct {
	ints   []int32   // a row
	column []float32 // of half weights
	codes  []int8    // unpacked panels

	sums   [tileSize]int32
	dots   [tileSize]float64
	wide   [tileSize]float64
	narrow [tileSize]float32
	result [tileSize]float32

	bias       [tileSize]float32 // of a tile's columns
	rowInts    [tileSize]int32   // of a tile's rows
	rowNumbers [tileSize]float64
	rowFloats  [tileSize]float32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}
