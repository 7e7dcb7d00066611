package kernel

// LaneCount is how many sums Lanes are.
const LaneCount = 16

// Lanes are sums of every 16th of some numbers, in their order: number i is in sum i mod 16.
type Lanes [LaneCount]float64

// Sum returns the sum of all: of the first half and the second, lane by lane, until one is left.
func (l *Lanes) Sum() float64 {
	s := *l
	for n := LaneCount / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	return s[0]
}

// Summing holds kernels that add up float32 in float64. A sum that is NaN is one of any bits.
type Summing struct {
	AddSquares     func(squares *Lanes, x []float32)
	AddDifferences func(squares, off *Lanes, x, y []float32)
	AddRowsOff     func(sums []float64, x, y []float32, stride, n int)
}

// AddSquares adds x[i]² to lane i mod 16, with the kernels in use.
func AddSquares(squares *Lanes, x []float32) { Current().AddSquares(squares, x) }

// AddDifferences adds x[i]² and (x[i] − y[i])² to lane i mod 16 of each, with the kernels in use. The
// difference is rounded to float64, and so is its square.
func AddDifferences(squares, off *Lanes, x, y []float32) {
	Current().AddDifferences(squares, off, x, y)
}

// AddRowsOff adds x[i·stride + j] − y[i·stride + j] to sums[i], rounded to float32, for j from 0 to n − 1 in
// order, with the kernels in use.
func AddRowsOff(sums []float64, x, y []float32, stride, n int) {
	Current().AddRowsOff(sums, x, y, stride, n)
}

func addSquaresGeneric(squares *Lanes, x []float32) {
	for i, v := range x {
		squares[i%LaneCount] += float64(float64(v) * float64(v))
	}
}

func addDifferencesGeneric(squares, off *Lanes, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		d := float64(v) - float64(y[i])
		squares[i%LaneCount] += float64(float64(v) * float64(v))
		off[i%LaneCount] += float64(d * d)
	}
}

func addRowsOffGeneric(sums []float64, x, y []float32, stride, n int) {
	for i := range sums {
		s, others := sums[i], y[i*stride:][:n]
		for j, v := range x[i*stride:][:n] {
			s += float64(v - others[j])
		}
		sums[i] = s
	}
}
