package gemm

import (
	"math"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A matrixPlan is what is known of a product by a weight before there are rows.
type matrixPlan struct {
	set        *kernel.Set
	w          *pack.Matrix
	arithmetic Arithmetic
	algorithm  algorithm

	format  kernel.Format // of the left operand
	operand kernel.Operand
	depth   int  // of a group, filled up to what kernels take at a time
	stride  int  // of a row of the left operand, in bytes
	totals  bool // the weight needs Σ X of every group of a row
	plain   bool // an operand is the bytes of a row's integers, in order
	looksUp bool // weights are looked up while they are multiplied, and not unpacked before
	asIs    int  // up to so many rows, two codes a byte are multiplied as they are

	// By group and column, [groups][columns], and by column; zeros where the weight or the output has none,
	// but nil for the zero points and offsets of a weight that has neither.
	compensation, zeroPoints []int32
	offsets, bias            []float32
	floor                    float32

	largestScale, largestBias float64 // magnitudes
}

// An algorithm multiplies a tile of a block and turns the sums into results.
type algorithm interface {
	tile(b *block, s *scratch, t tile, rows multiplier)
}

// A multiplier is the left operand of a tile, wherever its rows are.
type multiplier interface {
	// operand sets a to a tile's rows, over depth from begin on.
	operand(a *kernel.Left, p *matrixPlan, t tile, begin, depth int)
	// limit returns how many rows a tile has from row on, at most most.
	limit(p *matrixPlan, row, most int) int
}

// newMatrixPlan returns a plan whose left operand has the given format, unless its algorithm takes bytes alone.
func newMatrixPlan(set *kernel.Set, format kernel.Format, w *pack.Matrix, a Arithmetic, out Output) *matrixPlan {
	columns := w.Columns()
	p := &matrixPlan{set: set, w: w, arithmetic: a, floor: out.floor(), zeroPoints: w.Zeros, offsets: w.Offsets}
	p.depth = min((w.Group+set.Depth-1)/set.Depth*set.Depth, w.GroupDepth())
	p.totals = w.Zeros != nil || w.Offsets != nil
	p.choose(format)
	format = p.format
	p.stride = w.Depth() * format.Bytes()
	if p.stride%1024 == 0 {
		p.stride += 64 // rows a power of two apart share sets of a cache
	}
	p.plain = format == kernel.U8 && (w.Groups() == 1 || w.Group == w.GroupDepth())
	if format == kernel.U8 {
		p.compensation = w.Sums()
	} else {
		p.compensation = make([]int32, w.Groups()*columns)
	}
	p.bias = make([]float32, columns)
	for j, bias := range out.Bias {
		p.bias[j] = bias + 0 // for −0
		p.largestBias = max(p.largestBias, math.Abs(float64(bias)))
	}
	for _, scale := range w.Scales {
		p.largestScale = max(p.largestScale, math.Abs(float64(scale)))
	}
	if p.totals {
		if p.zeroPoints == nil {
			p.zeroPoints = make([]int32, w.Groups()*columns)
		}
		if p.offsets == nil {
			p.offsets = make([]float32, w.Groups()*columns)
		}
	}
	return p
}

// choose sets the algorithm, and with it the left operand: dense where a column has one scale and no zero
// point, and the sum of all its depth fits an int32, else grouped; each in float32 for quantized values of a
// byte, and wide, in float64, for a fixed point. Short groups are fused.
func (p *matrixPlan) choose(format kernel.Format) {
	w, wide := p.w, p.arithmetic.Bits > 0
	operand := func(format kernel.Format) {
		p.format, p.operand = format, format.Operand(max(8, p.arithmetic.Bits))
		if !wide && w.Zeros != nil {
			p.operand.Depth = kernel.DepthZeros
		}
	}
	operand(format)
	isDense := w.Groups() == 1 && !p.totals && p.depth <= p.operand.Depth
	switch {
	case isDense && wide:
		p.algorithm = wideDense{}
	case isDense:
		p.algorithm = dense{}
	case p.fuses() && wide:
		p.algorithm, p.asIs = wideFusedGroups{}, math.MaxInt
		operand(kernel.U8)
	case p.fuses():
		p.algorithm, p.asIs = fusedGroups{}, p.set.NibbleRows
		operand(kernel.U8)
	case wide:
		p.algorithm = wideGrouped{}
	default:
		p.algorithm = grouped{}
	}
}

// lookUpPlan returns a plan that looks weights up while it multiplies, unless no int32 holds the sums.
func lookUpPlan(set *kernel.Set, w *pack.Matrix, a Arithmetic, out Output) *matrixPlan {
	p := newMatrixPlan(set, kernel.U8, w, a, out)
	if p.isDense() {
		p.looksUp, p.depth = true, w.Depth()
	}
	return p
}

// unpacks reports whether tiles have their weights in scratch memory, where so many rows share them.
func (p *matrixPlan) unpacks(rows int) bool {
	return p.w.Unpacks() && !p.looksUp && rows > p.asIs
}

// isDense reports whether a column has one scale and no zero point, and an int32 holds its sums.
func (p *matrixPlan) isDense() bool {
	switch p.algorithm.(type) {
	case dense, wideDense:
		return true
	}
	return false
}

// isFinite reports whether no result of quantized values of a byte can pass the largest float32, whatever
// they are, where all rows have the given scale.
func (p *matrixPlan) isFinite(scale float32) bool {
	if _, ok := p.algorithm.(dense); !ok {
		return false
	}
	sums := 255 * 128 * float64(p.w.K) * p.largestScale
	return max(sums, float64(sums*math.Abs(float64(scale)))+p.largestBias) < math.MaxFloat32/2
}

// canRequantize reports whether the results for x are finite for certain: all rows have a scale that is known
// beforehand.
func (p *matrixPlan) canRequantize(x Activations) bool {
	switch {
	case x.Quantized != nil:
		return p.isFinite(x.Params.Scale)
	case p.arithmetic.Static != nil:
		return p.isFinite(p.arithmetic.Static.Scale)
	}
	return false
}

// A block is the rows of a left operand that are in memory at a time.
type block struct {
	plan   *matrixPlan
	rows   int
	left   left
	target Activations // of the block's rows
	finite bool        // a quantized target, finite results, and one scale for all rows
	bad    badValue
}

// operandBytes is the most memory that the left operand of a block takes, or that of 64 rows if that is more.
const operandBytes = 4 << 20

// blockRows returns the most rows of a block.
func (p *matrixPlan) blockRows() int {
	return max(64, operandBytes/(p.operand.Planes*p.stride)/64*64)
}

// cachedRows returns how many rows of a left operand are multiplied by all panels, before the next are: what the
// second cache holds beside a panel, twice. Weights that no cache holds are read half as often then, while rows
// come from the third.
func (p *matrixPlan) cachedRows() int {
	return max(1, 2*p.set.CacheBytes/(p.operand.Planes*p.stride*p.set.Rows)) * p.set.Rows
}

func (*left) limit(_ *matrixPlan, _, most int) int { return most }

// multiply sets sums to the products of all planes of a tile's rows with its weights, over depth from begin on.
func (p *matrixPlan) multiply(sums []int32, s *scratch, t tile, rows multiplier, begin, depth int) {
	rows.operand(&s.left, p, t, begin, depth)
	if p.looksUp {
		p.set.MultiplyCodes(sums, &s.left, p.w.Coded(t.panel, t.panels))
		return
	}
	p.right(&s.right, t, begin)
	p.set.Multiply(sums, &s.left, &s.right)
}

// right sets b to the weights of a tile, from begin of depth on.
func (p *matrixPlan) right(b *kernel.Right, t tile, begin int) {
	*b = kernel.Right{Codes: t.codes[begin*kernel.PanelColumns:], Panels: t.panels, Stride: p.w.PanelBytes()}
}

func (l *left) operand(a *kernel.Left, p *matrixPlan, t tile, begin, depth int) {
	if l.given != nil {
		k := p.w.K
		*a = kernel.Left{Data: l.given[t.row*k+begin:], Rows: t.rows, Stride: k, Lines: 1, Planes: 1, Steps: depth / kernel.StepDepth}
		return
	}
	*a = kernel.Left{
		Data: l.planes[t.row*p.stride+begin*p.format.Bytes():], Rows: t.rows, Stride: p.stride, Lines: 1,
		Planes: p.operand.Planes, Plane: l.rows * p.stride, Steps: depth / kernel.StepDepth,
	}
}
