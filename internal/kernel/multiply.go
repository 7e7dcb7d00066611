package kernel

import "encoding/binary"

// Weights are N16K4: columns in panels of 16, depth in steps of 4, the 64 codes of a step as [column][4].
const (
	PanelColumns = 16
	StepDepth    = 4
	StepBytes    = PanelColumns * StepDepth
)

// multiplyU8Generic sets c[i][j] = Σ a[i][p]·b[p][j] over 4·steps of depth, modulo 2^32, for rows×16·panels of
// unsigned bytes a and signed bytes b. Row i of a begins at a[i·lda], panel g of b at b[g·ldb]; c is row-major
// and dense.
func multiplyU8Generic(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	for i := range rows {
		row := a[i*lda:][:steps*StepDepth]
		for g := range panels {
			var sums [PanelColumns]int32
			codes := b[g*ldb:][:steps*StepBytes]
			for s := range steps {
				x := (*[4]uint8)(row[4*s:])
				addStep(&sums, int32(x[0]), int32(x[1]), int32(x[2]), int32(x[3]), (*[StepBytes]int8)(codes[StepBytes*s:]))
			}
			copy(c[(i*panels+g)*PanelColumns:], sums[:])
		}
	}
}

// multiplyS16Generic works like multiplyU8Generic for 16-bit integers a, little-endian, the four of a step in
// the order 0, 2, 1, 3. Strides are in bytes.
func multiplyS16Generic(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	for i := range rows {
		row := a[i*lda:][:2*steps*StepDepth]
		for g := range panels {
			var sums [PanelColumns]int32
			codes := b[g*ldb:][:steps*StepBytes]
			for s := range steps {
				x := binary.LittleEndian.Uint64(row[8*s:])
				addStep(&sums, int32(int16(x)), int32(int16(x>>32)), int32(int16(x>>16)), int32(int16(x>>48)), (*[StepBytes]int8)(codes[StepBytes*s:]))
			}
			copy(c[(i*panels+g)*PanelColumns:], sums[:])
		}
	}
}

// addStep adds the products of a step to the sums of 16 columns.
func addStep(sums *[PanelColumns]int32, x0, x1, x2, x3 int32, codes *[StepBytes]int8) {
	for j := range sums {
		sums[j] += x0*int32(codes[4*j]) + x1*int32(codes[4*j+1]) + x2*int32(codes[4*j+2]) + x3*int32(codes[4*j+3])
	}
}
