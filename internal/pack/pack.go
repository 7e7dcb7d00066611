// Package pack lays out weights for the kernels that multiply by them.
//
// A weight is k×n: k, the depth, is summed over, and n columns come out. Packed weights live in memory only:
// files hold plain codes.
package pack

import (
	"fmt"
	"sync"

	"euryale/internal/kernel"
)

// Matrix is a weight of integer codes, in groups of depth that share a scale. The element at depth p of column
// j is
//
//	Scales[g·Columns + j]·(code − Zeros[g·Columns + j]) + Offsets[g·Columns + j],   g = p/Group
//
// Codes are signed; a nil list is all zeros.
//
// The layout is N16K4, one for all instruction sets: panels of 16 columns, in each of them steps of 4 of depth,
// in each of those [column][4]. Its 64 bytes a step are a vector of AVX-512, two of AVX2, four of NEON or a row
// of a tile of AMX. Codes of zero fill up the last panel, and every group to a multiple of 4 of depth, or of 64
// where there is one group only.
type Matrix struct {
	K, N    int
	Group   int // depth that shares a scale
	Scales  []float32
	Zeros   []int32
	Offsets []float32

	codes   []int8  // [panel][group][step][16][4]
	nibbles []uint8 // or half as many, as kernel.PackPanels has them

	sums func() []int32

	groups, groupDepth, panels int
}

// layout sets what K, N and Group imply.
func (w *Matrix) layout() {
	multiple := kernel.StepDepth
	w.groups, w.panels = (w.K+w.Group-1)/w.Group, panels(w.N)
	if w.groups == 1 {
		multiple = 64
	}
	w.groupDepth = (w.Group + multiple - 1) / multiple * multiple
}

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
	return len(w.codes) + len(w.nibbles) + 4*(len(w.Scales)+len(w.Zeros)+len(w.Offsets))
}

// New packs codes [n][k] of the given bits, 4 for two codes a byte or 8. Unsigned codes are shifted down by
// half their range, and their zero points with them. m.K, N, Group, Scales, Zeros and Offsets, lists of
// [n][groups], are set by the caller; lengths that do not go together panic.
func New[C kernel.Code](m Matrix, codes []C, bits int) *Matrix {
	if m.K < 1 || m.N < 1 || m.Group < 1 {
		panic(fmt.Sprintf("pack: New: got %d×%d in groups of %d", m.K, m.N, m.Group))
	}
	m.layout()
	blocks := m.N * m.groups
	if len(codes) != m.K*m.N || len(m.Scales) != blocks || m.Zeros != nil && len(m.Zeros) != blocks || m.Offsets != nil && len(m.Offsets) != blocks {
		panic(fmt.Sprintf("pack: New: got %d codes, %d scales, %d zero points and %d offsets for %d×%d in groups of %d",
			len(codes), len(m.Scales), len(m.Zeros), len(m.Offsets), m.K, m.N, m.Group))
	}
	var shift int32
	w := &Matrix{K: m.K, N: m.N, Group: m.Group, Scales: byGroup(&m, m.Scales), Offsets: byGroup(&m, m.Offsets)}
	w.layout()
	if _, unsigned := any(codes).([]uint8); unsigned {
		shift = 1 << (bits - 1)
		if m.Zeros == nil {
			m.Zeros = make([]int32, blocks)
		}
	}
	w.Zeros = byGroup(&m, m.Zeros)
	for i := range w.Zeros {
		w.Zeros[i] -= shift // s·(q − z) keeps its value where both move, and so does lo + s·q
	}
	w.codes = make([]int8, w.Panels()*w.PanelBytes())
	for j := range w.N {
		column := codes[j*w.K:][:w.K]
		for g := range w.groups {
			group := column[g*w.Group : min((g+1)*w.Group, w.K)]
			to := w.codes[w.index(g*w.Group, j):]
			for ; len(group) >= kernel.StepDepth; group = group[kernel.StepDepth:] {
				step, four := (*[kernel.StepDepth]int8)(to), (*[kernel.StepDepth]C)(group)
				for i := range step {
					step[i] = int8(int32(four[i]) - shift)
				}
				to = to[min(kernel.StepBytes, len(to)):]
			}
			for i, c := range group {
				to[i] = int8(int32(c) - shift)
			}
		}
	}
	if bits == 4 {
		w.nibbles = make([]uint8, len(w.codes)/2)
		kernel.PackPanels(w.nibbles, w.codes)
		w.codes = nil
	}
	w.sums = sync.OnceValue(w.addUp)
	return w
}

// byGroup lays out a list of [n][groups] as [groups][columns]; nil for nil.
func byGroup[T float32 | int32](w *Matrix, list []T) []T {
	if list == nil {
		return nil
	}
	groups, columns := w.Groups(), w.Columns()
	out := make([]T, groups*columns)
	for j := range w.N {
		for g := range groups {
			out[g*columns+j] = list[j*groups+g]
		}
	}
	return out
}

// index returns where the code at depth p of column j is.
func (w *Matrix) index(p, j int) int {
	const columns, depth = kernel.PanelColumns, kernel.StepDepth
	at := p/w.Group*w.GroupDepth() + p%w.Group
	return j/columns*w.PanelBytes() + at/depth*kernel.StepBytes + j%columns*depth + at%depth
}

// Panel returns the codes of count panels from the given one on, PanelBytes apart: in place, or unpacked into
// scratch, which has room for them.
func (w *Matrix) Panel(first, count int, scratch []int8, unpack func([]int8, []uint8)) []int8 {
	size := w.PanelBytes()
	if w.nibbles == nil {
		return w.codes[first*size:][:count*size]
	}
	scratch = scratch[:count*size]
	unpack(scratch, w.nibbles[first*size/2:][:count*size/2])
	return scratch
}

// Unpacks reports whether Panel takes scratch memory.
func (w *Matrix) Unpacks() bool { return w.nibbles != nil }

// Sums returns Σ code over each group of a column, [groups][columns]. They carry the offset of unsigned planes, and are
// made when they are first asked for.
func (w *Matrix) Sums() []int32 { return w.sums() }

func (w *Matrix) addUp() []int32 {
	columns, steps := w.Columns(), w.GroupDepth()/kernel.StepDepth
	sums := make([]int32, w.Groups()*columns)
	var scratch []int8
	if w.Unpacks() {
		scratch = make([]int8, w.PanelBytes())
	}
	for panel := range w.Panels() {
		codes := w.Panel(panel, 1, scratch, kernel.Current().Unpack)
		for g := range w.Groups() {
			own := (*[kernel.PanelColumns]int32)(sums[g*columns+panel*kernel.PanelColumns:])
			for range steps {
				step := (*[kernel.StepBytes]int8)(codes)
				for j := range own {
					for i := range kernel.StepDepth {
						own[j] += int32(step[j*kernel.StepDepth+i])
					}
				}
				codes = codes[kernel.StepBytes:]
			}
		}
	}
	return sums
}
