//go:build !purego

package kernel

import (
	"slices"
	"unsafe"
)

// A codeTile is the arguments of the assembly for a panel of a Codebook. sums is where weights go that are
// decoded.
type codeTile struct {
	rowHalves
	codes        *uint8
	multipliers  *int8
	place        int // bytes between the multipliers of two groups of columns of a block
	blocks, unit int // of the panel, and of those that share their multipliers
	selection    *codeSelection
	ones         *[16]int16
	compensation *int32
	levels       [2][32]int16 // the lower and the upper eight, repeated in lanes of 128 bits
	_            [3][4][2][8]int32
}

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
	t.codes, t.multipliers, t.compensation = &c.Codes[i*codes], &c.Multipliers[i*multipliers], &c.Sums[i*PanelColumns]
}

// A codeForm is kernels for one layout of codes and multipliers.
type codeForm struct {
	decode   asm
	multiply []asm // by how many rows of planes, less one; nil for some
}

// codeForms is by the layouts that assembly knows: 4 bits, 4 bits in groups of 16, 2 bits, and 2 bits in groups
// of 16.
type codeForms [4]codeForm

// of returns the kernels for c.
func (f *codeForms) of(c *Codebook) *codeForm {
	form := (4 - c.Bits) / 2 * 2
	if c.Size == 16 {
		form++
	}
	return &f[form]
}

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
			t.sums = (*int32)(unsafe.Pointer(&dst[i*size]))
			decode(hidden(&t))
		}
	}
}

// ones is what pairs of products are multiplied by: 1, or 2 where weights are halved.
var ones = [2][16]int16{
	{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
	{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
}

var codesAVX2 = codeForms{
	{decodeC4AVX2, []asm{multiplyC4R1AVX2, multiplyC4R2AVX2, multiplyC4R3AVX2}},
	{decodeC4G16AVX2, []asm{multiplyC4G16R1AVX2, multiplyC4G16R2AVX2, multiplyC4G16R3AVX2}},
	{decodeC2AVX2, []asm{multiplyC2G32R1AVX2, multiplyC2G32R2AVX2, multiplyC2G32R3AVX2}},
	{decodeC2AVX2, []asm{multiplyC2R1AVX2, multiplyC2R2AVX2, multiplyC2R3AVX2}},
}

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
	t.multiply(sums, a, &b, codesAVX2.of(&b).multiply)
}

// multiply takes as many rows at a time as there is a kernel for, with all their planes.
func (t *codeTile) multiply(sums []int32, a *Left, b *Codebook, kernels []asm) {
	if a.Planes > 3 {
		panic("kernel: MultiplyCodes: more than 3 planes")
	}
	row := b.Panels * PanelColumns
	for panel := range b.Panels {
		t.panel(b, panel)
		for first, rows := 0, 0; first < a.Rows; first += rows {
			rows = min(len(kernels)/a.Planes, a.Rows-first)
			for kernels[rows*a.Planes-1] == nil {
				rows--
			}
			t.set(sums[first*row+panel*PanelColumns:], row, a.Rows*row, a.Data[first*a.Stride:], a, rows)
			kernels[rows*a.Planes-1](hidden(t))
		}
	}
}

var codesVNNI = codeForms{
	{decodeC4AVX512, []asm{multiplyC4R1VNNI, multiplyC4R2VNNI, multiplyC4R3VNNI, multiplyC4R4VNNI, nil, multiplyC4R6VNNI, nil, multiplyC4R8VNNI}},
	{decodeC4G16AVX512, []asm{
		multiplyC4G16R1VNNI, multiplyC4G16R2VNNI, multiplyC4G16R3VNNI, multiplyC4G16R4VNNI, nil, multiplyC4G16R6VNNI, nil, multiplyC4G16R8VNNI,
	}},
	codes2VNNI, codes2VNNI,
}

var codes2VNNI = codeForm{
	decodeC2AVX512, []asm{multiplyC2R1VNNI, multiplyC2R2VNNI, multiplyC2R3VNNI, multiplyC2R4VNNI, nil, multiplyC2R6VNNI, nil, multiplyC2R8VNNI},
}

func multiplyCodesInVNNI(sums []int32, a *Left, b Codebook) {
	checkMultiplyCodes(sums, a, &b)
	var t codeTile
	t.prepare(&b, false)
	t.multiply(sums, a, &b, codesVNNI.of(&b).multiply)
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
