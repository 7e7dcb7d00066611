package kernel

import "math"

// Functions of float32 are polynomials in fused multiply-adds, at most 2 units in the last place from the
// real value. The polynomials are those of Cephes (Moshier, "Methods and Programs for Mathematical
// Functions", 1989).

// A polynomial is its coefficients, highest first.
type polynomial []float32

// at returns the value at x by Horner's rule.
func (p polynomial) at(x float32) float32 {
	y := p[0]
	for _, c := range p[1:] {
		y = fused(y, x, c)
	}
	return y
}

const (
	log2E   float32 = math.Log2E
	ln2     float32 = 0.693359375 // of so few bits that products with exponents are exact
	ln2Rest float32 = math.Ln2 - 0.693359375

	leastExp, mostExp float32 = -104, 89 // of which the results are 0 and infinite

	halfRoot = 0x3f3504f3 // the bits of √½
)

var (
	expPolynomial  = polynomial{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1}
	tanhPolynomial = polynomial{-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1}
	logPolynomial  = polynomial{
		7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
	}
)

// exp returns e^x = 2^n·e^r for the integer n next to x/ln 2.
func exp(x float32) float32 {
	x = min(max(x, leastExp), mostExp)
	n := float32(math.RoundToEven(float64(x * log2E)))
	r := fused(n, -ln2Rest, fused(n, -ln2, x))
	all := int32(n)
	half := all >> 1 // 2^n may be beyond float32, its halves are not
	return float32(expPolynomial.at(r)*powerOf2(half)) * powerOf2(all-half)
}

// powerOf2 returns 2^n for an n from −126 to 127.
func powerOf2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// sigmoid returns 1/(1 + e^−x) = 1/(1 + e) or e/(1 + e), e = e^−|x|. The quotient is corrected by what is
// left over, also of the sum.
func sigmoid(x float32) float32 {
	e := exp(-abs(x))
	over := float32(1)
	if x < 0 {
		over = e
	}
	sum := 1 + e
	y := over / sum
	inverse := y // of the sum, about
	if x < 0 {
		inverse = 1 - y
	}
	left := fused(-y, e-(sum-1), fused(-y, sum, over))
	return fused(left, inverse, y)
}

// tanh returns (e^2x − 1)/(e^2x + 1), by a polynomial of x² where x is small.
func tanh(x float32) float32 {
	a := abs(x)
	square := a * a
	y := fused(a*square, tanhPolynomial.at(square), a)
	if !(a < 0.625) {
		y = 1 - 2/(exp(a+a)+1)
	}
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&0x80000000)
}

func log(x float32) float32 { return logPlus(x, 0) }

// logPlus returns ln x + rest = n·ln 2 + ln(1 + f) + rest for x = 2^n·(1 + f), of which 1 + f is between √½
// and √2, and a small rest.
func logPlus(x, rest float32) float32 {
	switch {
	case !(x >= 0):
		return quietNaN
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	var raised float32
	if x < 0x1p-126 {
		x, raised = x*0x1p23, 23
	}
	power := int32(math.Float32bits(x)-halfRoot) >> 23
	f := math.Float32frombits(math.Float32bits(x)-uint32(power)<<23) - 1
	n, square := float32(power)-raised, float32(f*f)
	y := float32(logPolynomial.at(f)*f) * square
	y = fused(square, -0.5, fused(n, ln2Rest, y)) + rest
	return fused(n, ln2, f+y)
}

// softplus returns ln(1 + e^x) = max(x, 0) + ln(1 + e), e = e^−|x|. What is lost of 1 + e is added to the
// logarithm.
func softplus(x float32) float32 {
	e := exp(-abs(x))
	sum := 1 + e
	return max(x, 0) + logPlus(sum, (e-(sum-1))/sum)
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ 0x80000000) }

// functionOf returns the kernel of a function of float32.
func functionOf(f func(x float32) float32) Each {
	return func(y, x []float32) {
		for i, v := range x[:len(y)] {
			y[i] = f(v)
		}
	}
}
