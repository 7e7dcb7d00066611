package ops_test

import (
	"math"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The sizes of a net.
const netIn, netHidden, netWide, netOut = 6, 5, 7, 3

// net is a graph of two layers of ours among Gorgonia's own ops, and the same in float64.
type net struct {
	w1, w2    *qtensor.QTensor
	p1, p2    *ops.Weight
	b1, b2, w []float64 // biases of ours and of Gorgonia's own op, the weight of the latter
}

func newNet(t testing.TB) net {
	t.Helper()
	n := net{
		w1: mustQuantize(t, 1, qtensor.UInt4().PerGroup(1, 4), netIn, netHidden),
		w2: mustQuantize(t, 2, qtensor.PerChannelSymmetric(8, 1), netHidden, netWide),
		b1: tensortest.Float64s(gaussian(3, netHidden)), b2: tensortest.Float64s(gaussian(4, netHidden)),
		w: tensortest.Float64s(gaussian(5, netWide*netOut)),
	}
	n.p1, n.p2 = mustPack(t, n.w1), mustPack(t, n.w2)
	return n
}

// valueOf returns a tensor of dt.
func valueOf(dt tensor.Dtype, data []float64, shape ...int) *tensor.Dense {
	if dt == tensor.Float64 {
		return newTensor(slices.Clone(data), shape...)
	}
	return newTensor(fill(len(data), func(i int) float32 { return float32(data[i]) }), shape...)
}

// build adds the net behind x: Linear, Gorgonia's Add, Rectify, Linear with ReLU, Gorgonia's Mul and SoftMax,
// these two for matrices and vectors alone, and Rectify for more.
func (n net) build(t testing.TB, x *gorgonia.Node) (first, last *gorgonia.Node) {
	t.Helper()
	g, dt := x.Graph(), x.Dtype()
	first = mustLinear(t, x, n.p1, ops.WithBias(valueOf(dt, n.b1, netHidden)))
	h := first
	switch x.Dims() {
	case 1, 2:
		b := gorgonia.NewVector(g, dt, gorgonia.WithName("b2"), gorgonia.WithShape(netHidden), gorgonia.WithValue(valueOf(dt, n.b2, netHidden)))
		if x.Dims() == 1 {
			h = gorgonia.Must(gorgonia.Add(h, b))
		} else {
			h = gorgonia.Must(gorgonia.BroadcastAdd(h, b, nil, []byte{0}))
		}
	default:
		h = gorgonia.Must(gorgonia.Add(h, h))
	}
	h = gorgonia.Must(gorgonia.Rectify(h))
	last = mustLinear(t, h, n.p2, ops.WithReLU())
	if x.Dims() > 2 {
		return first, gorgonia.Must(gorgonia.Rectify(last))
	}
	w := gorgonia.NewMatrix(g, dt, gorgonia.WithName("w"), gorgonia.WithShape(netWide, netOut),
		gorgonia.WithValue(valueOf(dt, n.w, netWide, netOut)))
	return first, gorgonia.Must(gorgonia.SoftMax(gorgonia.Must(gorgonia.Mul(last, w))))
}

// expect returns what the first and the last node are for the rows that reach the net.
func (n net) expect(t testing.TB, rows []float64, dims int) (first, last []float64) {
	t.Helper()
	m := len(rows) / netIn
	times := func(x []float64, q *qtensor.QTensor) []float64 {
		return product(t, fill(len(x), func(i int) float32 { return float32(x[i]) }), m, q)
	}
	first = times(rows, n.w1)
	h := make([]float64, len(first))
	for i := range first {
		first[i] += n.b1[i%netHidden]
		h[i] = first[i] + n.b2[i%netHidden]
		if dims > 2 {
			h[i] = 2 * first[i]
		}
		h[i] = max(h[i], 0)
	}
	last = times(h, n.w2)
	for i := range last {
		last[i] = max(last[i], 0)
	}
	if dims > 2 {
		return first, last
	}
	probabilities := make([]float64, m*netOut)
	for i := range m {
		var sum float64
		row := probabilities[i*netOut:][:netOut]
		for j := range row {
			for p := range netWide {
				row[j] += last[i*netWide+p] * n.w[p*netOut+j]
			}
			row[j] = math.Exp(row[j])
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
	}
	return first, probabilities
}

// transposed returns data, (a, b), as (b, a).
func transposed(data []float64, a, b int) []float64 {
	return fill(len(data), func(i int) float64 { return data[i%a*b+i/a] })
}

// columns returns netIn columns, from the given one, of data, which is width wide.
func columns(data []float64, width, first int) []float64 {
	var picked []float64
	for i := first; i < len(data); i += width {
		picked = append(picked, data[i:i+netIn]...)
	}
	return picked
}

func mustSlice(t testing.TB, d *tensor.Dense, s ...tensor.Slice) *tensor.Dense {
	t.Helper()
	view, err := d.Slice(s...)
	if err != nil {
		t.Fatal(err)
	}
	return view.(*tensor.Dense)
}

// feeds are the ways in which rows reach a layer: the shape of the input node; the value that is bound to it;
// Gorgonia's ops before the layer; and the rows that result, of the values that the value was made of.
var feeds = []struct {
	name   string
	shape  []int
	size   int // of the values, where they are more than the shape's
	value  func(t testing.TB, dt tensor.Dtype, data []float64) *tensor.Dense
	before func(x *gorgonia.Node) (*gorgonia.Node, error)
	rows   func(data []float64) []float64
}{
	{name: "matrix", shape: []int{5, netIn}},
	{name: "batch of one", shape: []int{1, netIn}},
	{name: "more rows than a block", shape: []int{70, netIn}},
	{name: "vector", shape: []int{netIn}},
	{name: "rank 3", shape: []int{2, 4, netIn}},
	{name: "rank 3, of one", shape: []int{1, 1, netIn}},
	{name: "rank 4", shape: []int{2, 1, 3, netIn}},
	{
		name: "value transposed lazily", shape: []int{4, netIn},
		value: func(t testing.TB, dt tensor.Dtype, data []float64) *tensor.Dense {
			d := valueOf(dt, data, netIn, 4)
			if err := d.T(); err != nil {
				t.Fatal(err)
			}
			return d
		},
		rows: func(data []float64) []float64 { return transposed(data, netIn, 4) },
	},
	{
		name: "value sliced by column", shape: []int{4, netIn}, size: 4 * (netIn + 3),
		value: func(t testing.TB, dt tensor.Dtype, data []float64) *tensor.Dense {
			return mustSlice(t, valueOf(dt, data, 4, netIn+3), nil, gorgonia.S(2, 2+netIn))
		},
		rows: func(data []float64) []float64 { return columns(data, netIn+3, 2) },
	},
	{
		name: "value sliced by row", shape: []int{3, netIn}, size: 7 * netIn,
		value: func(t testing.TB, dt tensor.Dtype, data []float64) *tensor.Dense {
			return mustSlice(t, valueOf(dt, data, 7, netIn), gorgonia.S(2, 5))
		},
		rows: func(data []float64) []float64 { return data[2*netIn : 5*netIn] },
	},
	{
		name: "value sliced to one row, which is a vector", shape: []int{1, netIn}, size: 4 * netIn,
		value: func(t testing.TB, dt tensor.Dtype, data []float64) *tensor.Dense {
			return mustSlice(t, valueOf(dt, data, 4, netIn), gorgonia.S(2, 3))
		},
		rows: func(data []float64) []float64 { return data[2*netIn : 3*netIn] },
	},
	{
		name: "value in column-major order", shape: []int{4, netIn},
		value: func(_ testing.TB, dt tensor.Dtype, data []float64) *tensor.Dense {
			if dt == tensor.Float64 {
				return tensor.New(tensor.WithShape(4, netIn), tensor.AsFortran(slices.Clone(data)))
			}
			return tensor.New(tensor.WithShape(4, netIn), tensor.AsFortran(fill(len(data), func(i int) float32 { return float32(data[i]) })))
		},
		rows: func(data []float64) []float64 { return data }, // AsFortran takes data in row-major order
	},
	{
		name: "Gorgonia's Transpose", shape: []int{netIn, 5},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Transpose(x, 1, 0) },
		rows:   func(data []float64) []float64 { return transposed(data, netIn, 5) },
	},
	{
		name: "Gorgonia's Slice of columns", shape: []int{5, netIn + 3},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.Slice(x, nil, gorgonia.S(1, 1+netIn))
		},
		rows: func(data []float64) []float64 { return columns(data, netIn+3, 1) },
	},
	{
		name: "Gorgonia's Slice of rows", shape: []int{7, netIn},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(x, gorgonia.S(3, 6)) },
		rows:   func(data []float64) []float64 { return data[3*netIn : 6*netIn] },
	},
	{
		name: "Gorgonia's Slice [0:1], which is a vector", shape: []int{4, netIn},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(x, gorgonia.S(0, 1)) },
		rows:   func(data []float64) []float64 { return data[:netIn] },
	},
	{
		name: "Gorgonia's Slice [3], which is a vector", shape: []int{4, netIn},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(x, gorgonia.S(3)) },
		rows:   func(data []float64) []float64 { return data[3*netIn:] },
	},
	{
		name: "Gorgonia's Slice of a column, which is a vector", shape: []int{netIn, 4},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.Slice(x, nil, gorgonia.S(2))
		},
		rows: func(data []float64) []float64 { return transposed(data, netIn, 4)[2*netIn:][:netIn] },
	},
	{
		name: "Gorgonia's Slice of rank 3", shape: []int{3, 4, netIn},
		before: func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(x, gorgonia.S(1)) },
		rows:   func(data []float64) []float64 { return data[4*netIn:][:4*netIn] },
	},
	{
		name: "Gorgonia's Rectify", shape: []int{4, netIn},
		before: gorgonia.Rectify,
		rows: func(data []float64) []float64 {
			return fill(len(data), func(i int) float64 { return max(data[i], 0) })
		},
	},
}

// TestGraph runs the net on all feeds, in both machines and types, several times over with other inputs.
func TestGraph(t *testing.T) {
	n := newNet(t)
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			for _, feed := range feeds {
				t.Run(feed.name+", "+dt.String(), func(t *testing.T) {
					g := gorgonia.NewGraph()
					x := input(g, "x", dt, feed.shape...)
					h := x
					if feed.before != nil {
						h = gorgonia.Must(feed.before(x))
					}
					first, last := n.build(t, h)
					var readFirst, readLast gorgonia.Value
					gorgonia.Read(first, &readFirst)
					gorgonia.Read(last, &readLast)
					r := newRunner(g)
					for run := range 4 {
						size := max(feed.size, tensor.Shape(feed.shape).TotalSize())
						data := tensortest.Float64s(gaussian(uint64(100+run), size))
						rows := data
						var value *tensor.Dense
						if feed.value != nil {
							value = feed.value(t, dt, data)
						} else {
							value = valueOf(dt, data, feed.shape...)
						}
						if feed.rows != nil {
							rows = feed.rows(data)
						}
						before := valuesOf(t, value)
						r.mustRun(t, x, value)
						wantFirst, wantLast := n.expect(t, rows, h.Dims())
						for _, c := range []struct {
							name      string
							got       gorgonia.Value
							want      []float64
							tolerance float64
							shape     tensor.Shape
						}{
							{"first layer, by Read", readFirst, wantFirst, 1e-6, first.Shape()},
							{"last node, by Read", readLast, wantLast, 1e-5, last.Shape()},
							{"last node, by Value", last.Value(), wantLast, 1e-5, last.Shape()},
						} {
							if got := valuesOf(t, c.got); !isClose(got, c.want, c.tolerance) {
								t.Errorf("run %d, %s: %v, want %v", run, c.name, got, c.want)
							}
							if c.got.Dtype() != dt || !c.got.Shape().Eq(c.shape) {
								t.Errorf("run %d, %s: %v %v, want %v %v", run, c.name, c.got.Shape(), c.got.Dtype(), c.shape, dt)
							}
						}
						if !slices.Equal(valuesOf(t, value), before) {
							t.Errorf("run %d changed the value of x", run)
						}
					}
				})
			}
		}
	})
}

// TestViews compares views with materialized copies, bit for bit.
func TestViews(t *testing.T) {
	w := mustWeight(t, 1, netIn, netOut)
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, feed := range feeds {
			if feed.value == nil {
				continue
			}
			data := tensortest.Float64s(gaussian(2, max(feed.size, feed.shape[0]*netIn)))
			for _, c := range computings(t) {
				op := mustOp(t, dt, 2, w, under(c.compute))
				got, err := op.Do(feed.value(t, dt, data))
				if err != nil {
					t.Fatal(err)
				}
				want, err := op.Do(valueOf(dt, feed.rows(data), feed.shape...))
				if err != nil {
					t.Fatal(err)
				}
				if got, want := valuesOf(t, got), valuesOf(t, want); !slices.Equal(got, want) {
					t.Errorf("%s, %v, %v: %v, want %v", feed.name, dt, c, got, want)
				}
			}
		}
	}
}
