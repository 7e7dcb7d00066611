package qtensor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// view is a tensor and the array that it looks into.
type view[T any] struct {
	name    string
	tensor  *tensor.Dense
	backing []T
}

var transposed, sliced = tensortest.Transposed, tensortest.Sliced

// views returns tensors in every layout, of elements that next makes.
func views[T any](next func(i int) T) []view[T] {
	var all []view[T]
	add := func(name string, make func(func(shape ...int) *tensor.Dense) *tensor.Dense, opt func(any) tensor.ConsOpt) {
		v := view[T]{name: name}
		v.tensor = make(func(shape ...int) *tensor.Dense {
			for i := range tensor.Shape(shape).TotalSize() {
				v.backing = append(v.backing, next(i))
			}
			return tensor.New(tensor.WithShape(shape...), opt(v.backing))
		})
		all = append(all, v)
	}
	rowMajor := func(data any) tensor.ConsOpt { return tensor.WithBacking(data) }
	columnMajor := func(data any) tensor.ConsOpt { return tensor.AsFortran(data) }
	type alloc = func(shape ...int) *tensor.Dense
	s := tensor.S
	for _, order := range []struct {
		name string
		opt  func(any) tensor.ConsOpt
	}{{"row-major", rowMajor}, {"column-major", columnMajor}} {
		for name, make := range map[string]func(alloc) *tensor.Dense{
			"matrix":     func(new alloc) *tensor.Dense { return new(5, 7) },
			"transposed": func(new alloc) *tensor.Dense { return transposed(new(7, 5)) },
			"columns":    func(new alloc) *tensor.Dense { return sliced(new(5, 9), nil, s(1, 8)) },
			"rows":       func(new alloc) *tensor.Dense { return sliced(new(8, 7), s(2, 7)) },
			"middle":     func(new alloc) *tensor.Dense { return sliced(new(8, 9), s(2, 7), s(1, 8)) },
			"middle transposed": func(new alloc) *tensor.Dense {
				return transposed(sliced(new(9, 8), s(1, 8), s(2, 7)))
			},
		} {
			add(order.name+" "+name, make, order.opt)
		}
	}
	add("one row", func(new alloc) *tensor.Dense { return new(1, 7) }, rowMajor)
	add("one column", func(new alloc) *tensor.Dense { return new(7, 1) }, rowMajor)
	add("column-major row", func(new alloc) *tensor.Dense { return new(1, 7) }, columnMajor)
	add("column-major column", func(new alloc) *tensor.Dense { return new(7, 1) }, columnMajor)
	add("vector", func(new alloc) *tensor.Dense { return new(11) }, rowMajor)
	add("vector of one", func(new alloc) *tensor.Dense { return new(1) }, rowMajor)
	add("column as a vector", func(new alloc) *tensor.Dense { return sliced(new(6, 5), nil, s(3)) }, rowMajor)
	add("every third", func(new alloc) *tensor.Dense { return sliced(new(19), s(1, 19, 3)) }, rowMajor)
	add("element", func(new alloc) *tensor.Dense { return sliced(new(4, 5), s(2), s(3)) }, rowMajor)
	add("scalar", func(alloc) *tensor.Dense { return tensor.New(tensor.FromScalar(next(3))) }, rowMajor)
	for _, axes := range permutations(3) {
		add(fmt.Sprint("cube ", axes), func(new alloc) *tensor.Dense { return transposed(new(2, 3, 5), axes...) }, rowMajor)
		add(fmt.Sprint("inner cube ", axes), func(new alloc) *tensor.Dense {
			return transposed(sliced(new(4, 4, 6), s(1, 3), s(0, 3), s(1, 6)), axes...)
		}, rowMajor)
	}
	add("plane of a cube", func(new alloc) *tensor.Dense { return sliced(new(4, 3, 5), nil, s(1)) }, rowMajor)
	add("4 axes", func(new alloc) *tensor.Dense { return transposed(new(2, 3, 2, 4), 3, 1, 0, 2) }, rowMajor)
	return all
}

// permutations returns all orders of 0 … n−1.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return all
}

// materialized returns a contiguous copy of d, read with At.
func materialized[T any](t *testing.T, d *tensor.Dense) *tensor.Dense {
	t.Helper()
	data := tensortest.Elements[T](t, d)
	if d.IsScalar() {
		return tensor.New(tensor.FromScalar(data[0]))
	}
	return newTensor(data, d.Shape()...)
}

// schemesFor returns schemes of every kind for a tensor of so many axes.
func schemesFor(axes int) []qtensor.Scheme {
	schemes := append([]qtensor.Scheme{qtensor.Float16(), qtensor.BFloat16()}, float8Schemes(axes)...)
	for _, s := range []qtensor.Scheme{
		qtensor.Uniform(5), qtensor.Symmetric(8), qtensor.Affine(8), qtensor.PowerOfTwo(6),
		qtensor.Int4(), qtensor.UInt4(),
	} {
		schemes = append(schemes, sharings(s, axes, 3)...)
	}
	return schemes
}

// same says how two quantized tensors differ.
func same(t *testing.T, a, b *qtensor.QTensor) string {
	t.Helper()
	p, r := a.Params(), b.Params()
	switch {
	case a.Scheme() != b.Scheme():
		return fmt.Sprintf("scheme %v, want %v", a.Scheme(), b.Scheme())
	case !slices.Equal(a.Shape(), b.Shape()):
		return fmt.Sprintf("shape %v, want %v", a.Shape(), b.Shape())
	case !tensortest.SameBits(p.Scales, r.Scales) || p.Multiplier != r.Multiplier:
		return fmt.Sprintf("scales %v × %v, want %v × %v", p.Scales, p.Multiplier, r.Scales, r.Multiplier)
	case !slices.Equal(p.ZeroPoints, r.ZeroPoints) || !slices.Equal(p.Offsets, r.Offsets):
		return fmt.Sprintf("zero points %v, offsets %v, want %v and %v", p.ZeroPoints, p.Offsets, r.ZeroPoints, r.Offsets)
	case !slices.Equal(p.Min, r.Min) || !slices.Equal(p.Max, r.Max):
		return fmt.Sprintf("ranges %v %v, want %v %v", p.Min, p.Max, r.Min, r.Max)
	case !slices.Equal(codesOf(t, a), codesOf(t, b)):
		return fmt.Sprintf("codes %v, want %v", codesOf(t, a), codesOf(t, b))
	case !tensortest.SameBits(valuesOf(t, a), valuesOf(t, b)):
		return fmt.Sprintf("values %v, want %v", valuesOf(t, a), valuesOf(t, b))
	}
	return ""
}

// testLayouts checks that what the user sees of a tensor is what is quantized and compared.
func testLayouts[T float32 | float64](t *testing.T) {
	for _, v := range views(func(i int) T { return T((i*7919)%101-40) / 3 }) {
		before := slices.Clone(v.backing)
		plain := materialized[T](t, v.tensor)
		for _, s := range schemesFor(len(v.tensor.Shape())) {
			name := fmt.Sprintf("%s %v, %v", v.name, v.tensor.Shape(), s)
			q, want := mustQuantize(t, v.tensor, s), mustQuantize(t, plain, s)
			if diff := same(t, q, want); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if diff := same(t, mustQuantizeWith(t, v.tensor, want.Params()), want); diff != "" {
				t.Errorf("%s: QuantizeWith: %s", name, diff)
			}
			got, err := q.Compare(v.tensor)
			if stats, _ := want.Compare(plain); err != nil || got != stats {
				t.Errorf("%s: Compare: %v, %v, want %v", name, got, err, stats)
			}
		}
		if !slices.Equal(v.backing, before) {
			t.Errorf("%s: the input became %v, want %v", v.name, v.backing, before)
		}
	}
}

func TestLayouts(t *testing.T) {
	t.Run("float32", testLayouts[float32])
	t.Run("float64", testLayouts[float64])
}

// TestFromCodesLayouts gives views of codes to FromCodes.
func TestFromCodesLayouts(t *testing.T) {
	t.Run("int8", func(t *testing.T) {
		testCodeLayouts(t, func(i int) int8 { return int8(i*7%16 - 8) }, qtensor.Symmetric(8), qtensor.Symmetric(4), qtensor.Int4())
	})
	t.Run("uint8", func(t *testing.T) {
		testCodeLayouts(t, func(i int) uint8 { return uint8(i * 7 % 16) }, qtensor.Uniform(4), qtensor.Affine(8),
			qtensor.PowerOfTwo(5), qtensor.UInt4(), qtensor.Float8E4M3FN(), qtensor.Float8E5M2())
	})
	t.Run("uint16", func(t *testing.T) {
		testCodeLayouts(t, func(i int) uint16 { return uint16(i * 5077 % 0x7c00) }, qtensor.Float16(), qtensor.BFloat16())
	})
}

func testCodeLayouts[T int8 | uint8 | uint16](t *testing.T, next func(i int) T, schemes ...qtensor.Scheme) {
	for _, v := range views(next) {
		before := slices.Clone(v.backing)
		want := widen(elements(materialized[T](t, v.tensor)).([]T))
		for _, s := range schemes {
			p := qtensor.Params{Scheme: s}
			if s.HasScales() {
				p.Scales = []float32{0.5}
			}
			if s.HasZeroPoint() {
				p.ZeroPoints = []int32{3}
			}
			if s.HasOffset() {
				p.Offsets = []float32{-4}
			}
			q, err := qtensor.FromCodes(v.tensor, p)
			if err != nil {
				t.Errorf("%s, %v: %v", v.name, s, err)
				continue
			}
			if got := codesOf(t, q); !slices.Equal(got, want) || !slices.Equal(q.Shape(), v.tensor.Shape()) {
				t.Errorf("%s, %v: got %v of shape %v, want %v of shape %v", v.name, s, got, q.Shape(), want, v.tensor.Shape())
			}
			for i := range v.backing {
				v.backing[i] = 0
			}
			if got := codesOf(t, q); !slices.Equal(got, want) {
				t.Errorf("%s, %v: the codes follow the caller's array", v.name, s)
			}
			copy(v.backing, before)
		}
	}
}

func TestDequantizeDtypes(t *testing.T) {
	for _, shape := range [][]int{{}, {6}, {2, 3}, {1, 2, 3}} {
		x := tensor.New(tensor.FromScalar(float32(0.7)))
		if len(shape) > 0 {
			x = newTensor([]float32{0.1, -2, 3, 5e4, -7, 11}, shape...)
		}
		for _, s := range schemesFor(len(shape)) {
			q := mustQuantize(t, x, s)
			narrow, err := q.Dequantize(tensor.Float32)
			if err != nil {
				t.Fatal(err)
			}
			wide, err := q.Dequantize(tensor.Float64)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(narrow.Shape(), shape) || !slices.Equal(wide.Shape(), shape) || !slices.Equal(q.Codes().Shape(), shape) {
				t.Errorf("%v of %v: got shapes %v, %v, %v", s, shape, narrow.Shape(), wide.Shape(), q.Codes().Shape())
			}
			for i, v := range elements(narrow).([]float32) {
				if w := elements(wide).([]float64)[i]; w != float64(v) {
					t.Errorf("%v of %v at %d: float64 is %v, float32 is %v", s, shape, i, w, v)
				}
			}
			_, err = q.Dequantize(tensor.Int)
			wantError(t, fmt.Sprintf("%v to int", s), err, qtensor.ErrDtype)
			_, err = q.Dequantize(tensor.Dtype{})
			wantError(t, fmt.Sprintf("%v to the zero Dtype", s), err, qtensor.ErrDtype)
			if want := "got none, want float32 or float64"; err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v to the zero Dtype: error %q does not say %q", s, err, want)
			}
		}
	}
}

// TestUnreadable gives tensors that have no values to quantize.
func TestUnreadable(t *testing.T) {
	q := mustQuantize(t, newTensor([]float32{1, 2}, 2), qtensor.Symmetric(8))
	for _, c := range []struct {
		name string
		x    tensor.Tensor
		want error
	}{
		{"nil", nil, qtensor.ErrLayout},
		{"nil Dense", (*tensor.Dense)(nil), qtensor.ErrLayout},
		{"zero Dense", &tensor.Dense{}, qtensor.ErrLayout},
		{"sparse", tensor.CSRFromCoord(tensor.Shape{2, 2}, []int{0}, []int{1}, []float32{1}), qtensor.ErrLayout},
		{"masked", tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false})), qtensor.ErrLayout},
		{"slice of nothing", sliced(newTensor([]float32{1, 2, 3, 4}, 2, 2), tensor.S(1, 1)), qtensor.ErrLayout},
		{"int", newTensor([]int{1, 2}, 2), qtensor.ErrDtype},
		{"int8", newTensor([]int8{1, 2}, 2), qtensor.ErrDtype},
		{"complex", newTensor([]complex128{1, 2}, 2), qtensor.ErrDtype},
		{"empty", newTensor([]float32{}, 0), qtensor.ErrShape},
		{"empty of 2 axes", newTensor([]float64{}, 3, 0), qtensor.ErrShape},
		{"NaN", newTensor([]float32{1, nan}, 2), qtensor.ErrValue},
		{"Inf", newTensor([]float64{1, 1e39}, 2), qtensor.ErrValue},
	} {
		for _, s := range []qtensor.Scheme{
			qtensor.Symmetric(8), qtensor.PerChannelAffine(8, 0), qtensor.Float16(),
			qtensor.Int4().PerGroup(0, 2),
		} {
			_, err := qtensor.Quantize(c.x, s)
			wantError(t, fmt.Sprintf("%s: Quantize to %v", c.name, s), err, c.want)
		}
		_, err := qtensor.QuantizeWith(c.x, q.Params())
		wantError(t, c.name+": QuantizeWith", err, c.want)
		_, err = q.Compare(c.x)
		wantError(t, c.name+": Compare", err, c.want)
	}
	for _, s := range []qtensor.Scheme{qtensor.Symmetric(8).PerAxis(1), qtensor.Int4().PerGroup(1, 2)} {
		_, err := qtensor.Quantize(newTensor([]float32{1, 2}, 2), s)
		wantError(t, fmt.Sprintf("%v of a vector", s), err, qtensor.ErrShape)
		_, err = qtensor.Quantize(tensor.New(tensor.FromScalar(float32(1))), s.PerAxis(0))
		wantError(t, fmt.Sprintf("%v of a scalar", s), err, qtensor.ErrShape)
	}
}
