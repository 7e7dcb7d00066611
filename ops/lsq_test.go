package ops_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// lsqSchemes are the schemes with scales to learn that a tensor of the given shape can have.
func lsqSchemes(shape tensor.Shape) []qtensor.Scheme {
	var schemes []qtensor.Scheme
	for _, s := range []qtensor.Scheme{qtensor.Symmetric(2), qtensor.Symmetric(3), qtensor.Int4(), qtensor.Symmetric(8)} {
		schemes = append(schemes, s)
		for axis := range shape {
			schemes = append(schemes, s.PerAxis(axis))
		}
	}
	return schemes
}

// TestFakeQuantizeLSQ compares values with those of qtensor, bit for bit, and both gradients with their
// equations, at the largest code, next to it and beyond, for every scheme and shape.
func TestFakeQuantizeLSQ(t *testing.T) {
	inBoth(t, func(t *testing.T, lisp bool, dt tensor.Dtype) {
		for _, shape := range fakeShapes {
			size := shape.TotalSize()
			for at, s := range lsqSchemes(shape) {
				x, dy := tensortest.Float64s(gaussian(uint64(at), size)), tensortest.Float64s(gaussian(99, size))
				p := narrow(t, x, shape, s)
				_, high := s.CodeRange()
				channels, inner := 1, size
				if axis, ok := s.Axis(); ok {
					channels, inner = shape[axis], shape[axis+1:].TotalSize()
				}
				wantX, sums := make([]float64, size), make([]float64, channels)
				for i := range x {
					scale := p.Scales[i/inner%channels]
					end := scale * float32(high)
					if special := []float32{end, math.Nextafter32(end, 0), -end}; i%5 < len(special) {
						x[i] = float64(special[i%5])
					}
					u := float64(float32(x[i]) / scale)
					slope := math.RoundToEven(u) - u
					switch {
					case u >= float64(high):
						slope = float64(high)
					case u <= -float64(high):
						slope = -float64(high)
					default:
						wantX[i] = dy[i]
					}
					sums[i/inner%channels] += slope * dy[i]
				}
				wantS := fill(channels, func(k int) float64 { return sums[k] / math.Sqrt(float64(size/channels)*float64(high)) })
				scales := tensor.Shape{channels}
				if channels == 1 && at%2 == 0 {
					scales = tensor.Shape{}
				}
				var scale *gorgonia.Node
				d := differentiate(t, dt, x, dy, shape, func(x *gorgonia.Node) (*gorgonia.Node, error) {
					scale = floatNode(x.Graph(), "scale", dt, tensortest.Float64s(p.Scales), scales)
					return ops.FakeQuantizeLSQ(x, scale, s)
				})
				y, gradients := d.run(t, lisp, d.x, scale)
				if want := dequantized(t, x, shape, p); !slices.Equal(y, want) {
					t.Errorf("%v %v: %v becomes %v, want %v", s, shape, x, y, want)
				}
				if !slices.Equal(gradients[0], wantX) {
					t.Errorf("%v %v: at %v of scales %v, %v has gradient %v, want %v", s, shape, x, p.Scales, dy, gradients[0], wantX)
				}
				if !isClose(gradients[1], wantS, 1e-6) {
					t.Errorf("%v %v: at %v of scales %v, %v has gradient %v by the scales, want %v", s, shape, x, p.Scales, dy, gradients[1], wantS)
				}
			}
		}
	})
}

// TestFakeQuantizeLSQScales: one that is not positive, or NaN, is an error when the graph runs.
func TestFakeQuantizeLSQScales(t *testing.T) {
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		for _, scale := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 0x1p-140} {
			g := gorgonia.NewGraph()
			x := floatNode(g, "x", tensor.Float32, []float64{1, 2, 3, 4}, tensor.Shape{2, 2})
			if _, err := ops.FakeQuantizeLSQ(x, floatNode(g, "s", tensor.Float32, []float64{1, scale}, tensor.Shape{2}),
				qtensor.Int4().PerAxis(0)); err != nil {
				t.Fatal(err)
			}
			wantError(t, fmt.Sprint(scale), cause(newRunner(g).run()), qtensor.ErrParams, "ops: fakequantize lsq int4@0", "at 1")
		}
	})
}

func TestFakeQuantizeLSQRefuses(t *testing.T) {
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 3, 4)
	one := gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("one"))
	four := input(g, "four", tensor.Float32, 4)
	for _, c := range []struct {
		name     string
		x, scale *gorgonia.Node
		s        qtensor.Scheme
		target   error
		part     string
	}{
		{"nil", nil, one, qtensor.Int4(), qtensor.ErrShape, "got no node"},
		{"nil scale", x, nil, qtensor.Int4(), qtensor.ErrShape, "scale: "},
		{"int", input(g, "i", tensor.Int, 3, 4), one, qtensor.Int4(), qtensor.ErrDtype, "got a node of int"},
		{"int scale", x, gorgonia.NewScalar(g, tensor.Int, gorgonia.WithName("is")), qtensor.Int4(), qtensor.ErrDtype, "scale: "},
		{"float64 scale", x, gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("ds")), qtensor.Int4(), qtensor.ErrDtype, "got a scale of float64 for float32"},
		{"another axis", x, four, qtensor.Int4().PerAxis(0), qtensor.ErrShape, "got scales of shape (4) for (3, 4), want 3"},
		{"one scale for an axis", x, one, qtensor.Int4().PerAxis(0), qtensor.ErrShape, "want 3"},
		{"scales of an axis for one", x, four, qtensor.Int4(), qtensor.ErrShape, "want 1"},
		{"no such axis", x, four, qtensor.Int4().PerAxis(2), qtensor.ErrShape, "axis 2"},
		{"groups", x, four, qtensor.Int4().PerGroup(0, 4), qtensor.ErrScheme, "want a symmetric one"},
		{"affine", x, one, qtensor.Affine(4), qtensor.ErrScheme, "want a symmetric one"},
		{"uniform", x, one, qtensor.Uniform(4), qtensor.ErrScheme, "want a symmetric one"},
		{"float16", x, one, qtensor.Float16(), qtensor.ErrScheme, "want a symmetric one"},
		{"float16 scales", x, one, qtensor.Int4().WithScales(qtensor.ScaleFloat16), qtensor.ErrScheme, "want a symmetric one"},
		{"nine bits", x, one, qtensor.Symmetric(9), qtensor.ErrScheme, "got 9 bits"},
		{"zero Scheme", x, one, qtensor.Scheme{}, qtensor.ErrScheme, "zero Scheme"},
	} {
		y, err := ops.FakeQuantizeLSQ(c.x, c.scale, c.s)
		if y != nil {
			t.Errorf("%s: got a node beside error %v", c.name, err)
		}
		wantError(t, c.name, err, c.target, "ops: FakeQuantizeLSQ", c.part)
	}
	other := input(gorgonia.NewGraph(), "x", tensor.Float32, 3, 4)
	if y, err := ops.FakeQuantizeLSQ(other, one, qtensor.Int4()); err == nil || y != nil {
		t.Errorf("nodes of two graphs: got %v, error %v", y, err)
	}
}
