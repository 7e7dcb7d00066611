package kernel

// FloatChannels are windows of an image whose channels are last, each channel by a filter of its own. The taps
// of a window are those of its row by those of its column; of either there may be none.
type FloatChannels struct {
	Channels int      // of a pixel, of the image and of the result
	Rows     []Taps   // by row of the result
	Runs     []TapRun // of columns of the result
	Step     Tap      // between the taps of a column
	Down     Tap      // between those of a row
	Filters  []float32
	Bias     []float32 // by channel
	Floor    float32
}

// A Tap is where an element of a window, and the one of a filter that it goes with, are: of their first channel.
type Tap struct{ Image, Filter int }

// Taps are Count taps.
type Taps struct {
	First Tap
	Count int
}

// A TapRun is Pixels pixels of a row, Apart elements apart in the image, which have the same taps.
type TapRun struct {
	Taps
	Pixels, Apart int
}

// check panics where lengths do not go together, a bug of the caller.
func (f *FloatChannels) check(dst, src []float32) {
	pixels := 0
	for i := range f.Runs {
		run := &f.Runs[i]
		pixels += run.Pixels
		if run.Pixels < 1 {
			panic("kernel: MultiplyChannels: an empty run")
		}
		for j := range f.Rows {
			if row := &f.Rows[j]; row.Count > 0 && run.Count > 0 {
				at, of := row.First.Image+run.First.Image, row.First.Filter+run.First.Filter
				_ = src[at+(row.Count-1)*f.Down.Image+(run.Count-1)*f.Step.Image+(run.Pixels-1)*run.Apart:][:f.Channels]
				_ = f.Filters[of+(row.Count-1)*f.Down.Filter+(run.Count-1)*f.Step.Filter:][:f.Channels]
				_, _ = src[at], f.Filters[of]
			}
		}
	}
	_, _ = dst[:len(f.Rows)*pixels*f.Channels], f.Bias[:f.Channels]
}

// multiplyChannelsGeneric sets dst to the ends of chains, pixel by pixel: of channel c, over the taps of a row and of
// those of a column,
//
//	y ← Bias[c];  y ← fma(filter[c], pixel[c], y)  for each tap;  y ← max(y, Floor)
func multiplyChannelsGeneric(dst, src []float32, f *FloatChannels) {
	f.check(dst, src)
	for _, row := range f.Rows {
		for _, run := range f.Runs {
			for pixel := range run.Pixels {
				to := dst[:f.Channels]
				copy(to, f.Bias)
				for i := range row.Count {
					for j := range run.Count {
						x := src[row.First.Image+run.First.Image+pixel*run.Apart+i*f.Down.Image+j*f.Step.Image:]
						w := f.Filters[row.First.Filter+run.First.Filter+i*f.Down.Filter+j*f.Step.Filter:]
						for c := range to {
							to[c] = fused(w[c], x[c], to[c])
						}
					}
				}
				for c := range to {
					to[c] = endOf(to[c], f.Floor)
				}
				dst = dst[f.Channels:]
			}
		}
	}
}
