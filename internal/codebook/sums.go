package codebook

// A sum of float32 is taken in 16 interleaved parts, which are added by halves. No product is fused with a sum, so that
// every machine has the same one.
type sum [16]float32

func (s *sum) total() float32 {
	for n := len(s) / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	return s[0]
}

// levels is a table as a search takes it: levels in the order of the thresholds between them.
type levels struct {
	encoder
	values [16]float32 // by the number of thresholds that are passed
}

// set takes a table, times sign.
func (l *levels) set(table []int8, sign float32) {
	l.encoder.set(table)
	for n, q := range l.codes {
		l.values[n] = l.sign * float32(table[q])
	}
	l.sign *= sign
}

// loss returns, with q the level nearest to x·r and weights w, of which nil are ones,
//
//	correlation Σ w·(x·r)·q,   energy Σ w·q²,   noise Σ w·(x·r − q)².
func (l *levels) loss(x, w []float32, r float32) (correlation, energy, noise float32) {
	var c, e, n sum
	r *= l.sign
	for i, x := range x {
		x = float32(x * r)
		q := l.values[l.passed(x)]
		a, b, d := float32(x*q), float32(q*q), x-q
		d *= d
		if w != nil {
			a, b, d = w[i]*a, w[i]*b, w[i]*d
		}
		c[i%16] += float32(a)
		e[i%16] += float32(b)
		n[i%16] += float32(d)
	}
	return c.total(), e.total(), n.total()
}
