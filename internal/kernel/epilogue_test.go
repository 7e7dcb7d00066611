package kernel

import (
	"math"
	"testing"

	"euryale/internal/guard"
)

var (
	negativeZero = math.Copysign(0, -1)
	infinity     = math.Inf(1)
)

// number32 returns any float32: one of the special ones, one of ordinary size, any finite one, or none.
func (m *memory) number32() float32 {
	if m.IntN(4) == 0 {
		return oneOf(m, float32(infinity), float32(-infinity), float32(math.NaN()), float32(negativeZero), 0)
	}
	return m.finite32()
}

// finite32 returns any finite float32.
func (m *memory) finite32() float32 {
	const huge, tiny = math.MaxFloat32, math.SmallestNonzeroFloat32
	switch m.IntN(4) {
	case 0:
		return oneOf(m, 0, float32(negativeZero), 1, -1, tiny, -tiny, MinScale, -MinScale, MinScale-tiny, huge, -huge, 1+0x1p-23, 1-0x1p-24)
	case 1:
		return float32(m.Int32N(1<<13)-1<<12) / 2 // ties
	case 2:
		return float32(math.Ldexp(2*m.Float64()-1, m.IntN(40)-20))
	}
	if x := math.Float32frombits(m.Uint32()); x-x == 0 {
		return x
	}
	return huge
}

// number64 returns any float64: mostly sums of integers, which is what there is.
func (m *memory) number64() float64 {
	switch m.IntN(4) {
	case 0:
		return float64(m.number32())
	case 1:
		return math.Float64frombits(m.Uint64())
	}
	return m.integer64()
}

func (m *memory) integer64() float64 { return float64(m.Int64() >> (10 + m.IntN(50))) }

// integer32 returns any int32.
func (m *memory) integer32() int32 {
	if m.IntN(4) == 0 {
		return oneOf[int32](m, 0, 1, -1, math.MaxInt32, math.MinInt32, 1<<24+1, -1<<24-1, 1<<24+3)
	}
	return int32(m.Uint32()) >> m.IntN(32)
}

// epilogueTrials have the shape {rows, columns}.
var epilogueTrials = []trial{
	{"DequantizeSums", func(s *Set, m *memory, shape shape) {
		e := epilogueOf(m, shape)
		dst, stride := results(m, shape[0], e.Columns, m.number32)
		s.DequantizeSums(dst, stride, take(m, shape[0]*shape[1], m.integer32), e)
	}},
	{"RequantizeSums", func(s *Set, m *memory, shape shape) {
		e, to := requantization(m, shape)
		dst, stride := results(m, shape[0], e.Columns, m.byte)
		s.RequantizeSums(dst, stride, take(m, shape[0]*shape[1], m.integer32), e, to)
	}},
	{"DequantizePlanes", func(s *Set, m *memory, shape shape) {
		operand := s.Format.Operand(param(m, oneOf(m, 16, 24)))
		narrow := epilogueOf(m, shape)
		e := WideEpilogue{
			Planes: operand.Planes, Base: float64(int(1) << operand.Shift), Columns: narrow.Columns, Compensation: narrow.Compensation, Scales: narrow.Scales,
			Bias: narrow.Bias, Floor: narrow.Floor, Zeros: take(m, shape[0], m.integer64), RowScales: take(m, shape[0], m.number64),
		}
		dst, stride := results(m, shape[0], e.Columns, m.number32)
		s.DequantizePlanes(dst, stride, take(m, e.Planes*shape[0]*shape[1], m.integer32), &e)
	}},
	{"AddSums", func(s *Set, m *memory, shape shape) {
		weight := param(m, oneOf(m, 1, 1<<8, 1<<12, 1<<16, m.number64()))
		n := shape[0]*shape[1] - m.IntN(4)
		s.AddSums(take(m, n, m.number64), take(m, n, m.integer32), weight)
	}},
	{"AccumulateGroup", func(s *Set, m *memory, shape shape) {
		rows, columns := shape[0], shape[1]
		acc := take(m, rows*columns, m.number32)
		panels, stride, lists := groupLists(m, columns)
		g := Group{
			panels, stride,
			take(m, lists, m.number32), take(m, lists, m.integer32), take(m, lists, m.integer32), take(m, lists, m.number32),
			take(m, rows, m.integer32), take(m, rows, m.integer32), take(m, rows, m.finite32),
		}
		if param(m, m.IntN(2) == 0) {
			g.ZeroPoints, g.Offsets, g.Totals, g.FloatTotals = nil, nil, nil, nil
		}
		s.AccumulateGroup(acc, take(m, rows*columns, m.integer32), &g)
	}},
	{"AccumulateWideGroup", func(s *Set, m *memory, shape shape) {
		rows, columns := shape[0], shape[1]
		acc := take(m, rows*columns, m.number64)
		panels, stride, lists := groupLists(m, columns)
		g := WideGroup{
			panels, stride,
			take(m, lists, m.number32), take(m, lists, m.integer32), take(m, lists, m.integer32), take(m, lists, m.number32),
			take(m, rows, m.number64), take(m, rows, m.integer64),
		}
		if param(m, m.IntN(2) == 0) {
			g.ZeroPoints, g.Offsets, g.Totals = nil, nil, nil
		}
		s.AccumulateWideGroup(acc, take(m, rows*columns, m.number64), &g)
	}},
	{"Finish", func(s *Set, m *memory, shape shape) { finishTrial(m, shape, s.Finish, m.number32) }},
	{"FinishWide", func(s *Set, m *memory, shape shape) { finishTrial(m, shape, s.FinishWide, m.number64) }},
}

// requantization returns an epilogue of so many rows and columns whose results are finite, and how they are
// quantized.
func requantization(m *memory, shape shape) (*Epilogue, Affine) {
	e := epilogueOf(m, shape)
	low := int32(m.IntN(200))
	to := param(m, Affine{Scale: m.scale32(), Zero: int32(m.IntN(256)), Low: low, High: low + int32(m.IntN(256-int(low)))})
	for j, bias := range e.Bias {
		e.Scales[j] = max(-0x1p40, min(0x1p40, e.Scales[j]))
		if e.Bias[j] = max(-0x1p100, min(0x1p100, bias)); bias != bias {
			e.Bias[j] = 0
		}
	}
	e.RowScales[0] = max(-0x1p40, min(0x1p40, e.RowScales[0]))
	return e, to
}

// groupLists returns how far apart panels are in lists by so many columns, and how long the lists are.
func groupLists(m *memory, columns int) (panels, stride, length int) {
	panels, stride = columns/PanelColumns, param(m, PanelColumns*(1+m.IntN(2)*m.IntN(4)))
	return panels, stride, (panels-1)*stride + PanelColumns
}

// epilogueOf returns an epilogue of so many rows and columns, of which the last may be no results.
func epilogueOf(m *memory, shape shape) *Epilogue {
	rows, columns := shape[0], shape[1]
	e := &Epilogue{
		Columns:      param(m, columns-m.IntN(2)*m.IntN(PanelColumns)),
		Compensation: take(m, columns, m.integer32), Scales: take(m, columns, m.finite32), Bias: take(m, columns, m.number32),
		Floor: param(m, oneOf(m, float32(-infinity), 0, m.finite32())), Zeros: take(m, rows, m.integer32), RowScales: take(m, rows, m.finite32),
	}
	for j := range e.Bias {
		e.Bias[j] += 0 // for −0
	}
	clear(e.Compensation[e.Columns:])
	clear(e.Scales[e.Columns:])
	clear(e.Bias[e.Columns:])
	return e
}

// scale32 returns any scale.
func (m *memory) scale32() float32 {
	if m.IntN(4) == 0 {
		return oneOf[float32](m, MinScale, math.MaxFloat32, 1, 0x1p127, 0x1p-100)
	}
	return float32(math.Ldexp(1+m.Float64(), m.IntN(60)-20))
}

// results returns rows of dst that are apart, where what lies between them is not to change.
func results[T guard.Element](m *memory, rows, columns int, fill func() T) (dst []T, stride int) {
	stride = param(m, columns+m.IntN(2)*m.IntN(40))
	return take(m, (rows-1)*stride+columns, fill), stride
}

func finishTrial[F guard.Element](m *memory, shape shape, finish func(dst []float32, stride, columns int, acc, scales []F, bias []float32, floor float32), number func() F) {
	columns := param(m, shape[1]-m.IntN(2)*m.IntN(PanelColumns))
	dst, stride := results(m, shape[0], columns, m.number32)
	floor := param(m, oneOf(m, float32(-infinity), 0, m.finite32()))
	finish(dst, stride, columns, take(m, shape[0]*shape[1], number), take(m, shape[0], number), take(m, shape[1], m.number32), floor)
}

// transposeTrial has the shape {columns, rows}; what lies between rows of src and of dst is not to change.
var transposeTrials = []trial{
	{"Transpose", func(s *Set, m *memory, shape shape) { transposeTrial(m, shape, s.Transpose, m.number32) }},
	{"TransposeU8", func(s *Set, m *memory, shape shape) { transposeTrial(m, shape, s.TransposeU8, m.byte) }},
}

func transposeTrial[T guard.Element](m *memory, shape shape, transpose func(dst []T, stride int, src []T, n, columns, rows int), element func() T) {
	columns, rows := shape[0], shape[1]
	n, stride := param(m, columns+m.IntN(2)*m.IntN(20)), param(m, rows+m.IntN(2)*m.IntN(20))
	src := take(m, (rows-1)*n+columns, element)
	transpose(take(m, (columns-1)*stride+rows, element), stride, src, n, columns, rows)
}

// TestTransposeOfSets goes through blocks of 8×8 and what may lie around them.
func TestTransposeOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for columns := range 34 {
			for rows := range 34 {
				for _, trial := range transposeTrials {
					b.compare(trial, shape{columns + 1, rows + 1}, effort(2))
				}
			}
		}
	})
}

// TestEpiloguesOfSets goes through all shapes of a tile, and a brief test through 16 numbers of rows.
func TestEpiloguesOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		rounds := effort(max(1, 8000/(b.set.Rows*b.set.Panels*PanelColumns)))
		for _, trial := range epilogueTrials {
			for rows := range b.set.Rows {
				if brief() && rows%max(1, b.set.Rows/16) != 0 {
					continue
				}
				for panels := range b.set.Panels {
					b.compare(trial, shape{rows + 1, PanelColumns * (panels + 1)}, rounds)
				}
			}
			for _, rows := range []int{2*b.set.Rows - 1, 257, 1000} { // more than a tile has, as lines of images may
				b.compare(trial, shape{rows, PanelColumns}, effort(6))
			}
			for _, panels := range []int{25, 144} { // and more than a tile of many rows has
				b.compare(trial, shape{1, PanelColumns * panels}, 4)
			}
		}
	})
}

func FuzzEpiloguesOfSets(f *testing.F) {
	fuzzSets(f, epilogueTrials, func(s *Set, x, y, _ uint8) shape {
		return shape{1 + int(x)%s.Rows, PanelColumns * (1 + int(y)%s.Panels)}
	})
}
