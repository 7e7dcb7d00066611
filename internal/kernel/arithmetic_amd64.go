//go:build !purego

package kernel

var arithmeticAVX2 = Arithmetic{
	Plus: pairsBy(pairsAVX2, plus), Minus: pairsBy(pairsAVX2, minus), Times: pairsBy(pairsAVX2, times), Over: pairsBy(pairsAVX2, over),
	Smaller: pairsBy(pairsAVX2, smaller), Larger: pairsBy(pairsAVX2, larger),
	Less: pairsBy(pairsAVX2, less), LessOrEqual: pairsBy(pairsAVX2, lessOrEqual), Equal: pairsBy(pairsAVX2, equal),
	Clamp: scaledBy(clampAVX2), Scale: scaledBy(scaleAVX2), Slopes: scaledBy(slopesAVX2),
	Sqrt: eachBy(sqrtAVX2), Floor: eachBy(floorAVX2), Ceil: eachBy(ceilAVX2), Abs: eachBy(absAVX2),
	Exp: eachBy(expAVX2), Sigmoid: eachBy(sigmoidAVX2), Tanh: eachBy(tanhAVX2), Log: eachBy(logAVX2), Softplus: eachBy(softplusAVX2),
}

var arithmeticAVX512 = Arithmetic{
	Plus: pairsBy(pairsAVX512, plus), Minus: pairsBy(pairsAVX512, minus), Times: pairsBy(pairsAVX512, times), Over: pairsBy(pairsAVX512, over),
	Smaller: pairsBy(pairsAVX512, smaller), Larger: pairsBy(pairsAVX512, larger),
	Less: pairsBy(pairsAVX512, less), LessOrEqual: pairsBy(pairsAVX512, lessOrEqual), Equal: pairsBy(pairsAVX512, equal),
	Clamp: scaledBy(clampAVX512), Scale: scaledBy(scaleAVX512), Slopes: scaledBy(slopesAVX512),
	Sqrt: eachBy(sqrtAVX512), Floor: eachBy(floorAVX512), Ceil: eachBy(ceilAVX512), Abs: eachBy(absAVX512),
	Exp: eachBy(expAVX512), Sigmoid: eachBy(sigmoidAVX512), Tanh: eachBy(tanhAVX512), Log: eachBy(logAVX512), Softplus: eachBy(softplusAVX512),
}

// pairOf is the operation of the assembly of Pairs.
type pairOf int

const (
	plus pairOf = iota
	minus
	times
	over
	smaller
	larger
	less
	lessOrEqual
	equal
)

// pairsBy returns a kernel that checks lengths, and calls assembly for so many elements at a time.
func pairsBy(asm func(y, a, b *float32, n, rows, rowA, rowB, da, db, op int), op pairOf) Pairs {
	return func(y []float32, n int, a, b Operands) {
		if len(y) == 0 {
			return
		}
		rows := len(y) / n
		for _, x := range []Operands{a, b} {
			_ = x.X[(rows-1)*x.Row+(n-1)*x.Step]
		}
		together, columns := max(1, atOnce/n), min(atOnce, n)
		for row := 0; row < rows; row += together {
			for j := 0; j < n; j += columns {
				asm(&y[row*n+j], &a.X[row*a.Row+j*a.Step], &b.X[row*b.Row+j*b.Step], min(columns, n-j), min(together, rows-row), a.Row, b.Row, a.Step, b.Step, int(op))
			}
		}
	}
}

// scaledBy is pairsBy for a vector and two numbers.
func scaledBy(asm func(y, x *float32, n int, b, c float32)) Scaled {
	return func(y, x []float32, b, c float32) {
		x = x[:len(y)]
		for first := 0; first < len(y); first += atOnce {
			asm(&y[first], &x[first], min(atOnce, len(y)-first), b, c)
		}
	}
}

// eachBy is pairsBy for one vector.
func eachBy(asm func(y, x *float32, n int)) Each {
	return func(y, x []float32) {
		x = x[:len(y)]
		for first := 0; first < len(y); first += atOnce {
			asm(&y[first], &x[first], min(atOnce, len(y)-first))
		}
	}
}
