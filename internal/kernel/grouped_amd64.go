//go:build !purego

package kernel

import "unsafe"

// groupRows is the most rows of a groupsTile.
const groupRows = 8

// A groupsTile is the arguments of the assembly for rows and panels of a Groups.
type groupsTile struct {
	codes                *uint8
	panel, plane         int // bytes between panels, and between planes of rows
	steps, groups        int
	few                  int // set where the kernel leaves out its further rows
	scales, compensation unsafe.Pointer
	zeroPoints, offsets  unsafe.Pointer
	list                 int // bytes between the lists of panels
	rows                 [groupRows]*uint8
	acc                  [groupRows]unsafe.Pointer
	totals               [groupRows]*int64
	zeros                [groupRows]int64 // of which the lower half counts, negated
}

// A groupForm is kernels, those of fewer rows first, that take so many columns of a panel at a time.
type groupForm struct {
	columns int
	kernels []groupKernel
}

// A groupKernel takes few rows or rows, and panels by the list, less one. Of fewer rows than that, the last stands
// for what is missing.
type groupKernel struct {
	few, rows int
	panels    []asm
}

// of returns the kernel for as many of so many rows as there is one for, and how many it takes.
func (f *groupForm) of(rows int) (k *groupKernel, all int) {
	last := len(f.kernels) - 1
	for i := range f.kernels {
		if k = &f.kernels[i]; rows <= k.few {
			return k, k.few
		}
		if rows <= k.rows || i == last {
			break
		}
	}
	return k, k.rows
}

// stepsAtOnce is how many steps assembly takes at a time, since it cannot be preempted.
const stepsAtOnce = 1 << 13

// multiplyGroupsBy returns a kernel that multiplies by assembly for codes or for nibbles.
func multiplyGroupsBy(codes, nibbles groupForm) func(acc []float32, a *Left, b *Groups) {
	return func(acc []float32, a *Left, b *Groups) {
		if b.Nibbles != nil {
			eachGroups(acc, a, b, &nibbles)
		} else {
			eachGroups(acc, a, b, &codes)
		}
	}
}

// multiplyWideGroupsBy returns a kernel that multiplies by assembly for two or for three planes.
func multiplyWideGroupsBy(planes [2]groupForm) func(acc []float64, a *Left, b *Groups) {
	return func(acc []float64, a *Left, b *Groups) { eachGroups(acc, a, b, &planes[a.Planes-2]) }
}

// eachGroups multiplies as many rows and panels at a time as there is a kernel for.
func eachGroups[T float32 | float64](acc []T, a *Left, b *Groups, form *groupForm) {
	b.check(len(acc), a)
	var t groupsTile
	most := len(form.kernels[0].panels)
	for panel, panels := 0, 0; panel < b.Panels; panel += panels {
		panels = panelsAtOnce(b.Panels-panel, most)
		for row, rows := 0, 0; row < a.Rows; row += rows {
			kernel, all := form.of(a.Rows - row)
			rows, t.few = min(all, a.Rows-row), 0
			if all == kernel.few {
				t.few = 1
			}
			for column := 0; column < PanelColumns; column += form.columns {
				for i := range all {
					t.acc[i] = unsafe.Pointer(&acc[((row+min(i, rows-1))*b.Panels+panel)*PanelColumns+column])
				}
				for g, groups := 0, 0; g < b.Count; g += groups {
					groups = t.set(a, b, row, rows, all, panel, g)
					t.from(column)
					kernel.panels[panels-1](hidden(&t))
				}
			}
		}
	}
}

// from moves what is by column to a column of the panel.
func (t *groupsTile) from(column int) {
	t.codes = (*uint8)(unsafe.Add(unsafe.Pointer(t.codes), column*StepDepth))
	for _, list := range []*unsafe.Pointer{&t.scales, &t.compensation, &t.zeroPoints, &t.offsets} {
		if *list != nil {
			*list = unsafe.Add(*list, 4*column)
		}
	}
}

// set sets the tile to groups of a panel from g on, which it returns the number of, and to so many rows of a, of
// which the last stands for those that are missing.
func (t *groupsTile) set(a *Left, b *Groups, row, rows, all, panel, g int) (groups int) {
	groups = min(b.Count-g, max(1, stepsAtOnce/b.Steps))
	t.steps, t.groups = b.Steps, groups // assembly counts these down
	at := panel*b.Count + g
	size := b.Steps * StepBytes
	if b.Nibbles != nil {
		size /= 2
		t.codes = &b.Nibbles[at*size]
	} else {
		t.codes = &asBytes(b.Codes)[at*size]
	}
	t.panel, t.plane, t.list = b.Count*size, a.Plane, 4*PanelColumns*b.Count
	t.scales = unsafe.Pointer(&b.Scales[at*PanelColumns])
	t.compensation = unsafe.Pointer(&b.Compensation[at*PanelColumns])
	if b.ZeroPoints != nil {
		t.zeroPoints = unsafe.Pointer(&b.ZeroPoints[at*PanelColumns])
	}
	if b.Offsets != nil {
		t.offsets = unsafe.Pointer(&b.Offsets[at*PanelColumns])
	}
	for i := range all {
		from := row + min(i, rows-1)
		t.rows[i] = &a.Data[from*a.Stride+g*b.Steps*StepDepth]
		if a.Planes == 1 {
			t.zeros[i] = -int64(b.Zeros[from])
		}
		if b.ZeroPoints != nil || b.Offsets != nil {
			t.totals[i] = &b.Totals[from*b.TotalStride+g]
		}
	}
	return groups
}
