package ptq

import "math"

// mostShift is the least mean error, in units of the result's root mean square, that is not corrected.
const mostShift = 2

// measured is what a layer is off by.
type measured struct {
	*correction
	sums   [2][]float64 // of float − quantized, by output, in two halves of the samples
	rows   [2]float64
	signal float64 // squares of the float result
	count  float64 // of its numbers
}

func newMeasured(c *correction, outputs int) *measured {
	return &measured{correction: c, sums: [2][]float64{make([]float64, outputs), make([]float64, outputs)}}
}

// addResult adds the float result of a sample.
func (m *measured) addResult(y []float32) {
	for _, v := range y {
		m.signal += float64(float64(v) * float64(v))
	}
	m.count += float64(len(y))
}

// addError adds float − quantized of a sample, for which outputs lie along the last axis. One half of the
// rows of a sample counts as of the one half of samples, and one as of the other.
func (m *measured) addError(e []float32, sample int) {
	n := len(m.sums[0])
	rows := len(e) / n
	for r := range rows {
		half := (2*r/rows + sample) % 2
		sums := m.sums[half]
		for j, v := range e[r*n : (r+1)*n] {
			sums[j] += float64(v)
		}
		m.rows[half]++
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
	case !(largest < mostShift*math.Sqrt(m.signal/m.count)):
		return nil, largeShift
	}
	return shift, ""
}
