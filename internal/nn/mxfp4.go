package nn

import (
	"euryale/internal/dense"
	"euryale/internal/minifloat"
	"euryale/qtensor"
)

func isMXFP4(s qtensor.Scheme) bool { return s.Scales() == qtensor.ScaleE8M0 }

// doubled returns MXFP4 as integers, −12 … 12: twice the floats, and their scales, which are halved. A scale
// may be 2^−128.
func doubled(w *qtensor.QTensor) (codes []int8, scales []float32, err error) {
	from, err := dense.Slice[uint8](w.Codes())
	if err != nil {
		return nil, nil, err
	}
	var table [16]int8
	for c := range table {
		table[c] = int8(2 * minifloat.E2M1().Values[c])
	}
	codes = make([]int8, len(from))
	for i, c := range from {
		codes[i] = table[c&0xf]
	}
	scales = w.Params().Scales // a copy
	for i := range scales {
		scales[i] /= 2
	}
	return codes, scales, nil
}
