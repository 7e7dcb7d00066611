package ptq

import (
	"math"
	"slices"
	"testing"
)

// TestMean adds what layers of two outputs are off by, row by row of samples, beside a result, and takes the mean: it is
// added where either half of the rows says so of the other, and below twice the result's root mean square.
func TestMean(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	one := []float32{1, -1, 1, -1}
	for _, c := range []struct {
		name    string
		samples [][]float32
		result  []float32 // of each sample
		shift   []float64 // of which nil has the reason
		reason  string
	}{
		{"the same in all rows", [][]float32{{1, -0.5, 1, -0.5}}, one, []float64{1, -0.5}, ""},
		{"samples of a row", [][]float32{{1, -0.5}, {0.5, -1}}, one, []float64{0.75, -0.75}, ""},
		{"three rows", [][]float32{{3, 0, 3, 0, 0, 0}, {3, 0, 0, 0, 3, 0}}, []float32{4}, []float64{2, 0}, ""},
		{"three rows in halves of one and two", [][]float32{{3, 1, 0, 1, 1, 1}}, []float32{4}, []float64{4. / 3, 1}, ""},
		{"rows that alternate in a half", [][]float32{{3, 0, -1, 0, 3, 0, -1, 0}}, []float32{4}, []float64{1, 0}, ""},
		{"just below twice", [][]float32{{1.99, 0, 1.99, 0}}, one, []float64{float64(float32(1.99)), 0}, ""},
		{"twice", [][]float32{{2, 0, 2, 0}}, one, nil, largeShift},
		{"twice, the other way", [][]float32{{-2, 0, -2, 0}}, one, nil, largeShift},
		{"twice, in the last output", [][]float32{{0.1, 2, 0.1, 2}}, one, nil, largeShift},
		{"twice the mean of several results", [][]float32{{2, 0, 2, 0}, {2, 0, 2, 0}}, []float32{1, 0.9}, nil, largeShift},
		{"one row", [][]float32{{1, 1}}, one, nil, noEvidence},
		{"halves that disagree", [][]float32{{1, 1, -1, -1}}, one, nil, noEvidence},
		{"half as much in the other half", [][]float32{{2, 0, 1, 0}}, []float32{4}, []float64{1.5, 0}, ""},
		{"a fifth as much in the other half", [][]float32{{1, 0, 0.2, 0}}, one, nil, noEvidence},
		{"halves that disagree in the first output, and little", [][]float32{{0.1, 1, -0.1, 1}}, one, []float64{0, 1}, ""},
		{"halves that agree in the last output, and little", [][]float32{{1, 0.1, -1, 0.1}}, one, nil, noEvidence},
		{"nothing", [][]float32{{0, 0, 0, 0}}, one, nil, noEvidence},
		{"NaN", [][]float32{{1, nan, 1, 1}}, one, nil, noEvidence},
		{"infinity", [][]float32{{inf, 1, 1, 1}}, one, nil, noEvidence},
		{"a result of NaN", [][]float32{{1, 1, 1, 1}}, []float32{nan}, nil, largeShift},
		{"a result of zeros", [][]float32{{1, 1, 1, 1}}, []float32{0, 0}, nil, largeShift},
	} {
		m := newMeasured(&correction{}, 2)
		for i, e := range c.samples {
			m.addResult(c.result)
			m.addError(e, make([]float32, len(e)), 1, i)
		}
		shift, reason := m.mean()
		same := slices.EqualFunc(shift, c.shift, func(x, y float64) bool { return math.Abs(x-y) < 1e-9 })
		if !same || reason != c.reason || (shift == nil) != (c.shift == nil) {
			t.Errorf("%s: got %v and reason %q, want %v and %q", c.name, shift, reason, c.shift, c.reason)
		}
	}
}

// TestErrorsOfImages has the sums of images of some channels, of which one may lie in both halves, be those of
// the rows that their pixels are.
func TestErrorsOfImages(t *testing.T) {
	const channels = 11
	for _, c := range []struct{ images, pixels int }{{1, 1}, {1, 2}, {1, 9}, {2, 7}, {3, 5}, {5, 6}, {4, 16}} {
		images, rows := newMeasured(&correction{}, channels), newMeasured(&correction{}, channels)
		for sample := range 3 {
			n := c.images * c.pixels
			x, y, xr, yr := make([]float32, n*channels), make([]float32, n*channels), make([]float32, n*channels), make([]float32, n*channels)
			for i := range x {
				x[i], y[i] = float32(i*7919%101)/7, float32(i*7907%103)/9
				image, channel, pixel := i/c.pixels/channels, i/c.pixels%channels, i%c.pixels
				row := image*c.pixels + pixel
				xr[row*channels+channel], yr[row*channels+channel] = x[i], y[i]
			}
			images.addError(x, y, c.pixels, sample)
			rows.addError(xr, yr, 1, sample)
		}
		if images.rows != rows.rows || !slices.Equal(images.sums[0], rows.sums[0]) || !slices.Equal(images.sums[1], rows.sums[1]) {
			t.Errorf("%d images of %d pixels: got %v of %v rows, want %v of %v", c.images, c.pixels, images.sums, images.rows, rows.sums, rows.rows)
		}
	}
}
