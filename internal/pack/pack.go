// Package pack lays out weights for the kernels that multiply by them.
//
// A weight is k×n: k, the depth, is summed over, and n columns come out. Packed weights live in memory only:
// files hold plain codes.
package pack

import "euryale/internal/kernel"

// Matrix is a weight of integer codes, in groups of depth that share a scale. The element at depth p of
// column j, of group g = p/Group and panel j/16, is
//
//	Scales[i]·(code − Zeros[i]) + Offsets[i],   i = (j/16·Groups + g)·16 + j%16
//
// Codes are signed; a nil list is all zeros.
//
// The layout is N16K4, one for all instruction sets: panels of 16 columns, in each of them steps of 4 of
// depth, in each of those [column][4]. Its 64 bytes a step are a vector of AVX-512, two of AVX2, four of NEON
// or a row of a tile of AMX. Codes of zero fill up the last panel, and every group to a multiple of 4 of
// depth, of 8 where there are two codes a byte, or of 64 where there is one group only, unless Depthwise. Codes
// that FromCodebook packed are what kernel.Codebook says, and become that layout when they are multiplied.
type Matrix struct {
	K, N    int
	Group   int // depth that shares a scale
	Scales  []float32
	Zeros   []int32
	Offsets []float32

	// Depthwise says that columns are filters with a channel each, which are not multiplied by rows.
	Depthwise bool

	codes   []int8          // [panel][group][step][16][4]
	nibbles []uint8         // or half as many, as kernel.PackPanels has them
	coded   kernel.Codebook // or codes that are looked up
	sums    []int32

	bits, groups, groupDepth, panels int
}

// layout sets what K, N and Group imply for codes of so many bits.
func (w *Matrix) layout(bits int) {
	multiple := kernel.StepDepth
	w.bits, w.groups, w.panels = bits, (w.K+w.Group-1)/w.Group, panels(w.N)
	if w.packs() {
		multiple = 2 * kernel.StepDepth
	}
	if w.groups == 1 && !w.Depthwise {
		multiple = 64
	}
	w.groupDepth = (w.Group + multiple - 1) / multiple * multiple
}

// packs reports whether there are two codes a byte: a weight of fewer bits in one group multiplies a row faster
// from a byte each.
func (w *Matrix) packs() bool { return w.bits == 4 || w.bits < 4 && w.groups > 1 }

func panels(columns int) int { return (columns + kernel.PanelColumns - 1) / kernel.PanelColumns }

// Groups returns the number of scales in a column.
func (w *Matrix) Groups() int { return w.groups }

// Panels returns the number of panels of 16 columns.
func (w *Matrix) Panels() int { return w.panels }

// Columns returns the number of columns with those that fill up the last panel.
func (w *Matrix) Columns() int { return w.panels * kernel.PanelColumns }

// GroupDepth returns the depth of a group with what fills it up.
func (w *Matrix) GroupDepth() int { return w.groupDepth }

// Depth returns the depth of a panel with all that fills it up.
func (w *Matrix) Depth() int { return w.groups * w.groupDepth }

// PanelBytes returns the distance between panels of a byte a code.
func (w *Matrix) PanelBytes() int { return w.Depth() * kernel.PanelColumns }

// Bytes returns the memory that the weight takes, without Sums.
func (w *Matrix) Bytes() int {
	return len(w.codes) + len(w.nibbles) + len(w.coded.Codes) + len(w.coded.Multipliers) + 4*(len(w.Scales)+len(w.Zeros)+len(w.Offsets))
}

// Panel returns the codes of count panels from panel first on, PanelBytes apart: those of the weight itself,
// or, where Unpacks says so, unpacked by the kernels of a set into scratch, which has room for them.
func (w *Matrix) Panel(first, count int, scratch []int8, set *kernel.Set) []int8 {
	size := w.PanelBytes()
	switch {
	case w.IsCoded():
		set.DecodeCodes(scratch[:count*size], w.Coded(first, count))
	case w.nibbles != nil:
		set.Unpack(scratch[:count*size], w.nibbles[first*size/2:][:count*size/2])
	default:
		return w.codes[first*size:][:count*size]
	}
	return scratch[:count*size]
}

// IsCoded reports whether the codes are looked up.
func (w *Matrix) IsCoded() bool { return w.coded.Codes != nil }

// Coded returns count panels from panel first on of a weight that is.
func (w *Matrix) Coded(first, count int) kernel.Codebook { return w.coded.From(first, count) }

// Codes returns a copy of the codes of a weight in one group, [n][k].
func (w *Matrix) Codes() []int8 {
	const n, step = kernel.PanelColumns, kernel.StepDepth
	codes, scratch := make([]int8, w.N*w.K), make([]int8, w.PanelBytes())
	for first := 0; first < w.N; first += n {
		panel := w.Panel(first/n, 1, scratch, kernel.Current())
		for j := range min(n, w.N-first) {
			for p := range w.K {
				codes[(first+j)*w.K+p] = panel[p/step*kernel.StepBytes+j*step+p%step]
			}
		}
	}
	return codes
}

// Unpacks reports whether Panel takes scratch memory.
func (w *Matrix) Unpacks() bool { return w.nibbles != nil || w.IsCoded() }

// Nibbles returns the codes of count panels from panel first on, two a byte as kernel.PackPanels has them, or
// nil where they are not stored so.
func (w *Matrix) Nibbles(first, count int) []uint8 {
	if w.nibbles == nil {
		return nil
	}
	size := w.PanelBytes() / 2
	return w.nibbles[first*size:][:count*size]
}

// Bits returns how many bits codes have.
func (w *Matrix) Bits() int { return w.bits }

// Sums returns Σ code over each group of a column, laid out like Scales. They carry the offset of unsigned
// planes.
func (w *Matrix) Sums() []int32 { return w.sums }
