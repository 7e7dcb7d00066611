package dense_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/internal/dense"
	"euryale/internal/tensortest"

	"gorgonia.org/tensor"
)

// layout is a tensor and the elements that its user sees, in row-major order.
type layout struct {
	name   string
	tensor *tensor.Dense
	shape  []int
	want   []float64
}

type float interface{ float32 | float64 }

// counting returns a tensor that holds 0, 1, 2, … in row-major order.
func counting[T float](opt func(any) tensor.ConsOpt, shape ...int) *tensor.Dense {
	data := make([]T, tensor.Shape(shape).TotalSize())
	for i := range data {
		data[i] = T(i)
	}
	return tensor.New(tensor.WithShape(shape...), opt(data))
}

var transposed, sliced = tensortest.Transposed, tensortest.Sliced

func rowMajor(data any) tensor.ConsOpt    { return tensor.WithBacking(data) }
func columnMajor(data any) tensor.ConsOpt { return tensor.AsFortran(data) }

// layouts returns tensors of type T in every layout that gorgonia makes; a 3×4 matrix holds
//
//	0  1  2  3
//	4  5  6  7
//	8  9 10 11
func layouts[T float]() []layout {
	matrix := func() *tensor.Dense { return counting[T](rowMajor, 3, 4) }
	columns := func() *tensor.Dense { return counting[T](columnMajor, 3, 4) }
	cube := func() *tensor.Dense { return counting[T](rowMajor, 2, 3, 2) }
	s := tensor.S
	return []layout{
		{"scalar", tensor.New(tensor.FromScalar(T(7))), nil, []float64{7}},
		{"vector", counting[T](rowMajor, 3), []int{3}, []float64{0, 1, 2}},
		{"vector of one", counting[T](rowMajor, 1), []int{1}, []float64{0}},
		{"every other of a vector", sliced(counting[T](rowMajor, 5), s(1, 5, 2)), []int{2}, []float64{1, 3}},
		{"element of a vector", sliced(counting[T](rowMajor, 5), s(3)), nil, []float64{3}},
		{"matrix", matrix(), []int{3, 4}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"transposed", transposed(matrix()), []int{4, 3}, []float64{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}},
		{"transposed twice", transposed(transposed(matrix())), []int{3, 4}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"row", sliced(matrix(), s(1)), []int{4}, []float64{4, 5, 6, 7}},
		{"rows", sliced(matrix(), s(1, 3)), []int{2, 4}, []float64{4, 5, 6, 7, 8, 9, 10, 11}},
		{"every other row, of which gorgonia takes one", sliced(matrix(), s(0, 3, 2)), []int{4}, []float64{0, 1, 2, 3}},
		{"column", sliced(matrix(), nil, s(2)), []int{3}, []float64{2, 6, 10}},
		{"last column", sliced(matrix(), nil, s(3)), []int{3}, []float64{3, 7, 11}},
		{"columns", sliced(matrix(), nil, s(1, 3)), []int{3, 2}, []float64{1, 2, 5, 6, 9, 10}},
		{"every other column", sliced(matrix(), nil, s(0, 4, 2)), []int{3, 2}, []float64{0, 2, 4, 6, 8, 10}},
		{"element", sliced(matrix(), s(2), s(1)), nil, []float64{9}},
		{"slice transposed", transposed(sliced(matrix(), s(1, 3), s(1, 3))), []int{2, 2}, []float64{5, 9, 6, 10}},
		{"slice of transposed", sliced(transposed(matrix()), s(1, 3)), []int{2, 3}, []float64{1, 5, 9, 2, 6, 10}},
		{"column-major", columns(), []int{3, 4}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"column-major transposed", transposed(columns()), []int{4, 3}, []float64{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}},
		{"columns of column-major", sliced(columns(), nil, s(1, 3)), []int{3, 2}, []float64{1, 2, 5, 6, 9, 10}},
		{"column-major row", counting[T](columnMajor, 1, 3), []int{1, 3}, []float64{0, 1, 2}},
		{"column-major column", counting[T](columnMajor, 3, 1), []int{3, 1}, []float64{0, 1, 2}},
		{"column-major element", counting[T](columnMajor, 1, 1), []int{1, 1}, []float64{0}},
		{"column-major cube", counting[T](columnMajor, 1, 3, 2), []int{1, 3, 2}, []float64{0, 1, 2, 3, 4, 5}},
		{"column of one", counting[T](rowMajor, 3, 1), []int{3, 1}, []float64{0, 1, 2}},
		{"row of one, transposed", transposed(counting[T](rowMajor, 1, 3)), []int{3, 1}, []float64{0, 1, 2}},
		{"cube 0 1 2", cube(), []int{2, 3, 2}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"cube 0 2 1", transposed(cube(), 0, 2, 1), []int{2, 2, 3}, []float64{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}},
		{"cube 1 0 2", transposed(cube(), 1, 0, 2), []int{3, 2, 2}, []float64{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}},
		{"cube 1 2 0", transposed(cube(), 1, 2, 0), []int{3, 2, 2}, []float64{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}},
		{"cube 2 0 1", transposed(cube(), 2, 0, 1), []int{2, 2, 3}, []float64{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}},
		{"cube 2 1 0", transposed(cube(), 2, 1, 0), []int{2, 3, 2}, []float64{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}},
		{"middle of a cube", sliced(cube(), nil, s(1)), []int{2, 2}, []float64{2, 3, 8, 9}},
		{"empty", counting[T](rowMajor, 0, 3), []int{0, 3}, nil},
	}
}

func testLayouts[T float](t *testing.T) {
	for _, c := range layouts[T]() {
		if !slices.Equal(c.tensor.Shape(), c.shape) {
			t.Errorf("%s: shape %v, want %v", c.name, c.tensor.Shape(), c.shape)
		}
		if got, err := dense.Float32s(c.tensor); err != nil || !slices.Equal(tensortest.Float64s(got), c.want) {
			t.Errorf("%s: Float32s is %v, %v, want %v", c.name, got, err, c.want)
		}
		got, err := dense.Slice[T](c.tensor)
		if err != nil || !slices.Equal(tensortest.Float64s(got), c.want) {
			t.Errorf("%s: Slice is %v, %v, want %v", c.name, got, err, c.want)
		}
		if cap(got) != len(got) {
			t.Errorf("%s: appending to the result would write into the tensor: length %d, capacity %d", c.name, len(got), cap(got))
		}
	}
}

func TestLayouts(t *testing.T) {
	t.Run("float32", testLayouts[float32])
	t.Run("float64", testLayouts[float64])
}

// TestContiguousIsNotCopied is why the results are for reading only.
func TestContiguousIsNotCopied(t *testing.T) {
	data := []float32{1, 2, 3, 4, 5, 6}
	d := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(data))
	all, err := dense.Slice[float32](d)
	if err != nil || &all[0] != &data[0] {
		t.Errorf("a row-major tensor was copied, or failed: %v", err)
	}
	row, err := dense.Slice[float32](sliced(d, tensor.S(1)))
	if err != nil || &row[0] != &data[3] {
		t.Errorf("a row was copied, or failed: %v", err)
	}
	column, err := dense.Slice[float32](sliced(d, nil, tensor.S(1)))
	if err != nil || &column[0] == &data[1] {
		t.Errorf("a column is its backing array, or failed: %v", err)
	}
}

func TestFloat32sRounds(t *testing.T) {
	wide := []float64{1 + 0x1p-24, 1 + 0x1.8p-23, 0x1p-150, 0x1.000002p-150, 1e300, math.Inf(-1), -1e-300}
	want := []float32{1, 1 + 0x1p-22, 0, 0x1p-149, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1))}
	got, err := dense.Float32s(tensor.New(tensor.WithShape(len(wide)), tensor.WithBacking(wide)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%x became %x, want %x", wide[i], got[i], want[i])
		}
	}
}

func TestNew(t *testing.T) {
	for _, shape := range []tensor.Shape{{6}, {2, 3}, {1, 6, 1}} {
		data := []int8{1, 2, 3, 4, 5, 6}
		d := dense.New(data, shape)
		if got, err := dense.Slice[int8](d); err != nil || !slices.Equal(got, data) || !slices.Equal(d.Shape(), shape) {
			t.Errorf("%v: got %v of shape %v, %v", shape, got, d.Shape(), err)
		}
		if shape[0] = 99; d.Shape()[0] == 99 {
			t.Errorf("%v: the tensor shares the caller's shape", shape)
		}
	}
	d := dense.New([]uint16{7}, nil)
	if got, err := dense.Slice[uint16](d); err != nil || !slices.Equal(got, []uint16{7}) || !d.IsScalar() {
		t.Errorf("scalar: got %v of shape %v, %v", got, d.Shape(), err)
	}
}

// deviceEngine stands for one whose memory Go cannot address.
type deviceEngine struct{ tensor.StdEng }

func (deviceEngine) AllocAccessible() bool { return false }

func TestRefuses(t *testing.T) {
	masked := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{false, true}))
	maskedView := sliced(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 4}, make([]bool, 4))), nil, tensor.S(1))
	withStrides := func(strides ...int) *tensor.Dense {
		d := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 4}))
		d.AP = tensor.MakeAP(tensor.Shape{2, 2}, strides, 0, 0)
		return d
	}
	claims := func(shape tensor.Shape, strides ...int) *tensor.Dense {
		d := tensor.New(tensor.WithShape(4), tensor.WithBacking([]float32{1, 2, 3, 4}))
		d.AP = tensor.MakeAP(shape, strides, 0, 0)
		return d
	}
	for _, c := range []struct {
		name   string
		tensor tensor.Tensor
		want   error
	}{
		{"more elements than there are", claims(tensor.Shape{1 << 30, 2}, 0, 1), dense.ErrLayout},
		{"as many elements as no int counts", claims(tensor.Shape{math.MaxInt/2 + 1, 4}, 0, 1), dense.ErrLayout},
		{"a stride whose multiple no int counts", claims(tensor.Shape{3, 1}, math.MaxInt/2+1, 1), dense.ErrLayout},
		{"two strides whose sum no int counts", claims(tensor.Shape{2, 2}, math.MaxInt, 1), dense.ErrLayout},
		{"a negative shape", claims(tensor.Shape{-2, -2}, 1, 1), dense.ErrLayout},
		{"nil", nil, dense.ErrLayout},
		{"nil Dense", (*tensor.Dense)(nil), dense.ErrLayout},
		{"zero Dense", &tensor.Dense{}, dense.ErrLayout},
		{"sparse", tensor.CSRFromCoord(tensor.Shape{2, 2}, []int{0}, []int{1}, []float32{1}), dense.ErrLayout},
		{"masked", masked, dense.ErrLayout},
		{"view of masked", maskedView, dense.ErrLayout},
		{"on a device", tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}), tensor.WithEngine(deviceEngine{})), dense.ErrLayout},
		{"slice of nothing", sliced(counting[float32](rowMajor, 3, 4), tensor.S(1, 1)), dense.ErrLayout},
		{"strides past the end", withStrides(3, 1), dense.ErrLayout},
		{"negative stride", withStrides(-2, 1), dense.ErrLayout},
		{"a stride missing", withStrides(1), dense.ErrLayout},
		{"integers", tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{1, 2})), dense.ErrDtype},
		{"bytes", tensor.New(tensor.WithShape(2), tensor.WithBacking([]uint8{1, 2})), dense.ErrDtype},
		{"complex", tensor.New(tensor.WithShape(2), tensor.WithBacking([]complex64{1, 2})), dense.ErrDtype},
		{"strings", tensor.New(tensor.WithShape(2), tensor.WithBacking([]string{"1", "2"})), dense.ErrDtype},
		{"integer scalar", tensor.New(tensor.FromScalar(1)), dense.ErrDtype},
	} {
		if got, err := dense.Float32s(c.tensor); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: Float32s returned %v, %v, want an error that wraps %q", c.name, got, err, c.want)
		}
		if got, err := dense.Slice[float32](c.tensor); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: Slice returned %v, %v, want an error that wraps %q", c.name, got, err, c.want)
		}
	}
	if got, err := dense.Float32s(withWideStrides()); !errors.Is(err, dense.ErrLayout) {
		t.Errorf("float64 with strides past the end: got %v, %v", got, err)
	}
}

func withWideStrides() *tensor.Dense {
	d := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1, 2, 3, 4}))
	d.AP = tensor.MakeAP(tensor.Shape{2, 2}, []int{4, 1}, 0, 0)
	return d
}

// FuzzFloat32s makes a view of a view of a tensor and compares with its elements one by one.
func FuzzFloat32s(f *testing.F) {
	f.Add([]byte{3, 4, 0}, []byte{0, 2, 1, 9})
	f.Add([]byte{2, 3, 2, 1, 2, 0}, []byte{1, 1, 0})
	f.Add([]byte{5, 1}, []byte{2, 1, 3, 7, 0, 1})
	f.Add([]byte{255, 48}, []byte{1})
	f.Fuzz(func(t *testing.T, dims, views []byte) {
		var shape []int
		for _, n := range dims[:min(len(dims), 4)] {
			shape = append(shape, 1+int(n%5))
		}
		if len(shape) == 0 {
			return
		}
		layout := rowMajor
		if len(shape) == 2 && dims[0] > 127 {
			layout = columnMajor
		}
		d := counting[float32](layout, shape...)
		for ; len(views) > 0; views = views[min(len(views), 3):] {
			d = viewed(d, views)
		}
		got, err := dense.Float32s(d)
		if err != nil {
			t.Fatalf("shape %v, strides %v: %v", d.Shape(), d.Strides(), err)
		}
		if want := tensortest.Elements[float32](t, d); !slices.Equal(got, want) {
			t.Errorf("shape %v, strides %v: got %v, want %v", d.Shape(), d.Strides(), got, want)
		}
	})
}

// viewed returns the view of d that three bytes ask for, or d where gorgonia has none.
func viewed(d *tensor.Dense, how []byte) *tensor.Dense {
	axes := len(d.Shape())
	if axes == 0 || len(d.Strides()) != axes { // gorgonia cannot slice a column-major vector
		return d
	}
	if how[0]&1 == 0 {
		var order []int
		for i := range axes {
			order = append(order, (i+int(how[0]/2))%axes)
		}
		if err := d.T(order...); err != nil {
			panic(fmt.Sprint(d.Shape(), order, err))
		}
		return d
	}
	by := make([]tensor.Slice, axes)
	axis := int(how[0]/2) % axes
	begin, end := 0, d.Shape()[axis]
	if len(how) > 1 {
		begin = int(how[1]) % end
	}
	if len(how) > 2 {
		end = begin + 1 + int(how[2])%(end-begin)
	}
	by[axis] = tensor.S(begin, end)
	return sliced(d, by...)
}
