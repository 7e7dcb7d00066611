package qtensor

import (
	"fmt"

	"euryale/internal/convert"
	"euryale/internal/dense"
	"euryale/internal/kernel"

	"gorgonia.org/tensor"
)

// Dequantize returns r = s·(q − z) for every element, computed in float32; r = S·w8 likewise under Codebook,
// and s times the float that q stands for under Float8E4M3FN, Float8E5M2 and MXFP4; or r = lo + s·q under
// Uniform, computed in float64 and rounded to float32. dt is the element type of the result: float32, or
// float64, which holds the same values. r saturates to the largest finite float32. Errors: ErrDtype;
// ErrScheme for the zero QTensor.
func (q *QTensor) Dequantize(dt tensor.Dtype) (*tensor.Dense, error) {
	if err := q.valid(); err != nil {
		return nil, fmt.Errorf("qtensor: Dequantize: %w", err)
	}
	switch dt {
	case tensor.Float32:
		return dense.New(q.values(), q.shape), nil
	case tensor.Float64:
		values := q.values()
		wide := make([]float64, len(values))
		for i, v := range values {
			wide[i] = float64(v)
		}
		return dense.New(wide, q.shape), nil
	}
	return nil, fmt.Errorf("qtensor: Dequantize: %w: got %s, want float32 or float64", ErrDtype, dense.TypeName(dt))
}

// values returns the dequantized elements in row-major order.
func (q *QTensor) values() []float32 {
	switch c := q.unpack().(type) {
	case []int8:
		return decode(c, q.params, q.blocks)
	case []uint8:
		p := &q.params
		if f := p.Scheme.minifloat(); f != nil {
			out := make([]float32, len(c))
			convert.DecodeMinifloats(out, c, q.blocks, p.Scales, f)
			return out
		}
		if p.Scheme.IsCodebook() {
			out := make([]float32, len(c))
			convert.Dequantize(out, p.lookUp(c, q.shape, q.blocks), q.channels(), p.int8Affines())
			return out
		}
		return decode(c, q.params, q.blocks)
	default:
		out := make([]float32, q.Len())
		convert.Decode(out, c.([]uint16), floatFormat(q.params.Scheme))
		return out
	}
}

func decode[C kernel.Code](codes []C, p Params, b convert.Blocks) []float32 {
	out := make([]float32, len(codes))
	if p.Scheme.HasOffset() {
		convert.DequantizeGrid(out, any(codes).([]uint8), b, p.grids())
	} else {
		convert.Dequantize(out, codes, b, p.affines())
	}
	return out
}
