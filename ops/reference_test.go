package ops_test

import (
	"math"
	"math/big"
	"testing"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// computing is options of a layer, with what the reference must know of them.
type computing struct {
	compute nn.Options
	bits    int             // of block floating point, or 0
	params  *qtensor.Params // of StaticInt8
}

func computings(t testing.TB) []computing {
	t.Helper()
	list := []computing{
		{compute: fixed24, bits: 24},
		{compute: fixed16, bits: 16},
		{compute: dynamicInt8},
	}
	for _, s := range []qtensor.Scheme{
		qtensor.Affine(8), qtensor.Symmetric(8), qtensor.PowerOfTwo(8),
		qtensor.Affine(4), qtensor.Symmetric(4), qtensor.Int4(), qtensor.UInt4(), qtensor.Symmetric(2),
		qtensor.Affine(8).WithScales(qtensor.ScaleFloat16),
	} {
		p, err := qtensor.NewParams(s, []float32{-1.7}, []float32{2.9})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, computing{compute: staticInt8(p), params: &p})
	}
	return list
}

func (c computing) String() string {
	if c.params != nil {
		return c.compute.Activations.String() + " " + c.params.Scheme.String()
	}
	return c.compute.Activations.String()
}

// integers is what a row of activations becomes: values of scale r.
type integers struct {
	x []int64
	r float64
}

// integersOf returns the integers of each row of x, (m, k): block floating point by exact arithmetic, or the
// codes that qtensor gives less their zero point.
func (c computing) integersOf(t testing.TB, x []float32, m, k int) []integers {
	t.Helper()
	rows := make([]integers, m)
	for i := range rows {
		row := x[i*k : (i+1)*k]
		if c.bits > 0 {
			rows[i] = fixed(row, c.bits)
			continue
		}
		var q *qtensor.QTensor
		var err error
		if c.params != nil {
			q, err = qtensor.QuantizeWith(newTensor(row, k), *c.params)
		} else {
			q, err = qtensor.Quantize(newTensor(row, k), qtensor.Affine(8))
		}
		if err != nil {
			t.Fatal(err)
		}
		p := q.Params()
		rows[i] = integers{x: codesOf(t, q), r: float64(p.Scales[0])}
		for at := range rows[i].x {
			if p.Scheme.HasZeroPoint() {
				rows[i].x[at] -= int64(p.ZeroPoints[0])
			}
		}
	}
	return rows
}

func fixed(row []float32, bits int) integers {
	var largest float64
	for _, v := range row {
		largest = max(largest, math.Abs(float64(v)))
	}
	scale := 1.0
	for largest > 0 && largest*scale < math.Ldexp(1, bits-2) {
		scale *= 2
	}
	for largest*scale >= math.Ldexp(1, bits-1) {
		scale /= 2
	}
	out := integers{r: 1 / scale}
	for _, v := range row {
		whole, rest := math.Modf(float64(v) * scale)
		if distance := math.Abs(rest); distance > 0.5 || distance == 0.5 && math.Mod(whole, 2) != 0 {
			whole += math.Copysign(1, rest)
		}
		high := math.Ldexp(1, bits-1) - 1
		out.x = append(out.x, int64(min(high, max(-high, whole))))
	}
	return out
}

// codesOf returns the codes of q in row-major order.
func codesOf(t testing.TB, q *qtensor.QTensor) []int64 {
	t.Helper()
	var out []int64
	switch data := q.Codes().Data().(type) {
	case []int8:
		for _, c := range data {
			out = append(out, int64(c))
		}
	case []uint8:
		for _, c := range data {
			out = append(out, int64(c))
		}
	default:
		t.Fatalf("codes are %T", data)
	}
	return out
}

// blockOf returns the block of each element of a column at depth p, for a matrix with n columns.
func blockOf(s qtensor.Scheme, in int) func(p, j int) int {
	_, perAxis := s.Axis()
	size := s.GroupSize()
	switch {
	case !perAxis:
		return func(int, int) int { return 0 }
	case size == 0:
		return func(_, j int) int { return j }
	}
	size = min(size, in)
	groups := (in + size - 1) / size
	return func(p, j int) int { return j*groups + p/size }
}

// reference returns rows times q as the docs have it, in math/big: integer sums, then real ones of 53 bits
// for block floating point and 24 for codes of a byte, group after group.
func reference(t testing.TB, q *qtensor.QTensor, c computing, rows []integers) []float32 {
	t.Helper()
	in, out := q.Shape()[0], q.Shape()[1]
	codes, p, block := codesOf(t, q), q.Params(), blockOf(q.Scheme(), in)
	precision := uint(24)
	if c.bits > 0 {
		precision = 53
	}
	var sum, term, factor big.Float
	var y []float32
	for _, row := range rows {
		for j := range out {
			sum.SetPrec(precision).SetInt64(0)
			for begin := 0; begin < in; {
				b := block(begin, j)
				var dot, total int64
				for ; begin < in && block(begin, j) == b; begin++ {
					code := codes[begin*out+j]
					if p.ZeroPoints != nil {
						code -= int64(p.ZeroPoints[b])
					}
					dot += row.x[begin] * code
					total += row.x[begin]
				}
				term.SetPrec(precision).SetInt64(dot)
				sum.Add(&sum, term.Mul(&term, factor.SetPrec(precision).SetFloat64(float64(p.Scales[b]))))
				if p.Offsets != nil {
					term.SetInt64(total)
					sum.Add(&sum, term.Mul(&term, factor.SetFloat64(float64(p.Offsets[b]))))
				}
			}
			product := sum.SetPrec(100).Mul(&sum, factor.SetFloat64(row.r))
			v, _ := product.Float32()
			y = append(y, v)
		}
	}
	return y
}

// floatReference returns x times q for weights that are floats: chains of exact products with what q
// dequantizes to, each added and rounded to float32 in order of depth.
func floatReference(t testing.TB, q *qtensor.QTensor, x []float32, m int) []float32 {
	t.Helper()
	d, err := q.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	in, out, w := q.Shape()[0], q.Shape()[1], d.Float32s()
	var y []float32
	var sum, term, factor big.Float
	for i := range m {
		for j := range out {
			var v float32
			for p := 0; p < in && !math.IsInf(float64(v), 0); p++ {
				term.SetPrec(600).SetFloat64(float64(x[i*in+p]))
				term.Mul(&term, factor.SetFloat64(float64(w[p*out+j])))
				v, _ = sum.SetPrec(600).Add(&term, factor.SetFloat64(float64(v))).Float32()
			}
			y = append(y, v+0)
		}
	}
	return y
}
