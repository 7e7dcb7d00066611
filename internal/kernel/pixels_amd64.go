//go:build !purego

package kernel

import "unsafe"

// Pixel-vectorized convolutions in AVX-512.

// pixelFilters is how many filters there are registers for.
const pixelFilters = 8

// multiplyPixelsInVNNI takes that many filters at a time, or as few as are left, and two vectors of pixels:
// those side by side, and a last one of a row with that of the next row.
func multiplyPixelsInVNNI(dst []float32, stride int, x *Pixels, b []int8, e *Epilogue) {
	const vector = PanelColumns
	checkMultiplyPixels(dst, stride, x, b, e)
	var compensation [vector]int32
	for j, sum := range e.Compensation[:vector] {
		compensation[j] = e.Zeros[0] * sum
	}
	all, vectors := uint64(1<<vector-1), (x.Count+vector-1)/vector
	last := all >> (vectors*vector - x.Count)
	for j := 0; j < e.Columns; j += pixelFilters {
		t := pixelTile{
			stride: 4 * stride, filters: min(pixelFilters, e.Columns-j), offsets: &x.Offsets[0], steps: len(x.Offsets),
			b: &b[j*StepDepth], compensation: &compensation[j], scales: &e.Scales[j], bias: &e.Bias[j], rowScale: e.RowScales[0], floor: e.Floor,
		}
		at := func(h, v int) (*float32, *uint8) {
			return &dst[j*stride+h*x.Count+v*vector], &x.Data[h*x.RowStep+v*vector*StepDepth]
		}
		for h := range x.Rows {
			for v := 0; v+1 < vectors; v += 2 {
				t.dst, t.x = at(h, v)
				t.dst2, t.x2 = at(h, v+1)
				t.mask, t.mask2 = all, all
				if v+2 == vectors {
					t.mask2 = last
				}
				multiplyPixelsVNNI(hidden(&t))
			}
		}
		if vectors%2 == 0 {
			continue
		}
		t.mask, t.mask2 = last, last
		for h := 0; h < x.Rows; h += 2 {
			t.dst, t.x = at(h, vectors-1)
			t.dst2, t.x2 = at(min(h+1, x.Rows-1), vectors-1)
			multiplyPixelsVNNI(hidden(&t))
		}
	}
}

// checkMultiplyPixels panics where lengths do not go together, a bug of the caller.
func checkMultiplyPixels(dst []float32, stride int, x *Pixels, b []int8, e *Epilogue) {
	filters, row := e.Columns, (x.Count+PanelColumns-1)/PanelColumns*PanelColumns*StepDepth
	ok := filters >= 1 && filters <= PanelColumns && x.Count >= 1 && x.Rows >= 1 && x.RowStep >= 0 && len(x.Offsets) >= 1 && len(dst) >= (filters-1)*stride+x.Rows*x.Count &&
		len(b) >= len(x.Offsets)*StepBytes && len(e.Scales) >= PanelColumns && len(e.Bias) >= PanelColumns && len(e.Compensation) >= PanelColumns
	for _, offset := range x.Offsets {
		ok = ok && offset >= 0 && len(x.Data) >= (x.Rows-1)*x.RowStep+offset+row
	}
	if !ok {
		panic("kernel: MultiplyPixels: lengths do not go together")
	}
}

// pixelPattern says where the bytes of 16 pixels are in a vector.
type pixelPattern struct {
	words [16]uint32
	bytes [64]uint8
	mask  uint64
}

// pixelPatterns are for pixels that are so many bytes apart: up to 4, a vector holds them all.
var pixelPatterns = func() (patterns [StepDepth + 1]pixelPattern) {
	for step := range patterns {
		p := &patterns[step]
		for i := range p.words {
			p.words[i] = uint32(i/4*step + i%4)
		}
		for i := range p.bytes {
			p.bytes[i] = uint8(i%16/StepDepth*step + i%StepDepth)
		}
		p.mask = ^uint64(0) >> (64 - (15*step + StepDepth))
	}
	return patterns
}()

// gatherPixelsInAVX512 takes 16 pixels at a time, of which the last reach back.
func gatherPixelsInAVX512(dst, src []uint8, step, pixels int) {
	if pixels < PanelColumns || step < 1 || step >= len(pixelPatterns) {
		gatherPixelsOneByOne(dst, src, step, pixels)
		return
	}
	p := &pixelPatterns[step]
	words := (*uint8)(unsafe.Pointer(&p.words))
	dst, src = dst[:pixels*StepDepth], src[:(pixels-1)*step+StepDepth]
	gatherPixelsAVX512(&dst[0], &src[0], pixels/PanelColumns, PanelColumns*step, words, &p.bytes[0], p.mask)
	if first := pixels - PanelColumns; pixels%PanelColumns > 0 {
		gatherPixelsAVX512(&dst[first*StepDepth], &src[first*step], 1, 0, words, &p.bytes[0], p.mask)
	}
}

// gatherPixelsInVBMI does so where 16 pixels are in two vectors.
func gatherPixelsInVBMI(dst, src []uint8, step, pixels int) {
	if pixels < PanelColumns || step < 1 || step >= len(pixelIndices) {
		gatherPixelsOneByOne(dst, src, step, pixels)
		return
	}
	low, high := ^uint64(0), ^uint64(0)
	if n := (PanelColumns-1)*step + StepDepth; n > 64 {
		high >>= 128 - n
	} else {
		low, high = low>>(64-n), 0
	}
	dst, src = dst[:pixels*StepDepth], src[:(pixels-1)*step+StepDepth]
	gatherPixelsVBMI(&dst[0], &src[0], pixels/PanelColumns, PanelColumns*step, &pixelIndices[step][0], low, high)
	if first := pixels - PanelColumns; pixels%PanelColumns > 0 {
		gatherPixelsVBMI(&dst[first*StepDepth], &src[first*step], 1, 0, &pixelIndices[step][0], low, high)
	}
}

// pixelIndices are where the bytes of 16 pixels are that are so many bytes apart: up to 8, two vectors hold
// them all.
var pixelIndices = func() (indices [2*StepDepth + 1][64]uint8) {
	for step := range indices {
		for i := range indices[step] {
			indices[step][i] = uint8(i/StepDepth*step + i%StepDepth)
		}
	}
	return indices
}()

// gatherPixelsOneByOne is for pixels that are too few or too far apart for vectors.
func gatherPixelsOneByOne(dst, src []uint8, step, pixels int) {
	if pixels == 0 {
		return
	}
	_, _ = dst[:pixels*StepDepth], src[:(pixels-1)*step+StepDepth]
	to, from := unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0])
	for i := range pixels {
		*(*[StepDepth]uint8)(unsafe.Add(to, i*StepDepth)) = *(*[StepDepth]uint8)(unsafe.Add(from, i*step))
	}
}
