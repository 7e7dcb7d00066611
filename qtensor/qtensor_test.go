package qtensor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

func TestFromCodes(t *testing.T) {
	for _, c := range []struct {
		scheme qtensor.Scheme
		codes  any
		want   []float32 // with scale −0.5, zero point 3, offset 10
	}{
		{qtensor.Uniform(3), []uint8{0, 7, 1}, []float32{10, 6.5, 9.5}},
		{qtensor.Symmetric(8), []int8{-128, 127, 0}, []float32{64, -63.5, 0}},
		{qtensor.Symmetric(2), []int8{-2, 1, -1}, []float32{1, -0.5, 0.5}},
		{qtensor.Affine(8), []uint8{0, 255, 3}, []float32{1.5, -126, 0}},
		{qtensor.PowerOfTwo(3), []uint8{0, 7, 4}, []float32{1.5, -2, -0.5}},
		{qtensor.Int4(), []int8{-8, 7, 1}, []float32{4, -3.5, -0.5}},
		{qtensor.UInt4(), []uint8{0, 15, 2}, []float32{1.5, -6, 0.5}},
		{qtensor.Float16(), []uint16{0x3c00, 0xfbff, 0x8001}, []float32{1, -65504, -0x1p-24}},
		{qtensor.BFloat16(), []uint16{0x3f80, 0xff7f, 0x0001}, []float32{1, -0x1.fep127, 0x1p-133}},
	} {
		p := qtensor.Params{Scheme: c.scheme}
		if !c.scheme.IsFloat() {
			p.Scales = []float32{-0.5}
		}
		if c.scheme.HasZeroPoint() {
			p.ZeroPoints = []int32{3}
		}
		if c.scheme.HasOffset() {
			p.Offsets = []float32{10}
		}
		q, err := qtensor.FromCodes(tensor.New(tensor.WithShape(3), tensor.WithBacking(c.codes)), p)
		if err != nil {
			t.Errorf("%v: %v", c.scheme, err)
			continue
		}
		if got := valuesOf(t, q); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v stands for %v, want %v", c.scheme, c.codes, got, c.want)
		}
		if got := q.Codes().Data(); fmt.Sprintf("%T %v", got, got) != fmt.Sprintf("%T %v", c.codes, c.codes) {
			t.Errorf("%v: got codes %T %v, want %T %v", c.scheme, got, got, c.codes, c.codes)
		}
		again, err := qtensor.FromCodes(q.Codes(), q.Params())
		if err != nil {
			t.Errorf("%v: a second time: %v", c.scheme, err)
		} else if diff := same(t, again, q); diff != "" {
			t.Errorf("%v: a second time: %s", c.scheme, diff)
		}
	}
}

func TestFromCodesRefuses(t *testing.T) {
	params := func(s qtensor.Scheme) qtensor.Params {
		p, err := qtensor.NewParams(s, []float32{-1}, []float32{1})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	int8s := func(c int8) *tensor.Dense { return newTensor([]int8{0, c}, 2) }
	uint8s := func(c uint8) *tensor.Dense { return newTensor([]uint8{0, c}, 2) }
	uint16s := func(c uint16) *tensor.Dense { return newTensor([]uint16{0, c}, 2) }
	for _, c := range []struct {
		scheme qtensor.Scheme
		codes  *tensor.Dense
		want   error
	}{
		{qtensor.Int4(), int8s(8), qtensor.ErrValue},
		{qtensor.Int4(), int8s(-9), qtensor.ErrValue},
		{qtensor.Int4(), int8s(127), qtensor.ErrValue},
		{qtensor.Symmetric(2), int8s(2), qtensor.ErrValue},
		{qtensor.Symmetric(2), int8s(-3), qtensor.ErrValue},
		{qtensor.Symmetric(7), int8s(64), qtensor.ErrValue},
		{qtensor.Symmetric(7), int8s(-65), qtensor.ErrValue},
		{qtensor.UInt4(), uint8s(16), qtensor.ErrValue},
		{qtensor.Uniform(2), uint8s(4), qtensor.ErrValue},
		{qtensor.Affine(7), uint8s(128), qtensor.ErrValue},
		{qtensor.PowerOfTwo(5), uint8s(255), qtensor.ErrValue},
		{qtensor.Float16(), uint16s(0x7c00), qtensor.ErrValue},
		{qtensor.Float16(), uint16s(0xfe00), qtensor.ErrValue},
		{qtensor.BFloat16(), uint16s(0xff80), qtensor.ErrValue},
		{qtensor.BFloat16(), uint16s(0x7fc0), qtensor.ErrValue},
		{qtensor.Int4(), uint8s(1), qtensor.ErrDtype},
		{qtensor.Symmetric(8), uint8s(1), qtensor.ErrDtype},
		{qtensor.Affine(8), int8s(1), qtensor.ErrDtype},
		{qtensor.UInt4(), newTensor([]float32{1, 2}, 2), qtensor.ErrDtype},
		{qtensor.Float16(), newTensor([]int16{1, 2}, 2), qtensor.ErrDtype},
		{qtensor.Int4(), nil, qtensor.ErrLayout},
		{qtensor.Int4(), &tensor.Dense{}, qtensor.ErrLayout},
		{qtensor.Int4(), tensor.New(tensor.WithShape(2), tensor.WithBacking([]int8{1, 2}, []bool{true, false})), qtensor.ErrLayout},
		{qtensor.Int4(), newTensor([]int8{}, 0), qtensor.ErrShape},
		{qtensor.Int4().PerAxis(1), int8s(0), qtensor.ErrShape},
		{qtensor.Int4().PerAxis(0), int8s(0), qtensor.ErrParams}, // one scale, where two are wanted
	} {
		_, err := qtensor.FromCodes(c.codes, params(c.scheme))
		wantError(t, fmt.Sprintf("%v from %v", c.scheme, c.codes), err, c.want)
		if errors.Is(err, qtensor.ErrValue) && !strings.Contains(err.Error(), " at 1,") {
			t.Errorf("%v: error %q does not name the element", c.scheme, err)
		}
	}
}

// TestCode compares Code with Codes at every index of tensors with odd and even sizes.
func TestCode(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, shape := range [][]int{{1}, {2}, {5}, {3, 5}, {2, 3, 4}} {
		x := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for _, s := range schemesFor(len(shape)) {
			q := mustQuantize(t, newTensor(x, shape...), s)
			at := make([]int, len(shape))
			for flat, want := range codesOf(t, q) {
				for axis, rest := len(shape)-1, flat; axis >= 0; axis-- {
					at[axis], rest = rest%shape[axis], rest/shape[axis]
				}
				if got, err := q.Code(at...); err != nil || got != want {
					t.Errorf("%v of %v: Code(%v) = %d, %v, want %d", s, shape, at, got, err, want)
				}
			}
			bad := [][]int{nil, make([]int, len(shape)+1)}
			for axis := range shape {
				below, past := make([]int, len(shape)), make([]int, len(shape))
				below[axis], past[axis] = -1, shape[axis]
				bad = append(bad, below, past)
			}
			for _, at := range bad {
				_, err := q.Code(at...)
				wantError(t, fmt.Sprintf("%v of %v: Code(%v)", s, shape, at), err, qtensor.ErrShape)
			}
		}
	}
	q := mustQuantize(t, tensor.New(tensor.FromScalar(float32(-2))), qtensor.Int4())
	if got, err := q.Code(); err != nil || got != -7 {
		t.Errorf("Code() of a scalar = %d, %v, want -7", got, err)
	}
}

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		scheme qtensor.Scheme
		shape  []int
		bytes  int
	}{
		{qtensor.Symmetric(8), []int{10, 10}, 100 + 4},
		{qtensor.Symmetric(2), []int{10, 10}, 25 + 4},
		{scaled(qtensor.Symmetric(8)), []int{10, 10}, 100 + 2 + 4},
		{qtensor.Affine(8).PerAxis(1), []int{10, 7}, 70 + 7*(4+1)},
		{scaled(qtensor.Affine(8).PerAxis(1)), []int{10, 7}, 70 + 7*(2+1) + 4},
		{qtensor.PowerOfTwo(3), []int{11}, 5 + 4 + 1},
		{qtensor.Uniform(8).PerAxis(0), []int{3, 5}, 15 + 3*(4+4)},
		{qtensor.Int4(), []int{4}, 2 + 4},
		{qtensor.Int4(), []int{3, 3}, 5 + 4},
		{qtensor.UInt4(), []int{3, 3}, 5 + 4 + 1},
		{scaled(qtensor.Int4().PerGroup(1, 32)), []int{64, 10}, 320 + 20*2 + 4},
		{scaled(qtensor.UInt4().PerGroup(1, 32)), []int{65, 1}, 33 + 3*(2+1) + 4},
		{qtensor.Float16(), []int{3, 3}, 18},
		{qtensor.BFloat16(), []int{1}, 2},
	} {
		n := tensor.Shape(c.shape).TotalSize()
		q := mustQuantize(t, newTensor(make([]float32, n), c.shape...), c.scheme)
		if q.Bytes() != c.bytes || q.Len() != n || q.BitsPerElement() != 8*float64(c.bytes)/float64(n) {
			t.Errorf("%v of %v: %d bytes, %d elements, %v bits each, want %d bytes", c.scheme, c.shape, q.Bytes(), q.Len(),
				q.BitsPerElement(), c.bytes)
		}
	}
	scalar := mustQuantize(t, tensor.New(tensor.FromScalar(1.5)), qtensor.Int4())
	if scalar.Bytes() != 1+4 || scalar.Len() != 1 {
		t.Errorf("scalar: %d bytes, %d elements", scalar.Bytes(), scalar.Len())
	}
}

// TestZeroQTensor goes through all methods of a QTensor that no function made.
func TestZeroQTensor(t *testing.T) {
	q := &qtensor.QTensor{}
	if q.Len() != 0 || q.Bytes() != 0 || q.BitsPerElement() != 0 || len(q.Shape()) != 0 || q.Codes() != nil {
		t.Errorf("got %d elements, %d bytes, %v bits each, shape %v, codes %v, want none", q.Len(), q.Bytes(),
			q.BitsPerElement(), q.Shape(), q.Codes())
	}
	if p := q.Params(); q.Scheme() != (qtensor.Scheme{}) || p.Scheme != q.Scheme() || p.Scales != nil {
		t.Errorf("got scheme %v, parameters %+v", q.Scheme(), p)
	}
	if got, want := q.String(), "QTensor () invalid scheme, 0 bytes, 0.00 bits per element"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err := q.Code()
	wantError(t, "Code()", err, qtensor.ErrScheme)
	_, err = q.Code(0)
	wantError(t, "Code(0)", err, qtensor.ErrScheme)
	_, err = q.T()
	wantError(t, "T()", err, qtensor.ErrScheme)
	_, err = q.T(0)
	wantError(t, "T(0)", err, qtensor.ErrScheme)
	_, err = q.Dequantize(tensor.Float32)
	wantError(t, "Dequantize", err, qtensor.ErrScheme)
	_, err = q.Compare(newTensor([]float32{1}, 1))
	wantError(t, "Compare", err, qtensor.ErrScheme)
}

func TestString(t *testing.T) {
	x := newTensor([]float32{127, -254, 0, 1}, 2, 2)
	for s, want := range map[qtensor.Scheme]string{
		qtensor.Symmetric(8):            "QTensor (2, 2) symmetric8, 8 bytes, 16.00 bits per element, scale 2",
		qtensor.Symmetric(8).PerAxis(1): "QTensor (2, 2) symmetric8@1, 12 bytes, 24.00 bits per element, 2 scales 1 to 2",
		qtensor.BFloat16():              "QTensor (2, 2) bfloat16, 8 bytes, 16.00 bits per element",
	} {
		if got := mustQuantize(t, x, s).String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTransposed compares with the transpose of the values, and with quantizing the transposed tensor under
// the scheme whose channel axis has moved along.
func TestTransposed(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	whole, split := 0, 0
	for _, shape := range [][]int{{5}, {4, 7}, {1, 6}, {2, 3, 5}, {3, 1, 4}, {1, 1, 5}, {2, 3, 2, 3}, {64, 65}, {130, 3}, {63, 129}} {
		dims := len(shape)
		x := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		// One group for each index of the channel axis is never split.
		for _, s := range append(schemesFor(dims), qtensor.Symmetric(8).PerGroup(0, 1000), qtensor.UInt4().PerGroup(dims-1, 1000)) {
			q := mustQuantize(t, newTensor(x, shape...), s)
			for _, axes := range permutations(dims) {
				name := fmt.Sprintf("%v of %v by %v", s, shape, axes)
				got, err := q.T(axes...)
				if tearsGroups(s, shape, axes) {
					wantError(t, name, err, qtensor.ErrScheme)
					if err != nil && !strings.Contains(err.Error(), " for "+s.String()+",") {
						t.Errorf("%s: error %q does not name the scheme", name, err)
					}
					split++
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				whole++
				moved := s
				if axis, ok := s.Axis(); ok {
					moved = moveAxis(s, slices.Index(axes, axis))
				}
				want := mustQuantize(t, transposed(newTensor(slices.Clone(x), shape...), axes...), moved)
				if diff := same(t, got, want); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
				inverse := make([]int, dims)
				for i, a := range axes {
					inverse[a] = i
				}
				back, err := got.T(inverse...)
				if err != nil {
					t.Errorf("%s: and back: %v", name, err)
				} else if diff := same(t, back, q); diff != "" {
					t.Errorf("%s: and back: %s", name, diff)
				}
			}
		}
	}
	t.Logf("%d permutations kept their groups, %d split them", whole, split)
	if whole == 0 || split == 0 {
		t.Errorf("%d permutations kept their groups, %d split them", whole, split)
	}
}

func moveAxis(s qtensor.Scheme, axis int) qtensor.Scheme {
	if size := s.GroupSize(); size > 0 {
		return s.PerGroup(axis, size)
	}
	return s.PerAxis(axis)
}

// tearsGroups reports whether the elements that share a group before are not those after: it compares the
// groups that the two schemes make, element by element.
func tearsGroups(s qtensor.Scheme, shape, axes []int) bool {
	axis, ok := s.Axis()
	if !ok {
		return false
	}
	to := make([]int, len(shape))
	for i, a := range axes {
		to[i] = shape[a]
	}
	before := make([]int32, tensor.Shape(shape).TotalSize())
	for i, b := range blocksOf(shape, s) {
		before[i] = int32(b)
	}
	moved := materializedInts(transposed(newTensor(before, shape...), axes...))
	for i, b := range blocksOf(to, moveAxis(s, slices.Index(axes, axis))) {
		if int32(b) != moved[i] {
			return true
		}
	}
	return false
}

func materializedInts(d *tensor.Dense) []int32 {
	return d.Materialize().Data().([]int32)
}

func TestTransposedRefuses(t *testing.T) {
	q := mustQuantize(t, newTensor([]float32{1, 2, 3, 4, 5, 6}, 2, 3), qtensor.Int4())
	for _, axes := range [][]int{{0}, {0, 0}, {1, 1}, {0, 2}, {-1, 0}, {0, 1, 2}, {1, 0, 0}} {
		_, err := q.T(axes...)
		wantError(t, fmt.Sprintf("T(%v)", axes), err, qtensor.ErrShape)
	}
	scalar := mustQuantize(t, tensor.New(tensor.FromScalar(float32(3))), qtensor.Int4())
	if got, err := scalar.T(); err != nil || same(t, got, scalar) != "" {
		t.Errorf("T() of a scalar is %v, %v", got, err)
	}
	_, err := scalar.T(0)
	wantError(t, "T(0) of a scalar", err, qtensor.ErrShape)
	// No axes given reverses them.
	x := newTensor([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 1, 6)
	reversed, err := mustQuantize(t, x, qtensor.Affine(8).PerAxis(2)).T()
	if err != nil {
		t.Fatal(err)
	}
	if diff := same(t, reversed, mustQuantize(t, transposed(x), qtensor.Affine(8).PerAxis(0))); diff != "" {
		t.Error(diff)
	}
}
