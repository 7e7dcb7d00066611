package qtensor_test

import (
	"errors"
	"math"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// newTensor returns a tensor that owns data.
func newTensor[T any](data []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

func mustQuantize(t testing.TB, x tensor.Tensor, s qtensor.Scheme, opts ...qtensor.QuantizeOption) *qtensor.QTensor {
	t.Helper()
	q, err := qtensor.Quantize(x, s, opts...)
	if err != nil {
		t.Fatalf("Quantize(%v): %v", s, err)
	}
	return q
}

func mustQuantizeWith(t testing.TB, x tensor.Tensor, p qtensor.Params) *qtensor.QTensor {
	t.Helper()
	q, err := qtensor.QuantizeWith(x, p)
	if err != nil {
		t.Fatalf("QuantizeWith(%+v): %v", p, err)
	}
	return q
}

// wantError fails unless err wraps target and is none of the other sentinels.
func wantError(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: got error %v, want one that wraps %q", what, err, target)
		return
	}
	for _, other := range []error{
		qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme,
		qtensor.ErrParams, qtensor.ErrValue, qtensor.ErrFormat, qtensor.ErrNotFound,
	} {
		if !errors.Is(target, other) && errors.Is(err, other) {
			t.Errorf("%s: got error %v, which wraps %q besides %q", what, err, other, target)
		}
	}
}

// codesOf returns the codes, or 16-bit patterns, of q in row-major order.
func codesOf(t testing.TB, q *qtensor.QTensor) []int32 {
	t.Helper()
	switch data := elements(q.Codes()).(type) {
	case []int8:
		return widen(data)
	case []uint8:
		return widen(data)
	case []uint16:
		return widen(data)
	default:
		t.Fatalf("codes are %T", data)
		return nil
	}
}

func widen[T int8 | uint8 | uint16](data []T) []int32 {
	out := make([]int32, len(data))
	for i, c := range data {
		out[i] = int32(c)
	}
	return out
}

// elements returns the data of a contiguous tensor, which is one element rather than a slice for a scalar.
func elements(d *tensor.Dense) any {
	switch data := d.Data().(type) {
	case float32:
		return []float32{data}
	case float64:
		return []float64{data}
	case int8:
		return []int8{data}
	case uint8:
		return []uint8{data}
	case uint16:
		return []uint16{data}
	default:
		return data
	}
}

// valuesOf returns the dequantized elements of q in row-major order.
func valuesOf(t testing.TB, q *qtensor.QTensor) []float32 {
	t.Helper()
	d, err := q.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatalf("Dequantize: %v", err)
	}
	return elements(d).([]float32)
}

// ulp returns the distance from |x| to the next larger float32.
func ulp(x float64) float64 {
	f := float32(math.Abs(x))
	return float64(math.Nextafter32(f, float32(math.Inf(1)))) - float64(f)
}
