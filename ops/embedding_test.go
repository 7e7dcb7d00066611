package ops_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// embeddingSchemes returns schemes of every kind and sharing for an embedding.
func embeddingSchemes() []qtensor.Scheme {
	schemes := []qtensor.Scheme{qtensor.Float16(), qtensor.BFloat16(), qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(0), qtensor.Int4().PerGroup(0, 4).WithScales(qtensor.ScaleFloat16)}
	for _, s := range []qtensor.Scheme{
		qtensor.Uniform(5), qtensor.Symmetric(8), qtensor.Affine(8), qtensor.PowerOfTwo(6),
		qtensor.Int4(), qtensor.UInt4(),
	} {
		schemes = append(schemes, s, s.PerAxis(0), s.PerAxis(1), s.PerGroup(0, 4), s.PerGroup(1, 4))
	}
	return schemes
}

// dequantizedRows returns rows of a weight by Dequantize.
func dequantizedRows(t testing.TB, weight *qtensor.QTensor, rows ...int) (list []float32) {
	t.Helper()
	all, err := weight.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	width := weight.Len() / weight.Shape()[0]
	for _, row := range rows {
		list = append(list, all.Float32s()[row*width:][:width]...)
	}
	return list
}

func mustEmbedding(t testing.TB, indices *gorgonia.Node, weight *qtensor.QTensor) *gorgonia.Node {
	t.Helper()
	y, err := ops.Embedding(indices, weight)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// TestEmbedding looks rows up by indices of every rank, between Gorgonia's own ops, and wants the bits of
// Dequantize.
func TestEmbedding(t *testing.T) {
	const rows, width = 7, 5
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		for _, s := range embeddingSchemes() {
			weight := mustQuantize(t, 1, s, rows, width)
			for _, shape := range [][]int{{1}, {6}, {2, 3}, {6, 1}, {3, 1, 2}} {
				g := gorgonia.NewGraph()
				x := input(g, "x", tensor.Int, shape...)
				y := mustEmbedding(t, x, weight)
				doubled := gorgonia.Must(gorgonia.Add(y, y))
				var out, behind gorgonia.Value
				gorgonia.Read(y, &out)
				gorgonia.Read(doubled, &behind)
				r := newRunner(g)
				for _, indices := range [][]int{{6, 0, 3, 3, 5, 1}, {1, 2, 6, 6, 0, 4}} {
					indices = indices[:tensor.Shape(shape).TotalSize()]
					r.mustRun(t, x, newTensor(slices.Clone(indices), shape...))
					want := dequantizedRows(t, weight, indices...)
					if got := out.Data().([]float32); !tensortest.SameBits(got, want) || !slices.Equal(out.Shape(), append(slices.Clone(shape), width)) {
						t.Errorf("%v, rows %v of shape %v: got %v of shape %v, want %v", s, indices, shape, got, out.Shape(), want)
					}
					if got := behind.Data().([]float32); got[0] != want[0]+want[0] {
						t.Errorf("%v: twice %v is %v", s, want[0], got[0])
					}
				}
			}
		}
	})
}

// TestEmbeddingOfOne looks a row up by an integer that is no tensor, and by what a slice has dropped an axis
// of.
func TestEmbeddingOfOne(t *testing.T) {
	weight := mustQuantize(t, 1, qtensor.Int4(), 4, 3)
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		x := gorgonia.NewScalar(g, tensor.Int, gorgonia.WithName("x"))
		y := mustEmbedding(t, x, weight)
		newRunner(g).mustRun(t, x, gorgonia.NewI(3))
		if got, want := y.Value(), dequantizedRows(t, weight, 3); !tensortest.SameBits(got.Data().([]float32), want) ||
			!slices.Equal(got.Shape(), tensor.Shape{3}) {
			t.Errorf("a scalar gives %v of shape %v, want %v", got, got.Shape(), want)
		}
	})
	y, err := mustEmbedding(t, input(gorgonia.NewGraph(), "x", tensor.Int, 1, 2),
		weight).Op().Do(mustSlice(t, newTensor([]int{0, 1, 2, 3}, 2, 2), gorgonia.S(1)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := y.Data().([]float32), dequantizedRows(t, weight, 2, 3); !tensortest.SameBits(got, want) ||
		!slices.Equal(y.Shape(), tensor.Shape{1, 2, 3}) {
		t.Errorf("a row of indices gives %v of shape %v, want %v", got, y.Shape(), want)
	}
}

// TestEmbeddingLayouts gives indices in other layouts, none at all, and a weight of more axes.
func TestEmbeddingLayouts(t *testing.T) {
	weight := mustQuantize(t, 1, qtensor.UInt4().PerGroup(1, 3), 9, 3)
	transposed := newTensor([]int{0, 1, 2, 3, 4, 5}, 2, 3)
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	op := mustEmbedding(t, input(gorgonia.NewGraph(), "x", tensor.Int, 3, 2), weight).Op()
	for _, c := range []struct {
		name string
		x    *tensor.Dense
		want []int
	}{
		{"transposed", transposed, []int{0, 3, 1, 4, 2, 5}},
		{"columns", mustSlice(t, newTensor([]int{99, 8, 7, 99, 6, 5, 99, 4, 3}, 3, 3), nil, gorgonia.S(1, 3)), []int{8, 7, 6, 5, 4, 3}},
		{"none", tensor.New(tensor.Of(tensor.Int), tensor.WithShape(0, 2)), nil},
	} {
		y, err := op.Do(c.x)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(c.want) == 0 {
			if !y.Shape().Eq(tensor.Shape{0, 2, 3}) {
				t.Errorf("%s: got shape %v", c.name, y.Shape())
			}
			continue
		}
		if got, want := y.Data().([]float32), dequantizedRows(t, weight, c.want...); !tensortest.SameBits(got, want) {
			t.Errorf("%s: got %v, want %v", c.name, got, want)
		}
	}
	cube, err := qtensor.Quantize(newTensor(gaussian(2, 60), 4, 3, 5), qtensor.Affine(8).PerAxis(1))
	if err != nil {
		t.Fatal(err)
	}
	y := mustEmbedding(t, input(gorgonia.NewGraph(), "x", tensor.Int, 2), cube)
	got := mustDo(t, y.Op(), newTensor([]int{3, 1}, 2))
	if want := dequantizedRows(t, cube, 3, 1); !tensortest.SameBits(got, want) || !slices.Equal(y.Shape(), tensor.Shape{2, 3, 5}) {
		t.Errorf("of three axes: got %v of shape %v, want %v", got, y.Shape(), want)
	}
}

func TestEmbeddingRefuses(t *testing.T) {
	g := gorgonia.NewGraph()
	weight := mustQuantize(t, 1, qtensor.Symmetric(8), 4, 3)
	vector, err := qtensor.Quantize(newTensor(gaussian(1, 4), 4), qtensor.Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		indices *gorgonia.Node
		weight  *qtensor.QTensor
		target  error
		part    string
	}{
		{"no node", nil, weight, qtensor.ErrShape, "got no node"},
		{"no weight", input(g, "x", tensor.Int, 2), nil, qtensor.ErrShape, "no weight"},
		{"zero weight", input(g, "x", tensor.Int, 2), new(qtensor.QTensor), qtensor.ErrShape, "want (rows, width)"},
		{"vector", input(g, "x", tensor.Int, 2), vector, qtensor.ErrShape, "weight is (4), want (rows, width)"},
		{"float32", input(g, "y", tensor.Float32, 2), weight, qtensor.ErrDtype, "indices: unsupported dtype: got a node of float32, want int"},
		{"int32", input(g, "z", tensor.Int32, 2), weight, qtensor.ErrDtype, "want int"},
		{"float scalar", gorgonia.NewScalar(g, tensor.Float64, gorgonia.WithName("s")), weight, qtensor.ErrDtype, "want int"},
	} {
		y, err := ops.Embedding(c.indices, c.weight)
		if y != nil {
			t.Errorf("%s: got a node", c.name)
		}
		wantError(t, c.name, err, c.target, "ops: Embedding", c.part)
	}
	op := mustEmbedding(t, input(g, "x", tensor.Int, 2, 2), weight).Op()
	var scalar *gorgonia.I
	for _, c := range []struct {
		name   string
		inputs []gorgonia.Value
		target error
		part   string
	}{
		{"no inputs", nil, qtensor.ErrShape, "got 0 inputs, want 1"},
		{"nil", []gorgonia.Value{nil}, qtensor.ErrShape, "got <nil>, want a tensor"},
		{"nil scalar", []gorgonia.Value{scalar}, qtensor.ErrShape, "got nil"},
		{"nil *Dense", []gorgonia.Value{(*tensor.Dense)(nil)}, qtensor.ErrLayout, "got nil"},
		{"zero Dense", []gorgonia.Value{new(tensor.Dense)}, qtensor.ErrLayout, "unreadable"},
		{"float32", []gorgonia.Value{tensor.Ones(tensor.Float32, 2, 2)}, qtensor.ErrDtype, "got float32, want int"},
		{"rank 3", []gorgonia.Value{newTensor([]int{0}, 1, 1, 1)}, qtensor.ErrShape, "indices are (1, 1, 1), want 2 dimensions"},
		{"behind the last", []gorgonia.Value{newTensor([]int{0, 3, 4, 1}, 2, 2)}, qtensor.ErrValue, "got row 4 at 2, want 0 to 3"},
		{"negative", []gorgonia.Value{newTensor([]int{-1}, 1, 1)}, qtensor.ErrValue, "got row -1 at 0, want 0 to 3"},
	} {
		y, err := op.Do(c.inputs...)
		if y != nil {
			t.Errorf("%s: got a value", c.name)
		}
		wantError(t, c.name, err, c.target, "ops: embedding(4, 3) symmetric8", c.part)
	}
	for _, inputs := range [][]gorgonia.DimSizer{nil, {nil}, {tensor.Shape{2}}} {
		_, err := op.InferShape(inputs...)
		wantError(t, fmt.Sprint("InferShape of ", inputs), err, qtensor.ErrShape, "ops: embedding")
	}
}

// TestEmbeddingOutOfRange: a row that is not there is an error of both machines.
func TestEmbeddingOutOfRange(t *testing.T) {
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		x := input(g, "x", tensor.Int, 2)
		mustEmbedding(t, x, mustQuantize(t, 1, qtensor.Int4(), 4, 3))
		if err := gorgonia.Let(x, newTensor([]int{1, 4}, 2)); err != nil {
			t.Fatal(err)
		}
		wantError(t, "row 4 of 4", cause(newRunner(g).run()), qtensor.ErrValue, "embedding(4, 3)", "got row 4 at 1, want 0 to 3")
	})
}

// TestEmbeddingGradient trains what stands behind an embedding, and wants an error of what stands before it.
func TestEmbeddingGradient(t *testing.T) {
	weight := mustQuantize(t, 1, qtensor.PerChannelSymmetric(8, 0), 4, 3)
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Int, gorgonia.WithName("x"), gorgonia.WithShape(2), gorgonia.WithValue(newTensor([]int{2, 0}, 2)))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(3, 2),
		gorgonia.WithValue(newTensor(gaussian(2, 6), 3, 2)))
	y := gorgonia.Must(gorgonia.Mul(mustEmbedding(t, x, weight), w))
	grads, err := gorgonia.Grad(gorgonia.Must(gorgonia.Sum(y)), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&runner{g: g}).run(); err != nil {
		t.Fatal(err)
	}
	rows := dequantizedRows(t, weight, 2, 0)
	want := fill(6, func(i int) float32 { return rows[i/2] + rows[3+i/2] })
	if got := valuesOf(t, grads[0].Value()); !isClose(got, tensortest.Float64s(want), 1e-6) {
		t.Errorf("the gradient is %v, want %v", got, want)
	}
	if _, err := gorgonia.Grad(gorgonia.Must(gorgonia.Sum(y)), x); err == nil {
		t.Error("a gradient with respect to indices: got no error")
	}
	g = gorgonia.NewGraph()
	x = gorgonia.NewVector(g, tensor.Int, gorgonia.WithName("x"), gorgonia.WithShape(2), gorgonia.WithValue(newTensor([]int{2, 0}, 2)))
	gorgonia.Must(gorgonia.Sum(mustEmbedding(t, x, weight)))
	lisp := gorgonia.NewLispMachine(g)
	defer lisp.Close()
	if err := lisp.RunAll(); err == nil || !strings.Contains(err.Error(), "has no gradient, want gorgonia.ExecuteFwdOnly") {
		t.Errorf("a LispMachine that computes gradients: got error %v", err)
	}
}

// TestEmbeddingsApart: tables of one shape on the same indices are nodes of their own.
func TestEmbeddingsApart(t *testing.T) {
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Int, 2)
	a, b := mustQuantize(t, 1, qtensor.Int4(), 4, 3), mustQuantize(t, 2, qtensor.Int4(), 4, 3)
	difference := gorgonia.Must(gorgonia.Sub(mustEmbedding(t, x, a), mustEmbedding(t, x, b)))
	(&runner{g: g}).mustRun(t, x, newTensor([]int{3, 1}, 2))
	ra, rb := dequantizedRows(t, a, 3, 1), dequantizedRows(t, b, 3, 1)
	if got, want := difference.Value().Data().([]float32),
		fill(6, func(i int) float32 { return ra[i] - rb[i] }); !tensortest.SameBits(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestEmbeddingShared has graphs in goroutines share a weight. Run it under -race.
func TestEmbeddingShared(t *testing.T) {
	weight := mustQuantize(t, 1, qtensor.Int4().PerGroup(0, 4), 50, 9)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			g := gorgonia.NewGraph()
			x := input(g, "x", tensor.Int, 3)
			y, err := ops.Embedding(x, weight)
			if err != nil {
				t.Error(err)
				return
			}
			r := &runner{g: g, lisp: i%2 > 0}
			var out gorgonia.Value
			gorgonia.Read(y, &out)
			for row := range 48 {
				if err := gorgonia.Let(x, newTensor([]int{row, row + 2, 49 - row}, 3)); err != nil {
					t.Error(err)
				}
				if err := r.run(); err != nil {
					t.Error(err)
				} else if got, want := out.Data().([]float32), dequantizedRows(t, weight, row, row+2, 49-row); !tensortest.SameBits(got, want) {
					t.Errorf("graph %d, row %d: got %v, want %v", i, row, got, want)
				}
			}
		})
	}
	wait.Wait()
}
