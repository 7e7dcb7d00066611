package kernel

// An Element is x = ±Magnitude.
type Element struct {
	Magnitude float32
	Weight    float32
	Moment    float32 // Weight·Magnitude
	Side      uint32  // 1 where x is negative
}

// Codes are two candidates' Σw·x·q and Σw·q², by the codes q that they have under a scale.
type Codes struct{ Correlation, Energy [2]float32 }

// SameCodes returns those of candidates with the same codes.
func SameCodes(correlation, energy float32) Codes {
	return Codes{[2]float32{correlation, correlation}, [2]float32{energy, energy}}
}

// A Gain is what passing a threshold adds: to what both candidates have in common, which it gives twice, and
// to what each has apart; to a correlation by the moment of an element, to an energy by its weight.
type Gain struct{ Common, Apart Codes }

// Gains are by side and threshold.
type Gains [2][MostThresholds]Gain

// A Walk goes over events, and keeps the codes of each candidate that take the most away of Σw·x²:
// Correlation²/Energy. Assembly knows where its fields are, and those of what it goes over.
type Walk struct {
	Common, Apart, Best Codes
	Square              [2]float32 // of the correlations of Best
}

// Try keeps codes that are better than the best. Every sum and product is rounded to float32.
func (w *Walk) Try() {
	for i := range w.Square {
		w.try(i, w.Common.Correlation[0]+w.Apart.Correlation[i], w.Common.Energy[0]+w.Apart.Energy[i])
	}
}

// try keeps codes of candidate i if they are better than its best.
func (w *Walk) try(i int, correlation, energy float32) {
	square := float32(correlation * correlation)
	if float32(square*w.Best.Energy[i]) > float32(w.Square[i]*energy) && correlation > 0 {
		w.Square[i], w.Best.Correlation[i], w.Best.Energy[i] = square, correlation, energy
	}
}

// walkGeneric takes the gains of events, i<<4 | t in their lower half for element i that passes threshold t,
// one after another, and tries the codes after each. Elements and gains are not negative.
func walkGeneric(w *Walk, events []uint64, elements []Element, gains *Gains) {
	correlation, energy, apart := w.Common.Correlation[0], w.Common.Energy[0], w.Apart
	for _, e := range events {
		x := &elements[uint32(e)>>4]
		g := &gains[x.Side&1][e&15]
		correlation += float32(x.Moment * g.Common.Correlation[0])
		energy += float32(x.Weight * g.Common.Energy[0])
		apart.Correlation[0] += float32(x.Moment * g.Apart.Correlation[0])
		apart.Correlation[1] += float32(x.Moment * g.Apart.Correlation[1])
		apart.Energy[0] += float32(x.Weight * g.Apart.Energy[0])
		apart.Energy[1] += float32(x.Weight * g.Apart.Energy[1])
		w.try(0, correlation+apart.Correlation[0], energy+apart.Energy[0])
		w.try(1, correlation+apart.Correlation[1], energy+apart.Energy[1])
	}
	w.Common, w.Apart = SameCodes(correlation, energy), apart
}
