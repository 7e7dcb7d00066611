package gemm_test

import (
	"math"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// weight is a weight as the formula has it: the element at depth p of column j is s·(q − z) + lo, with codes
// as files hold them, signed or not.
type weight struct {
	k, n, group int
	bits        int
	signed      bool
	codes       []int64 // [n][k]
	scales      []float32
	zeros       []int32   // or nil
	offsets     []float32 // or nil
}

func (w weight) groups() int { return (w.k + w.group - 1) / w.group }

// codeRange returns the smallest and the largest code.
func (w weight) codeRange() (low, high int64) {
	if w.signed {
		return -1 << (w.bits - 1), 1<<(w.bits-1) - 1
	}
	return 0, 1<<w.bits - 1
}

func (w weight) pack(t testing.TB) *pack.Matrix {
	t.Helper()
	m := pack.Matrix{K: w.k, N: w.n, Group: w.group}
	m.Scales = append(m.Scales, w.scales...)
	m.Zeros = append(m.Zeros, w.zeros...)
	m.Offsets = append(m.Offsets, w.offsets...)
	var packed *pack.Matrix
	if w.signed {
		packed = pack.New(m, narrow[int8](w.codes), w.bits)
	} else {
		packed = pack.New(m, narrow[uint8](w.codes), w.bits)
	}
	return packed
}

func narrow[C kernel.Code](codes []int64) []C {
	out := make([]C, len(codes))
	for i, c := range codes {
		out[i] = C(c)
	}
	return out
}

// reference returns x·w as the doc of gemm.Multiply has it.
func reference(x []float32, m int, w weight, a gemm.Arithmetic, out gemm.Output) []float32 {
	var y []float32
	for i := range m {
		ints, r := integers(x[i*w.k:(i+1)*w.k], a)
		y = append(y, referenceRow(ints, r, w, a, out)...)
	}
	return y
}

// referenceRow returns a row of the result for the integers of one and their scale. Float32 arithmetic is
// done in float64 and rounded after each operation, which gives the same numbers: for a product, a quotient
// and a sum of two float32, the second rounding does no harm.
func referenceRow(ints []int64, r float64, w weight, a gemm.Arithmetic, out gemm.Output) []float32 {
	round := func(v float64) float64 { return float64(float32(v)) }
	if a.Bits > 0 {
		round = func(v float64) float64 { return v }
	}
	y := make([]float32, w.n)
	for j := range w.n {
		dots, totals := make([]int64, w.groups()), make([]int64, w.groups())
		for p, v := range ints {
			block := j*w.groups() + p/w.group
			zero := int64(0)
			if w.zeros != nil {
				zero = int64(w.zeros[block])
			}
			dots[p/w.group] += v * (w.codes[j*w.k+p] - zero)
			totals[p/w.group] += v
		}
		sum := 0.0
		for g, dot := range dots {
			term := round(float64(w.scales[j*w.groups()+g]) * round(float64(dot)))
			sum = round(sum + term)
			if w.offsets != nil {
				term = round(float64(w.offsets[j*w.groups()+g]) * round(float64(totals[g])))
				sum = round(sum + term)
			}
		}
		y[j] = output(float32(round(sum*r)), j, out)
	}
	return y
}

// output returns max(y + bias, 0), with a bias of 0 and without the maximum where they are not asked for.
func output(y float32, j int, out gemm.Output) float32 {
	bias := 0.0
	if out.Bias != nil {
		bias = float64(out.Bias[j])
	}
	y = float32(float64(y) + bias)
	if y == 0 {
		return 0 // never −0
	}
	if out.ReLU && y <= 0 {
		return 0
	}
	return y
}

// integers returns the integers of a row, and their scale.
func integers(row []float32, a gemm.Arithmetic) ([]int64, float64) {
	var largest, lo, hi float64
	for _, v := range row {
		v := float64(v)
		lo, hi, largest = math.Min(lo, v), math.Max(hi, v), math.Max(largest, math.Abs(v))
	}
	ints := make([]int64, len(row))
	if a.Bits > 0 {
		top := float64(int64(1) << (a.Bits - 1))
		scale := 1.0
		for largest > 0 && largest*scale < top/2 {
			scale *= 2
		}
		for largest*scale >= top {
			scale /= 2
		}
		for p, v := range row {
			ints[p] = int64(math.Max(1-top, math.Min(top-1, nearestEven(float64(v)*scale))))
		}
		return ints, 1 / scale
	}
	affine := a.Static
	if affine == nil {
		affine = &kernel.Affine{Scale: float32(float64(float32(hi-lo)) / 255), High: 255}
		if math.IsInf(float64(float32(hi-lo)), 0) {
			affine.Scale = float32((hi - lo) / 255)
		}
		if affine.Scale == 0 {
			affine.Scale = 1
		}
		affine.Scale = max(affine.Scale, 0x1p-126)
		affine.Zero = int32(math.Min(255, nearestEven(float64(float32(-lo/float64(affine.Scale))))))
	}
	for p, v := range row {
		code := nearestEven(float64(float32(float64(v)/float64(affine.Scale)))) + float64(affine.Zero)
		ints[p] = int64(math.Max(float64(affine.Low), math.Min(float64(affine.High), code))) - int64(affine.Zero)
	}
	return ints, float64(affine.Scale)
}

// nearestEven rounds to the nearest integer, ties to even.
func nearestEven(v float64) float64 {
	floor := math.Floor(v)
	if over := v - floor; over > 0.5 || over == 0.5 && math.Mod(floor, 2) != 0 {
		return floor + 1
	}
	return floor
}

// difference returns the first index at which a and b are not the same bits, or −1. One NaN is as good as
// another.
func difference(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && !(a[i] != a[i] && b[i] != b[i]) {
			return i
		}
	}
	return -1
}
