//go:build !purego

package kernel

import (
	"math"
	"unsafe"
)

// Epilogues in assembly. AVX2 stores whole panels: where dst has no room for the last, its results go through
// a buffer.

// bufferRows is how many rows go through the buffer at a time.
const bufferRows = 64

func dequantizeSumsInAVX512(dst []float32, stride int, sums []int32, e *Epilogue) {
	rows := e.check(len(dst), stride, len(sums), len(e.Zeros), len(e.RowScales))
	t := newEpilogueTile(e, sums, rows, e.Columns)
	t.dst, t.stride = unsafe.Pointer(&dst[0]), 4*stride
	dequantizeSumsAVX512((*uint8)(unsafe.Pointer(&t)))
}

func requantizeSumsInAVX512(dst []uint8, stride int, sums []int32, e *Epilogue, to Affine) {
	rows := e.check(len(dst), stride, len(sums), len(sums)/len(e.Compensation), math.MaxInt)
	t := newEpilogueTile(e, sums, rows, e.Columns)
	t.dst, t.stride = unsafe.Pointer(&dst[0]), stride
	t.to(to, e.Floor)
	requantizeSumsAVX512((*uint8)(unsafe.Pointer(&t)))
}

func dequantizeSumsInAVX2(dst []float32, stride int, sums []int32, e *Epilogue) {
	rows := e.check(len(dst), stride, len(sums), len(e.Zeros), len(e.RowScales))
	t := newEpilogueTile(e, sums, rows, 0)
	wholePanels(dst, stride, e.Columns, len(e.Compensation), 4, &t, dequantizeSumsAVX2)
}

func requantizeSumsInAVX2(dst []uint8, stride int, sums []int32, e *Epilogue, to Affine) {
	rows := e.check(len(dst), stride, len(sums), len(sums)/len(e.Compensation), math.MaxInt)
	t := newEpilogueTile(e, sums, rows, 0)
	t.to(to, e.Floor)
	wholePanels(dst, stride, e.Columns, len(e.Compensation), 0, &t, requantizeSumsAVX2)
}

// check panics where lengths do not go together, a bug of the caller, and returns how many rows there are.
func (e *Epilogue) check(dst, stride, sums, rows, rowScales int) int {
	checkEpilogue(dst, stride, sums, 1, e.Columns, rows, len(e.Compensation), rowScales, len(e.Scales), len(e.Bias))
	return rows
}

func dequantizePlanesInAVX512(dst []float32, stride int, sums []int32, e *WideEpilogue) {
	t := newWideTile(dst, stride, sums, e)
	t.dst, t.stride, t.columns = unsafe.Pointer(&dst[0]), 4*stride, e.Columns
	dequantizePlanesAVX512((*uint8)(unsafe.Pointer(&t)))
}

func dequantizePlanesInAVX2(dst []float32, stride int, sums []int32, e *WideEpilogue) {
	t := newWideTile(dst, stride, sums, e)
	wholePanels(dst, stride, e.Columns, len(e.Compensation), 8, &t, dequantizePlanesAVX2)
}

func newWideTile(dst []float32, stride int, sums []int32, e *WideEpilogue) epilogueTile {
	rows, n := len(e.Zeros), len(e.Compensation)
	checkEpilogue(len(dst), stride, len(sums), e.Planes, e.Columns, rows, n, len(e.RowScales), len(e.Scales), len(e.Bias))
	return epilogueTile{
		sums: &sums[0], row: 4 * n, compensation: &e.Compensation[0], scales: &e.Scales[0], bias: &e.Bias[0], base: e.Base, floor: e.Floor,
		zeros: unsafe.Pointer(&e.Zeros[0]), rowScales: unsafe.Pointer(&e.RowScales[0]), rows: rows,
		plane: 4 * rows * n, lastPlane: 4 * rows * n * (e.Planes - 1), morePlanes: e.Planes - 1,
	}
}

// wholePanels runs an epilogue over the panels that dst has room for, and over a last one into a buffer. Lists
// by row have elements of perRow bytes.
func wholePanels[T float32 | uint8](dst []T, stride, columns, padded, perRow int, t *epilogueTile, run asm) {
	size, rows, whole := int(unsafe.Sizeof(T(0))), t.rows, columns/PanelColumns*PanelColumns
	if whole > 0 {
		t.dst, t.stride, t.columns = unsafe.Pointer(&dst[0]), size*stride, whole
		run(hidden(t))
	}
	if whole == padded {
		return
	}
	var buffer [bufferRows * PanelColumns]T
	for _, list := range []**float32{&t.scales, &t.bias} {
		*list = (*float32)(unsafe.Add(unsafe.Pointer(*list), 4*whole))
	}
	for _, list := range []**int32{&t.sums, &t.compensation} {
		*list = (*int32)(unsafe.Add(unsafe.Pointer(*list), 4*whole))
	}
	for first := 0; first < rows; first += bufferRows {
		some := *t
		some.dst, some.stride, some.columns = unsafe.Pointer(&buffer[0]), size*PanelColumns, PanelColumns
		some.rows = min(bufferRows, rows-first)
		some.sums = (*int32)(unsafe.Add(unsafe.Pointer(t.sums), first*t.row))
		some.zeros, some.rowScales = unsafe.Add(t.zeros, first*perRow), unsafe.Add(t.rowScales, first*perRow)
		run(hidden(&some))
		for i := range some.rows {
			at := (first + i) * stride
			copy(dst[at+whole:at+columns], buffer[i*PanelColumns:])
		}
	}
}

// accumulateBy returns the AccumulateGroup that runs the given assembly.
func accumulateBy(run asm) func(acc []float32, sums []int32, g *Group) {
	return func(acc []float32, sums []int32, g *Group) {
		t := groupTile{scales: &g.Scales[0], compensation: &g.Compensation[0], zeros: unsafe.Pointer(&g.Zeros[0])}
		last := t.check(len(acc), len(sums), len(g.Zeros), len(g.Scales), len(g.Compensation), g.Panels, g.Stride)
		if g.ZeroPoints != nil {
			_, _, _, _ = g.ZeroPoints[last], g.Offsets[last], g.Totals[t.rows-1], g.FloatTotals[t.rows-1]
			t.zeroPoints, t.offsets = &g.ZeroPoints[0], &g.Offsets[0]
			t.totals, t.floatTotals = unsafe.Pointer(&g.Totals[0]), unsafe.Pointer(&g.FloatTotals[0])
		}
		t.acc, t.sums = unsafe.Pointer(&acc[0]), unsafe.Pointer(&sums[0])
		run(hidden(&t))
	}
}

// accumulateWideBy returns the AccumulateWideGroup that runs the given assembly.
func accumulateWideBy(run asm) func(acc, sums []float64, g *WideGroup) {
	return func(acc, sums []float64, g *WideGroup) {
		t := groupTile{scales: &g.Scales[0], compensation: &g.Compensation[0], zeros: unsafe.Pointer(&g.Zeros[0])}
		last := t.check(len(acc), len(sums), len(g.Zeros), len(g.Scales), len(g.Compensation), g.Panels, g.Stride)
		if g.ZeroPoints != nil {
			_, _, _ = g.ZeroPoints[last], g.Offsets[last], g.Totals[t.rows-1]
			t.zeroPoints, t.offsets, t.totals = &g.ZeroPoints[0], &g.Offsets[0], unsafe.Pointer(&g.Totals[0])
		}
		t.acc, t.sums = unsafe.Pointer(&acc[0]), unsafe.Pointer(&sums[0])
		run(hidden(&t))
	}
}

// check panics where lengths do not go together, a bug of the caller, and notes how many rows and columns there
// are. It returns the last element of a list by column.
func (t *groupTile) check(acc, sums, rows, scales, compensation, panels, stride int) (last int) {
	columns := panels * PanelColumns
	last = (panels-1)*stride + PanelColumns - 1
	if rows < 1 || panels < 1 || acc < rows*columns || sums < rows*columns || scales <= last || compensation <= last {
		panic("kernel: the lengths of a group do not go together")
	}
	t.rows, t.columns, t.gap = rows, columns, 4*(stride-PanelColumns)
	return last
}

func addSumsInAVX2(d []float64, sums []int32, weight float64) {
	d = d[:len(sums)]
	n := len(sums) / 4 * 4
	if n > 0 {
		addSumsAVX2(&d[0], &sums[0], weight, n)
	}
	addSumsGeneric(d[n:], sums[n:], weight)
}

func finishInAVX2(dst []float32, stride, columns int, acc, scales []float32, bias []float32, floor float32) {
	finishBy(dst, stride, columns, acc, scales, bias, floor, finishAVX2)
}

func finishWideInAVX2(dst []float32, stride, columns int, acc, scales []float64, bias []float32, floor float32) {
	finishBy(dst, stride, columns, acc, scales, bias, floor, finishWideAVX2)
}

// finishBy runs the given assembly over whole panels, row by row and with a buffer for the last panel where dst
// has no room for it.
func finishBy[T float32 | float64](dst []float32, stride, columns int, acc, scales []T, bias []float32, floor float32,
	run func(dst *float32, stride int, acc, scales *T, bias *float32, floor float32, rows, columns int),
) {
	n := len(bias)
	_, _ = acc[:len(scales)*n], dst[:(len(scales)-1)*stride+columns]
	if columns == n {
		run(&dst[0], 4*stride, &acc[0], &scales[0], &bias[0], floor, len(scales), n)
		return
	}
	var buffer [PanelColumns]float32
	whole := columns / PanelColumns * PanelColumns
	for i := range scales {
		if whole > 0 {
			run(&dst[i*stride], 0, &acc[i*n], &scales[i], &bias[0], floor, 1, whole)
		}
		run((*float32)(unsafe.Pointer(hidden(&buffer))), 0, &acc[i*n+whole], &scales[i], &bias[whole], floor, 1, PanelColumns)
		copy(dst[i*stride+whole:i*stride+columns], buffer[:])
	}
}
