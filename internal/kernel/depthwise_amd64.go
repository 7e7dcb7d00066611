//go:build !purego

package kernel

import (
	"math"
	"slices"
	"sync"
	"unsafe"
)

// mostTaps is how many taps of a window assembly takes; those of larger kernels are left to the generic
// function.
const mostTaps = 64

// taps is offsets as assembly takes them: the first again fills up the last step, where weights are zero.
type taps [mostTaps]int

// set returns the steps, and how far the last tap reaches.
func (t *taps) set(offsets []int) (steps, reach int) {
	copy(t[:], offsets)
	steps = (len(offsets) + StepDepth - 1) / StepDepth
	for i := len(offsets); i < steps*StepDepth; i++ {
		t[i] = offsets[0]
	}
	return steps, slices.Max(offsets) + PanelColumns
}

// pixelsAtOnce returns how many pixels assembly takes at a time, since it cannot be preempted.
func pixelsAtOnce(steps int) int { return 1 << 12 / steps }

func multiplyDepthwiseInAVX2(c []int32, x []uint8, pixels, offsets []int, b []int8) {
	if len(pixels) == 0 || len(offsets) > mostTaps {
		multiplyDepthwiseGeneric(c, x, pixels, offsets, b)
		return
	}
	var t taps
	steps, reach := t.set(offsets)
	c, x, b = c[:len(pixels)*PanelColumns], x[:pixels[len(pixels)-1]+reach], b[:steps*StepBytes]
	for first, most := 0, pixelsAtOnce(steps); first < len(pixels); first += most {
		some := pixels[first:min(first+most, len(pixels))]
		multiplyDepthwiseAVX2(&c[first*PanelColumns], &x[0], &some[0], len(some), &t[0], steps, &b[0])
	}
}

// depthwiseSums are blocks of sums.
var depthwiseSums = sync.Pool{New: func() any { return new([depthwiseBlock * PanelColumns]int32) }}

func requantizeDepthwiseInAVX2(dst []uint8, stride int, x []uint8, pixels, offsets []int, b []int8, e *Epilogue, to Affine) {
	sums := depthwiseSums.Get().(*[depthwiseBlock * PanelColumns]int32)
	for first := 0; first < len(pixels); first += depthwiseBlock {
		some := pixels[first:min(first+depthwiseBlock, len(pixels))]
		multiplyDepthwiseInAVX2(sums[:], x, some, offsets, b)
		requantizeSumsInAVX2(dst[first*stride:], stride, sums[:len(some)*PanelColumns], e, to)
	}
	depthwiseSums.Put(sums)
}

// fourPixels is how many pixels AVX-512 takes at a time; the last four reach back.
const fourPixels = 4

func multiplyDepthwiseInVNNI(c []int32, x []uint8, pixels, offsets []int, b []int8) {
	if len(pixels) < fourPixels || len(offsets) > mostTaps {
		multiplyDepthwiseInAVX2(c, x, pixels, offsets, b)
		return
	}
	c = c[:len(pixels)*PanelColumns]
	t := depthwiseTile{dst: unsafe.Pointer(&c[0]), stride: 4 * PanelColumns}
	t.run(x, pixels, offsets, b, multiplyDepthwiseVNNI)
}

func requantizeDepthwiseInVNNI(dst []uint8, stride int, x []uint8, pixels, offsets []int, b []int8, e *Epilogue, to Affine) {
	if len(pixels) < fourPixels || len(offsets) > mostTaps {
		requantizeDepthwiseInAVX2(dst, stride, x, pixels, offsets, b, e, to)
		return
	}
	e.check(len(dst), stride, len(pixels)*PanelColumns, len(pixels), math.MaxInt)
	t := depthwiseTile{
		dst: unsafe.Pointer(&dst[0]), stride: stride, columns: 1<<e.Columns - 1,
		compensation: &e.Compensation[0], scales: &e.Scales[0], bias: &e.Bias[0],
		requantizing: requantizing{rowScale: e.RowScales[0], zeroPoint: e.Zeros[0]},
	}
	t.to(to, e.Floor)
	t.run(x, pixels, offsets, b, requantizeDepthwiseVNNI)
}

// run runs a kernel over all pixels.
func (t *depthwiseTile) run(x []uint8, pixels, offsets []int, b []int8, kernel asm) {
	steps, reach := t.taps.set(offsets)
	x, b = x[:pixels[len(pixels)-1]+reach], b[:steps*StepBytes]
	t.x, t.steps, t.b = &x[0], steps, &b[0]
	dst := t.dst
	for first, count := 0, 0; first < len(pixels); first += count {
		first = min(first, len(pixels)-fourPixels)
		count = min(pixelsAtOnce(steps), len(pixels)-first) / fourPixels * fourPixels
		t.pixels, t.fours = &pixels[first], count/fourPixels
		t.dst = unsafe.Add(dst, first*t.stride)
		kernel(hidden(t))
	}
}
