package codebook

import "slices"

// A scaler finds scales of groups under a table. It belongs to one goroutine.
type scaler struct {
	group
	walk
	table []int8
	sides [2]sides  // of the table, and of it times −1
	both  [2]levels // likewise

	linear float64 // the step of a linear table, else 0
}

func newScaler(table []int8) *scaler {
	s := &scaler{table: table}
	s.both[0].set(table, 1)
	s.both[1].set(table, -1)
	values := make([]float32, len(table))
	for q, level := range table {
		values[q] = float32(level)
	}
	s.sides[0] = sidesOf(values)
	s.sides[1] = newSides(s.sides[0].of[1], s.sides[0].of[0])
	for bits := 2; bits <= 4; bits++ {
		if slices.Equal(table, Table(Linear, bits)) {
			s.linear = float64(table[1]) - float64(table[0])
		}
	}
	return s
}

// scale returns the scale, of a unit of the table, with the least noise that is found for elements, and 0 for
// zeros. Of two signs it is negative where the table suits them times −1.
func (s *scaler) scale(x, w []float32, signs int) float64 {
	if !s.set(x, w) {
		return 0
	}
	if len(x) <= longestWalk {
		s.begin(&s.group)
		if s.linear > 0 && signs == 2 {
			return s.integers(len(s.table)/2) * s.unit / s.linear
		}
	}
	best, sign := s.positive(0), 1.0
	if signs == 2 {
		if other := s.positive(1); other.noise < best.noise {
			best, sign = other, -1
		}
	}
	return sign * best.scale * s.unit
}

// found is a scale and its noise.
type found struct {
	scale float64
	noise float32
}

// positive returns the best scale above 0 for the table times 1 or −1.
func (s *scaler) positive(sign int) found {
	if len(s.x) <= longestWalk {
		return s.levels(&s.sides[sign])
	}
	return s.grid(&s.both[sign])
}
