package kernel

import (
	"math"
	"testing"
)

// numberToSum is a finite number of any magnitude, half of the time of one about 1.
func numberToSum(m *memory) float32 {
	if m.IntN(2) == 0 {
		return float32(m.NormFloat64())
	}
	return anyFloat(m.Rand, true)
}

func lanesOf(m *memory) *Lanes {
	return (*Lanes)(take(m, LaneCount, func() float64 { return math.Abs(m.NormFloat64()) }))
}

// summingTrials have the shapes {elements} and {elements of a row, rows, elements between rows}.
var summingTrials = []trial{
	{"AddSquares", func(s *Set, m *memory, shape shape) {
		s.AddSquares(lanesOf(m), take(m, shape[0], func() float32 { return numberToSum(m) }))
	}},
	{"AddDifferences", func(s *Set, m *memory, shape shape) {
		squares, off := lanesOf(m), lanesOf(m)
		x, y := take(m, shape[0], func() float32 { return numberToSum(m) }), take(m, shape[0], func() float32 { return numberToSum(m) })
		s.AddDifferences(squares, off, x, y)
	}},
	{"AddRowsOff", func(s *Set, m *memory, shape shape) {
		n, rows, stride := shape[0], shape[1], shape[0]+shape[2]
		sums := take(m, rows, m.NormFloat64)
		elements := max(0, (rows-1)*stride+n)
		number := func() float32 { return float32(m.NormFloat64()) }
		s.AddRowsOff(sums, take(m, elements, number), take(m, elements, number), stride, n)
	}},
}

func TestSummingOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		lengths, manyRows := []int{0, 1, 15, 16, 17, 31, 32, 48, 63, 64, 100, 1000, atOnceInTests + 33, atOnceInTests - 1}, 9
		if brief() {
			lengths, manyRows = lengths[:13], 2
		}
		for _, tr := range summingTrials[:2] {
			for _, n := range lengths {
				b.compare(tr, shape{n}, effort(10))
			}
		}
		for rows := range 26 {
			for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 12, 49, 64, 100} {
				b.compare(summingTrials[2], shape{n, rows, rows * n % 5}, effort(4))
			}
		}
		b.compare(summingTrials[2], shape{atOnceInTests + 5, manyRows, 3}, 1)
	})
}

func FuzzSummingOfSets(f *testing.F) {
	fuzzSets(f, summingTrials, func(_ *Set, x, y, z uint8) shape { return shape{1 + int(x), int(y % 32), int(z % 8)} })
}

// TestLanes has every 16th number in one sum, and the sums of the definition by hand.
func TestLanes(t *testing.T) {
	x, y := make([]float32, 40), make([]float32, 40)
	for i := range x {
		x[i], y[i] = float32(i+1), float32(i+1-i%3)
	}
	var squares, both, off Lanes
	AddSquares(&squares, x)
	AddDifferences(&both, &off, x, y)
	if want := 1. + 17*17 + 33*33; squares[0] != want || both[0] != want {
		t.Errorf("got squares %v and %v in the first lane, want %v", squares[0], both[0], want)
	}
	if want := 1. + 4; off[1] != want || off.Sum() != 13*want {
		t.Errorf("got differences %v in the second lane and %v in all, want %v and %v", off[1], off.Sum(), want, 13*want)
	}
	if want := 40. * 41 * 81 / 6; squares.Sum() != want {
		t.Errorf("got %v, want %v", squares.Sum(), want)
	}
	sums := []float64{100, 200}
	AddRowsOff(sums, x, y, 20, 3)
	if sums[0] != 100+0+1+2 || sums[1] != 200+2+0+1 {
		t.Errorf("got sums of rows %v, want [103 203]", sums)
	}
}
