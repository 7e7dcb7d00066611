package kernel

// Groups is the right operand of a product whose columns have a scale for each group of depth: Panels panels
// of Count groups, each of Steps steps. Codes are as Right has them, with no room between panels, and there
// may be Nibbles in their place, half as many bytes, as PackPanels has them; Steps is even then. Lists by
// column are [panel][group][16]; Compensation is Σ b[d][j] over the depth d of a group, and nil ZeroPoints or
// Offsets are zeros.
type Groups struct {
	Codes                []int8
	Nibbles              []uint8
	Panels, Count, Steps int

	Scales                   []float32
	Compensation, ZeroPoints []int32
	Offsets                  []float32

	Zeros       []int32 // by row, where there is one plane
	Totals      []int64 // by row, TotalStride apart, and group: of the size of an int32
	TotalStride int
}

// check panics where lengths do not go together, a bug of the caller.
func (b *Groups) check(acc int, a *Left) {
	lists, totals := b.Panels*b.Count*PanelColumns, 0
	codes, there := lists*b.Steps*StepDepth, len(b.Codes)
	if b.Nibbles != nil {
		there = 2 * len(b.Nibbles)
	}
	if b.ZeroPoints != nil || b.Offsets != nil {
		totals = (a.Rows-1)*b.TotalStride + b.Count
	}
	if a.Rows < 1 || a.Lines != 1 || a.Planes < 1 || len(a.Gaps) > 0 || a.Steps != b.Count*b.Steps ||
		len(a.Data) < a.extent(1) || b.Panels < 1 || b.Count < 1 || b.Steps < 1 || b.Nibbles != nil && b.Steps%2 != 0 || there < codes ||
		acc < a.Rows*b.Panels*PanelColumns || len(b.Scales) < lists || len(b.Compensation) < lists ||
		b.ZeroPoints != nil && len(b.ZeroPoints) < lists || b.Offsets != nil && len(b.Offsets) < lists ||
		a.Planes == 1 && len(b.Zeros) < a.Rows || len(b.Totals) < totals {
		panic("kernel: lengths of groups do not go together")
	}
}

// multiplyGroupsGeneric adds to acc, [rows][panel][16], for a row i of a, which is one plane of unsigned bytes
// without gaps, and a column j of all panels, group by group in order of depth:
//
//	acc[i][j] += Scales[g][j]·(Σ a[i][d]·b[d][j] − Zeros[i]·Compensation[g][j] − Totals[i][g]·ZeroPoints[g][j])
//	acc[i][j] += Totals[i][g]·Offsets[g][j]
//
// The sum is over the depth d of the group, and the difference modulo 2^32. It, Totals in the second line, each
// product and each sum are rounded to float32.
func multiplyGroupsGeneric(acc []float32, a *Left, b *Groups) {
	b.check(len(acc), a)
	const n = PanelColumns
	depth := b.Steps * StepDepth
	for panel := range b.Panels {
		for g := range b.Count {
			at := panel*b.Count + g
			for i, zero := range b.Zeros[:a.Rows] {
				var sums [n]int32
				b.add(&sums, a.Data[i*a.Stride+g*depth:][:depth], at)
				row := (*[n]float32)(acc[(i*b.Panels+panel)*n:])
				for j, sum := range sums {
					sum -= zero * b.Compensation[at*n+j]
					if b.ZeroPoints != nil {
						sum -= int32(b.Totals[i*b.TotalStride+g]) * b.ZeroPoints[at*n+j]
					}
					row[j] += float32(b.Scales[at*n+j] * float32(sum))
					if b.Offsets != nil {
						row[j] += float32(float32(int32(b.Totals[i*b.TotalStride+g])) * b.Offsets[at*n+j])
					}
				}
			}
		}
	}
}

// multiplyWideGroupsGeneric adds to acc, [rows][panel][16], for a row i of a, which is two or three planes of
// unsigned bytes without gaps, and a column j of all panels of nibbles, group by group in order of depth:
//
//	acc[i][j] += Scales[g][j]·(D − Totals[i][g]·ZeroPoints[g][j])
//	D = Σ_p 2^(8p)·Σ a[p][i][d]·b[d][j] − 2^(8·Planes−1)·Compensation[g][j]
//	acc[i][j] += Totals[i][g]·Offsets[g][j]
//
// Sixteen times the sum of a plane is an int32, and D is one, modulo 2^32. The rest is float64.
func multiplyWideGroupsGeneric(acc []float64, a *Left, b *Groups) {
	b.check(len(acc), a)
	const n = PanelColumns
	depth := b.Steps * StepDepth
	for panel := range b.Panels {
		for g := range b.Count {
			at := panel*b.Count + g
			for i := range a.Rows {
				var all [n]int32
				for plane := range a.Planes {
					var sums [n]int32
					b.add(&sums, a.Data[plane*a.Plane+i*a.Stride+g*depth:][:depth], at)
					for j, sum := range sums {
						all[j] += sum << (8 * plane)
					}
				}
				row := (*[n]float64)(acc[(i*b.Panels+panel)*n:])
				for j, sum := range all {
					d := float64(sum - b.Compensation[at*n+j]<<(8*a.Planes-1))
					if b.ZeroPoints != nil {
						d -= float64(float64(int32(b.Totals[i*b.TotalStride+g])) * float64(b.ZeroPoints[at*n+j]))
					}
					row[j] += float64(float64(b.Scales[at*n+j]) * d)
					if b.Offsets != nil {
						row[j] += float64(float64(int32(b.Totals[i*b.TotalStride+g])) * float64(b.Offsets[at*n+j]))
					}
				}
			}
		}
	}
}

// add adds the products of x and a group, counted through all panels, to the sums of 16 columns.
func (b *Groups) add(sums *[PanelColumns]int32, x []uint8, group int) {
	size := b.Steps * StepBytes
	if b.Nibbles == nil {
		U8.addSteps(sums, x, b.Codes[group*size:])
		return
	}
	var codes [2 * StepBytes]int8
	for nibbles := b.Nibbles[group*size/2:]; len(x) > 0; x, nibbles = x[2*StepDepth:], nibbles[StepBytes:] {
		unpackGeneric(codes[:], nibbles[:StepBytes])
		U8.addSteps(sums, x[:2*StepDepth], codes[:])
	}
}
