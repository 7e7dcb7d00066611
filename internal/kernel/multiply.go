package kernel

import "encoding/binary"

// The layout of weights is N16K4: columns in panels of 16, depth in steps of 4, the 64 codes of a step as
// [column][4].
const (
	PanelColumns = 16
	StepDepth    = 4
	StepBytes    = PanelColumns * StepDepth
)

// Left is the left operand of a product, activations: Lines lines, LineStride bytes apart, of Rows rows,
// Stride bytes apart, in each of Planes planes, Plane bytes apart. A row is len(Gaps)+1 segments of Steps
// steps, of which segment i+1 begins Gaps[i] bytes behind the end of segment i. Lines and rows may overlap.
type Left struct {
	Data              []uint8
	Rows, Stride      int
	Lines, LineStride int
	Planes, Plane     int
	Steps             int
	Gaps              []int
}

// extent returns how many bytes of Data the operand reaches over, with elements of the given size.
func (a *Left) extent(element int) int {
	row := (len(a.Gaps) + 1) * a.Steps * StepDepth * element
	for _, gap := range a.Gaps {
		row += gap
	}
	return (a.Planes-1)*a.Plane + (a.Lines-1)*a.LineStride + (a.Rows-1)*a.Stride + row
}

// Right is the right operand of a product, weights: Panels panels, Stride codes apart. A panel has the steps
// of all segments of a row, one after the other.
type Right struct {
	Codes          []int8
	Panels, Stride int
}

// checkMultiply panics where lengths do not go together, a bug of the caller.
func checkMultiply(sums []int32, a *Left, b *Right, element int) {
	if a.Steps < 1 || a.Rows < 1 || a.Lines < 1 || a.Planes < 1 || b.Panels < 1 || len(sums) < a.Planes*a.Lines*a.Rows*b.Panels*PanelColumns ||
		len(a.Data) < a.extent(element) || len(b.Codes) < (b.Panels-1)*b.Stride+(len(a.Gaps)+1)*a.Steps*StepBytes {
		panic("kernel: Multiply: lengths do not go together")
	}
}

// multiplyGeneric sets sums[p][i][j] = Σ a[p][i][d]·b[d][j], modulo 2^32, for planes p, the rows i of all lines and the
// columns j of all panels; sums is dense. The elements of a are of format f.
func multiplyGeneric(sums []int32, a *Left, b *Right, f Format) {
	length := a.Steps * StepDepth * f.Bytes()
	for p := range a.Planes {
		for i := range a.Lines * a.Rows {
			for g := range b.Panels {
				var total [PanelColumns]int32
				x, codes := a.Data[p*a.Plane+i/a.Rows*a.LineStride+i%a.Rows*a.Stride:], b.Codes[g*b.Stride:]
				f.addSteps(&total, x[:length], codes)
				for _, gap := range a.Gaps {
					x, codes = x[length+gap:], codes[a.Steps*StepBytes:]
					f.addSteps(&total, x[:length], codes)
				}
				copy(sums[((p*a.Lines*a.Rows+i)*b.Panels+g)*PanelColumns:], total[:])
			}
		}
	}
}

// addSteps adds the products of the steps that x has to the sums of 16 columns: of unsigned bytes, or of 16-bit
// integers, little-endian, the four of a step in the order 0, 2, 1, 3.
func (f Format) addSteps(sums *[PanelColumns]int32, x []uint8, codes []int8) {
	for ; len(x) > 0; codes = codes[StepBytes:] {
		step := (*[StepBytes]int8)(codes)
		if f == U8 {
			addStep(sums, int32(x[0]), int32(x[1]), int32(x[2]), int32(x[3]), step)
			x = x[StepDepth:]
			continue
		}
		four := binary.LittleEndian.Uint64(x)
		addStep(sums, int32(int16(four)), int32(int16(four>>32)), int32(int16(four>>16)), int32(int16(four>>48)), step)
		x = x[2*StepDepth:]
	}
}

// multiplyU8Generic is multiplyGeneric for unsigned bytes.
func multiplyU8Generic(sums []int32, a *Left, b *Right) { multiplyGeneric(sums, a, b, U8) }

// multiplyS16Generic is multiplyGeneric for 16-bit integers.
func multiplyS16Generic(sums []int32, a *Left, b *Right) { multiplyGeneric(sums, a, b, S16) }

// addStep adds the products of a step to the sums of 16 columns.
func addStep(sums *[PanelColumns]int32, x0, x1, x2, x3 int32, codes *[StepBytes]int8) {
	for j := range sums {
		sums[j] += x0*int32(codes[4*j]) + x1*int32(codes[4*j+1]) + x2*int32(codes[4*j+2]) + x3*int32(codes[4*j+3])
	}
}
