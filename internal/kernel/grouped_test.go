package kernel

import (
	"bytes"
	"testing"
)

// groupsTrial has the shape {rows, panels, steps}, of each of some groups.
func groupsTrial(s *Set, m *memory, shape shape) {
	a, b := groupsOf(m, shape, 1, shape[2]%2 == 0 && m.IntN(2) == 0)
	s.MultiplyGroups(take(m, a.Rows*b.Panels*PanelColumns, m.number32), a, b)
}

// wideGroupsTrial has the same for two or three planes, of twice the steps.
func wideGroupsTrial(s *Set, m *memory, shape shape) {
	shape[2] *= 2
	a, b := groupsOf(m, shape, 2+m.IntN(2), true)
	s.MultiplyWideGroups(take(m, a.Rows*b.Panels*PanelColumns, m.number64), a, b)
}

// groupsOf returns operands of so many planes, with codes of four bits. Rows are apart, and planes, and the
// last of them ends where its elements do.
func groupsOf(m *memory, shape shape, planes int, nibbles bool) (*Left, *Groups) {
	b := &Groups{Panels: shape[1], Count: param(m, 1+m.IntN(5)), Steps: shape[2]}
	lists, depth := b.Panels*b.Count*PanelColumns, b.Count*b.Steps*StepDepth
	a := &Left{Rows: shape[0], Lines: 1, Planes: param(m, planes), Steps: b.Count * b.Steps}
	a.Stride = param(m, depth+m.IntN(2)*m.IntN(70))
	a.Plane = param(m, a.Rows*a.Stride+m.IntN(2)*m.IntN(70))
	x := m.choose(0, 255)
	a.Data = take(m, a.extent(1), func() uint8 { return uint8(x()) })
	if size := b.Panels * depth * PanelColumns; param(m, nibbles) {
		y := m.choose(0, 15)
		b.Nibbles = take(m, size/2, func() uint8 { return uint8(y() | y()<<4) })
	} else {
		y := m.choose(-8, 7)
		b.Codes = take(m, size, func() int8 { return int8(y()) })
	}
	b.Scales = take(m, lists, m.number32)
	at := -1
	b.Compensation = take(m, lists, func() int32 {
		at++
		return b.sum(at/PanelColumns, at%PanelColumns)
	})
	b.Zeros, b.TotalStride = take(m, a.Rows, m.integer32), param(m, b.Count+m.IntN(2)*m.IntN(9))
	if param(m, m.IntN(2) == 0) {
		b.ZeroPoints = take(m, lists, m.integer32)
	}
	if param(m, m.IntN(2) == 0) {
		b.Offsets = take(m, lists, m.number32)
	}
	b.Totals = take(m, (a.Rows-1)*b.TotalStride+b.Count, func() int64 { return int64(m.integer32()) })
	return a, b
}

// sum returns the sum of the codes of a group, counted through all panels, in column j of the panel.
func (b *Groups) sum(group, j int) int32 {
	var sums [PanelColumns]int32
	b.add(&sums, bytes.Repeat([]byte{1}, b.Steps*StepDepth), group)
	return sums[j]
}

var groupsTrials = []trial{{"MultiplyGroups", groupsTrial}, {"MultiplyWideGroups", wideGroupsTrial}}

// TestMultiplyGroupsOfSets goes through rows and panels around what is taken at a time, for depths around whole
// blocks.
func TestMultiplyGroupsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range groupsTrials {
			for rows := range 13 {
				for panels := range 7 {
					for _, steps := range []int{1, 2, 3, 4, 5, 7, 8, 9, 10, 14, 15, 16, 17, 24, 32, 33, 34} {
						if !brief() || (rows+2*panels+steps)%11 == 0 {
							b.compare(trial, shape{rows + 1, panels + 1, steps}, effort(6))
						}
					}
				}
			}
			b.compare(trial, shape{3, 1, 9 << 9}, effort(4)) // more steps than assembly takes at a time
		}
	})
}

func FuzzMultiplyGroupsOfSets(f *testing.F) {
	fuzzSets(f, groupsTrials, func(_ *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%20, 1 + int(y)%8, 1 + int(z)%70}
	})
}
