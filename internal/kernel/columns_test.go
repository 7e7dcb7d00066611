package kernel

import (
	"math"
	"testing"
)

// columnTrials have the shape {columns, rows}, and what lies between rows is not to change.
var columnTrials = []trial{
	{"QuantizeColumns", func(s *Set, m *memory, shape shape) {
		c, n, stride, size := m.columns(shape)
		src := take(m, size, m.near(float64(c.scale[0]), 256))
		s.QuantizeColumns(take(m, size, m.byte), src, c, n, stride, shape[1]+1)
	}},
	{"DequantizeColumns", func(s *Set, m *memory, shape shape) {
		c, n, stride, size := m.columns(shape)
		s.DequantizeColumns(take(m, size, m.number32), take(m, size, m.byte), c, n, stride, shape[1]+1)
	}},
	{"QuantizeGridColumns", func(s *Set, m *memory, shape shape) {
		c, n, stride, size := m.gridColumns(shape)
		src := take(m, size, m.near(float64(c.scale[0]), 256))
		s.QuantizeGridColumns(take(m, size, m.byte), src, c, n, stride, shape[1]+1)
	}},
	{"DequantizeGridColumns", func(s *Set, m *memory, shape shape) {
		c, n, stride, size := m.gridColumns(shape)
		s.DequantizeGridColumns(take(m, size, m.number32), take(m, size, m.byte), c, n, stride, shape[1]+1)
	}},
	{"MinMaxColumns", func(s *Set, m *memory, shape shape) {
		_, n, stride, size := m.columns(shape)
		number := oneOf(m, m.finite32, func() float32 { return oneOf(m, 0, float32(negativeZero)) }, m.near(1, 9))
		src := take(m, size, number)
		if n > 0 && param(m, m.IntN(3)) == 0 {
			src[m.IntN(shape[1]+1)*stride+m.IntN(n)] = oneOf(m, float32(math.NaN()), float32(infinity), float32(-infinity))
		}
		low, high := take(m, n, m.finite32), take(m, n, m.finite32)
		for j := range low {
			low[j], high[j] = low[j]+0, high[j]+0
		}
		allFinite := int32(1)
		if !s.MinMaxColumns(low, high, src, stride, shape[1]+1) {
			clear(low) // meaningless
			clear(high)
			allFinite = 0
		}
		result(m, allFinite)
	}},
}

// columns returns maps of columns, their number, the distance of rows, and the size of all.
func (m *memory) columns(shape shape) (c *Columns, n, stride, size int) {
	c = new(Columns)
	maps := m.maps(max(1, shape[0]))
	oneScale := param(m, m.IntN(2)) == 1 // whose ties are those of every column
	for j, a := range maps {
		if oneScale {
			a.Scale = maps[0].Scale
		}
		c.Set(j, a)
	}
	stride = param(m, shape[0]+m.IntN(2)*m.IntN(70))
	return c, shape[0], stride, shape[1]*stride + shape[0]
}

// gridColumns does what columns does, for grids with one highest code.
func (m *memory) gridColumns(shape shape) (c *GridColumns, n, stride, size int) {
	c = new(GridColumns)
	high := m.grid().High
	for j := range max(1, shape[0]) {
		g := m.grid()
		g.High = high
		c.Set(j, g)
	}
	stride = param(m, shape[0]+m.IntN(2)*m.IntN(70))
	return c, shape[0], stride, shape[1]*stride + shape[0]
}

func TestColumnsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range columnTrials {
			for n := range 45 {
				for _, rows := range []int{0, 1, 2, 3, 4, 6, 8} {
					b.compare(trial, shape{n, rows}, effort(10))
				}
			}
			for _, n := range []int{127, 128, 129, MostColumns - 1, MostColumns} {
				b.compare(trial, shape{n, n % 4}, effort(4))
			}
		}
	})
}

func FuzzColumnsOfSets(f *testing.F) {
	fuzzSets(f, columnTrials, func(_ *Set, n, rows, _ uint8) shape { return shape{int(n), int(rows) % 9} })
}
