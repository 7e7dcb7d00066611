package kernel

import (
	"reflect"
	"time"

	"euryale/internal/half"
	"euryale/internal/isa"
)

// Set holds the kernels of one tier, in small sets by what they do. Each function does what the generic one
// of its name does, bit for bit: Multiply that of its operand format. Lengths and strides are the caller's to
// get right. A tier names the kernels it has, and takes the others of the next lower tier.
type Set struct {
	Tier isa.Tier
	Convert
	ConvertTensors
	LeftPacking
	Product
	Floats
	Convolution
	Elementwise
	Arithmetic
	Pooling
	Epilogues
	GroupEpilogues
	Searching
	Counting
	Summing
}

// Convert holds kernels between real and quantized values.
type Convert struct {
	MinMax       func(src []float32) (low, high float32, bad int)
	QuantizeS8   func(dst []int8, src []float32, a Affine) (allFinite bool)
	QuantizeU8   func(dst []uint8, src []float32, a Affine) (allFinite bool)
	DequantizeS8 func(dst []float32, src []int8, a Affine)
	DequantizeU8 func(dst []float32, src []uint8, a Affine)
	Decode       func(dst []float32, src []uint16, f half.Format)
}

// ConvertTensors holds kernels for whole tensors alone.
type ConvertTensors struct {
	QuantizeGrid   func(dst []uint8, src []float32, g Grid)
	DequantizeGrid func(dst []float32, src []uint8, g Grid)
	MinMaxBlocks   func(low, high, src []float32, size int) (allFinite bool)
	Encode         func(dst []uint16, src []float32, f half.Format)

	QuantizeBlocks    func(dst []uint8, src []float32, maps []Affine, size int)
	DequantizeBlocks  func(dst []float32, src []uint8, maps []Affine, size int)
	MinMaxColumns     func(low, high, src []float32, stride, rows int) (allFinite bool)
	QuantizeColumns   func(dst []uint8, src []float32, c *Columns, n, stride, rows int)
	DequantizeColumns func(dst []float32, src []uint8, c *Columns, n, stride, rows int)

	QuantizeGridColumns   func(dst []uint8, src []float32, c *GridColumns, n, stride, rows int)
	DequantizeGridColumns func(dst []float32, src []uint8, c *GridColumns, n, stride, rows int)
}

// LeftPacking holds kernels that make the left operand of a product: activations become integers, and
// integers planes.
type LeftPacking struct {
	QuantizeInts      func(dst []int32, src []float32, a Affine)
	QuantizeFixed     func(dst []int32, src []float32, e, bits int)
	SubtractZeroPoint func(dst []int32, src []uint8, zero int32)
	SplitU8           func(dst []uint8, stride int, x []int32, planes int, offset int32)
	SplitS16          func(dst []uint8, stride int, x []int32, planes int)
	SplitFixed        func(dst []uint8, stride int, src []float32, e int, o Operand) // for planes of bytes
}

// Product holds kernels that multiply, and the shapes that suit them.
type Product struct {
	Format       Format  // of the left operand; the right one is N16K4
	Rows, Panels int     // a tile's most
	Depth        int     // sums over a multiple of it are fastest
	FewRows      int     // up to so many, a tile may have as many panels as there are sums in the largest one
	FewPanels    int     // a weight of so few is one tile across
	Segments     bool    // Multiply takes several lines, and rows in several segments, as images have them
	CacheBytes   int     // of rows that the second cache holds beside a panel
	Rate         float64 // products a second of one thread, about: what is worth sharing depends on it
	QuantizeRate float64 // activations a second that become operands, likewise
	CodeRows     int     // up to so many rows of planes of bytes, MultiplyCodes is faster than DecodeCodes and Multiply
	GroupBits    int     // MultiplyGroups takes codes of up to so many bits
	GroupDepth   int     // and is faster than Multiply and AccumulateGroup for groups of up to so much depth
	NibbleRows   int     // up to so many rows, it is faster for nibbles than Unpack and it are for codes

	Multiply           func(sums []int32, a *Left, b *Right)
	MultiplyDequantize func(dst []float32, stride int, sums []int32, a *Left, b *Right, e *Epilogue) // of one plane; sums is for its use
	Unpack             func(dst []int8, src []uint8)
	DecodeCodes        func(dst []int8, c Codebook)
	MultiplyCodes      func(sums []int32, a *Left, b Codebook) // by planes of bytes, whatever Format is
	MultiplyGroups     func(acc []float32, a *Left, b *Groups) // likewise, and one plane
	MultiplyWideGroups func(acc []float64, a *Left, b *Groups) // and two or three
}

// Floats holds kernels that multiply float32, and how fast.
type Floats struct {
	FloatRate float64 // products a second of one thread, about

	MultiplyFloats   func(dst []float32, stride int, a *FloatLeft, b *FloatRight, e *FloatEnds)
	MultiplyHalves   func(dst, x []float32, b *HalfRight, e *FloatEnds)
	MultiplyChannels func(dst, src []float32, f *FloatChannels)
	MoveRows         func(dst, src []float32, r *Rows)
}

// Convolution holds kernels of convolutions that are no product of rows.
type Convolution struct {
	PixelVectors        bool // MultiplyPixels is worth it
	MultiplyPixels      func(dst []float32, stride int, x *Pixels, b []int8, e *Epilogue)
	GatherPixels        func(dst, src []uint8, step, pixels int)
	MultiplyDepthwise   func(sums []int32, x []uint8, pixels, offsets []int, b []int8)
	RequantizeDepthwise func(dst []uint8, stride int, x []uint8, pixels, offsets []int, b []int8, e *Epilogue, to Affine)
}

// Elementwise holds kernels that pool, add, look up and transpose.
type Elementwise struct {
	MaxWindows  func(dst, src []uint8, offsets []int, n, pixels, step int)
	AddU8       func(dst, x, y []uint8, ax, ay, a Affine)
	LookUp      func(dst, src []uint8, table *[256]uint8)
	Transpose   func(dst []float32, stride int, src []float32, n, columns, rows int)
	TransposeU8 func(dst []uint8, stride int, src []uint8, n, columns, rows int)
}

// Epilogues holds kernels that turn sums into results where a column has one scale and no zero point.
type Epilogues struct {
	DequantizeSums   func(dst []float32, stride int, sums []int32, e *Epilogue)
	RequantizeSums   func(dst []uint8, stride int, sums []int32, e *Epilogue, to Affine)
	DequantizePlanes func(dst []float32, stride int, sums []int32, e *WideEpilogue)
}

// GroupEpilogues holds kernels that do so group by group of depth.
type GroupEpilogues struct {
	AddSums             func(d []float64, sums []int32, weight float64)
	AccumulateGroup     func(acc []float32, sums []int32, g *Group)
	AccumulateWideGroup func(acc, sums []float64, g *WideGroup)
	Finish              func(dst []float32, stride, columns int, acc, scales []float32, bias []float32, floor float32)
	FinishWide          func(dst []float32, stride, columns int, acc, scales []float64, bias []float32, floor float32)
}

// Searching holds kernels that search for the parameters of weights.
type Searching struct {
	Noise     func(noise *[LevelsAtOnce]int64, x []float32, ratio float32, w []uint32, levels *[LevelsAtOnce]*Levels)
	Crossings func(events []uint64, passed []int32, x []float32, t *Thresholds, first, last uint32) int
	Walk      func(w *Walk, events []uint64, elements []Element, gains *Gains)
}

// Counting holds kernels that count values in bins.
type Counting struct {
	CountBins func(bins []uint64, src []float32, exponent int)
}

// Format is the type of the elements of the left operand's planes.
type Format int

// The formats.
const (
	U8  Format = iota // unsigned bytes: integers plus an offset, which an epilogue compensates
	S16               // signed integers of 16 bits, those of a step in the order 0, 2, 1, 3
)

// Bytes returns the size of an element.
func (f Format) Bytes() int { return 1 + int(f) }

// Operand returns how integers of 8, 16 or 24 bits become planes of the format.
func (f Format) Operand(bits int) Operand { return operands[f][bits] }

// MultiplyTime returns about how long one thread takes to multiply m×k by k×n: by its rate, or by the rate of
// memory where rows are few.
func (p *Product) MultiplyTime(m, n, k int) time.Duration {
	const bytesPerSecond = 20e9
	return time.Duration(float64(n) * float64(k) * max(float64(m)/p.Rate, 1/bytesPerSecond) * 1e9)
}

// QuantizeTime returns about how long one thread takes to make operands of n activations.
func (p *Product) QuantizeTime(n int) time.Duration {
	return time.Duration(float64(n) / p.QuantizeRate * 1e9)
}

// FloatTime is MultiplyTime for float32.
func (f *Floats) FloatTime(m, n, k int) time.Duration {
	const floatsPerSecond = 8e9
	return time.Duration(float64(n) * float64(k) * max(float64(m)/f.FloatRate, 1/floatsPerSecond) * 1e9)
}

// generic is the specification: what every other set equals bit for bit.
var generic = Set{
	Tier:    isa.Generic,
	Convert: Convert{minMaxGeneric, quantizeGeneric[int8], quantizeGeneric[uint8], dequantizeGeneric[int8], dequantizeGeneric[uint8], decodeGeneric},
	ConvertTensors: ConvertTensors{
		quantizeGridGeneric, dequantizeGridGeneric, minMaxBlocksGeneric, encodeGeneric, quantizeBlocksGeneric, dequantizeBlocksGeneric,
		minMaxColumnsGeneric, quantizeColumnsGeneric, dequantizeColumnsGeneric, quantizeGridColumnsGeneric, dequantizeGridColumnsGeneric,
	},
	LeftPacking: LeftPacking{quantizeIntsGeneric, quantizeFixedGeneric, subtractZeroPointGeneric, splitU8Generic, splitS16Generic, splitFixedGeneric},
	Product: Product{
		Format: S16, Rows: 4, Panels: 1, FewRows: 4, Depth: StepDepth, CacheBytes: 256 << 10, Rate: 1e9, QuantizeRate: 0.1e9,
		CodeRows: 1, GroupBits: 8, GroupDepth: 128, NibbleRows: 1,
		Multiply: multiplyS16Generic, MultiplyDequantize: dequantizeAfter(multiplyS16Generic, dequantizeSumsGeneric), Unpack: unpackGeneric,
		DecodeCodes: decodeCodesGeneric, MultiplyCodes: multiplyCodesGeneric, MultiplyGroups: multiplyGroupsGeneric,
		MultiplyWideGroups: multiplyWideGroupsGeneric,
	},
	Floats:         Floats{0.4e9, multiplyFloatsGeneric, multiplyHalvesGeneric, multiplyChannelsGeneric, moveRowsGeneric},
	Convolution:    Convolution{false, multiplyPixelsGeneric, gatherPixelsGeneric, multiplyDepthwiseGeneric, requantizeDepthwiseGeneric},
	Elementwise:    Elementwise{maxWindowsGeneric, addU8Generic, lookUpGeneric, transposeGeneric[float32], transposeGeneric[uint8]},
	Arithmetic:     arithmeticGeneric,
	Pooling:        Pooling{maxFloatWindowsGeneric, averageFloatWindowsGeneric, maxRowsGeneric, sumRowsGeneric},
	Epilogues:      Epilogues{dequantizeSumsGeneric, requantizeSumsGeneric, dequantizePlanesGeneric},
	GroupEpilogues: GroupEpilogues{addSumsGeneric, accumulateGroupGeneric, accumulateWideGroupGeneric, finishGeneric[float32], finishGeneric[float64]},
	Searching:      Searching{noiseGeneric, crossingsGeneric, walkGeneric},
	Counting:       Counting{countBinsGeneric},
	Summing:        Summing{addSquaresGeneric, addDifferencesGeneric, addRowsOffGeneric},
}

// above returns s with the functions of the tier below where s has none.
func (s Set) above(below *Set) *Set {
	to, from := reflect.ValueOf(&s).Elem(), reflect.ValueOf(below).Elem()
	for i := range to.NumField() {
		if to.Field(i).Kind() != reflect.Struct {
			continue
		}
		for j := range to.Field(i).NumField() {
			if f := to.Field(i).Field(j); f.Kind() == reflect.Func && f.IsNil() {
				f.Set(from.Field(i).Field(j))
			}
		}
	}
	return &s
}

// Of returns the kernels of a tier, or those of the next lower tier that has any.
func Of(t isa.Tier) *Set {
	for ; t > isa.Generic; t-- {
		if s, ok := sets[t]; ok {
			return s
		}
	}
	return &generic
}

// Current returns the kernels of the tier in use.
func Current() *Set { return Of(isa.Current()) }

// MaxWindows sets dst[p·n + i] = max_k src[p·step + offsets[k] + i] for so many pixels p and i < n, the
// max-pooling of quantized values, with the kernels in use. There is an offset, and none is negative.
func MaxWindows(dst, src []uint8, offsets []int, n, pixels, step int) {
	Current().MaxWindows(dst, src, offsets, n, pixels, step)
}

// AddU8 sets dst[i] = clamp(RNE((rx + ry)/a.Scale) + a.Zero, a.Low, a.High), for rx = ax.Scale·(x[i] −
// ax.Zero) and ry likewise, with the kernels in use. Each product, the sum and the quotient are rounded to
// float32; ties go to even. Neither rx nor ry passes a quarter of the largest float32.
func AddU8(dst, x, y []uint8, ax, ay, a Affine) { Current().AddU8(dst, x, y, ax, ay, a) }

// LookUp sets dst[i] = table[src[i]] with the kernels in use. dst may be src.
func LookUp(dst, src []uint8, table *[256]uint8) { Current().LookUp(dst, src, table) }

// Transpose sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i, with the kernels in use.
func Transpose(dst []float32, stride int, src []float32, n, columns, rows int) {
	Current().Transpose(dst, stride, src, n, columns, rows)
}

// TransposeU8 sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i, with the kernels in
// use.
func TransposeU8(dst []uint8, stride int, src []uint8, n, columns, rows int) {
	Current().TransposeU8(dst, stride, src, n, columns, rows)
}
