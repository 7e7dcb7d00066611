package kernel

import "math"

// Arithmetic holds kernels of float32, element by element. Each result is exact, or rounded once,
// but for those of functions.
type Arithmetic struct {
	Plus, Minus, Times, Over Pairs
	Smaller, Larger          Pairs // NaN where an operand is, and −0 is smaller than 0
	Less, LessOrEqual, Equal Pairs // 1 where it is true, 0 where it is not

	Clamp  Scaled // y = min(max(x, b), c), NaN where x is, for b ≤ c
	Scale  Scaled // y = x·b + c, the product rounded too
	Slopes Scaled // y = x·b where x < 0, and x·c elsewhere

	Sqrt, Floor, Ceil, Abs            Each
	Exp, Sigmoid, Tanh, Log, Softplus Each // at most 2 units in the last place off
}

// Pairs sets y[i·n + j] = a ∘ b for rows i of n elements and the operands' elements of row i and column j. y
// may be an operand with the same elements there.
type Pairs = func(y []float32, n int, a, b Operands)

// Operands has the element of row i and column j at i·Row + j·Step of X. Step is 0 or 1.
type Operands struct {
	X         []float32
	Row, Step int
}

// Vector returns the operands of one row that are x.
func Vector(x []float32) Operands { return Operands{x, 0, 1} }

// Repeated returns the operands that are x[0] everywhere.
func Repeated(x []float32) Operands { return Operands{x, 0, 0} }

// ByRows returns the kernel that calls row for every row, with the steps of operands.
func ByRows(row func(y, a, b []float32, da, db int)) Pairs {
	return func(y []float32, n int, a, b Operands) {
		for i := 0; i*n < len(y); i++ {
			row(y[i*n:][:n], a.X[i*a.Row:], b.X[i*b.Row:], a.Step, b.Step)
		}
	}
}

// Scaled sets y[i] to a function of x[i] and two numbers for every i. y may be x.
type Scaled = func(y, x []float32, b, c float32)

// Each sets y[i] to a function of x[i] for every i. y may be x.
type Each = func(y, x []float32)

func plusGeneric(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] + b[i*db]
	}
}

func minusGeneric(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] - b[i*db]
	}
}

func timesGeneric(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] * b[i*db]
	}
}

func overGeneric(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] / b[i*db]
	}
}

func smallerGeneric(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = min(a[i*da], b[i*db])
	}
}

func largerGeneric(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = max(a[i*da], b[i*db])
	}
}

// compared returns the kernel of a comparison.
func compared(f func(a, b float32) bool) Pairs {
	return ByRows(func(y, a, b []float32, da, db int) {
		for i := range y {
			is := f(a[i*da], b[i*db])
			if y[i] = 0; is {
				y[i] = 1
			}
		}
	})
}

func clampGeneric(y, x []float32, low, high float32) {
	for i, v := range x[:len(y)] {
		y[i] = min(max(v, low), high)
	}
}

func scaleGeneric(y, x []float32, scale, shift float32) {
	for i, v := range x[:len(y)] {
		y[i] = float32(v*scale) + shift
	}
}

func slopesGeneric(y, x []float32, below, above float32) {
	for i, v := range x[:len(y)] {
		slope := above
		if v < 0 {
			slope = below
		}
		y[i] = v * slope
	}
}

// each returns the kernel of a function whose result float32 holds, or which is rounded correctly by way of
// float64.
func each(f func(x float64) float64) Each {
	return func(y, x []float32) {
		for i, v := range x[:len(y)] {
			y[i] = float32(f(float64(v)))
		}
	}
}

var arithmeticGeneric = Arithmetic{
	Plus: ByRows(plusGeneric), Minus: ByRows(minusGeneric), Times: ByRows(timesGeneric), Over: ByRows(overGeneric), Smaller: ByRows(smallerGeneric), Larger: ByRows(largerGeneric),
	Less:        compared(func(a, b float32) bool { return a < b }),
	LessOrEqual: compared(func(a, b float32) bool { return a <= b }),
	Equal:       compared(func(a, b float32) bool { return a == b }),
	Clamp:       clampGeneric, Scale: scaleGeneric, Slopes: slopesGeneric,
	Sqrt: each(math.Sqrt), Floor: each(math.Floor), Ceil: each(math.Ceil), Abs: each(math.Abs),
	Exp: functionOf(exp), Sigmoid: functionOf(sigmoid), Tanh: functionOf(tanh), Log: functionOf(log), Softplus: functionOf(softplus),
}
