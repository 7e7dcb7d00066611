package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/isa"
)

// limits are the least and the largest element of every plane there is.
func limits(wide bool) [][2]int32 {
	if wide {
		return [][2]int32{{-255, 255}, {1 - 1<<15, 1<<15 - 1}, {0, 1<<12 - 1}, {-1 << 11, 1<<11 - 1}}
	}
	return [][2]int32{{0, 255}}
}

// choose returns a function to integers of a range: any, or the least, the largest or both alone.
func (m *memory) choose(low, high int32) func() int32 {
	return oneOf(m,
		func() int32 { return low + int32(uint64(m.Uint32())*uint64(high-low+1)>>32) },
		func() int32 { return low },
		func() int32 { return high },
		func() int32 { return oneOf(m, low, high) },
	)
}

// multiplyTrial has the shape {rows, panels, steps}. Rows and panels are apart, at any alignment, and the last of
// them ends where its numbers do.
func multiplyTrial(s *Set, m *memory, shape shape) {
	rows, panels, steps := shape[0], shape[1], shape[2]
	row, panel := steps*StepDepth*s.ElementBytes(), steps*StepBytes
	lda, ldb := param(m, row+m.IntN(2)*m.IntN(70)), param(m, panel+m.IntN(2)*m.IntN(130))
	limit := param(m, oneOf(m, limits(s.Wide)...))
	x, y := m.choose(limit[0], limit[1]), m.choose(-128, 127)
	c := take(m, rows*panels*PanelColumns, m.integer32)
	a := take(m, (rows-1)*lda+row, m.byte)
	for i := range rows {
		for at := i * lda; at < i*lda+row; at += s.ElementBytes() {
			putElement(a[at:], x(), s.Wide)
		}
	}
	b := take(m, (panels-1)*ldb+panel, func() int8 { return int8(y()) })
	s.Multiply(c, a, lda, b, ldb, steps, rows, panels)
}

func putElement(a []uint8, x int32, wide bool) {
	if wide {
		binary.LittleEndian.PutUint16(a, uint16(x))
	} else {
		a[0] = uint8(x)
	}
}

// multiplyFloatTrial has the shape {rows, any, depth}.
func multiplyFloatTrial(s *Set, m *memory, shape shape) {
	rows, k := shape[0], shape[2]
	ldx := param(m, k+m.IntN(2)*m.IntN(40))
	s.MultiplyFloat(take(m, rows*PanelColumns, m.number64), take(m, (rows-1)*ldx+k, m.finite32), ldx, take(m, k*PanelColumns, m.finite32), rows)
}

var multiplyTrials = []trial{
	{"Multiply", multiplyTrial},
	{"MultiplyFloat", multiplyFloatTrial},
	{"MultiplyDirect", func(s *Set, m *memory, shape shape) {
		multiply := s.MultiplyDirect
		if multiply == nil {
			multiply = multiplyDirectGeneric
		}
		rows, panels, steps := shape[0], shape[1], shape[2]
		lines, step := param(m, 1+m.IntN(3)), param(m, m.IntN(200))
		dst, stride, floor := finishing(m, [3]int{lines * rows, panels * PanelColumns})
		a, lda, _, gaps, b, ldb := bytesTrial(m, shape, 1, (lines-1)*step)
		multiply(dst, stride, a, lda, gaps, b, ldb, steps, panels, take(m, rows, m.integer32), take(m, panels*PanelColumns, m.integer32),
			take(m, panels*PanelColumns, m.number32), take(m, rows, m.number32), take(m, panels*PanelColumns, m.number32), floor, lines, step)
	}},
	{"MultiplyDirectWide", func(s *Set, m *memory, shape shape) {
		multiply := s.MultiplyDirectWide
		if multiply == nil {
			multiply = multiplyDirectWideGeneric
		}
		operand := operandsU8[param(m, oneOf(m, 16, 24))]
		rows, panels, steps := shape[0], shape[1], shape[2]
		dst, stride, floor := finishing(m, [3]int{rows, panels * PanelColumns})
		a, lda, plane, gaps, b, ldb := bytesTrial(m, shape, operand.Planes, 0)
		multiply(dst, stride, a, lda, plane, gaps, b, ldb, steps, panels, operand.Planes, float64(int(1)<<operand.Shift), take(m, rows, m.integer64), take(m, panels*PanelColumns, m.integer32),
			take(m, panels*PanelColumns, m.number32), take(m, rows, m.number64), take(m, panels*PanelColumns, m.number32), floor)
	}},
}

// bytesTrial returns planes of bytes, with some more behind, and codes, as multiplyTrial does. Rows may overlap where they are several
// runs.
func bytesTrial(m *memory, shape shape, planes, more int) (a []uint8, lda, plane int, gaps []int, b []int8, ldb int) {
	rows, panels, steps := shape[0], shape[1], shape[2]
	for range m.IntN(2) * m.IntN(4) {
		gaps = append(gaps, m.IntN(50))
	}
	gaps = param(m, gaps)
	row, panel := steps*StepDepth, (len(gaps)+1)*steps*StepBytes
	lda, ldb = param(m, row+m.IntN(2)*m.IntN(70)), param(m, panel+m.IntN(2)*m.IntN(130))
	for _, gap := range gaps {
		row += steps*StepDepth + gap
	}
	plane = param(m, rows*lda+m.IntN(2)*m.IntN(70))
	x, y := m.choose(0, 255), m.choose(-128, 127)
	a = take(m, (planes-1)*plane+(rows-1)*lda+row+more, func() uint8 { return uint8(x()) })
	b = take(m, (panels-1)*ldb+panel, func() int8 { return int8(y()) })
	return a, lda, plane, gaps, b, ldb
}

// TestMultiplyOfSets goes through all tiles, for depths around whole vectors and tiles. Sets of large tiles take
// the depths in turn, multiples of 16 steps more often.
func TestMultiplyOfSets(t *testing.T) {
	var steps []int
	for n := range 40 {
		steps = append(steps, n+1)
	}
	steps = append(steps, 63, 64, 65, 127, 128, 129, 130, 240, 250)
	eachSet(t, func(b *bench) {
		tiles := b.set.Rows * b.set.Panels
		often, seldom := 1+tiles/128, 1+tiles/32
		if brief() {
			often, seldom = 4*often, 8*seldom
		}
		for rows := range b.set.Rows {
			for panels := range b.set.Panels {
				for at, n := range steps {
					if turn := rows + panels + at; turn%seldom == 0 || n%16 == 0 && turn%often == 0 {
						b.compare(multiplyTrials[0], shape{rows + 1, panels + 1, n}, max(1, 16/tiles))
					}
				}
			}
		}
	})
}

// TestMultiplyDirectOfSets goes through all tiles of sets that have such kernels, and one row more, for depths around whole
// vectors.
func TestMultiplyDirectOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		if b.set.MultiplyDirect == nil || b.set.MultiplyDirectWide == nil {
			t.Logf("%v: none", b.set.Tier)
			return
		}
		for rows := range 18 {
			for panels := range b.set.Panels {
				for _, steps := range []int{1, 2, 3, 15, 16, 17, 64, 250} {
					b.compare(multiplyTrials[2], shape{rows + 1, panels + 1, steps}, effort(8))
					b.compare(multiplyTrials[3], shape{rows + 1, panels + 1, steps}, effort(8))
				}
			}
		}
	})
}

// TestMultiplyFloatOfSets goes through tiles of whole and odd numbers of rows.
func TestMultiplyFloatOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for rows := range 9 {
			for k := range 40 {
				b.compare(multiplyTrials[1], shape{rows + 1, 1, k + 1}, effort(4))
			}
		}
	})
}

func FuzzMultiplyOfSets(f *testing.F) {
	fuzzSets(f, multiplyTrials, func(s *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%s.Rows, 1 + int(y)%s.Panels, 1 + int(z)%160}
	})
}

// product returns Σ_p a[i][p]·b[p][j] in int64, from the layouts as they are described: depth p of column j is
// code p%4 of column j%16, in step p/4 of panel j/16; of 16-bit elements, those of a step are in the order
// 0, 2, 1, 3.
func product(wide bool, a []uint8, lda int, b []int8, ldb, depth, i, j int) (sum int64) {
	for p := range depth {
		x := int64(0)
		if wide {
			at := i*lda + p/4*8 + [...]int{0, 4, 2, 6}[p%4]
			x = int64(int8(a[at+1]))*256 + int64(a[at])
		} else {
			x = int64(a[i*lda+p])
		}
		sum += x * int64(b[j/16*ldb+p/4*64+j%16*4+p%4])
	}
	return sum
}

// multiplySets are all sets of this machine, and the specification of planes of bytes.
func multiplySets() map[string]*Set {
	all := map[string]*Set{"generic, bytes": &genericBytes}
	for _, tier := range isa.All() {
		if isa.Supported(tier) {
			all[Of(tier).Tier.String()] = Of(tier)
		}
	}
	return all
}

// TestMultiplyByDefinition holds tiles to sums that are made element by element.
func TestMultiplyByDefinition(t *testing.T) {
	for name, s := range multiplySets() {
		for _, steps := range []int{1, 3, 16, 33} {
			m := &memory{Rand: rand.New(rand.NewPCG(1, uint64(steps)))}
			multiplyTrial(s, m, shape{s.Rows, s.Panels, steps})
			lda, ldb := m.params[0].(int), m.params[1].(int)
			c, a, b := m.slices[0].([]int32), m.slices[1].([]uint8), m.slices[2].([]int8)
			columns := s.Panels * PanelColumns
			for i := range s.Rows {
				for j := range columns {
					want := product(s.Wide, a, lda, b, ldb, steps*StepDepth, i, j)
					if got := c[i*columns+j]; int64(got) != want {
						t.Fatalf("%s: %d rows, %d panels, %d steps, lda %d, ldb %d: row %d, column %d is %d, want %d", name, s.Rows, s.Panels, steps, lda, ldb, i, j, got, want)
					}
				}
			}
		}
	}
}

// TestMultiplyAtDepth has the longest sums that an operand allows, of the largest products: no int32 wraps. Twice
// the depth wraps modulo 2^32.
func TestMultiplyAtDepth(t *testing.T) {
	for name, s := range multiplySets() {
		rows := min(s.Rows, 17)
		depths := []int{1, 2} // times the longest
		if brief() {
			depths = depths[:1]
		}
		for _, c := range []struct{ bits, plane int }{{8, 0}, {16, 0}, {16, 1}, {24, 0}, {24, 1}, {24, 2}} {
			operand := s.Operand(c.bits)
			if c.plane >= operand.Planes {
				continue
			}
			limit := limits(false)[0]
			if s.Wide {
				limit = limits(true)[c.bits/8-1+c.plane]
			}
			for _, x := range limit {
				for _, y := range []int8{-128, 127} {
					for _, times := range depths {
						depth := times * operand.Depth
						what := fmt.Sprintf("%s: %d bits, plane %d, depth %d, all %d by %d", name, c.bits, c.plane, depth, x, y)
						element := make([]uint8, s.ElementBytes())
						putElement(element, x, s.Wide)
						lda, ldb := depth*len(element), depth*PanelColumns
						got := make([]int32, rows*PanelColumns)
						s.Multiply(got, slices.Repeat(element, rows*depth), lda, slices.Repeat([]int8{y}, ldb), ldb, depth/StepDepth, rows, 1)
						want := int64(depth) * int64(x) * int64(y)
						if times == 1 && (want < math.MinInt32 || want > math.MaxInt32) {
							t.Errorf("%s: the sum %d is no int32", what, want)
						}
						if at := slices.IndexFunc(got, func(g int32) bool { return g != int32(want) }); at >= 0 {
							t.Errorf("%s: element %d is %d, want %d", what, at, got[at], int32(want))
						}
					}
				}
			}
		}
	}
}
