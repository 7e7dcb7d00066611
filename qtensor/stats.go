package qtensor

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/kernel"

	"gorgonia.org/tensor"
)

// Stats is how far the dequantized values r are from the real values x, in sums over all elements, computed
// in float64.
type Stats struct {
	SQNR   float64 // 10·log10(Σx²/Σ(x − r)²) in dB; +Inf where r = x throughout, else −Inf where x = 0 throughout
	Max    float64 // max|x − r|
	Mean   float64 // mean|x − r|
	Cosine float64 // Σx·r/√(Σx²·Σr²); 1 where x and r are 0 throughout, 0 where one of them is
	// Clipped is the fraction of elements that lie more than s/2 outside of what their block can represent;
	// under a scheme of floats, the fraction that rounds past the largest one.
	Clipped float64
}

// String returns the figures in one line.
func (s Stats) String() string {
	return fmt.Sprintf("SQNR %.2f dB, max error %.4g, mean error %.4g, cosine %.6f, clipped %.4f%%", s.SQNR, s.Max, s.Mean, s.Cosine, 100*s.Clipped)
}

// Compare returns the error statistics of q against x, the values that it was made from: float32, or float64,
// which is rounded to float32 first; of q's shape, in any layout. Errors: ErrShape, ErrDtype, ErrLayout;
// ErrValue for NaN or an infinity in x; ErrScheme for the zero QTensor.
func (q *QTensor) Compare(x tensor.Tensor) (Stats, error) {
	if err := q.valid(); err != nil {
		return Stats{}, fmt.Errorf("qtensor: Compare: %w", err)
	}
	data, err := dense.Float32s(x)
	if err != nil {
		return Stats{}, fmt.Errorf("qtensor: Compare: %w", err)
	}
	if !slices.Equal(x.Shape(), q.shape) {
		return Stats{}, fmt.Errorf("qtensor: Compare: %w: got %v, want %v", ErrShape, x.Shape(), q.shape)
	}
	if _, _, bad := kernel.MinMax(data); bad >= 0 {
		return Stats{}, fmt.Errorf("qtensor: Compare: %w: got %v at %d, want finite values", ErrValue, data[bad], bad)
	}
	values := q.values()
	var signal, other, cross, noise, sum, largest float64
	for i, v := range data {
		x, r := float64(v), float64(values[i])
		e := math.Abs(x - r)
		signal += float64(x * x)
		other += float64(r * r)
		cross += float64(x * r)
		noise += float64(e * e)
		sum += e
		largest = max(largest, e)
	}
	return Stats{
		SQNR:    decibels(signal, noise),
		Max:     largest,
		Mean:    sum / float64(len(data)),
		Cosine:  cosine(cross, signal, other),
		Clipped: float64(q.clipped(data)) / float64(len(data)),
	}, nil
}

func decibels(signal, noise float64) float64 {
	if noise == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(signal/noise)
}

func cosine(cross, a, b float64) float64 {
	switch {
	case a == 0 && b == 0:
		return 1
	case a == 0 || b == 0:
		return 0
	}
	return max(-1, min(1, cross/math.Sqrt(a)/math.Sqrt(b)))
}

// clipped returns how many elements lie more than s/2 outside the range of their block.
func (q *QTensor) clipped(data []float32) (n int) {
	if q.params.Scheme.isFloat8() {
		return q.pastMinifloat(data)
	}
	if q.params.Scheme.IsFloat() {
		f := floatFormat(q.params.Scheme)
		for _, x := range data {
			if !isFinite(f.Decode(f.Encode(x))) {
				n++
			}
		}
		return n
	}
	if q.params.Scheme.IsCodebook() {
		lows, highs := q.params.bookSpans(q.blocks)
		groups := q.blocks.Groups()
		q.blocks.Within(0, len(data), func(block, begin, end int) {
			for _, x := range data[begin:end] {
				if steps := float64(x) / float64(q.params.Scales[block/groups]); steps < lows[block]-0.5 || steps > highs[block]+0.5 {
					n++
				}
			}
		})
		return n
	}
	lows, highs := q.codeSpans()
	signed, _ := q.unpack().([]int8)
	q.blocks.Within(0, len(signed), func(block, begin, end int) {
		if least := -highs[block] - 1; slices.Contains(signed[begin:end], int8(least)) {
			lows[block] = least // FromCodes takes it under a positive scale too
		}
	})
	q.blocks.Within(0, len(data), func(block, begin, end int) {
		low, high, scale, offset := lows[block], highs[block], float64(q.params.Scales[block]), 0.0
		if q.params.Scheme.HasOffset() {
			offset = float64(q.params.Offsets[block])
		}
		for _, x := range data[begin:end] {
			if steps := (float64(x) - offset) / scale; steps < low-0.5 || steps > high+0.5 {
				n++
			}
		}
	})
	return n
}

// codeSpans returns qmin − z and qmax − z of each block.
func (q *QTensor) codeSpans() (lows, highs []float64) {
	p := &q.params
	low, high := p.Scheme.CodeRange()
	if p.Scheme.method == mxfp4 {
		high = int32(p.Scheme.minifloat().Max)
		low = -high
	}
	affine := p.affines()
	affine.Low, affine.High = low, high
	for block := range p.Scales {
		a := kernel.Affine{Low: low, High: high}
		if !p.Scheme.HasOffset() {
			a = affine.At(block)
		}
		lows, highs = append(lows, float64(a.Low-a.Zero)), append(highs, float64(a.High-a.Zero))
	}
	return lows, highs
}
