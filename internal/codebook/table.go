package codebook

import (
	"fmt"
	"slices"
)

// normalFloat is the table of NormalFloat: the 16 quantiles of a normal distribution of QLoRA (arXiv:2305.14314,
// appendix E), times 127.
var normalFloat = []int8{-127, -88, -67, -50, -36, -23, -12, 0, 10, 20, 31, 43, 56, 71, 92, 127}

// e2m1 is the 4-bit float of one sign, two exponent and one mantissa bit (OCP Microscaling Formats 1.0), times 20, in
// ascending order. Both zeros are there; an encoder writes the first, code 7.
var e2m1 = []int8{-120, -80, -60, -40, -30, -20, -10, 0, 0, 10, 20, 30, 40, 60, 80, 120}

// Table returns the levels of a fixed table, and nil where k is learned or has no table of so many bits.
//
// Those of Linear are 128/2^(bits−1) times −2^(bits−1) … 2^(bits−1) − 1. NormalFloat and E2M1 have 4 bits.
func Table(k Kind, bits int) []int8 {
	switch {
	case k == Linear && bits >= 2 && bits <= 4:
		levels := make([]int8, 1<<bits)
		for q := range levels {
			levels[q] = int8((q - len(levels)/2) * (256 / len(levels)))
		}
		return levels
	case k == NormalFloat && bits == 4:
		return slices.Clone(normalFloat)
	case k == E2M1 && bits == 4:
		return slices.Clone(e2m1)
	}
	return nil
}

// CheckLevels returns an error where levels are no table of so many bits. A fixed one is as Table returns it. The levels
// of learned ones ascend strictly and lie in −127 … 127, with 0 among them unless k is LearnedNoZero.
func CheckLevels(k Kind, bits int, levels []int8) error {
	switch {
	case bits < 2 || bits > 4:
		return fmt.Errorf("codebook: got %d bits, want 2 to 4", bits)
	case len(levels) != 1<<bits:
		return fmt.Errorf("codebook: got %d levels, want %d for %d bits", len(levels), 1<<bits, bits)
	case k > LearnedNoZero:
		want := Table(k, bits)
		if want == nil {
			return fmt.Errorf("codebook: there is no %v table of %d bits", k, bits)
		}
		if !slices.Equal(levels, want) {
			return fmt.Errorf("codebook: got levels %v, want those of the %v table: %v", levels, k, want)
		}
		return nil
	}
	for q, level := range levels {
		if level == -128 {
			return fmt.Errorf("codebook: level %d of a %v table is −128, want −127 to 127", q, k)
		}
		if q > 0 && level <= levels[q-1] {
			return fmt.Errorf("codebook: level %d of a %v table is %d after %d, want ascending levels", q, k, level, levels[q-1])
		}
	}
	if k == Learned && !slices.Contains(levels, 0) {
		return fmt.Errorf("codebook: got levels %v, want 0 among those of a %v table", levels, k)
	}
	return nil
}
