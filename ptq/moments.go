package ptq

import "euryale/internal/ir"

// moments are the second moments of what products read, by value.
type moments map[string]*moment

// moment is the sum of the square of each element of rows.
type moment struct{ sums []float64 }

// moments returns those that weights of fewer than 8 bits take, with a scale for each output or more, of
// nothing yet. Convolutions take none.
func (s selection) moments() moments {
	all := moments{}
	for _, t := range s.targets {
		_, perAxis := t.weights.Axis()
		if t.layer() && !t.embedding() && t.Op != ir.OpConv && t.weights.Bits() < 8 && perAxis {
			all[t.input()] = &moment{sums: make([]float64, t.weight.Shape[1-t.ChannelAxis()])}
		}
	}
	return all
}

// observe adds a batch of a value.
func (m moments) observe(value string, x []float32) {
	of := m[value]
	if of == nil || len(x)%len(of.sums) != 0 {
		return
	}
	for ; len(x) > 0; x = x[len(of.sums):] {
		for i, v := range x[:len(of.sums)] {
			of.sums[i] += float64(float64(v) * float64(v))
		}
	}
}

// importance returns the mean square of each element of a value, as a multiple of the largest; nil where none
// was seen, or zeros alone.
func (m moments) importance(value string) []float32 {
	of := m[value]
	if of == nil {
		return nil
	}
	largest := 0.0
	for _, s := range of.sums {
		largest = max(largest, s)
	}
	if !(largest > 0) {
		return nil
	}
	h := make([]float32, len(of.sums))
	for i, s := range of.sums {
		h[i] = float32(s / largest)
	}
	return h
}
