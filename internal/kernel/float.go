package kernel

import "euryale/internal/half"

// decodeGeneric sets dst[i] to the value of src[i] in the format, exactly. It is finite.
func decodeGeneric(dst []float32, src []uint16, f half.Format) {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = f.Decode(c)
	}
}

// multiplyFloatGeneric sets d[i][j] = Σ_p x[i][p]·w[p][j] in float64, added in order of p to 0, for rows of x
// that are ldx apart and a panel w of 16 columns; d is row-major and dense. Products are exact where x is
// float32 and w comes from 16 bits.
func multiplyFloatGeneric(d []float64, x []float32, ldx int, w []float32, rows int) {
	k := len(w) / PanelColumns
	for i := range rows {
		var sums [PanelColumns]float64
		for p, v := range x[i*ldx:][:k] {
			row := (*[PanelColumns]float32)(w[p*PanelColumns:])
			for j := range sums {
				sums[j] += float64(float64(v) * float64(row[j]))
			}
		}
		copy(d[i*PanelColumns:], sums[:])
	}
}
