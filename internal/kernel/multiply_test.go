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
func limits(f Format) [][2]int32 {
	if f == S16 {
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

// multiplyTrial has the shape of productOperands.
func multiplyTrial(s *Set, m *memory, shape shape) {
	a, b := productOperands(s, m, shape, param(m, 1+m.IntN(2)*m.IntN(3)))
	s.Multiply(take(m, a.Planes*a.Lines*a.Rows*b.Panels*PanelColumns, m.integer32), a, b)
}

// multiplyDequantizeTrial does too, and what sums it leaves does not count.
func multiplyDequantizeTrial(s *Set, m *memory, size shape) {
	a, b := productOperands(s, m, size, 1)
	rows, columns := a.Lines*a.Rows, b.Panels*PanelColumns
	e := epilogueOf(m, shape{rows, columns})
	dst, stride := results(m, rows, e.Columns, m.number32)
	s.MultiplyDequantize(dst, stride, make([]int32, rows*columns), a, b, e)
}

// productOperands has the shape {rows, panels, steps}. Rows, planes and panels are apart, at any alignment, and
// the last of them ends where its elements do. Where a set takes segments, rows may be several, and overlap.
func productOperands(s *Set, m *memory, shape shape, planes int) (*Left, *Right) {
	size := s.Format.Bytes()
	a := Left{Rows: shape[0], Lines: 1, Steps: shape[2], Planes: planes}
	for range m.IntN(2) * m.IntN(4) {
		if gap := m.IntN(50); s.Segments {
			a.Gaps = append(a.Gaps, gap)
		}
	}
	param(m, a.Gaps)
	row, panel := a.Steps*StepDepth*size, (len(a.Gaps)+1)*a.Steps*StepBytes
	a.Stride = param(m, row+m.IntN(2)*m.IntN(70))
	if lines, step := 1+m.IntN(2)*m.IntN(3), m.IntN(200); s.Segments {
		a.Lines, a.LineStride = lines, step
	}
	a.Plane = param(m, a.Rows*a.Stride+m.IntN(2)*m.IntN(70))
	param(m, a.Lines)
	param(m, a.LineStride)
	b := Right{Panels: shape[1], Stride: param(m, panel+m.IntN(2)*m.IntN(130))}
	limit := param(m, oneOf(m, limits(s.Format)...))
	x, y := m.choose(limit[0], limit[1]), m.choose(-128, 127)
	a.Data = take(m, a.extent(size), m.byte)
	for at := 0; at+size <= len(a.Data); at += size {
		putElement(a.Data[at:], x(), s.Format)
	}
	b.Codes = take(m, (b.Panels-1)*b.Stride+panel, func() int8 { return int8(y()) })
	return &a, &b
}

func putElement(a []uint8, x int32, f Format) {
	if f == S16 {
		binary.LittleEndian.PutUint16(a, uint16(x))
	} else {
		a[0] = uint8(x)
	}
}

var multiplyTrials = []trial{
	{"Multiply", multiplyTrial},
	{"MultiplyDequantize", multiplyDequantizeTrial},
}

// TestMultiplyOfSets goes through all tiles, for depths around whole vectors and tiles. Sets of large tiles
// take the depths in turn, multiples of 16 steps more often.
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
			panels := b.set.Panels
			if rows < b.set.FewRows {
				panels += 4
			}
			for panels := range panels {
				for at, n := range steps {
					if turn := rows + panels + at; turn%seldom == 0 || n%16 == 0 && turn%often == 0 {
						for _, trial := range multiplyTrials {
							b.compare(trial, shape{rows + 1, panels + 1, n}, max(1, 16/tiles))
						}
					}
				}
			}
		}
	})
}

func FuzzMultiplyOfSets(f *testing.F) {
	fuzzSets(f, multiplyTrials, func(s *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%s.Rows, 1 + int(y)%s.Panels, 1 + int(z)%160}
	})
}

// product returns Σ_p a[p]·b[p][j] in int64, from the layouts as they are described: depth p of column j is
// code p%4 of column j%16, in step p/4 of panel j/16; of 16-bit elements, those of a step are in the order
// 0, 2, 1, 3.
func product(f Format, a []uint8, b []int8, ldb, depth, j int) (sum int64) {
	for p := range depth {
		x := int64(0)
		if f == S16 {
			at := p/4*8 + [...]int{0, 4, 2, 6}[p%4]
			x = int64(int8(a[at+1]))*256 + int64(a[at])
		} else {
			x = int64(a[p])
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
			planes, gaps, stride, plane := m.params[0].(int), m.params[1].([]int), m.params[2].(int), m.params[3].(int)
			lines, step, panel := m.params[4].(int), m.params[5].(int), m.params[6].(int)
			a, b, c := m.slices[0].([]uint8), m.slices[1].([]int8), m.slices[2].([]int32)
			columns := s.Panels * PanelColumns
			for p := range planes {
				for i := range lines * s.Rows {
					for j := range columns {
						from, codes := a[p*plane+i/s.Rows*step+i%s.Rows*stride:], b
						want := product(s.Format, from, b, panel, steps*StepDepth, j)
						for _, gap := range gaps {
							from, codes = from[steps*StepDepth*s.Format.Bytes()+gap:], codes[steps*StepBytes:]
							want += product(s.Format, from, codes, panel, steps*StepDepth, j)
						}
						if got := c[(p*lines*s.Rows+i)*columns+j]; int64(got) != want {
							t.Fatalf("%s: %d rows, %d panels, %d steps, %v: plane %d, row %d, column %d is %d, want %d", name, s.Rows, s.Panels, steps, m.params, p, i, j, got, want)
						}
					}
				}
			}
		}
	}
}

// TestMultiplyAtDepth has the longest sums that an operand allows, of the largest products: no int32 wraps.
// Twice the depth wraps modulo 2^32.
func TestMultiplyAtDepth(t *testing.T) {
	for name, s := range multiplySets() {
		rows := min(s.Rows, 17)
		depths := []int{1, 2} // times the longest
		if brief() {
			depths = depths[:1]
		}
		for _, c := range []struct{ bits, plane int }{{8, 0}, {16, 0}, {16, 1}, {24, 0}, {24, 1}, {24, 2}} {
			operand := s.Format.Operand(c.bits)
			if c.plane >= operand.Planes {
				continue
			}
			limit := limits(U8)[0]
			if s.Format == S16 {
				limit = limits(S16)[c.bits/8-1+c.plane]
			}
			for _, x := range limit {
				for _, y := range []int8{-128, 127} {
					for _, times := range depths {
						depth := times * operand.Depth
						what := fmt.Sprintf("%s: %d bits, plane %d, depth %d, all %d by %d", name, c.bits, c.plane, depth, x, y)
						element := make([]uint8, s.Format.Bytes())
						putElement(element, x, s.Format)
						lda, ldb := depth*len(element), depth*PanelColumns
						got := make([]int32, rows*PanelColumns)
						a := Left{Data: slices.Repeat(element, rows*depth), Rows: rows, Stride: lda, Lines: 1, Planes: 1, Steps: depth / StepDepth}
						s.Multiply(got, &a, &Right{Codes: slices.Repeat([]int8{y}, ldb), Panels: 1, Stride: ldb})
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
