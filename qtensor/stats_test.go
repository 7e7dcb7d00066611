package qtensor_test

import (
	"fmt"
	"math"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

func fromCodes(t *testing.T, codes *tensor.Dense, p qtensor.Params) *qtensor.QTensor {
	t.Helper()
	q, err := qtensor.FromCodes(codes, p)
	if err != nil {
		t.Fatalf("FromCodes(%+v): %v", p, err)
	}
	return q
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name  string
		x     []float32
		scale float32
		codes []int8
		want  qtensor.Stats
	}{
		{"exact", []float32{1, -2, 3, 0}, 1, []int8{1, -2, 3, 0}, qtensor.Stats{SQNR: math.Inf(1), Cosine: 1}},
		{"one off", []float32{1, 2, 3, 4}, 1, []int8{1, 2, 3, 5}, qtensor.Stats{SQNR: 10 * math.Log10(30), Max: 1, Mean: 0.25, Cosine: 34 / math.Sqrt(30*39)}},
		{"two off", []float32{0, 4, -3, 0}, 0.5, []int8{1, 8, -9, 0}, qtensor.Stats{SQNR: 10 * math.Log10(25/2.5), Max: 1.5, Mean: 0.5, Cosine: 29.5 / math.Sqrt(25*36.5)}},
		{"zeros", []float32{0, 0}, 1, []int8{0, 0}, qtensor.Stats{SQNR: math.Inf(1), Cosine: 1}},
		{"values for zeros", []float32{0, 0}, 1, []int8{1, -2}, qtensor.Stats{SQNR: math.Inf(-1), Max: 2, Mean: 1.5}},
		{"zeros for values", []float32{1, -3}, 1, []int8{0, 0}, qtensor.Stats{Max: 3, Mean: 2}},
		{"opposite", []float32{1, -2}, 1, []int8{-1, 2}, qtensor.Stats{SQNR: 10 * math.Log10(0.25), Max: 4, Mean: 3, Cosine: -1}},
		{"huge", []float32{maxFloat, -maxFloat}, maxFloat / 2, []int8{1, -1}, qtensor.Stats{SQNR: 10 * math.Log10(4), Max: maxFloat / 2, Mean: maxFloat / 2, Cosine: 1}},
		{"tiny", []float32{0x1p-126, 0x1p-149}, 0x1p-126, []int8{1, 0}, qtensor.Stats{SQNR: 10 * math.Log10(0x1p46), Max: 0x1p-149, Mean: 0x1p-150, Cosine: 1}},
	} {
		q := fromCodes(t, newTensor(c.codes, len(c.codes)), qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{c.scale}})
		got, err := q.Compare(newTensor(c.x, len(c.x)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		near := func(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*math.Abs(b) }
		if !near(got.SQNR, c.want.SQNR) || got.Max != c.want.Max || got.Mean != c.want.Mean ||
			!near(got.Cosine, c.want.Cosine) || got.Clipped != c.want.Clipped {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestCompareCosine has sums of squares whose roots are rounded: divided by them twice, some give more than
// 1.
func TestCompareCosine(t *testing.T) {
	for k := range int8(127) {
		q := fromCodes(t, newTensor([]int8{1, k}, 2), qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}})
		got, err := q.Compare(newTensor([]float32{1, float32(k)}, 2))
		if err != nil || got.Cosine > 1 || got.Cosine < 1-1e-15 {
			t.Errorf("cosine of (1, %d) and itself is %v, %v", k, got.Cosine, err)
		}
	}
}

// TestCompareClipped has values half a step beyond the outermost codes, which are not clipped, and the next
// ones, which are.
func TestCompareClipped(t *testing.T) {
	up := func(x float32) float32 { return math.Nextafter32(x, inf) }
	down := func(x float32) float32 { return math.Nextafter32(x, -inf) }
	for _, c := range []struct {
		name    string
		p       qtensor.Params
		in, out []float32
	}{
		{"symmetric", qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{2}}, []float32{0, 255, -255, 254}, []float32{up(255), down(-255), maxFloat, -maxFloat}},
		{"int4", qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{0.5}}, []float32{3.75, -3.75}, []float32{up(3.75), down(-3.75), -4}},
		{"int4, negative scale", qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{-0.5}}, []float32{4.25, 4, -3.75}, []float32{up(4.25), down(-3.75), -4}},
		{"affine", qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{1}, ZeroPoints: []int32{55}}, []float32{200.5, -55.5}, []float32{up(200.5), down(-55.5)}},
		{"affine, negative scale", qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{-1}, ZeroPoints: []int32{55}}, []float32{-200.5, 55.5}, []float32{down(-200.5), up(55.5)}},
		{"uint4", qtensor.Params{Scheme: qtensor.UInt4(), Scales: []float32{1}, ZeroPoints: []int32{0}}, []float32{-0.5, 15.5}, []float32{down(-0.5), up(15.5)}},
		{"power of two", qtensor.Params{Scheme: qtensor.PowerOfTwo(2), Scales: []float32{4}, ZeroPoints: []int32{3}}, []float32{2, -14}, []float32{up(2), down(-14), 3}},
		{"uniform", qtensor.Params{Scheme: qtensor.Uniform(4), Scales: []float32{2}, Offsets: []float32{10}}, []float32{9, 41, 10, 40}, []float32{down(9), up(41), 0}},
		{"uniform, negative scale", qtensor.Params{Scheme: qtensor.Uniform(4), Scales: []float32{-2}, Offsets: []float32{10}}, []float32{11, -21}, []float32{up(11), down(-21)}},
		{"float16", qtensor.Params{Scheme: qtensor.Float16()}, []float32{65504, -65504, 65510, -65519.996}, []float32{65520, -65520, maxFloat}},
		{"bfloat16", qtensor.Params{Scheme: qtensor.BFloat16()}, []float32{0x1.fep127, -0x1.fep127, up(0x1.fep127), -0x1.fefffep127}, []float32{0x1.ffp127, -maxFloat}},
	} {
		x := append(append([]float32(nil), c.in...), c.out...)
		q, err := qtensor.QuantizeWith(newTensor(x, len(x)), c.p, qtensor.WithSaturation())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, v := range x {
			// v alone, among values that are not clipped.
			alone := make([]float32, len(x))
			for j := range alone {
				alone[j] = c.in[0]
			}
			alone[i] = v
			got, err := q.Compare(newTensor(alone, len(x)))
			want := 0.0
			if i >= len(c.in) {
				want = 1 / float64(len(x))
			}
			if err != nil || got.Clipped != want {
				t.Errorf("%s: %v: clipped %v, %v, want %v", c.name, v, got.Clipped, err, want)
			}
		}
		got, err := q.Compare(newTensor(x, len(x)))
		if want := float64(len(c.out)) / float64(len(x)); err != nil || got.Clipped != want {
			t.Errorf("%s: clipped %v, %v, want %v", c.name, got.Clipped, err, want)
		}
	}
}

// TestCompareClippedExtremeCode has the code −2^(b−1) and not, under scales of both signs: it is half a step
// beyond the outermost code that clips.
func TestCompareClippedExtremeCode(t *testing.T) {
	for _, c := range []struct {
		scheme qtensor.Scheme
		scale  float32
		codes  []int8
		edge   float32 // the last value that is not clipped, on the side of the extreme code
	}{
		{qtensor.Int4(), 0.5, []int8{-8, 7}, -4.25},
		{qtensor.Int4(), 0.5, []int8{-7, 7}, -3.75},
		{qtensor.Int4(), -0.5, []int8{-8, 7}, 4.25},
		{qtensor.Int4(), -0.5, []int8{-7, 7}, 4.25},
		{qtensor.Symmetric(8), 2, []int8{-128, 127}, -257},
		{qtensor.Symmetric(8), 2, []int8{0, 127}, -255},
		{qtensor.Symmetric(8), -2, []int8{-128, -128}, 257},
		{qtensor.Symmetric(2), 1, []int8{-2, 1}, -2.5},
		{qtensor.Symmetric(2), 1, []int8{-1, 1}, -1.5},
	} {
		q := fromCodes(t, newTensor(c.codes, 2), qtensor.Params{Scheme: c.scheme, Scales: []float32{c.scale}})
		values := valuesOf(t, q)
		for _, x := range []struct {
			x, y    float32
			clipped float64
		}{
			{values[0], values[1], 0},
			{c.edge, 0, 0},
			{math.Nextafter32(c.edge, 2*c.edge), 0, 0.5},
		} {
			got, err := q.Compare(newTensor([]float32{x.x, x.y}, 2))
			if err != nil || got.Clipped != x.clipped {
				t.Errorf("%v with scale %v, codes %v: of %v and %v, %v are clipped, %v, want %v", c.scheme, c.scale, c.codes,
					x.x, x.y, got.Clipped, err, x.clipped)
			}
		}
	}
}

// TestCompareClippedBlocks has a scale that clips 100 in one block only.
func TestCompareClippedBlocks(t *testing.T) {
	x := newTensor([]float32{
		1, 1, 1,
		100, 1, 1,
		100, 1, 1,
		1, 1, 100,
	}, 4, 3)
	for _, c := range []struct {
		scheme  qtensor.Scheme
		scales  []float32
		clipped float64
	}{
		{qtensor.Int4().PerAxis(1), []float32{1, 100, 100}, 2},
		{qtensor.Int4().PerAxis(1), []float32{100, 1, 100}, 0},
		{qtensor.Int4().PerAxis(1), []float32{100, 100, 1}, 1},
		{qtensor.Int4().PerAxis(0), []float32{1, 100, 100, 100}, 0},
		{qtensor.Int4().PerAxis(0), []float32{100, 1, 100, 1}, 2},
		{qtensor.Int4().PerGroup(1, 2), []float32{1, 100, 100, 100, 100, 100}, 1},
		{qtensor.Int4().PerGroup(1, 2), []float32{100, 100, 1, 1, 1, 100}, 0},
		{qtensor.Int4().PerGroup(1, 3), []float32{1, 100, 100, 100, 1, 1}, 3},
		{qtensor.Int4().PerGroup(0, 2), []float32{100, 100, 100, 1, 1, 1, 100, 100}, 1},
	} {
		p := qtensor.Params{Scheme: c.scheme, Scales: c.scales}
		got, err := mustQuantizeWith(t, x, p).Compare(x)
		if err != nil || got.Clipped != c.clipped/12 {
			t.Errorf("%v with scales %v: clipped %v of 12, %v, want %v", c.scheme, c.scales, 12*got.Clipped, err, c.clipped)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	q := mustQuantize(t, newTensor([]float32{1, 2, 3, 4, 5, 6}, 2, 3), qtensor.Symmetric(8))
	for _, shape := range [][]int{{6}, {3, 2}, {2, 3, 1}, {1, 2, 3}} {
		_, err := q.Compare(newTensor(make([]float32, 6), shape...))
		wantError(t, fmt.Sprintf("shape %v", shape), err, qtensor.ErrShape)
	}
	for _, bad := range []float32{nan, inf, -inf} {
		_, err := q.Compare(newTensor([]float32{1, 2, 3, 4, 5, bad}, 2, 3))
		wantError(t, fmt.Sprintf("%v among the values", bad), err, qtensor.ErrValue)
	}
	scalar := mustQuantize(t, tensor.New(tensor.FromScalar(float32(2))), qtensor.Symmetric(8))
	if got, err := scalar.Compare(tensor.New(tensor.FromScalar(2.0))); err != nil || got.Max != 0 {
		t.Errorf("scalar: %+v, %v", got, err)
	}
}

func TestStatsString(t *testing.T) {
	s := qtensor.Stats{SQNR: 41.236, Max: 0.0125, Mean: 0.5, Cosine: 0.9999995, Clipped: 0.00125}
	if got, want := s.String(), "SQNR 41.24 dB, max error 0.0125, mean error 0.5, cosine 1.000000, clipped 0.1250%"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The extreme code widens the span of its own block and of no other.
func TestCompareClippedExtremeBlock(t *testing.T) {
	codes := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]int8{-8, 7, 1, 7}))
	q, err := qtensor.FromCodes(codes, qtensor.Params{Scheme: qtensor.Int4().PerAxis(0), Scales: []float32{1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := q.Compare(newTensor([]float32{-8.25, 7, -8.25, 7}, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	if stats.Clipped != 0.25 {
		t.Errorf("got %v clipped, want the -8.25 of row 1 alone, 0.25", stats.Clipped)
	}
}
