//go:build !purego

package kernel

import (
	"unsafe"

	"euryale/internal/half"

	"golang.org/x/sys/cpu"
)

// A floatTile is the arguments of the assembly for a tile of a product of float32. Strides and steps are in bytes.
type floatTile struct {
	dst                *float32
	stride             int
	x                  *float32
	xStride            int
	w                  *float32
	panel              int
	offsets            *int
	segments           int
	length, step       int
	from               *float32
	fromRow, fromPanel int
	floor              float32
	_                  int32
}

// floatTiles is the tiles of so many rows, by the panels that they have, most first.
type floatTiles struct {
	rows     int
	byPanels []floatKernel
}

type floatKernel struct {
	panels int
	run    asm
}

// The tiles of a set, most rows first. Each ends with one of a single panel, and the last have a single row.
var (
	floatsAVX2 = []floatTiles{
		{6, []floatKernel{{1, multiplyFloatsR6P1AVX2}}},
		{4, []floatKernel{{1, multiplyFloatsR4P1AVX2}}},
		{2, []floatKernel{{2, multiplyFloatsR2P2AVX2}, {1, multiplyFloatsR2P1AVX2}}},
		{1, []floatKernel{{4, multiplyFloatsR1P4AVX2}, {2, multiplyFloatsR1P2AVX2}, {1, multiplyFloatsR1P1AVX2}}},
	}
	floatsAVX512 = []floatTiles{
		{12, []floatKernel{{2, multiplyFloatsR12P2AVX512}, {1, multiplyFloatsR12P1AVX512}}},
		{8, []floatKernel{{2, multiplyFloatsR8P2AVX512}, {1, multiplyFloatsR8P1AVX512}}},
		{4, []floatKernel{{4, multiplyFloatsR4P4AVX512}, {2, multiplyFloatsR4P2AVX512}, {1, multiplyFloatsR4P1AVX512}}},
		{2, []floatKernel{{4, multiplyFloatsR2P4AVX512}, {2, multiplyFloatsR2P2AVX512}, {1, multiplyFloatsR2P1AVX512}}},
		{1, []floatKernel{{4, multiplyFloatsR1P4AVX512}, {2, multiplyFloatsR1P2AVX512}, {1, multiplyFloatsR1P1AVX512}}},
	}
)

// halfKernels are the tiles of one row by weights of 16 bits: of several panels, and of one.
type halfKernels struct{ float16, bfloat16 [2]floatKernel }

var (
	halvesAVX2 = halfKernels{
		[2]floatKernel{{4, multiplyFloat16R1P4AVX2}, {1, multiplyFloat16R1P1AVX2}},
		[2]floatKernel{{4, multiplyBFloat16R1P4AVX2}, {1, multiplyBFloat16R1P1AVX2}},
	}
	halvesAVX512 = halfKernels{
		[2]floatKernel{{4, multiplyFloat16R1P4AVX512}, {1, multiplyFloat16R1P1AVX512}},
		[2]floatKernel{{4, multiplyBFloat16R1P4AVX512}, {1, multiplyBFloat16R1P1AVX512}},
	}
)

// multiplyHalvesBy returns a kernel that takes the widest tiles there are.
func multiplyHalvesBy(kernels *halfKernels) func(dst, x []float32, b *HalfRight, e *FloatEnds) {
	return func(dst, x []float32, b *HalfRight, e *FloatEnds) {
		if len(x) == 0 || b.Panels < 1 {
			return
		}
		const size = 2
		_, _ = dst[:b.Panels*PanelColumns], b.Data[:(b.Panels-1)*b.Stride+len(x)*PanelColumns]
		of := kernels.bfloat16[:]
		if b.Format.Max != half.MaxBFloat16 {
			if of = kernels.float16[:]; !cpu.X86.HasF16C {
				multiplyHalvesGeneric(dst, x, b, e)
				return
			}
		}
		_ = e.From[(b.Panels-1)*e.Panel:][:PanelColumns]
		t := floatTile{
			x: &x[0], panel: size * b.Stride, offsets: &OneSegment[0], segments: 1, length: len(x), step: size * PanelColumns,
			fromPanel: 4 * e.Panel, floor: e.Floor,
		}
		for panel := 0; panel < b.Panels; panel += of[0].panels {
			for of[0].panels > b.Panels-panel {
				of = of[1:]
			}
			t.dst, t.w = &dst[panel*PanelColumns], (*float32)(unsafe.Pointer(&b.Data[panel*b.Stride]))
			t.from = &e.From[panel*e.Panel]
			of[0].run(hidden(&t))
		}
	}
}

// multiplyFloatsBy returns a kernel that takes the largest tiles there are, down the rows and across the panels.
func multiplyFloatsBy(tiles []floatTiles) func(dst []float32, stride int, a *FloatLeft, b *FloatRight, e *FloatEnds) {
	return func(dst []float32, stride int, a *FloatLeft, b *FloatRight, e *FloatEnds) {
		checkFloats(dst, stride, a, b, e)
		t := floatTile{
			stride: 4 * stride, xStride: 4 * a.Stride, panel: 4 * b.Stride, step: 4 * b.Step,
			offsets: &b.Offsets[0], segments: len(b.Offsets), length: b.Length, fromRow: 4 * e.Row, fromPanel: 4 * e.Panel, floor: e.Floor,
		}
		of := tiles
		for row := 0; row < a.Rows; row += of[0].rows {
			for of[0].rows > a.Rows-row {
				of = of[1:]
			}
			t.x = &a.Data[row*a.Stride]
			kernels := of[0].byPanels
			for panel := 0; panel < b.Panels; panel += kernels[0].panels {
				for kernels[0].panels > b.Panels-panel {
					kernels = kernels[1:]
				}
				t.dst, t.w, t.from = &dst[row*stride+panel*PanelColumns], &b.Data[panel*b.Stride], &e.From[row*e.Row+panel*e.Panel]
				kernels[0].run(hidden(&t))
			}
		}
	}
}
