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

// outputTrials have the shape {rows, columns}.
var outputTrials = []trial{
	{"Correct", func(s *Set, m *memory, shape shape) {
		s.Correct(take(m, shape[0]*shape[1], m.integer32), take(m, shape[0], m.integer32), take(m, shape[1], m.integer32))
	}},
	{"CorrectWide", func(s *Set, m *memory, shape shape) {
		s.CorrectWide(take(m, shape[0]*shape[1], m.number64), take(m, shape[0], m.number64), take(m, shape[1], m.integer32))
	}},
	{"Accumulate", func(s *Set, m *memory, shape shape) {
		weight := param(m, oneOf(m, 1, 1<<8, 1<<12, 1<<16, m.number64()))
		s.Accumulate(take(m, shape[0]*shape[1], m.number64), take(m, shape[0]*shape[1], m.integer32), weight)
	}},
	{"Scale", func(s *Set, m *memory, shape shape) {
		s.Scale(take(m, shape[0]*shape[1], m.number32), take(m, shape[0]*shape[1], m.integer32), take(m, shape[1], m.number32))
	}},
	{"ScaleWide", func(s *Set, m *memory, shape shape) {
		s.ScaleWide(take(m, shape[0]*shape[1], m.number64), take(m, shape[0]*shape[1], m.number64), take(m, shape[1], m.number32))
	}},
	{"Offset", func(s *Set, m *memory, shape shape) {
		s.Offset(take(m, shape[0]*shape[1], m.number32), take(m, shape[0], m.number32), take(m, shape[1], m.number32))
	}},
	{"OffsetWide", func(s *Set, m *memory, shape shape) {
		s.OffsetWide(take(m, shape[0]*shape[1], m.number64), take(m, shape[0], m.number64), take(m, shape[1], m.number32))
	}},
	{"Direct", func(s *Set, m *memory, shape shape) {
		dst, stride, floor := finishing(m, shape)
		s.Direct(dst, stride, take(m, shape[0]*shape[1], m.integer32), take(m, shape[0], m.integer32), take(m, shape[1], m.integer32),
			take(m, shape[1], m.number32), take(m, shape[0], m.number32), take(m, shape[1], m.number32), floor)
	}},
	{"DirectWide", func(s *Set, m *memory, shape shape) {
		operand := s.Operand(param(m, oneOf(m, 16, 24)))
		dst, stride, floor := finishing(m, shape)
		s.DirectWide(dst, stride, take(m, operand.Planes*shape[0]*shape[1], m.integer32), operand.Planes, float64(int(1)<<operand.Shift),
			take(m, shape[0], m.integer64), take(m, shape[1], m.integer32), take(m, shape[1], m.number32), take(m, shape[0], m.number64),
			take(m, shape[1], m.number32), floor)
	}},
	{"Finish", func(s *Set, m *memory, shape shape) { finishTrial(m, shape, s.Finish, m.number32) }},
	{"FinishWide", func(s *Set, m *memory, shape shape) { finishTrial(m, shape, s.FinishWide, m.number64) }},
}

// finishing returns rows of dst that are apart, where what lies between them is not to change, and a floor.
func finishing(m *memory, shape shape) (dst []float32, stride int, floor float32) {
	stride = param(m, shape[1]+m.IntN(2)*m.IntN(40))
	floor = param(m, oneOf(m, float32(-infinity), 0, m.finite32()))
	return take(m, (shape[0]-1)*stride+shape[1], m.number32), stride, floor
}

func finishTrial[F guard.Element](m *memory, shape shape, finish func(dst []float32, stride int, s, r []F, bias []float32, floor float32), number func() F) {
	dst, stride, floor := finishing(m, shape)
	finish(dst, stride, take(m, shape[0]*shape[1], number), take(m, shape[0], number), take(m, shape[1], m.number32), floor)
}

// turnTrial has the shape {columns, rows}; what lies between rows of src and of dst is not to change.
var turnTrials = []trial{
	{"Turn", func(s *Set, m *memory, shape shape) { turnTrial(m, shape, s.Turn, m.number32) }},
	{"TurnU8", func(s *Set, m *memory, shape shape) { turnTrial(m, shape, s.TurnU8, m.byte) }},
}

func turnTrial[T guard.Element](m *memory, shape shape, turn func(dst []T, stride int, src []T, n, columns, rows int), element func() T) {
	columns, rows := shape[0], shape[1]
	n, stride := param(m, columns+m.IntN(2)*m.IntN(20)), param(m, rows+m.IntN(2)*m.IntN(20))
	src := take(m, (rows-1)*n+columns, element)
	turn(take(m, (columns-1)*stride+rows, element), stride, src, n, columns, rows)
}

// TestTurnOfSets goes through blocks of 8×8 and what may lie around them.
func TestTurnOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for columns := range 34 {
			for rows := range 34 {
				for _, trial := range turnTrials {
					b.compare(trial, shape{columns + 1, rows + 1}, effort(2))
				}
			}
		}
	})
}

// TestOutputOfSets goes through all shapes of a tile, and a brief test through 16 numbers of rows.
func TestOutputOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		rounds := effort(max(1, 8000/(b.set.Rows*b.set.Panels*PanelColumns)))
		for _, trial := range outputTrials {
			for rows := range b.set.Rows {
				if brief() && rows%max(1, b.set.Rows/16) != 0 {
					continue
				}
				for panels := range b.set.Panels {
					b.compare(trial, shape{rows + 1, PanelColumns * (panels + 1)}, rounds)
				}
			}
		}
	})
}

func FuzzOutputOfSets(f *testing.F) {
	fuzzSets(f, outputTrials, func(s *Set, x, y, _ uint8) shape {
		return shape{1 + int(x)%s.Rows, PanelColumns * (1 + int(y)%s.Panels)}
	})
}
