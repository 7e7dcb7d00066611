package workload

import (
	"math/rand/v2"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Random returns a k×n weight of random codes and parameters, the same at every call: Quantize takes far
// longer.
func (f Format) Random(k, n int) (Weight, error) {
	r := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	p := f.randomParams(r, k, n)
	shift := 8 - f.Scheme.Bits()
	var codes any
	if f.Scheme.IsCodebook() {
		codes = draw(r, k*n, func(b uint8) uint8 { return b >> shift })
	} else {
		codes = draw(r, k*n, func(b uint8) int8 { return int8(b) >> shift })
	}
	q, err := qtensor.FromCodes(tensor.New(tensor.WithShape(n, k), tensor.WithBacking(codes)), p)
	if err != nil {
		return Weight{}, err
	}
	return packed(q)
}

// randomParams returns levels evenly spread, and random multipliers and scales.
func (f Format) randomParams(r *rand.Rand, k, n int) qtensor.Params {
	size := f.Scheme.GroupSize()
	scales, groups := n, n*((k+size-1)/size)
	p := qtensor.Params{Scheme: f.Scheme}
	if f.Scheme.IsCodebook() {
		half := 1 << (f.Scheme.Bits() - 1)
		for q := range 2 * half {
			p.Levels = append(p.Levels, int8((q-half)*127/half))
		}
		for range groups {
			p.GroupMultipliers = append(p.GroupMultipliers, int8(r.IntN(255)-127))
		}
	} else {
		scales = groups
	}
	for range scales {
		p.Scales = append(p.Scales, float32(1024+r.IntN(1024))/(1<<20)) // a float16 has its 11 digits
	}
	return p
}

// draw returns so many codes, each made of 8 random bits.
func draw[C uint8 | int8](r *rand.Rand, count int, code func(b uint8) C) []C {
	codes := make([]C, count)
	var bits uint64
	for i := range codes {
		if i%8 == 0 {
			bits = r.Uint64()
		}
		codes[i], bits = code(uint8(bits)), bits>>8
	}
	return codes
}
