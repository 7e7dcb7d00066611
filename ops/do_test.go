package ops_test

import (
	"encoding/binary"
	"math"
	"testing"

	"euryale/internal/nn"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestTrapPanicInDo: a panic in an op kills the process, since machines run ops in a goroutine of their own.
// Do returns an error whatever it is fed.
func TestTrapPanicInDo(t *testing.T) {
	const in = 3
	ones := func(dt tensor.Dtype, shape ...int) *tensor.Dense { return tensor.Ones(dt, shape...) }
	masked := tensor.New(tensor.WithShape(4, in), tensor.WithBacking(make([]float32, 4*in), make([]bool, 4*in)))
	sparse := tensor.CSRFromCoord(tensor.Shape{4, in}, []int{0, 1}, []int{1, 2}, []float32{1, 2})
	var f *gorgonia.F32
	for _, c := range []struct {
		name   string
		inputs []gorgonia.Value
		target error
		part   string
	}{
		{"no inputs", nil, qtensor.ErrShape, "got 0 inputs, want 1"},
		{"two inputs", []gorgonia.Value{ones(tensor.Float32, 4, in), ones(tensor.Float32, 4, in)}, qtensor.ErrShape, "got 2 inputs, want 1"},
		{"nil", []gorgonia.Value{nil}, qtensor.ErrShape, "got <nil>, want a tensor"},
		{"nil *Dense", []gorgonia.Value{(*tensor.Dense)(nil)}, qtensor.ErrLayout, "got nil"},
		{"nil *CS", []gorgonia.Value{(*tensor.CS)(nil)}, qtensor.ErrLayout, "got *tensor.CS"},
		{"nil scalar", []gorgonia.Value{f}, qtensor.ErrShape, "got *gorgonia.F32, want a tensor"},
		{"scalar", []gorgonia.Value{gorgonia.NewF32(1)}, qtensor.ErrShape, "got *gorgonia.F32, want a tensor"},
		{"scalar tensor", []gorgonia.Value{tensor.New(tensor.FromScalar(float32(1)))}, qtensor.ErrShape, "x is (1, 1), want (…, 3)"},
		{"zero Dense", []gorgonia.Value{new(tensor.Dense)}, qtensor.ErrLayout, "unreadable tensor"},
		{"float64", []gorgonia.Value{ones(tensor.Float64, 4, in)}, qtensor.ErrDtype, "x is float64, want float32"},
		{"int", []gorgonia.Value{ones(tensor.Int, 4, in)}, qtensor.ErrDtype, "got int"},
		{"bool", []gorgonia.Value{tensor.New(tensor.Of(tensor.Bool), tensor.WithShape(4, in))}, qtensor.ErrDtype, "got bool"},
		{"string", []gorgonia.Value{newTensor([]string{"a", "b", "c"}, 1, in)}, qtensor.ErrDtype, "got string"},
		{"sparse", []gorgonia.Value{sparse}, qtensor.ErrLayout, "got *tensor.CS"},
		{"masked", []gorgonia.Value{masked}, qtensor.ErrLayout, "masked"},
		{"another depth", []gorgonia.Value{ones(tensor.Float32, 4, in+1)}, qtensor.ErrShape, "x is (4, 4), want (…, 3)"},
		{"transposed", []gorgonia.Value{ones(tensor.Float32, in, 4)}, qtensor.ErrShape, "x is (3, 4), want (…, 3)"},
		{"vector of another depth", []gorgonia.Value{ones(tensor.Float32, 4)}, qtensor.ErrShape, "x is (1, 4), want (…, 3)"},
		{"rank 3", []gorgonia.Value{ones(tensor.Float32, 1, 4, in)}, qtensor.ErrShape, "x is (1, 4, 3), want 2 dimensions"},
	} {
		for _, s := range []qtensor.Scheme{qtensor.UInt4(), qtensor.Float16()} {
			op := mustOp(t, tensor.Float32, 2, mustPack(t, mustQuantize(t, 1, s, in, 2)))
			y, err := op.Do(c.inputs...)
			if y != nil {
				t.Errorf("%s: got a value beside error %v", c.name, err)
			}
			wantError(t, c.name, err, c.target, c.part, "ops: linear(3, 2) "+s.String())
		}
	}
	_, err := mustOp(t, tensor.Float64, 2, mustWeight(t, 1, in, 2)).Do(ones(tensor.Float32, 4, in))
	wantError(t, "float32 for float64", err, qtensor.ErrDtype, "x is float32, want float64")
}

// TestDoEmpty feeds batches of no rows, which tensor allows.
func TestDoEmpty(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		y, err := mustOp(t, dt, 2, w).Do(tensor.New(tensor.WithShape(0, 3), tensor.Of(dt)))
		if err != nil || !y.Shape().Eq(tensor.Shape{0, 2}) || y.Size() != 0 {
			t.Errorf("%v: a batch of none gives error %v", dt, err)
		}
	}
}

// FuzzLinear feeds values of any rank, shape, layout, type and bits to layers: never a panic; a result that
// is the one of a materialized copy; an error exactly if type, shape or a value is wrong.
func FuzzLinear(f *testing.F) {
	ordinary := []byte{0, 0, 128, 63, 205, 204, 76, 189, 1, 200, 32, 64}
	for layout := range byte(6) {
		f.Add(byte(2), byte(2), byte(4), byte(3), byte(2), byte(3), layout, layout, byte(0), ordinary)
	}
	f.Add(byte(1), byte(1), byte(3), byte(1), byte(1), byte(3), byte(0), byte(4), byte(1), ordinary)               // a vector, float64
	f.Add(byte(3), byte(3), byte(2), byte(2), byte(3), byte(3), byte(0), byte(9), byte(0), ordinary)               // rank 3
	f.Add(byte(2), byte(1), byte(3), byte(1), byte(1), byte(3), byte(0), byte(3), byte(0), ordinary)               // a vector for a matrix
	f.Add(byte(2), byte(2), byte(0), byte(3), byte(1), byte(3), byte(0), byte(3), byte(0), ordinary)               // no rows
	f.Add(byte(2), byte(0), byte(1), byte(1), byte(1), byte(1), byte(0), byte(3), byte(0), ordinary)               // a scalar
	f.Add(byte(2), byte(2), byte(1), byte(3), byte(1), byte(3), byte(0), byte(3), byte(0), []byte{0, 0, 128, 127}) // an infinity
	f.Add(byte(2), byte(2), byte(1), byte(3), byte(1), byte(3), byte(0), byte(3), byte(3), ordinary)               // int
	weights := map[int][]*ops.Weight{}
	for depth := 1; depth <= 5; depth++ {
		for _, s := range []qtensor.Scheme{qtensor.UInt4().PerGroup(1, 2), qtensor.Int4(), qtensor.Uniform(8), qtensor.Float16()} {
			weights[depth] = append(weights[depth], mustPack(f, mustQuantize(f, 1, s, depth, 3)))
		}
	}
	computes := []nn.Options{fixed24, fixed16, dynamicInt8, staticInt8(qtensor.Params{Scheme: qtensor.Symmetric(4), Scales: []float32{0.3}})}
	f.Fuzz(func(t *testing.T, dims, rank, a, b, c, depth, layout, choice, types byte, data []byte) {
		w := weights[1+int(depth)%5][choice%4]
		compute := computes[choice/4%4]
		if w.Scheme().IsFloat() {
			compute = fixed24 // the one that 16-bit floats take
		}
		want := map[bool]tensor.Dtype{false: tensor.Float32, true: tensor.Float64}[types&1 != 0]
		op := mustOp(t, want, 1+int(dims)%3, w, under(compute))
		shape := tensor.Shape{int(a) % 5, int(b) % 5, int(c) % 5}[:rank%4]
		// Views take their values from a bigger array, whose others are NaN.
		x, visible := fuzzTensor(t, shape, layout, types/2%3, want, data)
		y, err := op.Do(x)
		full := append(tensor.Shape{}, shape...)
		for len(full) < 1+int(dims)%3 {
			full = append(tensor.Shape{1}, full...)
		}
		valid := x.Dtype() == want && len(full) == 1+int(dims)%3 && full[len(full)-1] == w.In()
		for _, v := range visible {
			valid = valid && !math.IsInf(float64(float32(v)), 0) && !math.IsNaN(v)
		}
		if valid != (err == nil) {
			t.Fatalf("%v %v: error %v", x.Shape(), x.Dtype(), err)
		}
		if err != nil || len(visible) == 0 {
			return
		}
		again, err := op.Do(valueOf(want, visible, full...))
		if err != nil {
			t.Fatalf("the copy of %v %v: %v", x.Shape(), x.Dtype(), err)
		}
		full[len(full)-1] = w.Out()
		if !y.Shape().Eq(full) || y.Dtype() != want {
			t.Fatalf("the result is %v %v, want %v %v", y.Shape(), y.Dtype(), full, want)
		}
		got, copied := valuesOf(t, y), valuesOf(t, again)
		for i := range got {
			if math.Float64bits(got[i]) != math.Float64bits(copied[i]) && !(math.IsNaN(got[i]) && math.IsNaN(copied[i])) {
				t.Fatalf("%v: %v, and %v for its copy", x.Shape(), got, copied)
			}
		}
	})
}

// fuzzTensor returns a tensor of the given shape and the values that its user sees: of type dt, or for other
// types 1 and 2 of another float type and int; in one of several layouts.
func fuzzTensor(t *testing.T, shape tensor.Shape, layout, other byte, dt tensor.Dtype, data []byte) (*tensor.Dense, []float64) {
	size := shape.TotalSize()
	value := func(i int) float64 {
		if len(data) == 0 {
			return 0
		}
		var word [4]byte
		for at := range word {
			word[at] = data[(4*i+at)%len(data)]
		}
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(word[:])))
	}
	switch {
	case other == 1 && dt == tensor.Float32:
		dt = tensor.Float64
	case other == 1:
		dt = tensor.Float32
	case other == 2:
		return tensor.New(tensor.Of(tensor.Int), tensor.WithShape(shape...)), nil
	}
	visible := fill(size, value)
	if len(shape) == 0 {
		if dt == tensor.Float32 {
			return tensor.New(tensor.FromScalar(float32(value(0)))), []float64{value(0)}
		}
		return tensor.New(tensor.FromScalar(value(0))), []float64{value(0)}
	}
	if size == 0 {
		return tensor.New(tensor.Of(dt), tensor.WithShape(shape...)), nil
	}
	nan := math.NaN()
	switch {
	case len(shape) == 2 && layout%4 == 1: // transposed lazily
		d := valueOf(dt, transposed(visible, shape[0], shape[1]), shape[1], shape[0])
		if err := d.T(); err != nil {
			t.Fatal(err)
		}
		return d, visible
	case len(shape) == 2 && layout%4 == 2 && shape[1] > 1: // columns of a wider one
		wider := fill(shape[0]*(shape[1]+2), func(i int) float64 {
			if row, column := i/(shape[1]+2), i%(shape[1]+2)-1; column >= 0 && column < shape[1] {
				return visible[row*shape[1]+column]
			}
			return nan
		})
		return mustSlice(t, valueOf(dt, wider, shape[0], shape[1]+2), nil, gorgonia.S(1, 1+shape[1])), visible
	case len(shape) == 2 && layout%4 == 3 && shape[0] > 1: // rows of a longer one
		longer := append(fill(shape[1], func(int) float64 { return nan }), visible...)
		return mustSlice(t, valueOf(dt, longer, shape[0]+1, shape[1]), gorgonia.S(1, 1+shape[0])), visible
	}
	return valueOf(dt, visible, shape...), visible
}
