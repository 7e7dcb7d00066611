package ops_test

import (
	"fmt"
	"reflect"
	"testing"

	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestPack packs every scheme: what a Weight says of itself, and that the tensor stays as it is.
func TestPack(t *testing.T) {
	for _, s := range schemes {
		for _, shape := range [][2]int{{1, 1}, {5, 3}, {32, 2}, {33, 4}, {1, 7}} {
			in, out := shape[0], shape[1]
			q := mustQuantize(t, 1, s, in, out)
			params, codes := q.Params(), q.Codes()
			w := mustPack(t, q)
			if w.In() != in || w.Out() != out || w.Scheme() != s {
				t.Errorf("%v %v: In %d, Out %d, Scheme %v", s, shape, w.In(), w.Out(), w.Scheme())
			}
			if got, want := w.Bytes(), packedBytes(s, in, out); got != want {
				t.Errorf("%v %v: Bytes = %d, want %d", s, shape, got, want)
			}
			if got, want := w.String(), fmt.Sprintf("Weight (%d, %d) %v, %d bytes packed", in, out, s, w.Bytes()); got != want {
				t.Errorf("String = %q, want %q", got, want)
			}
			if !reflect.DeepEqual(q.Params(), params) || !reflect.DeepEqual(q.Codes().Data(), codes.Data()) {
				t.Errorf("%v %v: Pack changed the tensor", s, shape)
			}
		}
	}
}

// packedBytes returns the memory of a packed weight: codes, and float32 scales, int32 zero points and float32
// offsets for each group of each column. Columns are filled up to 16, groups to 4 of depth, or to 8 where codes
// have 4 bits, a single one to 64. Unsigned codes have zero points.
func packedBytes(s qtensor.Scheme, in, out int) int {
	up := func(v, multiple int) int { return (v + multiple - 1) / multiple * multiple }
	if s.IsFloat() {
		bytes := 2 * in * up(out, 16)
		if s.HasScales() {
			bytes += 4 * up(out, 16)
		}
		return bytes
	}
	groups, depth := 1, up(in, 64)
	fourBits := s.Storage() == qtensor.StorageInt4 || s.Storage() == qtensor.StorageUint4
	if size := s.GroupSize(); size > 0 && size < in {
		groups = (in + size - 1) / size
		if depth = groups * up(size, 4); fourBits {
			depth = groups * up(size, 8)
		}
	}
	column := depth
	if fourBits {
		column = depth / 2
	}
	lists := 1
	if s.HasZeroPoint() {
		lists = 2
	}
	if s.HasOffset() {
		lists = 3
	}
	return up(out, 16) * (column + 4*lists*groups)
}

// TestPackTransposed packs a weight of shape (out, in) by T.
func TestPackTransposed(t *testing.T) {
	const m, in, out = 3, 7, 4
	for _, s := range []qtensor.Scheme{
		qtensor.Affine(8), qtensor.PerChannelSymmetric(8, 0),
		qtensor.UInt4().PerGroup(0, 3), qtensor.BFloat16(),
	} {
		stored := mustQuantize(t, 1, s, out, in)
		q, err := stored.T()
		if err != nil {
			t.Fatal(err)
		}
		d, err := stored.Dequantize(tensor.Float64)
		if err != nil {
			t.Fatal(err)
		}
		x, rows := gaussian(2, m*in), d.Float64s()
		want := fill(m*out, func(i int) (sum float64) {
			for p := range in {
				sum += float64(x[i/out*in+p]) * rows[i%out*in+p]
			}
			return sum
		})
		got := mustDo(t, mustOp(t, tensor.Float32, 2, mustPack(t, q)), newTensor(x, m, in))
		if !isClose(tensortest.Float64s(got), want, 1e-6) {
			t.Errorf("%v: %v, want %v", s, got, want)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	quantized := func(s qtensor.Scheme, shape ...int) *qtensor.QTensor {
		t.Helper()
		q, err := qtensor.Quantize(newTensor(gaussian(1, tensor.Shape(shape).TotalSize()), shape...), s)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for _, c := range []struct {
		name   string
		q      *qtensor.QTensor
		target error
		parts  []string
	}{
		{"nil", nil, qtensor.ErrShape, []string{"got nil"}},
		{"zero QTensor", new(qtensor.QTensor), qtensor.ErrShape, []string{"got ()"}},
		{"vector", quantized(qtensor.Affine(8), 6), qtensor.ErrShape, []string{"got (6)", "want a matrix (in, out)"}},
		{"rank 3", quantized(qtensor.Affine(8), 2, 3, 4), qtensor.ErrShape, []string{"got (2, 3, 4)"}},
		{"rank 3, float16", quantized(qtensor.Float16(), 2, 3, 4), qtensor.ErrShape, []string{"got (2, 3, 4)"}},
		{"scales of rows", quantized(qtensor.PerChannelSymmetric(8, 0), 3, 4), qtensor.ErrScheme, []string{"got symmetric8@0", "axis 1"}},
		{"groups of rows", quantized(qtensor.Int4().PerGroup(0, 2), 3, 4), qtensor.ErrScheme, []string{"got int4/g2@0", "axis 1"}},
	} {
		w, err := ops.Pack(c.q)
		if w != nil {
			t.Errorf("%s: got a Weight beside error %v", c.name, err)
		}
		wantError(t, c.name, err, c.target, append(c.parts, "ops: Pack", "want")...)
	}
}
