package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/isa"
)

// codebook draws a codebook of so many panels and 64 of depth each: any codes, and levels and multipliers that
// are any or extreme ones.
func codebook(m *memory, panels, blocks int) Codebook {
	c := Codebook{Bits: param(m, oneOf(m, 2, 4)), Depth: 64 * blocks, Panels: panels}
	c.Size = param(m, oneOf(m, 16, 32, 64, 128, c.Depth))
	level, multiplier := m.choose(-127, 127), m.choose(-127, 127)
	switch param(m, m.IntN(3)) {
	case 0: // linear
		level = m.choose(-8, 7)
		for q := range c.Levels {
			c.Levels[q] = int16(16 * level())
		}
	case 1: // without multipliers
		linear, full := m.choose(-64, 63), m.choose(-127, 127)
		if level = full; m.IntN(2) == 0 {
			level = func() int32 { return 2 * linear() }
		}
		for q := range c.Levels {
			c.Levels[q] = int16(2 * level())
		}
		multiplier = func() int32 { return oneOf[int32](m, 64, 64, 64, 0) }
	default:
		for q := range c.Levels {
			c.Levels[q] = int16(level())
		}
	}
	if c.Bits == 2 {
		for q := range c.Levels {
			c.Levels[q] = c.Levels[q%4]
		}
	}
	param(m, c.Levels)
	codes, multipliers := c.panelBytes()
	c.Codes = take(m, panels*codes, m.byte)
	c.Multipliers = take(m, panels*multipliers+codeReadable, func() int8 { return int8(multiplier()) })
	weights := make([]int8, panels*c.Depth*PanelColumns)
	decodeCodesGeneric(weights, c)
	sums := make([]int32, panels*PanelColumns)
	for i, w := range weights {
		sums[i/(c.Depth*PanelColumns)*PanelColumns+i%StepBytes/StepDepth] += int32(w)
	}
	at := -1
	c.Sums = take(m, len(sums), func() int32 { at++; return sums[at] })
	return c
}

// codebookTrials have the shape {rows, panels, blocks of 64 of depth}.
var codebookTrials = []trial{
	{"DecodeCodes", func(s *Set, m *memory, shape shape) {
		c := codebook(m, shape[1], shape[2])
		s.DecodeCodes(take(m, c.Panels*c.Depth*PanelColumns, m.int8), c)
	}},
	{"MultiplyCodes", func(s *Set, m *memory, shape shape) {
		c := codebook(m, shape[1], shape[2])
		a := Left{Rows: shape[0], Lines: 1, Steps: c.Depth / StepDepth, Planes: param(m, 1+m.IntN(2)*m.IntN(3))}
		a.Stride = param(m, c.Depth+m.IntN(2)*m.IntN(70))
		a.Plane = param(m, a.Rows*a.Stride+m.IntN(2)*m.IntN(70))
		x := m.choose(0, 255)
		a.Data = take(m, a.extent(1), func() uint8 { return uint8(x()) })
		s.MultiplyCodes(take(m, a.Planes*a.Rows*c.Panels*PanelColumns, m.integer32), &a, c)
	}},
}

// TestCodebooksOfSets goes through all numbers of rows that are multiplied at a time, and more.
func TestCodebooksOfSets(t *testing.T) {
	most := 9 // blocks of 64 of depth
	if brief() {
		most = 3
	}
	eachSet(t, func(b *bench) {
		for blocks := range most {
			for panels := range 3 {
				b.compare(codebookTrials[0], shape{1, panels + 1, blocks + 1}, effort(20))
				for rows := range 9 {
					b.compare(codebookTrials[1], shape{rows + 1, panels + 1, blocks + 1}, effort(20))
				}
			}
		}
	})
}

func FuzzCodebooksOfSets(f *testing.F) {
	fuzzSets(f, codebookTrials, func(_ *Set, x, y, z uint8) shape { return shape{1 + int(x)%12, 1 + int(y)%3, 1 + int(z)%12} })
}

// TestCodebookByDefinition holds weights to their layout and formula, and products to sums that are made
// weight by weight.
func TestCodebookByDefinition(t *testing.T) {
	const rows, panels = 3, 2
	for _, bits := range []int{2, 4} {
		for _, size := range []int{16, 32, 64, 128, 192} {
			c := Codebook{Bits: bits, Size: size, Depth: 192, Panels: panels}
			rng := rand.New(rand.NewPCG(uint64(bits), uint64(size)))
			for q := range c.Levels {
				c.Levels[q] = int16(rng.IntN(256) - 128)
				if bits == 2 {
					c.Levels[q] = c.Levels[q%4]
				}
			}
			codes, multipliers := c.panelBytes()
			c.Codes, c.Multipliers, c.Sums = make([]uint8, panels*codes), make([]int8, panels*multipliers+codeReadable), make([]int32, panels*PanelColumns)
			units, together := CodeUnits(bits, size, c.Depth)
			x, want := make([]uint8, rows*c.Depth), make([]int64, rows*panels*PanelColumns)
			for i := range x {
				x[i] = uint8(rng.IntN(256))
			}
			weights := make([]int8, panels*c.Depth*PanelColumns)
			for panel := range panels {
				for j := range PanelColumns {
					for p := range c.Depth {
						m, group := int8(rng.IntN(255)-127), p/size
						at := &c.Multipliers[((panel*units+group/together)*PanelColumns+j%4*4+j/4)*together+group%together]
						if p%size != 0 {
							m = *at
						}
						*at = m
						q, depth := uint8(rng.IntN(1<<bits)), 128/bits
						c.Codes[panel*codes+p/depth*256+j%4*64+j/4*16+p%16] |= q << (p % depth / 16 * bits)
						w := max(-128, min(127, (int64(c.Levels[q])*int64(m)*256+1<<14)>>15))
						weights[panel*c.Depth*PanelColumns+p/4*64+j*4+p%4] = int8(w)
						c.Sums[panel*PanelColumns+j] += int32(w)
						for i := range rows {
							want[(i*panels+panel)*PanelColumns+j] += int64(x[i*c.Depth+p]) * w
						}
					}
				}
			}
			for _, tier := range isa.All() {
				if !isa.Supported(tier) {
					continue
				}
				what := fmt.Sprintf("%v, %d bits in groups of %d", tier, bits, size)
				got := make([]int8, len(weights))
				Of(tier).DecodeCodes(got, c)
				if !slices.Equal(got, weights) {
					t.Errorf("%s: other weights", what)
				}
				sums := make([]int32, len(want))
				Of(tier).MultiplyCodes(sums, &Left{Data: x, Rows: rows, Stride: c.Depth, Lines: 1, Planes: 1, Steps: c.Depth / StepDepth}, c)
				for i, sum := range sums {
					if int64(sum) != want[i] {
						t.Fatalf("%s: row %d, column %d is %d, want %d", what, i/(panels*PanelColumns), i%(panels*PanelColumns), sum, want[i])
					}
				}
			}
		}
	}
}
