//go:build !purego

package kernel

import "unsafe"

// Lanes by AVX-512, which a set for AMX uses too.

type multiplyLanesAsm func(dst *float32, stride int, x *uint8, offsets *int, steps int, b *int8, v *int32, scales *float32, r float32, bias *float32, floor float32, last uint16)

// multiplyLanesVNNITable is for some filters and vectors, less one of each.
var multiplyLanesVNNITable = [...][2]multiplyLanesAsm{
	{multiplyLanesF1V1VNNI, multiplyLanesF1V2VNNI},
	{multiplyLanesF2V1VNNI, multiplyLanesF2V2VNNI},
	{multiplyLanesF3V1VNNI, multiplyLanesF3V2VNNI},
	{multiplyLanesF4V1VNNI, multiplyLanesF4V2VNNI},
	{multiplyLanesF5V1VNNI, multiplyLanesF5V2VNNI},
	{multiplyLanesF6V1VNNI, multiplyLanesF6V2VNNI},
	{multiplyLanesF7V1VNNI, multiplyLanesF7V2VNNI},
	{multiplyLanesF8V1VNNI, multiplyLanesF8V2VNNI},
}

// multiplyLanesInVNNI takes as many filters and pixels at a time as there are registers for.
func multiplyLanesInVNNI(dst []float32, stride int, x []uint8, ldx int, offsets []int, b []int8, v []int32, scales []float32, r float32, bias []float32, floor float32, pixels, rows int) {
	const lane, mostFilters, mostPixels = PanelColumns, len(multiplyLanesVNNITable), PanelColumns * len(multiplyLanesVNNITable[0])
	checkMultiplyLanes(dst, stride, x, ldx, offsets, b, v, scales, bias, pixels, rows)
	for j := 0; j < len(v); j += mostFilters {
		table := &multiplyLanesVNNITable[min(mostFilters, len(v)-j)-1]
		for first := 0; first < pixels; first += mostPixels {
			n := min(mostPixels, pixels-first)
			vectors := (n + lane - 1) / lane
			last, multiply := uint16(1<<(n-(vectors-1)*lane)-1), table[vectors-1]
			for h := range rows {
				multiply(&dst[j*stride+h*pixels+first], 4*stride, &x[h*ldx+first*StepDepth], &offsets[0], len(offsets),
					&b[j*StepDepth], &v[j], &scales[j], r, &bias[j], floor, last)
			}
		}
	}
}

// checkMultiplyLanes panics where lengths do not go together, a bug of the caller.
func checkMultiplyLanes(dst []float32, stride int, x []uint8, ldx int, offsets []int, b []int8, v []int32, scales, bias []float32, pixels, rows int) {
	filters, row := len(v), (pixels+PanelColumns-1)/PanelColumns*PanelColumns*StepDepth
	ok := filters >= 1 && filters <= PanelColumns && pixels >= 1 && rows >= 1 && ldx >= 0 && len(offsets) >= 1 && len(dst) >= (filters-1)*stride+rows*pixels &&
		len(b) >= len(offsets)*StepBytes && len(scales) >= filters && len(bias) >= filters
	for _, offset := range offsets {
		ok = ok && offset >= 0 && len(x) >= (rows-1)*ldx+offset+row
	}
	if !ok {
		panic("kernel: MultiplyLanes: lengths do not go together")
	}
}

// lanePattern says where the codes of 16 lanes are in a vector.
type lanePattern struct {
	words [16]uint32
	bytes [64]uint8
	mask  uint64
}

// lanePatterns are for lanes that are so many bytes apart: up to 4, a vector holds them all.
var lanePatterns = func() (patterns [StepDepth + 1]lanePattern) {
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

// lanesInAVX512 takes 16 pixels at a time, of which the last reach back.
func lanesInAVX512(dst, src []uint8, step, pixels int) {
	const lane = PanelColumns
	if pixels < lane || step < 1 {
		lanesGeneric(dst, src, step, pixels)
		return
	}
	_, _ = dst[:pixels*StepDepth], src[:(pixels-1)*step+StepDepth]
	if step >= len(lanePatterns) { // too far apart for a vector
		to, from := unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0])
		for i := range pixels {
			*(*[StepDepth]uint8)(unsafe.Add(to, i*StepDepth)) = *(*[StepDepth]uint8)(unsafe.Add(from, i*step))
		}
		return
	}
	p := &lanePatterns[step]
	run := func(first, vectors int) {
		lanesAVX512(&dst[first*StepDepth], &src[first*step], vectors, lane*step, (*uint8)(unsafe.Pointer(&p.words)), &p.bytes[0], p.mask)
	}
	run(0, pixels/lane)
	if pixels%lane > 0 {
		run(pixels-lane, 1)
	}
}
