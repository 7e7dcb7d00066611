package kernel

// Where a column has one scale and no zero point, the output stage is one walk over a tile. The results are those of
// the steps one by one.

// directGeneric sets dst[i][j] = max((scales[j]·(c[i][j] − u[i]·v[j]))·r[i] + bias[j], floor), with the difference
// modulo 2^32 and rounded to float32, and rows of dst stride apart. A NaN stays one, and −0 becomes 0.
func directGeneric(dst []float32, stride int, c, u, v []int32, scales, r, bias []float32, floor float32) {
	n := len(v)
	for i, x := range u {
		row, sums := dst[i*stride:][:n], c[i*n:][:n]
		for j, y := range v {
			s := float32(scales[j] * float32(sums[j]-x*y))
			row[j] = max(float32(s*r[i])+bias[j], floor) + 0
		}
	}
}

// directWideGeneric sets dst[i][j] = max(float32(scales[j]·(Σ_p base^p·c_p[i][j] − u[i]·v[j])·r[i]) + bias[j], floor),
// with the planes c_p one after the other in c, and rows of dst stride apart. A NaN stays one, and −0 becomes 0.
func directWideGeneric(dst []float32, stride int, c []int32, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32) {
	n := len(v)
	for i, x := range u {
		row := dst[i*stride:][:n]
		for j, y := range v {
			var sum float64
			for p := planes - 1; p >= 0; p-- {
				sum = float64(sum*base) + float64(c[(p*len(u)+i)*n+j])
			}
			s := float64(float64(scales[j]) * (sum - float64(x*float64(y))))
			row[j] = max(float32(s*r[i])+bias[j], floor) + 0
		}
	}
}

// multiplyDirectGeneric is multiplyU8Generic and then directGeneric, for as many rows as u has, in each of so many lines, which begin
// step apart in a and follow each other in dst. A row of a is len(gaps)+1 runs of 4·steps bytes, of which run i+1 begins gaps[i]
// behind the end of run i; b has them one after the other.
func multiplyDirectGeneric(dst []float32, stride int, a []uint8, lda int, gaps []int, b []int8, ldb, steps, panels int, u, v []int32, scales, r, bias []float32, floor float32, lines, step int) {
	c := make([]int32, len(u)*panels*PanelColumns)
	for line := range lines {
		multiplyRuns(c, a[line*step:], lda, gaps, b, ldb, steps, len(u), panels)
		directGeneric(dst[line*len(u)*stride:], stride, c, u, v, scales, r, bias, floor)
	}
}

// multiplyDirectWideGeneric likewise for each of the planes, which are plane apart, and then directWideGeneric.
func multiplyDirectWideGeneric(dst []float32, stride int, a []uint8, lda, plane int, gaps []int, b []int8, ldb, steps, panels, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32) {
	size := len(u) * panels * PanelColumns
	c := make([]int32, planes*size)
	for p := range planes {
		multiplyRuns(c[p*size:][:size], a[p*plane:], lda, gaps, b, ldb, steps, len(u), panels)
	}
	directWideGeneric(dst, stride, c, planes, base, u, v, scales, r, bias, floor)
}

// multiplyRuns is multiplyU8Generic for rows of runs.
func multiplyRuns(c []int32, a []uint8, lda int, gaps []int, b []int8, ldb, steps, rows, panels int) {
	multiplyU8Generic(c, a, lda, b, ldb, steps, rows, panels)
	part := make([]int32, len(c))
	for _, gap := range gaps {
		a, b = a[steps*StepDepth+gap:], b[steps*StepBytes:]
		multiplyU8Generic(part, a, lda, b, ldb, steps, rows, panels)
		for i, x := range part {
			c[i] += x
		}
	}
}
