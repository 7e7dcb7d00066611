//go:build !purego

package kernel

import "math/bits"

// groupRows is the most rows of a groupsTile.
const groupRows = 8

// A groupsTile is the arguments of the assembly for rows and panels of a Groups.
type groupsTile struct {
	codes                    *uint8
	panel                    int // bytes between panels
	steps, groups            int
	scales                   *float32
	compensation, zeroPoints *int32
	offsets                  *float32
	list                     int // bytes between the lists of panels
	rows                     [groupRows]*uint8
	acc                      [groupRows]*float32
	totals                   [groupRows]*int64
	zeros                    [groupRows]int64 // of which the lower half counts, negated
}

// groupKernels is kernels for 1, 2, 4 … rows and, less one, panels: for codes, and for nibbles.
type groupKernels struct{ codes, nibbles [][]asm }

// stepsAtOnce is how many steps assembly takes at a time, since it cannot be preempted.
const stepsAtOnce = 1 << 14

// multiplyGroupsBy returns a kernel that multiplies by assembly, as many rows and panels at a time as it takes.
// Of fewer rows than that, the last stands for what is missing.
func multiplyGroupsBy(kernels *groupKernels) func(acc []float32, a *Left, b *Groups) {
	return func(acc []float32, a *Left, b *Groups) {
		b.check(acc, a)
		forms := kernels.codes
		if b.Nibbles != nil {
			forms = kernels.nibbles
		}
		var t groupsTile
		t.steps = b.Steps
		most := len(forms[0])
		for panel, panels := 0, 0; panel < b.Panels; panel += panels {
			if panels = min(most, b.Panels-panel); b.Panels-panel == most+1 {
				panels = (most + 1) / 2 // one panel alone is slow
			}
			for row, rows := 0, 0; row < a.Rows; row += rows {
				log := min(bits.Len(uint(a.Rows-row-1)), len(forms)-1)
				rows = min(1<<log, a.Rows-row)
				for g, groups := 0, 0; g < b.Count; g += groups {
					groups = min(b.Count-g, max(1, stepsAtOnce/b.Steps))
					t.groups = groups // which assembly counts down
					t.setColumns(b, panel, g)
					for i := range 1 << log {
						t.setRow(i, acc, a, b, row+min(i, rows-1), panel, g)
					}
					forms[log][panels-1](hidden(&t))
				}
			}
		}
	}
}

// setColumns sets what is by column to a panel, from a group on.
func (t *groupsTile) setColumns(b *Groups, panel, g int) {
	at := panel*b.Count + g
	size := b.Steps * StepBytes
	if b.Nibbles != nil {
		size /= 2
		t.codes = &b.Nibbles[at*size]
	} else {
		t.codes = &asBytes(b.Codes)[at*size]
	}
	t.panel, t.list = b.Count*size, 4*PanelColumns*b.Count
	t.scales, t.compensation = &b.Scales[at*PanelColumns], &b.Compensation[at*PanelColumns]
	if b.ZeroPoints != nil {
		t.zeroPoints = &b.ZeroPoints[at*PanelColumns]
	}
	if b.Offsets != nil {
		t.offsets = &b.Offsets[at*PanelColumns]
	}
}

// setRow sets row i of the tile to a row of a, likewise.
func (t *groupsTile) setRow(i int, acc []float32, a *Left, b *Groups, row, panel, g int) {
	t.rows[i] = &a.Data[row*a.Stride+g*b.Steps*StepDepth]
	t.acc[i] = &acc[(row*b.Panels+panel)*PanelColumns]
	t.zeros[i] = -int64(b.Zeros[row])
	if b.ZeroPoints != nil || b.Offsets != nil {
		t.totals[i] = &b.Totals[row*b.TotalStride+g]
	}
}
