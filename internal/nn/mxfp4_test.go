package nn_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// asInt8 returns MXFP4 as Symmetric(8) in groups: twice the floats, and half the scales.
func asInt8(t *testing.T, q *qtensor.QTensor) *qtensor.QTensor {
	t.Helper()
	p := q.Params()
	axis, _ := p.Scheme.Axis()
	codes := make([]int8, q.Len())
	for i, c := range q.Codes().Data().([]uint8) {
		codes[i] = []int8{0, 1, 2, 3, 4, 6, 8, 12}[c&7]
		if c > 7 {
			codes[i] = -codes[i]
		}
	}
	to := qtensor.Params{Scheme: qtensor.Symmetric(8).PerGroup(axis, 32)}
	for _, s := range p.Scales {
		to.Scales = append(to.Scales, s/2)
	}
	eight, err := qtensor.FromCodes(tensor.New(tensor.WithShape(q.Shape()...), tensor.WithBacking(codes)), to)
	if err != nil {
		t.Fatal(err)
	}
	return eight
}

// TestMXFP4 compares layers of MXFP4 with those of the same weights as int8 in groups, bit for bit.
func TestMXFP4(t *testing.T) {
	const samples = 5
	for _, c := range []struct {
		name  string
		shape []int // of the weight, channels first
		layer func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error)
	}{
		{"dense", []int{9, 150}, dense(false)},
		{"dense, stored as (out, in)", []int{33, 64}, dense(true)},
		{"dense of a short group", []int{3, 20}, dense(true)},
		{"conv", []int{6, 5, 3, 3}, convOf(1, []int{5, 7, 6})},
		{"conv in groups of channels", []int{6, 5, 3, 3}, convOf(2, []int{10, 7, 6})},
		{"depthwise", []int{20, 1, 5, 5}, convOf(20, []int{20, 7, 6})},
	} {
		n := tensor.Shape(c.shape).TotalSize()
		q, err := qtensor.Quantize(newTensor(gaussian(uint64(n), n), c.shape...), qtensor.MXFP4().PerGroup(0, 32))
		if err != nil {
			t.Fatal(err)
		}
		eight := asInt8(t, q)
		for how, o := range map[string]nn.Options{"fixed24": fixed24, "fixed16": fixed16, "dynamic": dynamicInt8, "static": static(t, qtensor.Affine(8), -1.5, 2)} {
			name := fmt.Sprintf("%s, %s", c.name, how)
			l, err := c.layer(q, o)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, err := c.layer(eight, o)
			if err != nil {
				t.Fatalf("%s, int8: %v", name, err)
			}
			if l.IO() != want.IO() {
				t.Errorf("%s: IO is %+v, want %+v", name, l.IO(), want.IO())
			}
			x := gaussian(7, samples*l.InSize())
			for _, m := range []int{1, samples} {
				got, expected := make([]float32, m*l.Out().TotalSize()), make([]float32, m*l.Out().TotalSize())
				for layer, y := range map[*nn.Layer][]float32{l: got, want: expected} {
					if err := layer.Run(nn.Operand{Float: y}, nn.Operand{Float: x[:m*l.InSize()]}, m); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				if !slices.Equal(got, expected) {
					t.Fatalf("%s: other results for %d samples", name, m)
				}
			}
		}
	}
}

// dense returns a function that makes a dense layer of a weight (out, in), transposed or not.
func dense(transposed bool) func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
	return func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
		if !transposed {
			var err error
			if q, err = q.T(); err != nil {
				return nil, err
			}
		}
		w, err := nn.PackMatrix(q, transposed, 1)
		if err != nil {
			return nil, err
		}
		return w.Prepare(o)
	}
}

// TestMXFP4LeastScale multiplies by weights under 2^−127, of which half is less than other schemes have.
func TestMXFP4LeastScale(t *testing.T) {
	codes := tensor.New(tensor.WithShape(4, 1), tensor.WithBacking([]uint8{7, 1, 9, 15}))
	q, err := qtensor.FromCodes(codes, qtensor.Params{Scheme: qtensor.MXFP4().PerGroup(1, 32), Scales: []float32{0x1p-127}})
	if err != nil {
		t.Fatal(err)
	}
	w := mustPack(t, q)
	for _, o := range []nn.Options{fixed24, fixed16, dynamicInt8} {
		l, err := w.Prepare(o)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, 1)
		if err := l.Run(nn.Operand{Float: y}, nn.Operand{Float: []float32{0x1p100, 0, 0, -0x1p100}}, 1); err != nil {
			t.Fatal(err)
		}
		if want := 12 * 0x1p-27; math.Abs(float64(y[0])-want) > 0.02*want {
			t.Errorf("%v: got %v, want %v", o.Activations, y[0], want)
		}
	}
}
