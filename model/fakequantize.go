package model

import (
	"math"

	"euryale/internal/ir"
)

// fakeQuantize sets y = s·clamp(RNE(x/s), low − z, high − z), as quantizing and dequantizing do; NaN and
// infinities stay.
func fakeQuantize(n *ir.Resolved, y array, in []array, _ *scratch) {
	low, high := float64(n.QuantMin-n.ZeroPoint), float64(n.QuantMax-n.ZeroPoint)
	for i, v := range in[0].x {
		if v-v == 0 {
			v = float32(n.Scale * float32(max(low, min(high, math.RoundToEven(float64(v/n.Scale))))))
			v = max(-math.MaxFloat32, min(math.MaxFloat32, v))
		}
		y.x[i] = v + 0 // and not −0
	}
}
