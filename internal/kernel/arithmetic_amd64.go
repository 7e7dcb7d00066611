//go:build !purego

package kernel

var arithmeticAVX2 = Arithmetic{
	Plus: pairsBy(plusPairsAVX2), Minus: pairsBy(minusPairsAVX2), Times: pairsBy(timesPairsAVX2), Over: pairsBy(overPairsAVX2),
	Smaller: pairsBy(smallerPairsAVX2), Larger: pairsBy(largerPairsAVX2),
	Less: pairsBy(lessPairsAVX2), LessOrEqual: pairsBy(lessOrEqualPairsAVX2), Equal: pairsBy(equalPairsAVX2),
	Clamp: scaledBy(clampAVX2), Scale: scaledBy(scaleAVX2), Slopes: scaledBy(slopesAVX2),
	Sqrt: eachBy(sqrtAVX2), Floor: eachBy(floorAVX2), Ceil: eachBy(ceilAVX2), Abs: eachBy(absAVX2),
	Exp: eachBy(expAVX2), Sigmoid: eachBy(sigmoidAVX2), Tanh: eachBy(tanhAVX2), Log: eachBy(logAVX2), Softplus: eachBy(softplusAVX2),
}

var arithmeticAVX512 = Arithmetic{
	Plus: pairsBy(plusPairsAVX512), Minus: pairsBy(minusPairsAVX512), Times: pairsBy(timesPairsAVX512), Over: pairsBy(overPairsAVX512),
	Smaller: pairsBy(smallerPairsAVX512), Larger: pairsBy(largerPairsAVX512),
	Less: pairsBy(lessPairsAVX512), LessOrEqual: pairsBy(lessOrEqualPairsAVX512), Equal: pairsBy(equalPairsAVX512),
	Clamp: scaledBy(clampAVX512), Scale: scaledBy(scaleAVX512), Slopes: scaledBy(slopesAVX512),
	Sqrt: eachBy(sqrtAVX512), Floor: eachBy(floorAVX512), Ceil: eachBy(ceilAVX512), Abs: eachBy(absAVX512),
	Exp: eachBy(expAVX512), Sigmoid: eachBy(sigmoidAVX512), Tanh: eachBy(tanhAVX512), Log: eachBy(logAVX512), Softplus: eachBy(softplusAVX512),
}

// pairsBy returns a kernel that checks lengths, and calls assembly for so many elements at a time.
func pairsBy(asm func(y, a, b *float32, n, rows, rowA, rowB, da, db int)) Pairs {
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
				asm(&y[row*n+j], &a.X[row*a.Row+j*a.Step], &b.X[row*b.Row+j*b.Step], min(columns, n-j), min(together, rows-row), a.Row, b.Row, a.Step, b.Step)
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
