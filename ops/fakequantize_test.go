package ops_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/internal/dense"
	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fakeShapes are the shapes of nodes, the scalar's among them.
var fakeShapes = []tensor.Shape{{}, {1}, {7}, {1, 1}, {3, 5}, {5, 1}, {2, 3, 4}, {2, 1, 3, 2}}

// fakeSchemes are the schemes of integers, whatever shares a scale, that a tensor of the given shape can
// have.
func fakeSchemes(shape tensor.Shape) []qtensor.Scheme {
	var methods, schemes []qtensor.Scheme
	for _, bits := range []int{2, 3, 4, 8} {
		methods = append(methods, qtensor.Uniform(bits), qtensor.Symmetric(bits), qtensor.Affine(bits), qtensor.PowerOfTwo(bits))
	}
	methods = append(methods, qtensor.Int4(), qtensor.UInt4(), qtensor.Symmetric(3).WithScales(qtensor.ScaleFloat16),
		qtensor.Affine(4).WithScales(qtensor.ScaleFloat16))
	for _, s := range methods {
		schemes = append(schemes, s)
		for axis := range shape {
			schemes = append(schemes, s.PerAxis(axis), s.PerGroup(axis, 3))
		}
	}
	return schemes
}

// elements returns the elements of a value, a scalar or a tensor in any layout, in row-major order.
func elements(t testing.TB, v gorgonia.Value) []float64 {
	t.Helper()
	var out []float64
	var err error
	switch v := v.(type) {
	case *gorgonia.F32:
		return []float64{float64(*v)}
	case *gorgonia.F64:
		return []float64{float64(*v)}
	case *tensor.Dense:
		if v.Dtype() == tensor.Float64 {
			out, err = dense.Slice[float64](v)
		} else {
			var narrow []float32
			narrow, err = dense.Slice[float32](v)
			out = tensortest.Float64s(narrow)
		}
	default:
		t.Fatalf("there is a %T", v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out)
}

// floats returns a tensor of dt and any shape, a scalar's too.
func floats(dt tensor.Dtype, data []float64, shape tensor.Shape) *tensor.Dense {
	if dt == tensor.Float64 {
		return dense.New(slices.Clone(data), shape)
	}
	return dense.New(fill(len(data), func(i int) float32 { return float32(data[i]) }), shape)
}

// floatNode returns an input node of any rank with a value.
func floatNode(g *gorgonia.ExprGraph, name string, dt tensor.Dtype, data []float64, shape tensor.Shape) *gorgonia.Node {
	if shape.IsScalar() && dt == tensor.Float64 {
		return gorgonia.NewScalar(g, dt, gorgonia.WithName(name), gorgonia.WithValue(data[0]))
	}
	if shape.IsScalar() {
		return gorgonia.NewScalar(g, dt, gorgonia.WithName(name), gorgonia.WithValue(float32(data[0])))
	}
	return gorgonia.NewTensor(g, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name),
		gorgonia.WithValue(floats(dt, data, shape)))
}

// ends returns the ends of the representable range for each element of a tensor of the given shape, by their
// definition.
func ends(p qtensor.Params, shape tensor.Shape) (lowest, highest []float32) {
	total := shape.TotalSize()
	inner, channels, size := total, 1, total
	if axis, ok := p.Scheme.Axis(); ok {
		channels = shape[axis]
		inner = shape[axis+1:].TotalSize()
		size = total / channels
	}
	if group := p.Scheme.GroupSize(); group > 0 {
		size = min(size, group)
	}
	groups := (total/channels + size - 1) / size
	low, high := p.Scheme.CodeRange()
	for i := range total {
		outer, k, rest := i/inner/channels, i/inner%channels, i%inner
		block := k*groups + (outer*inner+rest)/size
		value := func(code int32) float32 {
			if p.Scheme.HasOffset() {
				return float32(float64(p.Offsets[block]) + float64(float64(p.Scales[block])*float64(code)))
			}
			if p.Scheme.HasZeroPoint() {
				code -= p.ZeroPoints[block]
			}
			return p.Scales[block] * float32(code)
		}
		if p.Scales[block] < 0 { // which is there for the extreme code
			lowest, highest = append(lowest, value(high)), append(highest, value(low-1))
		} else {
			lowest, highest = append(lowest, value(low)), append(highest, value(high))
		}
	}
	return lowest, highest
}

// narrow returns the parameters of s for half the range of x, so that some of it saturates.
func narrow(t testing.TB, x []float64, shape tensor.Shape, s qtensor.Scheme) qtensor.Params {
	t.Helper()
	half := fill(len(x), func(i int) float64 { return x[i] / 2 })
	q, err := qtensor.Quantize(floats(tensor.Float64, half, shape), s)
	if err != nil {
		t.Fatal(err)
	}
	return q.Params()
}

// dequantized returns what x becomes under p.
func dequantized(t testing.TB, x []float64, shape tensor.Shape, p qtensor.Params) []float64 {
	t.Helper()
	q, err := qtensor.QuantizeWith(floats(tensor.Float64, x, shape), p)
	if err != nil {
		t.Fatal(err)
	}
	y, err := q.Dequantize(tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	return elements(t, y)
}

// differentiated is a graph of y = f(x) under the cost Σ y·dy.
type differentiated struct {
	x, y, cost *gorgonia.Node
}

func differentiate(t testing.TB, dt tensor.Dtype, x, dy []float64, shape tensor.Shape,
	f func(x *gorgonia.Node) (*gorgonia.Node, error),
) differentiated {
	t.Helper()
	g := gorgonia.NewGraph()
	d := differentiated{x: floatNode(g, "x", dt, x, shape)}
	var err error
	if d.y, err = f(d.x); err != nil {
		t.Fatalf("shape %v, %v: %v", shape, dt, err)
	}
	d.cost = gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.HadamardProd(d.y, floatNode(g, "dy", dt, dy, shape)))))
	return d
}

// run returns y and the gradients of the cost with respect to the given nodes, in either machine.
func (d differentiated) run(t testing.TB, lisp bool, nodes ...*gorgonia.Node) (y []float64, gradients [][]float64) {
	t.Helper()
	var read gorgonia.Value
	gorgonia.Read(d.y, &read)
	var machine gorgonia.VM
	if lisp {
		machine = gorgonia.NewLispMachine(d.x.Graph())
	} else {
		if _, err := gorgonia.Grad(d.cost, nodes...); err != nil {
			t.Fatal(err)
		}
		machine = gorgonia.NewTapeMachine(d.x.Graph(), gorgonia.BindDualValues(nodes...))
	}
	defer machine.Close()
	if err := machine.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		gradient, err := n.Grad()
		if err != nil {
			t.Fatal(err)
		}
		gradients = append(gradients, elements(t, gradient))
	}
	return elements(t, read), gradients
}

// inBoth runs a test for each machine and each type of node.
func inBoth(t *testing.T, test func(t *testing.T, lisp bool, dt tensor.Dtype)) {
	t.Helper()
	for _, lisp := range []bool{false, true} {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%v, %v", map[bool]string{false: "TapeMachine", true: "LispMachine"}[lisp], dt), func(t *testing.T) {
				test(t, lisp, dt)
			})
		}
	}
}

// TestFakeQuantize compares values with those of qtensor, bit for bit, and gradients with their definition,
// at and next to the ends of the range, for every scheme and shape.
func TestFakeQuantize(t *testing.T) {
	inBoth(t, func(t *testing.T, lisp bool, dt tensor.Dtype) {
		for _, shape := range fakeShapes {
			size := shape.TotalSize()
			for at, s := range fakeSchemes(shape) {
				x, dy := tensortest.Float64s(gaussian(uint64(at), size)), tensortest.Float64s(gaussian(99, size))
				p := narrow(t, x, shape, s)
				if at%3 == 0 && !s.HasZeroPoint() && !s.HasOffset() {
					for i := range p.Scales {
						p.Scales[i] = -p.Scales[i]
					}
				}
				lowest, highest := ends(p, shape)
				for i := range x {
					if special := []float32{
						lowest[i], math.Nextafter32(lowest[i], -math.MaxFloat32),
						highest[i], math.Nextafter32(highest[i], math.MaxFloat32), math.MaxFloat32,
					}; (i+at)%7 < len(special) {
						x[i] = float64(special[(i+at)%7])
					}
				}
				d := differentiate(t, dt, x, dy, shape, func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.FakeQuantize(x, p) })
				y, gradients := d.run(t, lisp, d.x)
				if want := dequantized(t, x, shape, p); !slices.Equal(y, want) {
					t.Errorf("%v %v: %v becomes %v, want %v", s, shape, x, y, want)
				}
				want := fill(size, func(i int) float64 {
					if v := float32(x[i]); v < lowest[i] || v > highest[i] {
						return 0
					}
					return dy[i]
				})
				if !slices.Equal(gradients[0], want) {
					t.Errorf("%v %v: at %v with the range from %v to %v, %v has gradient %v, want %v", s, shape, x, lowest, highest,
						dy, gradients[0], want)
				}
				if !d.y.Shape().Eq(shape) || d.y.Dtype() != dt {
					t.Errorf("%v %v: the node is %v %v, want x's", s, shape, d.y.Shape(), d.y.Dtype())
				}
			}
		}
	})
}

// TestFakeQuantizeDynamic does the same for parameters from the value, which have no ends.
func TestFakeQuantizeDynamic(t *testing.T) {
	inBoth(t, func(t *testing.T, lisp bool, dt tensor.Dtype) {
		for _, shape := range fakeShapes {
			size := shape.TotalSize()
			for at, s := range fakeSchemes(shape) {
				x, dy := tensortest.Float64s(gaussian(uint64(at), size)), tensortest.Float64s(gaussian(99, size))
				d := differentiate(t, dt, x, dy, shape, func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.FakeQuantizeDynamic(x, s) })
				y, gradients := d.run(t, lisp, d.x)
				q, err := qtensor.Quantize(floats(dt, x, shape), s)
				if err != nil {
					t.Fatal(err)
				}
				if want := dequantized(t, x, shape, q.Params()); !slices.Equal(y, want) {
					t.Errorf("%v %v: %v becomes %v, want %v", s, shape, x, y, want)
				}
				if !slices.Equal(gradients[0], dy) {
					t.Errorf("%v %v: %v has gradient %v", s, shape, dy, gradients[0])
				}
			}
		}
	})
}

// TestFakeQuantizeRoundsFloat64: a float64 next to an end is at the end, since it is rounded to float32
// first.
func TestFakeQuantizeRoundsFloat64(t *testing.T) {
	p := qtensor.Params{Scheme: qtensor.Symmetric(2), Scales: []float32{1}}
	x := []float64{1 + 1e-12, 1 + 1e-6, -1 - 1e-12, -1 - 1e-6}
	for _, lisp := range []bool{false, true} {
		d := differentiate(t, tensor.Float64, x, []float64{1, 2, 3, 4}, tensor.Shape{4},
			func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.FakeQuantize(x, p) })
		if _, gradients := d.run(t, lisp, d.x); !slices.Equal(gradients[0], []float64{1, 0, 3, 0}) {
			t.Errorf("LispMachine %v: gradient at %v is %v, want 1 0 3 0", lisp, x, gradients[0])
		}
	}
}

// TestFakeQuantizeViews: values in every layout, and gradients for them, which LispMachine gives the same
// layout.
func TestFakeQuantizeViews(t *testing.T) {
	inBoth(t, func(t *testing.T, lisp bool, dt tensor.Dtype) {
		for _, feed := range feeds {
			if feed.value == nil {
				continue
			}
			shape := tensor.Shape(feed.shape)
			data := tensortest.Float64s(gaussian(3, max(feed.size, shape.TotalSize())))
			visible, dy := feed.rows(data), tensortest.Float64s(gaussian(4, shape.TotalSize()))
			for _, s := range []qtensor.Scheme{qtensor.Affine(3), qtensor.PerChannelSymmetric(4, 1), qtensor.Int4().PerGroup(0, 4)} {
				p := narrow(t, visible, shape, s)
				value := feed.value(t, dt, data)
				if value.Dims() < len(shape) { // which Gorgonia's own ops cannot differentiate
					testDropped(t, value, p, dequantized(t, visible, shape, p))
					continue
				}
				d := differentiate(t, dt, visible, dy, shape, func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.FakeQuantize(x, p) })
				if err := gorgonia.Let(d.x, value); err != nil {
					t.Fatal(err)
				}
				before := elements(t, value)
				y, gradients := d.run(t, lisp, d.x)
				lowest, highest := ends(p, shape)
				want := fill(len(dy), func(i int) float64 {
					if v := float32(visible[i]); v < lowest[i] || v > highest[i] {
						return 0
					}
					return dy[i]
				})
				if want := dequantized(t, visible, shape, p); !slices.Equal(y, want) {
					t.Errorf("%s, %v: %v becomes %v, want %v", feed.name, s, visible, y, want)
				}
				if !slices.Equal(gradients[0], want) {
					t.Errorf("%s, %v: gradient %v, want %v", feed.name, s, gradients[0], want)
				}
				if !slices.Equal(elements(t, value), before) {
					t.Errorf("%s, %v: the value of x changed", feed.name, s)
				}
			}
		}
	})
}

// testDropped feeds a value of too low a rank to an op: it is taken where no axis matters.
func testDropped(t *testing.T, value *tensor.Dense, p qtensor.Params, want []float64) {
	t.Helper()
	y, err := ops.FakeQuantize(input(gorgonia.NewGraph(), "x", value.Dtype(), 1, netIn), p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := y.Op().Do(value)
	if _, perAxis := p.Scheme.Axis(); perAxis {
		wantError(t, p.Scheme.String(), err, qtensor.ErrShape, "want 2 dimensions")
	} else if err != nil || !slices.Equal(elements(t, got), want) {
		t.Errorf("%v of shape %v: %v, error %v, want %v", p.Scheme, value.Shape(), got, err, want)
	}
}
