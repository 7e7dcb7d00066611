package qtensor_test

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"testing"
	"unsafe"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// sentinels are what the errors of this module wrap.
var sentinels = []error{
	qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme, qtensor.ErrParams, qtensor.ErrValue,
}

// calls counts what was called, and reports panics.
type calls struct {
	t    *testing.T
	made int
}

// refused calls f, which is to return an error that wraps a sentinel.
func (c *calls) refused(name string, f func() error) {
	c.t.Helper()
	var err error
	c.survives(name, func() { err = f() })
	if !slices.ContainsFunc(sentinels, func(target error) bool { return errors.Is(err, target) }) {
		c.t.Errorf("%s: got error %v, want one of this module's", name, err)
	}
}

// survives calls f, which is not to panic.
func (c *calls) survives(name string, f func()) {
	c.t.Helper()
	c.made++
	defer func() {
		if r := recover(); r != nil {
			c.t.Errorf("%s: panics: %v\n%s", name, r, debug.Stack())
		}
	}()
	f()
}

// strangeTensors are tensors that cannot be read.
func strangeTensors() map[string]tensor.Tensor {
	claims := func(shape tensor.Shape, strides ...int) *tensor.Dense {
		d := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(make([]float32, 12)))
		d.AP = tensor.MakeAP(shape, strides, 0, 0)
		return d
	}
	return map[string]tensor.Tensor{
		"nil":                        nil,
		"nil Dense":                  (*tensor.Dense)(nil),
		"nil CS":                     (*tensor.CS)(nil),
		"zero Dense":                 new(tensor.Dense),
		"zero CS":                    new(tensor.CS),
		"sparse":                     tensor.CSRFromCoord(tensor.Shape{4, 3}, []int{0}, []int{1}, []float32{1}),
		"masked":                     tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false})),
		"strings":                    tensor.New(tensor.WithShape(2), tensor.WithBacking([]string{"a", "b"})),
		"empty":                      tensor.New(tensor.WithShape(0, 3), tensor.WithBacking([]float32{})),
		"a scalar of booleans":       tensor.New(tensor.FromScalar(true)),
		"a claim of much":            claims(tensor.Shape{math.MaxInt / 2, 3}, 0, 1),
		"a claim that no int counts": claims(tensor.Shape{math.MaxInt/2 + 1, 4}, 0, 0),
		"a negative shape":           claims(tensor.Shape{-4, -3}, 3, 1),
	}
}

// TestNothingPanics calls all that is exported, files apart, with nil, zeros, and what cannot be.
func TestNothingPanics(t *testing.T) {
	c := &calls{t: t}
	fine := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(make([]float32, 12)))
	q, err := qtensor.Quantize(fine, qtensor.Affine(8))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range strangeTensors() {
		c.refused("Quantize "+name, func() error { _, err := qtensor.Quantize(x, qtensor.Affine(8)); return err })
		c.refused("Quantize to Float16 "+name, func() error { _, err := qtensor.Quantize(x, qtensor.Float16()); return err })
		c.refused("QuantizeWith "+name, func() error { _, err := qtensor.QuantizeWith(x, q.Params()); return err })
		c.refused("Compare "+name, func() error { _, err := q.Compare(x); return err })
		if d, ok := x.(*tensor.Dense); ok || x == nil {
			c.refused("FromCodes "+name, func() error { _, err := qtensor.FromCodes(d, q.Params()); return err })
			c.refused("FromCodes of Float16 "+name, func() error {
				_, err := qtensor.FromCodes(d, qtensor.Params{Scheme: qtensor.Float16()})
				return err
			})
		}
	}
	c.refused("Quantize by the zero Scheme", func() error { _, err := qtensor.Quantize(fine, qtensor.Scheme{}); return err })
	c.refused("Quantize with a nil option", func() error { _, err := qtensor.Quantize(fine, qtensor.Affine(8), nil); return err })
	c.refused("QuantizeWith the zero Params", func() error { _, err := qtensor.QuantizeWith(fine, qtensor.Params{}); return err })
	c.refused("QuantizeWith a nil option", func() error { _, err := qtensor.QuantizeWith(fine, q.Params(), nil); return err })
	c.refused("FromCodes with the zero Params", func() error { _, err := qtensor.FromCodes(q.Codes(), qtensor.Params{}); return err })
	c.refused("NewParams of nothing", func() error { _, err := qtensor.NewParams(qtensor.Affine(8), nil, nil); return err })
	c.refused("NewParams of the zero Scheme", func() error { _, err := qtensor.NewParams(qtensor.Scheme{}, nil, nil); return err })
	c.refused("the zero Params", func() error { return qtensor.Params{}.Validate(nil) })
	c.refused("UnmarshalText of nil", func() error { return (*qtensor.Scheme)(nil).UnmarshalText([]byte("affine8")) })
	c.refused("UnmarshalText of nothing", func() error { return new(qtensor.Scheme).UnmarshalText(nil) })
	c.refused("MarshalText of zero", func() error { _, err := qtensor.Scheme{}.MarshalText(); return err })
	c.refused("ParseScheme of nothing", func() error { _, err := qtensor.ParseScheme(""); return err })
	for name, q := range map[string]*qtensor.QTensor{"nil": nil, "zero": {}} {
		c.survives(name+" QTensor", func() {
			if len(q.Shape()) > 0 || q.Scheme() != (qtensor.Scheme{}) || q.Len() != 0 || q.Bytes() != 0 || q.BitsPerElement() != 0 || q.Codes() != nil || q.Params().Scales != nil {
				t.Errorf("%s: %v is not empty", name, q)
			}
			_ = q.String()
		})
		c.refused(name+" Dequantize", func() error { _, err := q.Dequantize(tensor.Float32); return err })
		c.refused(name+" DequantizeRows", func() error { return q.DequantizeRows(nil, nil) })
		c.refused(name+" Code", func() error { _, err := q.Code(); return err })
		c.refused(name+" T", func() error { _, err := q.T(); return err })
		c.refused(name+" Compare", func() error { _, err := q.Compare(fine); return err })
	}
	c.refused("Dequantize to the zero Dtype", func() error { _, err := q.Dequantize(tensor.Dtype{}); return err })
	c.refused("Code past the end", func() error { _, err := q.Code(math.MaxInt, math.MinInt); return err })
	c.refused("DequantizeRows of nowhere", func() error { return q.DequantizeRows(make([]float32, 6), []int{math.MaxInt, math.MinInt}) })
	c.refused("T of no axes", func() error { _, err := q.T(math.MinInt, math.MaxInt); return err })
	c.survives("types", func() {
		for i := range 256 {
			s, st := qtensor.Storage(i), qtensor.ScaleType(i)
			_, _, _ = s.String(), s.Bits(), st.String()
		}
	})
	t.Logf("%d calls", c.made)
}

// TestClaimedShapes goes through schemes and parameters of shapes that no memory holds: no count overflows, nothing is
// allocated.
func TestClaimedShapes(t *testing.T) {
	c := &calls{t: t}
	sizes := []int{math.MinInt, -1, 0, 1, 3, 1 << 20, math.MaxInt/2 + 1, math.MaxInt}
	schemes := []qtensor.Scheme{qtensor.Affine(8), qtensor.Float16()}
	for _, n := range sizes {
		schemes = append(schemes, qtensor.Symmetric(8).PerAxis(n), qtensor.Int4().PerGroup(0, n), qtensor.Int4().PerGroup(1, n), qtensor.Uniform(n))
	}
	for _, a := range sizes {
		for _, b := range sizes {
			shape := tensor.Shape{a, b}
			for _, s := range schemes {
				c.survives(fmt.Sprint(s, shape), func() {
					count, err := s.Blocks(shape)
					if err != nil && !errors.Is(err, qtensor.ErrScheme) && !errors.Is(err, qtensor.ErrShape) {
						t.Errorf("%v of %v: %v", s, shape, err)
					}
					if err == nil && (count < 1 || a < 1 || b < 1 || a > math.MaxInt/b || count > a*b) {
						t.Errorf("%v of %v: got %d blocks", s, shape, count)
					}
					if err := (qtensor.Params{Scheme: s, Scales: []float32{1, 1}}).Validate(shape); err == nil && count != 2 {
						t.Errorf("%v of %v: two scales were taken for %d", s, shape, count)
					}
				})
			}
		}
	}
	t.Logf("%d calls", c.made)
}

// foreign is memory that no tensor allocated.
var foreign = [12]float32{-3, 1, 4, 1, -5, 9, 2, 6, 5, -3, 5, 8}

// TestForeignMemory quantizes a tensor over memory that is not its own.
func TestForeignMemory(t *testing.T) {
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, 3), tensor.FromMemory(uintptr(unsafe.Pointer(&foreign)), unsafe.Sizeof(foreign)))
	got, err := qtensor.Quantize(x, qtensor.Affine(8))
	if err != nil {
		t.Fatal(err)
	}
	want, err := qtensor.Quantize(tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(foreign[:])), qtensor.Affine(8))
	if err != nil || !slices.Equal(got.Codes().Uint8s(), want.Codes().Uint8s()) {
		t.Errorf("got %v, want %v, %v", got.Codes(), want.Codes(), err)
	}
}
