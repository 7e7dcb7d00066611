//go:build !purego

package kernel

import (
	"math/bits"
	"slices"
)

// A codeTile is the arguments of the assembly for a panel of a Codebook. Weights that are decoded go to dst. The
// sums of products of rows go to lanes, four of a column; pass is how many bytes of a row have been summed.
type codeTile struct {
	dst          *int8
	codes        *uint8
	multipliers  *int8
	place        int // bytes between the multipliers of two groups of columns of a block
	blocks, unit int // of the panel, and of those that share their multipliers
	selection    *codeSelection
	ones         *[16]int16
	pass         int
	rows         [codeRows]*uint8
	levels       [2][32]int16                     // the lower and the upper eight, repeated in lanes of 128 bits
	lanes        [codeRows][PanelColumns][4]int32 // in the order of the lanes of a block
}

// codeRows is the most rows of a codeTile.
const codeRows = 4

// A codeSelection says which bytes of the 16 multipliers at a place become words in the lanes of a block: of
// two tables, or of the lower and the upper half of one. They become the upper halves of words.
type codeSelection [2][64]uint8

// codeSelections is by bits, 4 or 2, and by groups that a unit has together: 1, 2 or 4.
var codeSelections = func() (s [2][3]codeSelection) {
	for twoBits := range 2 {
		for log := range 3 {
			together := 1 << log
			for table := range 2 {
				to := &s[twoBits][log][table]
				for lane := range 4 {
					for word := range 8 {
						group := table * together / 2 // of 4 bits: a field each
						if twoBits == 1 {
							group = (2*table + word/4) * together / 4
						}
						to[16*lane+2*word], to[16*lane+2*word+1] = 0x80, uint8(lane*together+group)
					}
				}
			}
		}
	}
	return s
}()

// prepare sets the tile up for the panels of c, with levels halved where half is set.
func (t *codeTile) prepare(c *Codebook, half bool) {
	for i := range t.levels[0] {
		for upper := range 2 {
			level := c.Levels[8*upper+i%8]
			if half {
				level /= 2
			}
			t.levels[upper][i] = level
		}
	}
	_, together := CodeUnits(c.Bits, c.Size, c.Depth)
	block := CodeBlock(c.Bits)
	t.place, t.blocks, t.unit = 4*together, c.Depth/block, max(c.Size, block)/block
	t.selection = &codeSelections[(4-c.Bits)/2][together/2]
}

// panel sets the tile to panel i.
func (t *codeTile) panel(c *Codebook, i int) {
	codes, multipliers := c.panelBytes()
	t.codes, t.multipliers, t.pass = &c.Codes[i*codes], &c.Multipliers[i*multipliers], 0
}

// A codeForm is kernels for codes of 2 or of 4 bits.
type codeForm struct {
	decode   asm
	multiply []asm // by 1, 2, 4 … rows
}

// codeForms is by bits, 2 and 4.
type codeForms [2]codeForm

// of returns the kernels for c.
func (f *codeForms) of(c *Codebook) *codeForm { return &f[c.Bits/4] }

// decodeBy returns a kernel that decodes by assembly, panel by panel.
func decodeBy(forms *codeForms) func(dst []int8, c Codebook) {
	return func(dst []int8, c Codebook) {
		c.check()
		var t codeTile
		t.prepare(&c, false)
		decode, size := forms.of(&c).decode, c.Depth*PanelColumns
		dst = dst[:c.Panels*size]
		for i := range c.Panels {
			t.panel(&c, i)
			t.dst = &dst[i*size]
			decode(hidden(&t))
		}
	}
}

// ones is what pairs of products are multiplied by: 1, or 2 where weights are halved.
var ones = [2][16]int16{
	{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
}

var codesAVX2 = codeForms{{decode2BitsAVX2, []asm{multiply2BitsAVX2}}, {decode4BitsAVX2, []asm{multiply4BitsAVX2}}}

// multiplyCodesInAVX2 halves weights where a level stands for −128, which assembly does not take, and leaves
// them to the generic function if one is odd.
func multiplyCodesInAVX2(sums []int32, a *Left, b Codebook) {
	checkMultiplyCodes(sums, a, &b)
	half := slices.Min(b.Levels[:]) < -128
	if half && slices.ContainsFunc(b.Levels[:], func(level int16) bool { return level%4 != 0 }) {
		multiplyCodesGeneric(sums, a, b)
		return
	}
	var t codeTile
	t.prepare(&b, half)
	t.ones = &ones[0]
	if half {
		t.ones = &ones[1]
	}
	t.multiply(sums, a, &b, codesAVX2.of(&b).multiply, true)
}

// multiply takes as many rows of planes at a time as the last kernel does. Of fewer that are left, the last
// stands for what is missing. Activations were taken off 128 where
// sums are to be compensated.
func (t *codeTile) multiply(sums []int32, a *Left, b *Codebook, kernels []asm, compensated bool) {
	all := a.Planes * a.Rows
	for panel := range b.Panels {
		var compensation [PanelColumns]int32
		if compensated {
			copy(compensation[:], b.Sums[panel*PanelColumns:])
		}
		for row, rows := 0, 0; row < all; row += rows {
			kernel := min(bits.Len(uint(all-row-1)), len(kernels)-1)
			rows = min(1<<kernel, all-row)
			for i := range 1 << kernel {
				at := row + min(i, rows-1)
				t.rows[i] = &a.Data[at/a.Rows*a.Plane+at%a.Rows*a.Stride]
			}
			t.panel(b, panel)
			kernels[kernel](hidden(t))
			for i := range rows {
				sumCodesAVX2(&sums[((row+i)*b.Panels+panel)*PanelColumns], &t.lanes[i], &compensation)
			}
		}
	}
}

var codesVNNI = codeForms{
	{decode2BitsAVX512, []asm{multiply2BitsR1VNNI, multiply2BitsR2VNNI, multiply2BitsR4VNNI}},
	{decode4BitsAVX512, []asm{multiply4BitsR1VNNI, multiply4BitsR2VNNI, multiply4BitsR4VNNI}},
}

func multiplyCodesInVNNI(sums []int32, a *Left, b Codebook) {
	checkMultiplyCodes(sums, a, &b)
	var t codeTile
	t.prepare(&b, false)
	t.multiply(sums, a, &b, codesVNNI.of(&b).multiply, false)
}

// splitFixedInAVX2 makes integers of some activations at a time, and planes of them.
func splitFixedInAVX2(dst []uint8, stride int, src []float32, e int, o Operand) {
	var ints [256]int32
	for first := 0; first < len(src); first += len(ints) {
		x := ints[:min(len(ints), len(src)-first)]
		quantizeFixedInAVX2(x, src[first:][:len(x)], e, 8*o.Planes)
		splitU8InAVX2(dst[first:], stride, x, o.Planes, o.Offset)
	}
}
