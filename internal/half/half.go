// Package half converts between float32 and the two 16-bit floating-point formats.
//
// float16 is IEEE 754 binary16, by github.com/x448/float16. bfloat16 is the upper half of a binary32.
// Both round to nearest, ties to even, and keep subnormals.
package half

import (
	"math"

	"github.com/x448/float16"
)

// MaxFloat16 and MaxBFloat16 are the largest finite values of the two formats.
const (
	MaxFloat16  = 65504
	MaxBFloat16 = 0x1.fep127
)

// Format is one of the two 16-bit formats: its conversions and its largest finite value.
type Format struct {
	Encode func(float32) uint16
	Decode func(uint16) float32
	Max    float32
}

// Float16 returns the format of IEEE 754 binary16.
func Float16() Format { return Format{toFloat16, fromFloat16, MaxFloat16} }

// BFloat16 returns the format of bfloat16.
func BFloat16() Format { return Format{toBFloat16, fromBFloat16, MaxBFloat16} }

func toFloat16(x float32) uint16 { return float16.Fromfloat32(x).Bits() }

func fromFloat16(h uint16) float32 { return float16.Frombits(h).Float32() }

func toBFloat16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40 // quiet, so that dropping the low half cannot leave an infinity
	}
	// Adding just under half of the last kept place, or just half where that place is odd, carries into
	// it exactly when rounding to nearest even goes up.
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromBFloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
