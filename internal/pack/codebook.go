package pack

import (
	"encoding/binary"
	"fmt"

	"euryale/internal/kernel"
)

// Codebook is how the codes of a weight are looked up. The code q at depth p of column j stands for
//
//	w8 = saturate((Levels[q]·m·256 + 2^14) >> 15),   m = Multipliers[j·groups + p/Size],
//
// and where Size is 0 for w8 = Levels[q]. The element is Scales[j]·w8.
type Codebook struct {
	Bits        int    // of a code: 2, 3 or 4
	Size        int    // of a group, in depth: 16, 32, 64 or 128, or 0
	Levels      []int8 // 2^Bits
	Multipliers []int8 // [n][groups], −127 … 127
	// Fill is a code that fills up a block. Where its level is not 0, and there is something to fill up within
	// a group, the weight is kept as w8, a byte each.
	Fill uint8
}

// FromCodebook packs a weight in one group whose codes, which count from 0, are looked up: as codes, 2
// bits each or 4, or as w8 where Depthwise. m.K, N and Scales, a list of [n], are set by the caller, and
// Depthwise; lengths that do not go together panic.
func FromCodebook(m Matrix, c Codebook, s Source, share Share) *Matrix {
	groups := 0
	if c.Size > 0 {
		groups = (m.K + c.Size - 1) / c.Size
	}
	if m.K < 1 || m.N < 1 || c.Bits < 2 || c.Bits > 4 || len(c.Levels) != 1<<c.Bits || int(c.Fill) >= len(c.Levels) || !c.hasSize() ||
		s.Depth() != m.K || len(m.Scales) != m.N || len(c.Multipliers) != m.N*groups {
		panic(fmt.Sprintf("pack: FromCodebook: got %d codes, %d scales, %d levels and %d multipliers for %d×%d in groups of %d by %d bits",
			s.Depth()*m.N, len(m.Scales), len(c.Levels), len(c.Multipliers), m.K, m.N, c.Size, c.Bits))
	}
	w := &Matrix{K: m.K, N: m.N, Group: m.K, Depthwise: m.Depthwise}
	w.layout(8)
	w.Scales = byGroup(w, m.Scales)
	w.sums = make([]int32, w.Columns())
	s.padding, s.Unsigned, s.raw = blank, false, true
	b := &book{Codebook: c, groups: groups}
	whole := !s.fills() && m.K%max(c.Size, 1) == 0 && (c.Size > 0 || m.K%64 == 0)
	if !m.Depthwise && (whole || c.Levels[c.Fill] == 0) {
		b.storeCodes(w)
	} else {
		w.codes = make([]int8, w.panels*w.PanelBytes())
	}
	w.fill(&s, b, share)
	return w
}

// hasSize reports whether groups have a size that kernels take.
func (c *Codebook) hasSize() bool {
	switch c.Size {
	case 0, 16, 32, 64, 128:
		return true
	}
	return false
}

// blank is what stands in the place of a code where a source has none.
const blank = 0xff

// book is a Codebook while a weight is packed.
type book struct {
	Codebook
	groups int  // of a column, 0 for none
	stored bool // as codes
}

// storeCodes makes room for codes, and lays out levels and multipliers.
func (b *book) storeCodes(w *Matrix) {
	c := kernel.Codebook{Bits: 4, Size: b.Size, Depth: w.Depth(), Panels: w.panels, Sums: w.sums}
	if b.Bits == 2 {
		c.Bits = 2
	}
	if b.Size == 0 {
		c.Size = c.Depth
	}
	for q := range c.Levels {
		if b.Bits == 3 && q >= len(b.Levels) {
			break
		}
		if c.Levels[q] = int16(b.Levels[q%len(b.Levels)]); b.Size == 0 {
			c.Levels[q] *= 2
		}
	}
	units, together := kernel.CodeUnits(c.Bits, c.Size, c.Depth)
	c.Codes = make([]uint8, w.panels*w.PanelBytes()*c.Bits/8)
	c.Multipliers = make([]int8, w.panels*units*together*kernel.PanelColumns+16)
	for j := range w.N {
		panel, lane := c.Multipliers[j/kernel.PanelColumns*units*together*kernel.PanelColumns:], kernel.CodeLane(j%kernel.PanelColumns)
		for g := range max(1, b.groups) {
			to := &panel[(g/together*kernel.PanelColumns+lane)*together+g%together]
			if *to = 64; b.groups > 0 {
				*to = b.Multipliers[j*b.groups+g]
			}
		}
	}
	w.coded, b.stored = c, true
}

// decode sets weights to those of codes from depth p of a panel on, which are laid out as steps.
func (b *book) decode(w *Matrix, panel, p int, weights []int8, codes []uint8) {
	const n, step = kernel.PanelColumns, kernel.StepDepth
	depth := len(codes) / n
	clear(weights)
	for j := range min(n, w.N-panel*n) {
		for i := 0; i < depth; {
			end := depth
			table := b.Levels
			var scaled [16]int8
			if b.Size > 0 {
				g := (p + i) / b.Size
				end = min(depth, (g+1)*b.Size-p)
				multiplier := int32(0)
				if g < b.groups {
					multiplier = int32(b.Multipliers[(panel*n+j)*b.groups+g])
				}
				for q, level := range b.Levels {
					scaled[q] = kernel.WeightOf(int16(level), multiplier)
				}
				table = scaled[:len(b.Levels)]
			}
			for ; i < end; i++ {
				at := i/step*kernel.StepBytes + j*step + i%step
				if q := codes[at]; q != blank {
					weights[at] = table[q]
				}
			}
		}
	}
	addUp((*[n]int32)(w.sums[panel*n:]), bytesOf(weights))
}

// store stores codes from depth p of a panel on, which are laid out as steps: the four of a column lie side by
// side in a block too.
func (b *book) store(w *Matrix, panel, p int, codes []uint8) {
	const n = kernel.PanelColumns
	bits := w.coded.Bits
	depth := kernel.CodeBlock(bits)
	to := w.coded.Codes[(panel*w.PanelBytes()+p*n)*bits/8:]
	for i := 0; len(codes) > 0; i += kernel.StepDepth {
		block, step := to[i/depth*depth*n*bits/8:], codes[:kernel.StepBytes]
		for j := range n {
			x := binary.LittleEndian.Uint32(step[j*kernel.StepDepth:])
			if blanks := x >> 7 & 0x01010101; blanks != 0 {
				x = x&^(blanks*blank) | blanks*uint32(b.Fill)
			}
			at := block[kernel.CodePlace(j, i%depth):]
			binary.LittleEndian.PutUint32(at, binary.LittleEndian.Uint32(at)|x<<kernel.CodeShift(bits, i%depth))
		}
		codes = codes[kernel.StepBytes:]
	}
}

// addUp sets the sums of a panel that is stored.
func (b *book) addUp(w *Matrix, panel int, scratch *[columnDepth * kernel.PanelColumns]int8) {
	set := kernel.Current()
	for p := 0; p < w.Depth(); p += columnDepth {
		part := w.coded.Part(panel, p, min(columnDepth, w.Depth()-p))
		weights := scratch[:part.Depth*kernel.PanelColumns]
		set.DecodeCodes(weights, part)
		addUp((*[kernel.PanelColumns]int32)(w.sums[panel*kernel.PanelColumns:]), bytesOf(weights))
	}
}
