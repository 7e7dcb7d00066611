package qtensor_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"euryale/internal/hostile"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// sentinels are what the errors of this module wrap.
var sentinels = []error{
	qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme, qtensor.ErrParams, qtensor.ErrValue,
}

// TestNothingPanics calls all that is exported, but for files, with nil, zeros, and what cannot be.
func TestNothingPanics(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	fine := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(make([]float32, 12)))
	q, err := qtensor.Quantize(fine, qtensor.Affine(8))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range hostile.Tensors() {
		c.Refused("Quantize "+name, func() error { _, err := qtensor.Quantize(x, qtensor.Affine(8)); return err })
		c.Refused("Quantize to Float16 "+name, func() error { _, err := qtensor.Quantize(x, qtensor.Float16()); return err })
		c.Refused("QuantizeWith "+name, func() error { _, err := qtensor.QuantizeWith(x, q.Params()); return err })
		c.Refused("Compare "+name, func() error { _, err := q.Compare(x); return err })
		if d, ok := x.(*tensor.Dense); ok || x == nil {
			c.Refused("FromCodes "+name, func() error { _, err := qtensor.FromCodes(d, q.Params()); return err })
			c.Refused("FromCodes of Float16 "+name, func() error {
				_, err := qtensor.FromCodes(d, qtensor.Params{Scheme: qtensor.Float16()})
				return err
			})
		}
	}
	c.Refused("Quantize by the zero Scheme", func() error { _, err := qtensor.Quantize(fine, qtensor.Scheme{}); return err })
	c.Refused("Quantize with a nil option", func() error { _, err := qtensor.Quantize(fine, qtensor.Affine(8), nil); return err })
	c.Refused("QuantizeWith the zero Params", func() error { _, err := qtensor.QuantizeWith(fine, qtensor.Params{}); return err })
	c.Refused("QuantizeWith a nil option", func() error { _, err := qtensor.QuantizeWith(fine, q.Params(), nil); return err })
	c.Refused("FromCodes with the zero Params", func() error {
		_, err := qtensor.FromCodes(q.Codes(), qtensor.Params{})
		return err
	})
	c.Refused("NewParams of nothing", func() error { _, err := qtensor.NewParams(qtensor.Affine(8), nil, nil); return err })
	c.Refused("NewParams of the zero Scheme", func() error {
		_, err := qtensor.NewParams(qtensor.Scheme{}, nil, nil)
		return err
	})
	c.Refused("the zero Params", func() error { return qtensor.Params{}.Validate(nil) })
	c.Refused("UnmarshalText of nil", func() error { return (*qtensor.Scheme)(nil).UnmarshalText([]byte("affine8")) })
	c.Refused("UnmarshalText of nothing", func() error { return new(qtensor.Scheme).UnmarshalText(nil) })
	c.Refused("MarshalText of zero", func() error { _, err := qtensor.Scheme{}.MarshalText(); return err })
	c.Refused("ParseScheme of nothing", func() error { _, err := qtensor.ParseScheme(""); return err })
	for name, q := range map[string]*qtensor.QTensor{"nil": nil, "zero": {}} {
		c.Survives(name+" QTensor", func() {
			if len(q.Shape()) > 0 || q.Scheme() != (qtensor.Scheme{}) || q.Len() != 0 || q.Bytes() != 0 ||
				q.BitsPerElement() != 0 || q.Codes() != nil || q.Params().Scales != nil {
				t.Errorf("%s: %v is not empty", name, q)
			}
			_ = q.String()
		})
		c.Refused(name+" Dequantize", func() error { _, err := q.Dequantize(tensor.Float32); return err })
		c.Refused(name+" DequantizeRows", func() error { return q.DequantizeRows(nil, nil) })
		c.Refused(name+" Code", func() error { _, err := q.Code(); return err })
		c.Refused(name+" T", func() error { _, err := q.T(); return err })
		c.Refused(name+" Compare", func() error { _, err := q.Compare(fine); return err })
	}
	c.Refused("Dequantize to the zero Dtype", func() error { _, err := q.Dequantize(tensor.Dtype{}); return err })
	c.Refused("Code past the end", func() error { _, err := q.Code(math.MaxInt, math.MinInt); return err })
	c.Refused("DequantizeRows of nowhere", func() error {
		return q.DequantizeRows(make([]float32, 6), []int{math.MaxInt, math.MinInt})
	})
	c.Refused("T of no axes", func() error { _, err := q.T(math.MinInt, math.MaxInt); return err })
	c.Survives("types", func() {
		for i := range 256 {
			s, st := qtensor.Storage(i), qtensor.ScaleType(i)
			_, _, _ = s.String(), s.Bits(), st.String()
		}
	})
	t.Logf("%d calls", c.Made)
}

// TestClaimedShapes goes through schemes and parameters of shapes that no memory holds: no count overflows,
// nothing is allocated.
func TestClaimedShapes(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	sizes := []int{math.MinInt, -1, 0, 1, 3, 1 << 20, math.MaxInt/2 + 1, math.MaxInt}
	schemes := []qtensor.Scheme{qtensor.Affine(8), qtensor.Float16()}
	for _, n := range sizes {
		schemes = append(schemes, qtensor.Symmetric(8).PerAxis(n), qtensor.Int4().PerGroup(0, n),
			qtensor.Int4().PerGroup(1, n), qtensor.Uniform(n))
	}
	for _, a := range sizes {
		for _, b := range sizes {
			shape := tensor.Shape{a, b}
			for _, s := range schemes {
				c.Survives(fmt.Sprint(s, shape), func() {
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
	t.Logf("%d calls", c.Made)
}

// foreign is memory that no tensor allocated.
var foreign = [12]float32{-3, 1, 4, 1, -5, 9, 2, 6, 5, -3, 5, 8}

// TestForeignMemory quantizes a tensor over memory that is not its own.
func TestForeignMemory(t *testing.T) {
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, 3),
		tensor.FromMemory(uintptr(unsafe.Pointer(&foreign)), unsafe.Sizeof(foreign)))
	got, err := qtensor.Quantize(x, qtensor.Affine(8))
	if err != nil {
		t.Fatal(err)
	}
	want, err := qtensor.Quantize(tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(foreign[:])), qtensor.Affine(8))
	if err != nil || !slices.Equal(got.Codes().Uint8s(), want.Codes().Uint8s()) {
		t.Errorf("got %v, want %v, %v", got.Codes(), want.Codes(), err)
	}
}
