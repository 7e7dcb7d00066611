package ops_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestPromisedErrors calls all that makes a layer with what its doc says to be an error, which is to name the
// operation and what is wanted.
func TestPromisedErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	x, row := input(g, "x", tensor.Float32, 4, 3), input(g, "row", tensor.Float32, 3)
	images, cube := input(g, "images", tensor.Float32, 2, 3, 5, 5), input(g, "cube", tensor.Float32, 2, 4, 3)
	integers, scale := input(g, "integers", tensor.Int, 4), input(g, "scale", tensor.Float32, 1)
	wide := input(g, "wide", tensor.Float64, 1)
	weights := func(s qtensor.Scheme, shape ...int) *qtensor.QTensor {
		q, err := qtensor.Quantize(newTensor(gaussian(3, tensor.Shape(shape).TotalSize()), shape...), s)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	symmetric, half := qtensor.Symmetric(8), qtensor.Float16()
	w, halves := mustPack(t, weights(symmetric, 3, 2)), mustPack(t, weights(half, 3, 2))
	f, err := ops.PackConv2d(weights(symmetric, 2, 3, 2, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Prepare(ops.WithCompute(static(t, qtensor.Affine(8), -1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	fixed, err := halves.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	takes, _ := p.TakesCodes()
	two, three, nan := make([]float32, 2), make([]float32, 3), float32(math.NaN())
	kernel := tensor.Shape{2, 2}
	conv := func(k tensor.Shape, pad, stride, dilation []int) error {
		return last(ops.Conv2d(images, f, k, pad, stride, dilation))
	}
	linear := func(opts ...ops.Option) error { return last(ops.Linear(x, w, opts...)) }
	static8 := func(p qtensor.Params) error { return linear(ops.WithCompute(ops.StaticInt8(p))) }
	bias := func(data any) error { return linear(ops.WithBias(tensor.New(tensor.WithBacking(data)))) }
	fake := func(x *gorgonia.Node, s qtensor.Scheme) error { return last(ops.FakeQuantizeDynamic(x, s)) }
	one := qtensor.Params{Scheme: symmetric, Scales: []float32{1}}

	list := []struct {
		operation, name string
		want, err       error
	}{
		{"Pack", "nil", qtensor.ErrShape, last(ops.Pack(nil))},
		{"Pack", "the zero QTensor", qtensor.ErrShape, last(ops.Pack(new(qtensor.QTensor)))},
		{"Pack", "a vector", qtensor.ErrShape, last(ops.Pack(weights(symmetric, 6)))},
		{"Pack", "axis 0", qtensor.ErrScheme, last(ops.Pack(weights(symmetric.PerAxis(0), 3, 2)))},
		{"PackImages", "no channel", qtensor.ErrShape, last(ops.PackImages(weights(symmetric, 4, 2), 0))},
		{"PackImages", "3 channels of 4", qtensor.ErrShape, last(ops.PackImages(weights(symmetric, 4, 2), 3))},
		{"PackImages", "groups", qtensor.ErrScheme, last(ops.PackImages(weights(symmetric.PerGroup(1, 2), 4, 2), 2))},
		{"PackConv2d", "nil", qtensor.ErrShape, last(ops.PackConv2d(nil, 1))},
		{"PackConv2d", "a matrix", qtensor.ErrShape, last(ops.PackConv2d(weights(symmetric, 3, 2), 1))},
		{"PackConv2d", "no group", qtensor.ErrShape, last(ops.PackConv2d(weights(symmetric, 2, 1, 1, 1), 0))},
		{"PackConv2d", "3 groups of 2", qtensor.ErrShape, last(ops.PackConv2d(weights(symmetric, 2, 1, 1, 1), 3))},
		{"PackConv2d", "axis 1", qtensor.ErrScheme, last(ops.PackConv2d(weights(symmetric.PerAxis(1), 2, 1, 1, 1), 1))},
		{"PackConv2d", "16 bits", qtensor.ErrScheme, last(ops.PackConv2d(weights(half, 2, 1, 1, 1), 1))},
		{"MatMul", "no node", qtensor.ErrShape, last(ops.MatMul(nil, w))},
		{"MatMul", "no weight", qtensor.ErrShape, last(ops.MatMul(x, nil))},
		{"MatMul", "three axes", qtensor.ErrShape, last(ops.MatMul(cube, w))},
		{"MatMul", "another depth", qtensor.ErrShape, last(ops.MatMul(scale, w))},
		{"MatMul", "integers", qtensor.ErrDtype, last(ops.MatMul(integers, w))},
		{"MatMul", "ReLU", qtensor.ErrParams, last(ops.MatMul(x, w, ops.WithReLU()))},
		{"MatMul", "a bias", qtensor.ErrParams, last(ops.MatMul(row, w, ops.WithBias(tensor.New(tensor.WithBacking(two)))))},
		{"Linear", "the zero Weight", qtensor.ErrShape, last(ops.Linear(x, new(ops.Weight)))},
		{"Linear", "the zero Node", qtensor.ErrDtype, last(ops.Linear(new(gorgonia.Node), w))},
		{"Linear", "a nil option", qtensor.ErrParams, linear(nil)},
		{"Linear", "the zero Compute", qtensor.ErrParams, linear(ops.WithCompute(ops.Compute{}))},
		{"Linear", "16 bits with Fixed16", qtensor.ErrScheme, last(ops.Linear(x, halves, ops.WithCompute(ops.Fixed16())))},
		{"Linear", "a bias of 3", qtensor.ErrShape, bias(three)},
		{"Linear", "an integer bias", qtensor.ErrDtype, bias([]int{1, 2})},
		{"Linear", "no bias", qtensor.ErrLayout, linear(ops.WithBias(nil))},
		{"Linear", "a bias of NaN", qtensor.ErrValue, bias([]float32{1, nan})},
		{"Linear", "a bias past float32", qtensor.ErrValue, bias([]float64{1, 1e300})},
		{"Linear", "activations per axis", qtensor.ErrScheme, static8(qtensor.Params{Scheme: symmetric.PerAxis(0), Scales: []float32{1}})},
		{"Linear", "activations without a zero", qtensor.ErrScheme, static8(qtensor.Params{Scheme: qtensor.Uniform(8)})},
		{"Linear", "activations of 16 bits", qtensor.ErrScheme, static8(qtensor.Params{Scheme: half})},
		{"Linear", "no parameters", qtensor.ErrScheme, static8(qtensor.Params{})},
		{"Linear", "no scale", qtensor.ErrParams, static8(qtensor.Params{Scheme: symmetric})},
		{"Linear", "a negative scale", qtensor.ErrParams, static8(qtensor.Params{Scheme: symmetric, Scales: []float32{-1}})},
		{"Conv2d", "no filters", qtensor.ErrShape, last(ops.Conv2d(images, nil, kernel, nil, nil, nil))},
		{"Conv2d", "a matrix", qtensor.ErrShape, last(ops.Conv2d(x, f, kernel, nil, nil, nil))},
		{"Conv2d", "another kernel", qtensor.ErrShape, conv(tensor.Shape{3, 3}, nil, nil, nil)},
		{"Conv2d", "no kernel", qtensor.ErrShape, conv(nil, nil, nil, nil)},
		{"Conv2d", "a pad of one", qtensor.ErrShape, conv(kernel, []int{1}, nil, nil)},
		{"Conv2d", "a pad of none", qtensor.ErrShape, conv(kernel, []int{}, nil, nil)},
		{"Conv2d", "a negative pad", qtensor.ErrShape, conv(kernel, []int{0, -1}, nil, nil)},
		{"Conv2d", "a stride of 0", qtensor.ErrShape, conv(kernel, nil, []int{0, 1}, nil)},
		{"Conv2d", "a dilation of 0", qtensor.ErrShape, conv(kernel, nil, nil, []int{1, 0})},
		{"Conv2d", "a stride above 32,768", qtensor.ErrShape, conv(kernel, nil, []int{1, 1<<15 + 1}, nil)},
		{"Conv2d", "a padded side above 32,768", qtensor.ErrShape, conv(kernel, []int{0, 1 << 14}, nil, nil)},
		{"Conv2d", "a side that is too short", qtensor.ErrShape, conv(kernel, nil, nil, []int{5, 1})},
		{"Conv2d", "too many numbers", qtensor.ErrShape, conv(kernel, []int{1 << 13, 1 << 13}, nil, nil)},
		{"Embedding", "no node", qtensor.ErrShape, last(ops.Embedding(nil, weights(symmetric, 3, 2)))},
		{"Embedding", "no table", qtensor.ErrShape, last(ops.Embedding(integers, nil))},
		{"Embedding", "a vector", qtensor.ErrShape, last(ops.Embedding(integers, weights(symmetric, 3)))},
		{"Embedding", "floats", qtensor.ErrDtype, last(ops.Embedding(x, weights(symmetric, 3, 2)))},
		{"FakeQuantize", "no node", qtensor.ErrShape, last(ops.FakeQuantize(nil, one))},
		{"FakeQuantize", "integers", qtensor.ErrDtype, last(ops.FakeQuantize(integers, one))},
		{"FakeQuantize", "16 bits", qtensor.ErrScheme, last(ops.FakeQuantize(x, qtensor.Params{Scheme: half}))},
		{"FakeQuantize", "no scheme", qtensor.ErrScheme, last(ops.FakeQuantize(x, qtensor.Params{}))},
		{"FakeQuantize", "no scale", qtensor.ErrParams, last(ops.FakeQuantize(x, qtensor.Params{Scheme: symmetric}))},
		{"FakeQuantizeDynamic", "no node", qtensor.ErrShape, fake(nil, symmetric)},
		{"FakeQuantizeDynamic", "no such axis", qtensor.ErrShape, fake(x, symmetric.PerAxis(2))},
		{"FakeQuantizeDynamic", "16 bits", qtensor.ErrScheme, fake(x, half)},
		{"FakeQuantizeDynamic", "9 bits", qtensor.ErrScheme, fake(x, qtensor.Affine(9))},
		{"FakeQuantizeLSQ", "no scale", qtensor.ErrShape, last(ops.FakeQuantizeLSQ(x, nil, symmetric))},
		{"FakeQuantizeLSQ", "12 scales", qtensor.ErrShape, last(ops.FakeQuantizeLSQ(x, x, symmetric))},
		{"FakeQuantizeLSQ", "a wide scale", qtensor.ErrDtype, last(ops.FakeQuantizeLSQ(x, wide, symmetric))},
		{"FakeQuantizeLSQ", "affine codes", qtensor.ErrScheme, last(ops.FakeQuantizeLSQ(x, scale, qtensor.Affine(8)))},
		{"FakeQuantizeLSQ", "groups", qtensor.ErrScheme, last(ops.FakeQuantizeLSQ(x, scale, symmetric.PerGroup(0, 2)))},
		{
			"FakeQuantizeLSQ", "float16 scales", qtensor.ErrScheme,
			last(ops.FakeQuantizeLSQ(x, scale, symmetric.WithScales(qtensor.ScaleFloat16))),
		},
		{"Weight.Prepare", "the zero Weight", qtensor.ErrShape, last(new(ops.Weight).Prepare())},
		{"Weight.Prepare", "16 bits with DynamicInt8", qtensor.ErrScheme, last(halves.Prepare(ops.WithCompute(ops.DynamicInt8())))},
		{"Filters.Prepare", "nil", qtensor.ErrShape, last((*ops.Filters)(nil).Prepare(5, 5, nil, nil, nil))},
		{"Filters.Prepare", "no height", qtensor.ErrShape, last(f.Prepare(0, 5, nil, nil, nil))},
		{"Prepared.Run", "nil", qtensor.ErrShape, (*ops.Prepared)(nil).Run(nil, nil, 0)},
		{"Prepared.Run", "the zero Prepared", qtensor.ErrShape, new(ops.Prepared).Alone().Run(nil, nil, 0)},
		{"Prepared.Run", "−1 samples", qtensor.ErrShape, p.Run(nil, nil, -1)},
		{"Prepared.Run", "too little room", qtensor.ErrShape, p.Run(two[:1], three, 1)},
		{"Prepared.Run", "NaN", qtensor.ErrValue, p.Run(two, []float32{1, nan, 2}, 1)},
		{
			"Prepared.RunSamples", "codes that are not taken", qtensor.ErrParams,
			fixed.RunSamples(ops.Samples{Float: two}, ops.Samples{Codes: make([]uint8, 3)}, 1),
		},
		{
			"Prepared.RunSamples", "codes that are not given", qtensor.ErrParams,
			fixed.RunSamples(ops.Samples{Codes: make([]uint8, 2), Map: takes}, ops.Samples{Float: three}, 1),
		},
		{
			"Prepared.RunSamples", "codes of no map", qtensor.ErrParams,
			p.RunSamples(ops.Samples{Codes: make([]uint8, 2)}, ops.Samples{Float: three}, 1),
		},
	}
	for _, r := range list {
		text := fmt.Sprint(r.err)
		switch {
		case !errors.Is(r.err, r.want):
			t.Errorf("%s, %s: got error %v, want one that wraps %q", r.operation, r.name, r.err, r.want)
		case r.name == "NaN": // says which number it is and where
		case !strings.HasPrefix(text, "ops: "+r.operation+": ") || !strings.Contains(text, "want "):
			t.Errorf("%s, %s: got %q, want it to name the operation and what is wanted", r.operation, r.name, text)
		}
	}
	t.Logf("%d refusals", len(list))
}

// last returns the error of a call.
func last[T any](_ T, err error) error { return err }

// TestStaticInt8Copies changes the lists of parameters after StaticInt8 took them, and those that Static
// gave.
func TestStaticInt8Copies(t *testing.T) {
	p, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(p qtensor.Params) {
		p.Scales[0], p.ZeroPoints[0], p.Min[0], p.Max[0] = 0, -1, 3, float32(math.NaN())
	}
	want := fmt.Sprint(p)
	c := ops.StaticInt8(p)
	for _, name := range []string{"what was given", "what Static gave"} {
		spoil(p)
		var ok bool
		if p, ok = c.Static(); !ok || fmt.Sprint(p) != want {
			t.Errorf("%s was changed: got %v, %t, want %v", name, p, ok, want)
		}
		if _, err := mustWeight(t, 1, 3, 2).Prepare(ops.WithCompute(c)); err != nil {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}

// TestCodesAboveHigh runs layers on all codes of a byte, whatever the scheme: they stand for Scale·(q −
// Zero).
func TestCodesAboveHigh(t *testing.T) {
	const in, out, samples = 64, 5, 8
	rng := rand.New(rand.NewPCG(11, 12))
	for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Affine(2), qtensor.Symmetric(5), qtensor.PowerOfTwo(4), qtensor.UInt4()} {
		q := mustQuantize(t, 5, qtensor.PerChannelSymmetric(8, 1), in, out)
		p, err := mustPack(t, q).Prepare(ops.WithCompute(static(t, s, -1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		m, ok := p.TakesCodes()
		if !ok {
			t.Fatalf("%v: no codes are taken", s)
		}
		x, y := make([]uint8, samples*in), make([]float32, samples*out)
		for i := range x {
			x[i] = uint8(rng.Uint32())
		}
		if err := p.RunSamples(ops.Samples{Float: y}, ops.Samples{Codes: x, Map: m}, samples); err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		r, err := q.Dequantize(tensor.Float64)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range y {
			var want, size float64
			for d := range in {
				product := float64(m.Scale) * float64(int32(x[i/out*in+d])-m.Zero) * r.Float64s()[d*out+i%out]
				want, size = want+product, size+math.Abs(product)
			}
			if !(math.Abs(float64(got)-want) <= 1e-6*size) {
				t.Errorf("%v: got %v at %d, want %v", s, got, i, want)
			}
		}
	}
}

// TestPastFloat32 has results that no float32 holds.
func TestPastFloat32(t *testing.T) {
	q, err := qtensor.FromCodes(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]int8{100, -100})),
		qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1e30}})
	if err != nil {
		t.Fatal(err)
	}
	inf := float32(math.Inf(1))
	for _, c := range []ops.Compute{ops.Fixed24(), ops.Fixed16(), ops.DynamicInt8()} {
		for name, opts := range map[string][]ops.Option{"": nil, " and ReLU": {ops.WithReLU()}} {
			p, err := mustPack(t, q).Prepare(append(opts, ops.WithCompute(c))...)
			if err != nil {
				t.Fatal(err)
			}
			want := []float32{inf, -inf}
			if opts != nil {
				want[1] = 0
			}
			y := make([]float32, 2)
			if err := p.Run(y, []float32{1e30}, 1); err != nil || !slices.Equal(y, want) {
				t.Errorf("%v%s: got %v, %v, want %v", c, name, y, err, want)
			}
			codes := ops.Samples{Codes: make([]uint8, 2), Map: ops.Codes{Scale: 1, High: 255}}
			if err := p.RunSamples(codes, ops.Samples{Float: []float32{1e30}}, 1); !errors.Is(err, qtensor.ErrValue) {
				t.Errorf("%v%s: got codes %v, %v, want ErrValue", c, name, codes.Codes, err)
			}
		}
	}
}

// TestExchanges holds MatrixCodes and ConvCodes to what Prepare does, and both to what is said.
func TestExchanges(t *testing.T) {
	cases := 0
	for _, c := range []ops.Compute{ops.Fixed24(), ops.Fixed16(), ops.DynamicInt8(), static(t, qtensor.Affine(8), -1, 1)} {
		_, static := c.Static()
		for _, s := range []qtensor.Scheme{
			qtensor.Symmetric(8), qtensor.Affine(8), qtensor.Uniform(8), qtensor.PowerOfTwo(4), qtensor.Int4(), qtensor.UInt4(),
			qtensor.Symmetric(8).PerAxis(1), qtensor.Int4().PerGroup(1, 2), qtensor.Float16(), qtensor.BFloat16(),
		} {
			w := mustPack(t, mustQuantize(t, 1, s, 6, 2))
			if p, err := w.Prepare(ops.WithCompute(c)); err == nil {
				cases++
				agree(t, fmt.Sprintf("%v matrix, %v", s, c), p, ops.MatrixCodes(c, s, 1), static && !s.IsHalf(), !s.IsHalf())
			} else if !s.IsHalf() {
				t.Fatal(err)
			}
			if s.IsHalf() {
				continue
			}
			if _, kept := s.Axis(); kept {
				s = map[bool]qtensor.Scheme{false: s.PerAxis(0), true: s.PerGroup(0, 2)}[s.GroupSize() > 0]
			}
			for _, shape := range [][]int{{4, 4, 2, 2, 1}, {4, 2, 2, 2, 2}, {4, 1, 2, 2, 4}, {8, 1, 2, 2, 4}} {
				filters, groups := tensor.Shape(shape[:4]), shape[4]
				q, err := qtensor.Quantize(newTensor(gaussian(4, filters.TotalSize()), filters...), s)
				if err != nil {
					t.Fatal(err)
				}
				f, err := ops.PackConv2d(q, groups)
				if err != nil {
					t.Fatal(err)
				}
				p, err := f.Prepare(5, 6, []int{1, 0}, nil, nil, ops.WithCompute(c))
				if err != nil {
					t.Fatal(err)
				}
				each := static && groups == filters[0] && !s.HasZeroPoint() && !s.HasOffset() && s.GroupSize() == 0
				together := groups == 1 || each
				cases++
				agree(t, fmt.Sprintf("%v filters %v in %d groups, %v", s, filters, groups, c), p,
					ops.ConvCodes(c, s, tensor.Shape{filters[1] * groups, 5, 6}, filters, []int{1, 0}, groups),
					static && together && s.GroupSize() == 0, together)
			}
		}
	}
	t.Logf("%d cases", cases)
}

func agree(t *testing.T, name string, p *ops.Prepared, e ops.Exchange, takes, gives bool) {
	t.Helper()
	codes, taken := p.TakesCodes()
	if taken != e.Takes || p.GivesCodes() != e.Gives || taken && codes != e.Codes {
		t.Errorf("%s: takes %+v %t and gives %t, want %+v", name, codes, taken, p.GivesCodes(), e)
	}
	if taken != takes || p.GivesCodes() != gives {
		t.Errorf("%s: takes codes %t and gives them %t, want %t and %t", name, taken, p.GivesCodes(), takes, gives)
	}
}

// TestLastOptionHolds prepares a layer with two options of a kind.
func TestLastOptionHolds(t *testing.T) {
	bias := func(b float32) ops.Option { return ops.WithBias(tensor.New(tensor.WithBacking([]float32{b, b}))) }
	w, x := mustWeight(t, 1, 3, 2), []float32{1, -2.03, 3.1}
	run := func(opts ...ops.Option) []float32 {
		p, err := w.Prepare(opts...)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, 2)
		if err := p.Run(y, x, 1); err != nil {
			t.Fatal(err)
		}
		return y
	}
	got := run(bias(5), bias(7), ops.WithCompute(ops.Fixed16()), ops.WithCompute(ops.DynamicInt8()))
	if want := run(bias(7), ops.WithCompute(ops.DynamicInt8())); !sameBits(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestZeros is what is said of values that no function made.
func TestZeros(t *testing.T) {
	var w *ops.Weight
	var f *ops.Filters
	var p *ops.Prepared
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"Weight.In", w.In(), 0},
		{"Weight.Out", w.Out(), 0},
		{"Weight.Bytes", w.Bytes(), 0},
		{"Weight.Scheme", w.Scheme(), qtensor.Scheme{}},
		{"Filters.Bytes", f.Bytes(), 0},
		{"Filters.Scheme", f.Scheme(), qtensor.Scheme{}},
		{"Prepared.In", len(p.In()), 0},
		{"Prepared.Out", len(p.Out()), 0},
		{"Prepared.GivesCodes", p.GivesCodes(), false},
		{"Compute.String", ops.Compute{}.String(), ""},
		{"MatrixCodes of 16 bits", ops.MatrixCodes(ops.Fixed24(), qtensor.Float16(), 1), ops.Exchange{}},
		{"ConvCodes of a matrix", ops.ConvCodes(ops.Fixed24(), qtensor.Int4(), tensor.Shape{5, 5}, tensor.Shape{2, 3}, nil, 1), ops.Exchange{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	_, takes := p.TakesCodes()
	_, codes := ops.Compute{}.Codes()
	_, static := ops.DynamicInt8().Static()
	if takes || codes || static {
		t.Errorf("got true: TakesCodes %t, Codes %t, Static %t, want false", takes, codes, static)
	}
}

// TestPreparedAtOnce runs layers from many goroutines, each to the bits of one.
func TestPreparedAtOnce(t *testing.T) {
	const samples = 33
	for _, c := range []ops.Compute{ops.Fixed24(), ops.Fixed16(), ops.DynamicInt8(), static(t, qtensor.Affine(8), -2, 2)} {
		p, err := mustPack(t, mustQuantize(t, 2, qtensor.PerChannelSymmetric(8, 1), 70, 19)).Prepare(ops.WithCompute(c))
		if err != nil {
			t.Fatal(err)
		}
		x, want := gaussian(7, samples*70), make([]float32, samples*19)
		if err := p.Run(want, x, samples); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				y := make([]float32, samples*19)
				if err := p.Run(y, x, samples); err != nil || !sameBits(y, want) {
					t.Errorf("%v: error %v, or other bits", c, err)
				}
			})
		}
		wait.Wait()
	}
}
