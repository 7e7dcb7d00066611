package gemm

import "euryale/internal/kernel"

// Conv is the shape of a convolution of images, (channel, row, column), with filters. Pairs are (height,
// width).
type Conv struct {
	Channels, Height, Width  int
	Kernel, Stride, Dilation [2]int
	Pad                      [4]int // above, left, below and right, in ONNX's order
	// NCHW says that the depth of the weight is (channel, row, column) of a filter; else it is (row, column,
	// channel), and every row of a filter is filled up to a multiple of 4 with codes that count for nothing,
	// as implicit GEMM needs it.
	NCHW bool
	// Depthwise says that filter j has channel j alone: the weight has a column for each channel, and its
	// depth is (row, column).
	Depthwise bool
}

// Out returns the size of the result, ⌊(padded size − dilation·(kernel − 1) − 1)/stride⌋ + 1 each way. A
// window fits into the padded image.
func (v Conv) Out() (height, width int) {
	out := func(padded, i int) int { return (padded-v.Dilation[i]*(v.Kernel[i]-1)-1)/v.Stride[i] + 1 }
	height, width = v.padded()
	return out(height, 0), out(width, 1)
}

// Depth returns the depth of the weight, with what fills up the rows of filters.
func (v Conv) Depth() int { return v.planes() * v.Kernel[0] * v.RowDepth() }

// RowDepth returns the depth of a row of a filter, with what fills it up.
func (v Conv) RowDepth() int {
	if v.NCHW || v.Depthwise {
		return v.Kernel[1]
	}
	return (v.Kernel[1]*v.Channels + kernel.StepDepth - 1) / kernel.StepDepth * kernel.StepDepth
}

// planes returns how many planes an image is, and perPixel the elements of a pixel of one.
func (v Conv) planes() int {
	if v.NCHW {
		return v.Channels
	}
	return 1
}

func (v Conv) perPixel() int { return v.Channels / v.planes() }

// padded returns height and width with the padding.
func (v Conv) padded() (height, width int) {
	return v.Height + v.Pad[0] + v.Pad[2], v.Width + v.Pad[1] + v.Pad[3]
}

// A segment is elements of a window that are contiguous in an image, with where they begin in both.
type segment struct{ to, from, length int }

// windowSegments returns the segments of the window of the first pixel, in the order of depth.
func (v Conv) windowSegments() (list []segment) {
	height, width := v.padded()
	together, pixels := 1, v.Kernel[1] // pixels of a segment, and segments of a row
	if v.Dilation[1] == 1 {
		together, pixels = v.Kernel[1], 1
	}
	for c := range v.planes() {
		for y := range v.Kernel[0] {
			for x := range pixels {
				list = append(list, segment{
					to:     (c*v.Kernel[0]+y)*v.RowDepth() + x*v.perPixel(),
					from:   ((c*height+y*v.Dilation[0])*width + x*v.Dilation[1]) * v.perPixel(),
					length: together * v.perPixel(),
				})
			}
		}
	}
	return list
}

// implicit returns how implicit GEMM takes segments: the steps of each, and how far each begins behind the
// end of the one before; 0 steps where it cannot.
func (v Conv) implicit(list []segment) (steps int, gaps []int) {
	if v.NCHW || len(list) > v.Kernel[0] && v.Channels%kernel.StepDepth != 0 {
		return 0, nil
	}
	steps = (list[0].length + kernel.StepDepth - 1) / kernel.StepDepth
	for i, r := range list[1:] {
		gaps = append(gaps, r.from-list[i].from-steps*kernel.StepDepth)
	}
	return steps, gaps
}

// windows is a Conv with what every call needs of it.
type windows struct {
	Conv
	segments []segment
	moves    segmentMoves // the same for bytes
	steps    int          // of a segment, where implicit GEMM takes them, or 0
	gaps     []int        // between segments then
	offsets  []int        // of the taps of Depthwise, which has nothing else
}

// newWindows finds where the elements of windows are.
func newWindows(v Conv) *windows {
	if v.Depthwise {
		return &windows{Conv: v, offsets: v.taps()}
	}
	list := v.windowSegments()
	steps, gaps := v.implicit(list)
	return &windows{v, list, newSegmentMoves(list), steps, gaps, nil}
}
