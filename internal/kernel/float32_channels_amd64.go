//go:build !purego

package kernel

import "unsafe"

// channelsTile is the arguments of the assembly for some channels of all windows, with steps in bytes, and room
// for where the assembly is.
type channelsTile struct {
	dst, src   *float32
	rows       *Taps
	rowCount   int
	runs       *TapRun
	runCount   int
	pixel      int // bytes between pixels of dst
	step, down Tap
	filters    *float32
	bias       *float32
	floor      float32
	_          int32
	_          [9]int
}

// A channelsKernel takes so many channels.
type channelsKernel struct {
	channels int
	run      asm
}

// multiplyChannelsBy returns a kernel that takes as many channels at a time as there are, most first; the last kernel
// goes back where less are left. Fewer than it takes are left to another.
func multiplyChannelsBy(few func(dst, src []float32, f *FloatChannels), kernels ...channelsKernel) func(dst, src []float32, f *FloatChannels) {
	return func(dst, src []float32, f *FloatChannels) {
		least := kernels[len(kernels)-1].channels
		if f.Channels < least || min(len(f.Rows), len(f.Runs)) < 1 {
			few(dst, src, f)
			return
		}
		f.check(dst, src)
		t := channelsTile{
			runs: &f.Runs[0], runCount: len(f.Runs), pixel: 4 * f.Channels, floor: f.Floor,
			step: Tap{4 * f.Step.Image, 4 * f.Step.Filter}, down: Tap{4 * f.Down.Image, 4 * f.Down.Filter},
		}
		row := f.row()
		most := max(1, atOnce/max(1, row*f.taps()))
		for first := 0; first < len(f.Rows); first += most {
			t.rows, t.rowCount = &f.Rows[first], min(most, len(f.Rows)-first)
			of := kernels
			for c := 0; c < f.Channels; c += of[0].channels {
				for len(of) > 1 && of[0].channels > f.Channels-c {
					of = of[1:]
				}
				c = min(c, f.Channels-of[0].channels)
				t.dst, t.src = &dst[first*row*f.Channels+c], at(src, c)
				t.filters, t.bias = at(f.Filters, c), &f.Bias[c]
				of[0].run(hidden(&t))
			}
		}
	}
}

// row returns how many pixels a row of the result has.
func (f *FloatChannels) row() (pixels int) {
	for i := range f.Runs {
		pixels += f.Runs[i].Pixels
	}
	return pixels
}

// taps returns how many taps a window has at most.
func (f *FloatChannels) taps() int {
	down, across := 0, 0
	for i := range f.Rows {
		down = max(down, f.Rows[i].Count)
	}
	for i := range f.Runs {
		across = max(across, f.Runs[i].Count)
	}
	return down * across
}

// at returns where element i of x is, which is not read where x ends before it.
func at(x []float32, i int) *float32 {
	if i < len(x) {
		return &x[i]
	}
	return unsafe.SliceData(x)
}

var (
	multiplyChannelsInAVX2 = multiplyChannelsBy(multiplyChannelsGeneric,
		channelsKernel{16, multiplyChannels2AVX2}, channelsKernel{8, multiplyChannels1AVX2})
	multiplyChannelsInAVX512 = multiplyChannelsBy(multiplyChannelsInAVX2,
		channelsKernel{32, multiplyChannels2AVX512}, channelsKernel{16, multiplyChannels1AVX512})
)
