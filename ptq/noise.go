package ptq

import "math"

// noise adds up squares, of float values and of what quantized ones are off by.
type noise struct{ signal, error float64 }

func (n *noise) add(float, quantized []float32) {
	for i, x := range float {
		d := float64(x) - float64(quantized[i])
		n.signal += float64(float64(x) * float64(x))
		n.error += float64(d * d)
	}
}

// sqnr returns 10·log10(Σx²/Σ(x − r)²), +Inf where they are equal.
func (n *noise) sqnr() float64 {
	if n.error == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(n.signal/n.error)
}
