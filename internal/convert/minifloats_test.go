package convert_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"euryale/internal/convert"
	"euryale/internal/minifloat"
)

// TestMinifloats compares tensors cut in every way with elements converted one by one.
func TestMinifloats(t *testing.T) {
	formats := []*minifloat.Format{minifloat.E4M3FN(), minifloat.E5M2(), minifloat.E2M1()}
	for i, b := range tensors() {
		f := formats[i%len(formats)]
		blocks := blockOf(b)
		x := numbers(rand.New(rand.NewPCG(uint64(i), 3)), len(blocks))
		scales := make([]float32, b.Count())
		for i := range scales {
			scales[i] = float32(math.Ldexp(1+float64(i%7)/8, i%11-5))
		}
		codes, values := make([]uint8, len(x)), make([]float32, len(x))
		convert.EncodeMinifloats(codes, x, b, scales, f)
		finite := make([]uint8, len(x))
		for i, c := range codes {
			if finite[i] = c; f.Magnitude(c) > f.Last {
				finite[i]--
			}
		}
		convert.DecodeMinifloats(values, finite, b, scales, f)
		for i, block := range blocks {
			var code [1]uint8
			var value [1]float32
			f.Encode(code[:], x[i:i+1], scales[block])
			f.Decode(value[:], finite[i:i+1], scales[block])
			if codes[i] != code[0] || values[i] != value[0] {
				t.Fatalf("%+v: element %d, %v, became %#02x and %v, want %#02x and %v", b, i, x[i], codes[i], values[i], code[0], value[0])
			}
		}
	}
}
