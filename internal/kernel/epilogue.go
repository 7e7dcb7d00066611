package kernel

// The epilogue turns the sums of a tile, rows×columns integers, dense, into results. Where a column has one
// scale and no zero point it is one pass over the tile, in float32 for quantized values of a byte and in
// float64 for a fixed point.

// Epilogue is what the sums of a tile become, for row i and column j:
//
//	y[i][j] = max((Scales[j]·(sums[i][j] − Zeros[i]·Compensation[j]))·RowScales[i] + Bias[j], Floor)
//
// The difference is modulo 2^32; it, each product and each sum are rounded to float32. A NaN stays one. No
// Bias is −0, and so no y is. The first Columns columns are results. Lists by column go on with zeros to a
// multiple of 16; scales are finite.
type Epilogue struct {
	Columns      int
	Compensation []int32
	Scales, Bias []float32
	Floor        float32

	Zeros     []int32
	RowScales []float32
}

// WideEpilogue is what the sums of several planes of a tile become, one plane after the other:
//
//	s = Σ_p Base^p·sums[p][i][j] − Zeros[i]·Compensation[j]
//	y[i][j] = max(float32(Scales[j]·s·RowScales[i]) + Bias[j], Floor)
//
// The arithmetic is float64 up to the conversion, each product and each sum rounded, and the sum with Bias
// float32. A NaN stays one. Lists by column are as those of Epilogue.
type WideEpilogue struct {
	Planes       int
	Base         float64
	Columns      int
	Compensation []int32
	Scales, Bias []float32
	Floor        float32

	Zeros, RowScales []float64
}

// value returns y for the sum of row i and column j.
func (e *Epilogue) value(sum int32, i, j int) float32 {
	s := float32(e.Scales[j] * float32(sum-e.Zeros[i]*e.Compensation[j]))
	return max(float32(s*e.RowScales[i])+e.Bias[j], e.Floor)
}

// dequantizeSumsGeneric sets dst[i][j] = y[i][j] for the columns that are results, with rows of dst stride
// apart.
func dequantizeSumsGeneric(dst []float32, stride int, sums []int32, e *Epilogue) {
	for i := range e.Zeros {
		row, sums := dst[i*stride:][:e.Columns], sums[i*len(e.Compensation):]
		for j := range row {
			row[j] = e.value(sums[j], i, j)
		}
	}
}

// dequantizeAfter returns a kernel that sets dst as dequantizeSumsGeneric does, from sums as multiplyGeneric sets
// them. A result is among the columns of the last panel.
func dequantizeAfter(multiply func(sums []int32, a *Left, b *Right), dequantize func(dst []float32, stride int, sums []int32, e *Epilogue)) func(
	dst []float32, stride int, sums []int32, a *Left, b *Right, e *Epilogue) {
	return func(dst []float32, stride int, sums []int32, a *Left, b *Right, e *Epilogue) {
		multiply(sums, a, b)
		dequantize(dst, stride, sums, e)
	}
}

// requantizeSumsGeneric sets dst[i][j] = clamp(RNE(y[i][j]/Scale) + Zero, Low, High) by to, a float32
// division, for the columns that are results, with rows of dst stride apart. Every y is finite. All rows of
// sums, which has no more, have the zero point and the scale of the first.
func requantizeSumsGeneric(dst []uint8, stride int, sums []int32, e *Epilogue, to Affine) {
	for i := range len(sums) / len(e.Compensation) {
		row, sums := dst[i*stride:][:e.Columns], sums[i*len(e.Compensation):]
		for j := range row {
			y := [1]float32{e.value(sums[j], 0, j)}
			quantizeGeneric(row[j:j+1], y[:], to)
		}
	}
}

// dequantizePlanesGeneric sets dst[i][j] = y[i][j] for the columns that are results, with rows of dst stride
// apart.
func dequantizePlanesGeneric(dst []float32, stride int, sums []int32, e *WideEpilogue) {
	n := len(e.Compensation)
	for i, zero := range e.Zeros {
		row := dst[i*stride:][:e.Columns]
		for j := range row {
			var sum float64
			for p := e.Planes - 1; p >= 0; p-- {
				sum = float64(sum*e.Base) + float64(sums[(p*len(e.Zeros)+i)*n+j])
			}
			s := float64(float64(e.Scales[j]) * (sum - float64(zero*float64(e.Compensation[j]))))
			row[j] = max(float32(s*e.RowScales[i])+e.Bias[j], e.Floor)
		}
	}
}

// checkEpilogue panics where lengths do not go together, a bug of the caller.
func checkEpilogue(dst, stride, sums, planes, columns, zeros, compensation, rowScales, scales, bias int) {
	if columns < 1 || zeros < 1 || compensation < columns || compensation%PanelColumns != 0 || scales < compensation || bias < compensation ||
		rowScales < zeros || sums < planes*zeros*compensation || dst < (zeros-1)*stride+columns {
		panic("kernel: the lengths of an epilogue do not go together")
	}
}
