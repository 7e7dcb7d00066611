package ptq

import (
	"math"

	"euryale/internal/kernel"
	"euryale/internal/noise"
)

// mostShift is the least mean error, in units of the result's root mean square, that is not corrected.
const mostShift = 2

// measured is what a layer is off by.
type measured struct {
	*correction
	sums   [2][]float64 // of float − quantized, by output, in two halves of the samples
	rows   [2]float64
	signal noise.Squares // of the float result
	count  float64       // of its numbers
}

func newMeasured(c *correction, outputs int) *measured {
	return &measured{correction: c, sums: [2][]float64{make([]float64, outputs), make([]float64, outputs)}}
}

// addResult adds the float result of a sample.
func (m *measured) addResult(y []float32) {
	m.signal.Add(y)
	m.count += float64(len(y))
}

// addError adds float − quantized of a sample, of so many pixels of each output after the other. One half of
// the pixels of a sample, which are rows, counts as of the one half of samples, and one as of the other.
func (m *measured) addError(float, quantized []float32, pixels, sample int) {
	image := len(m.sums[0]) * pixels
	rows := len(float) / len(m.sums[0])
	boundary := (rows + 1) / 2
	for first := 0; first < rows; first += pixels {
		x, y := float[first/pixels*image:][:image], quantized[first/pixels*image:][:image]
		begin, middle := first, min(max(boundary, first), first+pixels)
		for half, end := range []int{middle, first + pixels} {
			if begin < end {
				m.addPixels((half+sample)%2, x, y, pixels, begin-first, end-begin)
			}
			begin = end
		}
	}
}

// addPixels adds n pixels of an image from one on.
func (m *measured) addPixels(half int, float, quantized []float32, pixels, from, n int) {
	m.rows[half] += float64(n)
	sums := m.sums[half]
	if pixels > 1 {
		kernel.AddRowsOff(sums, float[from:], quantized[from:], pixels, n)
		return
	}
	for i, x := range float {
		sums[i] += float64(x - quantized[i])
	}
}

// mean returns the mean error of each output, or why it is none to add. What the mean of one half takes
// off the squared error of the other has to be positive, over all outputs and both ways:
//
//	Σ n_b·(2·a·b − a²) + n_a·(2·a·b − b²) > 0 for means a and b of n_a and n_b rows
func (m *measured) mean() (shift []float64, reason string) {
	shift = make([]float64, len(m.sums[0]))
	gain, largest := 0.0, 0.0
	for j := range shift {
		a, b := m.sums[0][j]/m.rows[0], m.sums[1][j]/m.rows[1]
		both := float64(2 * a * b)
		gain += float64(m.rows[1]*(both-float64(a*a))) + float64(m.rows[0]*(both-float64(b*b)))
		shift[j] = (m.sums[0][j] + m.sums[1][j]) / (m.rows[0] + m.rows[1])
		largest = max(largest, math.Abs(shift[j]))
	}
	switch {
	case !(gain > 0): // with one row alone too: 0/0
		return nil, noEvidence
	case !(largest < mostShift*math.Sqrt(m.signal.Sum()/m.count)):
		return nil, largeShift
	}
	return shift, ""
}
