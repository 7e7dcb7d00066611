package ops_test

import (
	"maps"
	"math"
	"strings"
	"testing"

	"euryale/internal/nn"
	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// convCase is a convolution of images (batch, in, height, width) with filters (out, in/groups, kernel…).
type convCase struct {
	batch, in, height, width, out, groups int
	kernel, pad, stride, dilation         []int
}

var convCases = map[string]convCase{
	"first layer":   {2, 1, 12, 12, 16, 1, []int{5, 5}, []int{0, 0}, []int{1, 1}, []int{1, 1}},
	"padded":        {3, 16, 9, 7, 20, 1, []int{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}},
	"strided":       {1, 4, 11, 10, 5, 1, []int{3, 2}, []int{0, 1}, []int{2, 3}, []int{1, 1}},
	"dilated":       {2, 3, 12, 13, 4, 1, []int{3, 3}, []int{2, 2}, []int{1, 2}, []int{2, 3}},
	"one pixel":     {2, 8, 6, 6, 24, 1, []int{1, 1}, []int{0, 0}, []int{1, 1}, []int{1, 1}},
	"one dimension": {2, 5, 1, 20, 7, 1, []int{1, 4}, []int{0, 3}, []int{1, 2}, []int{1, 1}},
}

var groupedConvCases = map[string]convCase{
	"two groups": {2, 6, 7, 8, 10, 2, []int{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}},
	"depthwise":  {2, 12, 9, 9, 12, 12, []int{3, 3}, []int{1, 1}, []int{2, 2}, []int{1, 1}},
}

func (c convCase) images(seed uint64) *tensor.Dense {
	return newTensor(gaussian(seed, c.batch*c.in*c.height*c.width), c.batch, c.in, c.height, c.width)
}

func (c convCase) filters(t testing.TB, seed uint64, s qtensor.Scheme) *qtensor.QTensor {
	t.Helper()
	shape := []int{c.out, c.in / c.groups, c.kernel[0], c.kernel[1]}
	q, err := qtensor.Quantize(newTensor(gaussian(seed, c.out*c.in/c.groups*c.kernel[0]*c.kernel[1]), shape...), s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (c convCase) pack(t testing.TB, q *qtensor.QTensor) *ops.Filters {
	t.Helper()
	f, err := ops.PackConv2d(q, c.groups)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (c convCase) node(t testing.TB, im *gorgonia.Node, f *ops.Filters, opts ...ops.LayerOption) *gorgonia.Node {
	t.Helper()
	y, err := ops.Conv2d(im, f, c.kernel, c.pad, c.stride, c.dilation, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// want returns the convolution of the doc in float64.
func (c convCase) want(t testing.TB, x, w, bias []float64) []float64 {
	t.Helper()
	size := func(n, i int) int { return (n+2*c.pad[i]-c.dilation[i]*(c.kernel[i]-1)-1)/c.stride[i] + 1 }
	rows, columns, in, out := size(c.height, 0), size(c.width, 1), c.in/c.groups, c.out/c.groups
	var y []float64
	for b := range c.batch {
		for o := range c.out {
			for i := range rows {
				for j := range columns {
					sum := bias[o]
					for k := range in {
						for u := range c.kernel[0] {
							for v := range c.kernel[1] {
								row, column := i*c.stride[0]+u*c.dilation[0]-c.pad[0], j*c.stride[1]+v*c.dilation[1]-c.pad[1]
								if row < 0 || row >= c.height || column < 0 || column >= c.width {
									continue
								}
								channel := o/out*in + k
								sum += x[((b*c.in+channel)*c.height+row)*c.width+column] * w[((o*in+k)*c.kernel[0]+u)*c.kernel[1]+v]
							}
						}
					}
					y = append(y, sum)
				}
			}
		}
	}
	return y
}

var convSchemes = []qtensor.Scheme{
	qtensor.PerChannelSymmetric(8, 0), qtensor.PerChannelAffine(8, 0), qtensor.Uniform(8), qtensor.PowerOfTwo(8),
	qtensor.Int4().PerGroup(0, 32), qtensor.UInt4().PerGroup(0, 7).WithScales(qtensor.ScaleFloat16),
}

// TestConv2d compares every scheme with the formula, under all Activations, in both machines.
func TestConv2d(t *testing.T) {
	static, err := qtensor.NewParams(qtensor.Affine(8), []float32{-4.5}, []float32{4.5})
	if err != nil {
		t.Fatal(err)
	}
	computes := map[string]struct {
		compute nn.Options
		part    float64 // of the largest result, that one may be off by
	}{
		"fixed24": {fixed24, 1e-6}, "fixed16": {fixed16, 3e-4}, "dynamic": {dynamicInt8, 0.03}, "static": {staticInt8(static), 0.03},
	}
	cases := map[string]convCase{}
	for _, m := range []map[string]convCase{convCases, groupedConvCases} {
		maps.Copy(cases, m)
	}
	for name, c := range cases {
		for seed, s := range convSchemes {
			q := c.filters(t, uint64(seed), s)
			real, err := q.Dequantize(tensor.Float64)
			if err != nil {
				t.Fatal(err)
			}
			f, x, bias := c.pack(t, q), c.images(7), newTensor(gaussian(8, c.out), c.out)
			want := c.want(t, valuesOf(t, x), valuesOf(t, real), valuesOf(t, bias))
			rectified := make([]float64, len(want))
			for i, v := range want {
				rectified[i] = max(v, 0)
			}
			for compute, part := range computes {
				inMachines(t, func(t *testing.T, newRunner func(g *gorgonia.ExprGraph) *runner) {
					g := gorgonia.NewGraph()
					im := input(g, "im", tensor.Float32, c.batch, c.in, c.height, c.width)
					y := c.node(t, im, f, ops.WithBias(bias), under(part.compute))
					z := c.node(t, im, f, ops.WithBias(bias), under(part.compute), ops.WithReLU())
					newRunner(g).mustRun(t, im, x)
					if got := valuesOf(t, y.Value()); !isClose(got, want, part.part) || !y.Shape().Eq(y.Value().Shape()) {
						t.Errorf("%s, %v, %s: result differs by more than %v of its largest value, or is not %v", name, s, compute, part.part, y.Shape())
					}
					if got := valuesOf(t, z.Value()); !isClose(got, rectified, part.part) {
						t.Errorf("%s, %v, %s: with ReLU", name, s, compute)
					}
				})
			}
		}
	}
}

// TestConv2dLikeGorgonia takes the arguments of Gorgonia's own op and gives its result.
func TestConv2dLikeGorgonia(t *testing.T) {
	for name, c := range convCases {
		q := c.filters(t, 3, qtensor.PerChannelSymmetric(8, 0))
		real, err := q.Dequantize(tensor.Float32)
		if err != nil {
			t.Fatal(err)
		}
		g := gorgonia.NewGraph()
		im := input(g, "im", tensor.Float32, c.batch, c.in, c.height, c.width)
		w := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(real.Shape()...), gorgonia.WithName("w"), gorgonia.WithValue(real))
		own := gorgonia.Must(gorgonia.Conv2d(im, w, tensor.Shape(c.kernel), c.pad, c.stride, c.dilation))
		y := c.node(t, im, c.pack(t, q))
		r := &runner{g: g}
		r.mustRun(t, im, c.images(4))
		if !y.Shape().Eq(own.Shape()) || !isClose(valuesOf(t, y.Value()), valuesOf(t, own.Value()), 1e-5) {
			t.Errorf("%s: got %v, want what gorgonia.Conv2d gives, %v", name, y.Shape(), own.Shape())
		}
	}
}

// TestConv2dInputs gives images as float64, as a view, and alone in a batch that was sliced.
func TestConv2dInputs(t *testing.T) {
	c := convCases["padded"]
	q := c.filters(t, 5, qtensor.PerChannelSymmetric(8, 0))
	f, x := c.pack(t, q), c.images(6)
	op := c.node(t, input(gorgonia.NewGraph(), "im", tensor.Float32, c.batch, c.in, c.height, c.width), f).Op()
	all := mustDo(t, op, x)
	wide := make([]float64, x.Shape().TotalSize())
	for i, v := range x.Float32s() {
		wide[i] = float64(v)
	}
	wideOp := c.node(t, input(gorgonia.NewGraph(), "im", tensor.Float64, c.batch, c.in, c.height, c.width), f).Op()
	y, err := wideOp.Do(newTensor(wide, x.Shape()...))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y.Data().([]float64) {
		if v != float64(all[i]) {
			t.Fatalf("float64: element %d is %v, want %v", i, v, all[i])
		}
	}
	transposed := mustSlice(t, x).Clone().(*tensor.Dense) // (batch, channel, width, height), seen as (batch, channel, height, width)
	if err := transposed.T(0, 1, 3, 2); err != nil {
		t.Fatal(err)
	}
	transposed = transposed.Materialize().(*tensor.Dense)
	if err := transposed.T(0, 1, 3, 2); err != nil {
		t.Fatal(err)
	}
	if got := mustDo(t, op, transposed); !tensortest.SameBits(got, all) {
		t.Error("a transposed view gives another result")
	}
	size := len(all) / c.batch
	for b := range c.batch {
		one := mustSlice(t, x, gorgonia.S(b))
		if got := mustDo(t, op, one); !tensortest.SameBits(got, all[b*size:][:size]) {
			t.Errorf("image %d alone gives another result than in its batch", b)
		}
	}
	if other := newTensor(gaussian(9, 16*30), 1, 16, 5, 6); len(mustDo(t, op, other)) != 20*30 {
		t.Error("images of another size give a result of a wrong size")
	}
	x.Float32s()[1*16*63+3*63+2*7+4] = float32(math.NaN())
	if _, err := op.Do(x); err == nil || !strings.Contains(err.Error(), "got NaN in sample 1 at channel 3, row 2, column 4") {
		t.Errorf("NaN gave error %v", err)
	} else {
		wantError(t, "NaN", err, qtensor.ErrValue)
	}
}

func TestConv2dErrors(t *testing.T) {
	c := convCases["padded"]
	f := c.pack(t, c.filters(t, 5, qtensor.PerChannelSymmetric(8, 0)))
	im := func(shape ...int) *gorgonia.Node { return input(gorgonia.NewGraph(), "im", tensor.Float32, shape...) }
	good, one := im(3, 16, 9, 7), []int{1, 1}
	for name, try := range map[string]struct {
		im                    *gorgonia.Node
		f                     *ops.Filters
		kernel                tensor.Shape
		pad, stride, dilation []int
		opts                  []ops.LayerOption
		want                  error
		says                  string
	}{
		"no node":         {nil, f, tensor.Shape{3, 3}, one, one, one, nil, qtensor.ErrShape, "no node"},
		"no filters":      {good, nil, tensor.Shape{3, 3}, one, one, one, nil, qtensor.ErrShape, "PackConv2d"},
		"zero filters":    {good, new(ops.Filters), tensor.Shape{3, 3}, one, one, one, nil, qtensor.ErrShape, "PackConv2d"},
		"another kernel":  {good, f, tensor.Shape{5, 5}, one, one, one, nil, qtensor.ErrShape, "kernel is (5, 5), want the filters' [3 3]"},
		"no kernel":       {good, f, nil, one, one, one, nil, qtensor.ErrShape, "want the filters' [3 3]"},
		"negative pad":    {good, f, tensor.Shape{3, 3}, []int{-1, 0}, one, one, nil, qtensor.ErrShape, "pad is [-1 0]"},
		"one pad":         {good, f, tensor.Shape{3, 3}, []int{1}, one, one, nil, qtensor.ErrShape, "pad is [1]"},
		"stride 0":        {good, f, tensor.Shape{3, 3}, one, []int{1, 0}, one, nil, qtensor.ErrShape, "stride is [1 0]"},
		"dilation 0":      {good, f, tensor.Shape{3, 3}, one, one, []int{0, 1}, nil, qtensor.ErrShape, "dilation is [0 1]"},
		"huge pad":        {good, f, tensor.Shape{3, 3}, []int{1 << 14, 1 << 14}, one, one, nil, qtensor.ErrShape, "want at most 268435456 elements"},
		"much padding":    {good, f, tensor.Shape{3, 3}, []int{1 << 13, 1 << 13}, one, one, nil, qtensor.ErrShape, "want at most 268435456"},
		"wrong channels":  {im(3, 8, 9, 7), f, tensor.Shape{3, 3}, one, one, one, nil, qtensor.ErrShape, "want (batch, 16, height, width)"},
		"a matrix":        {im(3, 16), f, tensor.Shape{3, 3}, one, one, one, nil, qtensor.ErrShape, "want (batch, 16, height, width)"},
		"images too low":  {im(3, 16, 2, 7), f, tensor.Shape{3, 3}, nil, nil, nil, nil, qtensor.ErrShape, "at least 3"},
		"integers":        {input(gorgonia.NewGraph(), "im", tensor.Int, 3, 16, 9, 7), f, tensor.Shape{3, 3}, one, one, one, nil, qtensor.ErrDtype, "want float32 or float64"},
		"a short bias":    {good, f, tensor.Shape{3, 3}, one, one, one, []ops.LayerOption{ops.WithBias(newTensor(gaussian(1, 3), 3))}, qtensor.ErrShape, "want (20)"},
		"the zero option": {good, f, tensor.Shape{3, 3}, one, one, one, []ops.LayerOption{nil}, qtensor.ErrParams, "nil option"},
	} {
		_, err := ops.Conv2d(try.im, try.f, try.kernel, try.pad, try.stride, try.dilation, try.opts...)
		wantError(t, name, err, try.want, "ops: Conv2d: ", try.says)
	}
	wide := []int{1, 1, 1, 1<<16 + 1}
	q, err := qtensor.Quantize(newTensor(gaussian(1, wide[3]), wide...), qtensor.Symmetric(8))
	if err == nil {
		f, err = ops.PackConv2d(q, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = ops.Conv2d(im(1, 1, 4, 4), f, wide[2:], nil, nil, []int{1, 1 << 15})
	wantError(t, "a window wider than 32 bits count", err, qtensor.ErrShape, "sides of at least 2147483649")
	for name, try := range map[string]struct {
		shape  []int
		scheme qtensor.Scheme
		groups int
		want   error
		says   string
	}{
		"a matrix":     {[]int{4, 9}, qtensor.Symmetric(8), 1, qtensor.ErrShape, "(4, 9)"},
		"no groups":    {[]int{4, 2, 3, 3}, qtensor.Symmetric(8), 0, qtensor.ErrShape, "0 groups of 4 filters"},
		"three groups": {[]int{4, 2, 3, 3}, qtensor.Symmetric(8), 3, qtensor.ErrShape, "3 groups of 4 filters"},
		"axis 1":       {[]int{4, 2, 3, 3}, qtensor.PerChannelSymmetric(8, 1), 1, qtensor.ErrScheme, "along axis 0"},
		"float16":      {[]int{4, 2, 3, 3}, qtensor.Float16(), 1, qtensor.ErrScheme, "want integers"},
	} {
		n := 1
		for _, side := range try.shape {
			n *= side
		}
		q, err := qtensor.Quantize(newTensor(gaussian(1, n), try.shape...), try.scheme)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ops.PackConv2d(q, try.groups)
		wantError(t, name, err, try.want, "ops: PackConv2d: ", try.says)
	}
	_, err = ops.PackConv2d(nil, 1)
	wantError(t, "nil", err, qtensor.ErrShape, "got nil")
}

func TestFilters(t *testing.T) {
	c := groupedConvCases["two groups"]
	f := c.pack(t, c.filters(t, 5, qtensor.PerChannelSymmetric(8, 0)))
	if want := 2 * 16 * (64 + 4); f.Bytes() != want { // two panels of depth 27, filled up to 64, and scales
		t.Errorf("Bytes = %d, want %d", f.Bytes(), want)
	}
	if got, want := f.String(), "Filters (10, 3, 3, 3) in 2 groups, symmetric8@0, 2176 bytes packed"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	if f.Scheme() != qtensor.PerChannelSymmetric(8, 0) {
		t.Errorf("Scheme = %v", f.Scheme())
	}
}
