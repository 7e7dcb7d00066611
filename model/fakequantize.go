package model

import (
	"fmt"
	"math"

	"euryale/internal/kernel"
	"euryale/qtensor"
)

// fakeShape is the rule of FakeQuantize, whose attributes are parameters of 8 bits.
func fakeShape(n *node, in []size) (size, error) {
	if s := float64(n.Scale); !(s >= kernel.MinScale && s <= math.MaxFloat32) {
		return nil, fmt.Errorf("%w: scale is %v, want a finite one of at least 2^-126", qtensor.ErrParams, n.Scale)
	}
	if n.Low < math.MinInt8 || n.Low > n.Zero || n.Zero > n.High || n.High > math.MaxUint8 {
		return nil, fmt.Errorf("%w: low, zero and high are %d, %d and %d, want 8-bit values in this order", qtensor.ErrParams, n.Low, n.Zero, n.High)
	}
	return in[0], nil
}

// fakeQuantize sets y = s·clamp(RNE(x/s), low − z, high − z), as quantizing and dequantizing do; NaN and
// infinities stay.
func fakeQuantize(n *node, y array, in []array, _ *scratch) {
	low, high := float64(n.Low-n.Zero), float64(n.High-n.Zero)
	for i, v := range in[0].x {
		if v-v == 0 {
			v = float32(n.Scale * float32(max(low, min(high, math.RoundToEven(float64(v/n.Scale))))))
			v = max(-math.MaxFloat32, min(math.MaxFloat32, v))
		}
		y.x[i] = v + 0 // and not −0
	}
}
