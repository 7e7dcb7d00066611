package model

import (
	"math"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// fakeAtOnce is how many values a FakeQuantize has as bytes at a time, so that they stay in the first cache.
const fakeAtOnce = 4096

// fakeQuantize sets y = s·clamp(RNE(x/s), low − z, high − z), by way of bytes where bytes hold them; NaN and
// infinities stay.
func fakeQuantize(n *ir.Resolved, y array, in []array, s *scratch) {
	x, a := in[0].x, affine(fakeParams(n))
	if a.High > math.MaxUint8 {
		fakeQuantizeEach(n, y.x, x)
		return
	}
	s.bytes = grow(s.bytes, min(fakeAtOnce, len(x)))
	for first := 0; first < len(x); first += fakeAtOnce {
		end := min(first+fakeAtOnce, len(x))
		to, from, q := y.x[first:end], x[first:end], s.bytes[:end-first]
		if kernel.Current().QuantizeU8(q, from, a) {
			kernel.Dequantize(to, q, a)
		} else {
			fakeQuantizeEach(n, to, from)
		}
	}
}

// fakeQuantizeEach is fakeQuantize for any values and parameters, one by one.
func fakeQuantizeEach(n *ir.Resolved, y, x []float32) {
	low, high := float64(n.QuantMin-n.ZeroPoint), float64(n.QuantMax-n.ZeroPoint)
	for i, v := range x {
		if v-v == 0 {
			v = float32(n.Scale * float32(max(low, min(high, math.RoundToEven(float64(v/n.Scale))))))
			v = max(-math.MaxFloat32, min(math.MaxFloat32, v))
		}
		y[i] = v + 0 // and not −0
	}
}
