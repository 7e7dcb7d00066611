package codebook

// A sum of float32 is taken in 16 interleaved parts, which are added by halves. No product is fused with a
// sum, so that every machine has the same one.
type sum [16]float32

func (s *sum) total() float32 {
	return (((s[0] + s[8]) + (s[4] + s[12])) + ((s[2] + s[10]) + (s[6] + s[14]))) +
		(((s[1] + s[9]) + (s[5] + s[13])) + ((s[3] + s[11]) + (s[7] + s[15])))
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

// A loss is Σ w·x·q, Σ w·q² and Σ w·(x − q)² of elements x in units of a scale, levels q and weights w.
type loss struct{ correlation, energy, noise sum }

// add adds element i.
func (l *loss) add(i int, x, q, w float32) {
	d := x - q
	l.correlation[i&15] += float32(w * float32(x*q))
	l.energy[i&15] += float32(w * float32(q*q))
	l.noise[i&15] += float32(w * float32(d*d))
}

func (l *loss) totals() (correlation, energy, noise float32) {
	return l.correlation.total(), l.energy.total(), l.noise.total()
}

// weight returns w[i], or 1 of nil.
func weight(w []float32, i int) float32 {
	if w == nil {
		return 1
	}
	return w[i]
}

// loss returns the loss of the levels nearest to x·r.
func (l *levels) loss(x, w []float32, r float32) (correlation, energy, noise float32) {
	var sums loss
	r *= l.sign
	for i, x := range x {
		x = float32(x * r)
		sums.add(i, x, l.values[l.passed(x)], weight(w, i))
	}
	return sums.totals()
}
