package kernel

// Where a column has several scales, one for each group of depth, or zero points, every group adds to an
// accumulator, which is finished when all groups have.

// Group is what the sums of a group of depth add to a tile, for row i and column j:
//
//	acc[i][j] += Scales[j]·(sums[i][j] − Zeros[i]·Compensation[j] − Totals[i]·ZeroPoints[j])
//	acc[i][j] += Totals[i]·Offsets[j]
//
// The difference is modulo 2^32, with the low 32 bits of Totals, and is rounded to float32, as each product
// and each sum is; in the second line Totals is FloatTotals. There are Panels panels of 16 columns, and lists
// by column have theirs Stride elements apart. ZeroPoints and Offsets may be nil, both at once: the terms of
// Totals are left out then.
type Group struct {
	Panels, Stride           int
	Scales                   []float32
	Compensation, ZeroPoints []int32
	Offsets                  []float32

	Zeros, Totals []int32
	FloatTotals   []float32 // the exact totals, rounded
}

// WideGroup is Group for sums and Totals that are float64 and exact, with all arithmetic in float64.
type WideGroup struct {
	Panels, Stride           int
	Scales                   []float32
	Compensation, ZeroPoints []int32
	Offsets                  []float32

	Zeros, Totals []float64
}

// inLists returns where the element of column j is in lists whose panels are so far apart.
func inLists(j, stride int) int { return j/PanelColumns*stride + j%PanelColumns }

// accumulateGroupGeneric adds to acc what g says; acc and sums are dense, [rows][panel][16].
func accumulateGroupGeneric(acc []float32, sums []int32, g *Group) {
	n := g.Panels * PanelColumns
	for i, zero := range g.Zeros {
		acc, sums := acc[i*n:][:n], sums[i*n:][:n]
		for column, sum := range sums {
			j := inLists(column, g.Stride)
			sum -= zero * g.Compensation[j]
			if g.ZeroPoints == nil {
				acc[column] += float32(g.Scales[j] * float32(sum))
				continue
			}
			acc[column] += float32(g.Scales[j] * float32(sum-g.Totals[i]*g.ZeroPoints[j]))
			acc[column] += float32(g.FloatTotals[i] * g.Offsets[j])
		}
	}
}

// accumulateWideGroupGeneric adds to acc what g says; acc and sums are dense, [rows][panel][16].
func accumulateWideGroupGeneric(acc, sums []float64, g *WideGroup) {
	n := g.Panels * PanelColumns
	for i := range g.Zeros {
		acc, sums := acc[i*n:][:n], sums[i*n:][:n]
		for column, sum := range sums {
			j := inLists(column, g.Stride)
			acc[column] += float64(float64(g.Scales[j]) * g.compensated(sum, i, j))
			if g.Offsets != nil {
				acc[column] += float64(g.Totals[i] * float64(g.Offsets[j]))
			}
		}
	}
}

// compensated returns the sum of row i and element j of lists less what the offset of planes and zero points
// add to it.
func (g *WideGroup) compensated(sum float64, i, j int) float64 {
	sum -= float64(g.Zeros[i] * float64(g.Compensation[j]))
	if g.ZeroPoints != nil {
		sum -= float64(g.Totals[i] * float64(g.ZeroPoints[j]))
	}
	return sum
}

// AccumulateRounded adds to acc what AccumulateGroup adds, for exact sums that an int32 does not hold: for
// row i and column j,
//
//	acc[i][j] += Scales[j]·float32(sums[i][j] − Zeros[i]·Compensation[j] − Totals[i]·ZeroPoints[j])
//	acc[i][j] += totals[i]·Offsets[j]
//
// The difference is made in float64; it, each product and each sum are rounded to float32.
func AccumulateRounded(acc []float32, sums []float64, g *WideGroup, totals []float32) {
	n := g.Panels * PanelColumns
	for i := range g.Zeros {
		acc, sums := acc[i*n:][:n], sums[i*n:][:n]
		for column, sum := range sums {
			j := inLists(column, g.Stride)
			acc[column] += float32(g.Scales[j] * float32(g.compensated(sum, i, j)))
			if g.Offsets != nil {
				acc[column] += float32(totals[i] * g.Offsets[j])
			}
		}
	}
}

// addSumsGeneric sets d[i] += weight·sums[i].
func addSumsGeneric(d []float64, sums []int32, weight float64) {
	d = d[:len(sums)]
	for i, x := range sums {
		d[i] += float64(weight * float64(x))
	}
}

// finishGeneric sets dst[i][j] = max(float32(acc[i][j]·scales[i]) + bias[j], floor) for so many columns j,
// with rows of dst stride apart and rows of acc len(bias). A NaN stays one, and −0 becomes 0.
func finishGeneric[T float32 | float64](dst []float32, stride, columns int, acc, scales []T, bias []float32, floor float32) {
	for i, scale := range scales {
		row, acc := dst[i*stride:][:columns], acc[i*len(bias):]
		for j := range row {
			row[j] = max(float32(T(acc[j]*scale))+bias[j], floor) + 0
		}
	}
}
