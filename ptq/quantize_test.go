package ptq_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// small is a network of two convolutions and two dense layers, on images of 2×12×12.
type small struct {
	t      testing.TB
	dtype  tensor.Dtype
	values map[string]*tensor.Dense
}

func newSmall(t testing.TB, dtype tensor.Dtype) *small {
	s := &small{t, dtype, map[string]*tensor.Dense{}}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range []struct {
		name  string
		in    float64
		shape tensor.Shape
	}{
		{"conv1", 18, tensor.Shape{8, 2, 3, 3}},
		{"bias1", 9, tensor.Shape{1, 8, 1, 1}},
		{"conv2", 72, tensor.Shape{16, 8, 3, 3}},
		{"dense1", 144, tensor.Shape{144, 40}},
		{"bias2", 9, tensor.Shape{40}},
		{"dense2", 40, tensor.Shape{40, 5}},
	} {
		s.values[p.name] = s.normal(rng, 1.4/p.in, p.shape...)
	}
	return s
}

// normal returns numbers of the network's type.
func (s *small) normal(rng *rand.Rand, variance float64, shape ...int) *tensor.Dense {
	n := tensor.Shape(shape).TotalSize()
	x, x32 := make([]float64, n), make([]float32, n)
	for i := range x {
		x32[i] = float32(rng.NormFloat64() * variance * 4)
		x[i] = float64(x32[i])
	}
	if s.dtype == tensor.Float64 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x32))
}

func (s *small) build(batch int) (exprgraph.Graph, error) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, s.dtype, 4, gorgonia.WithShape(batch, 2, 12, 12), gorgonia.WithName("x"))
	p := func(name string) *gorgonia.Node {
		v := s.values[name]
		return gorgonia.NewTensor(g, s.dtype, v.Dims(), gorgonia.WithShape(v.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(v))
	}
	y := must(gorgonia.Conv2d(x, p("conv1"), tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
	y = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(y, p("bias1"), nil, []byte{0, 2, 3}))))
	y = must(gorgonia.MaxPool2D(y, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	y = must(gorgonia.Rectify(must(gorgonia.Conv2d(y, p("conv2"), tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))))
	y = must(gorgonia.MaxPool2D(y, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	y = must(gorgonia.Reshape(y, tensor.Shape{batch, 144}))
	y = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(must(gorgonia.Mul(y, p("dense1"))), p("bias2"), nil, []byte{0}))))
	y = must(gorgonia.SoftMax(must(gorgonia.Mul(y, p("dense2")))))
	return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, nil
}

// samples are a few batches of different sizes.
func (s *small) samples() iter.Seq2[ptq.Sample, error] {
	return func(yield func(ptq.Sample, error) bool) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, batch := range []int{1, 4, 7} {
			if !yield(ptq.Sample{"x": s.normal(rng, 0.25, batch, 2, 12, 12)}, nil) {
				return
			}
		}
	}
}

// run returns what gorgonia computes.
func (s *small) run(x *tensor.Dense) []float64 {
	s.t.Helper()
	made, err := s.build(x.Shape()[0])
	if err != nil {
		s.t.Fatal(err)
	}
	var out gorgonia.Value
	gorgonia.Read(made.Outputs[0], &out)
	vm := gorgonia.NewTapeMachine(made.Outputs[0].Graph(), gorgonia.EvalMode())
	defer vm.Close()
	if err := gorgonia.Let(made.Inputs[0], x); err != nil {
		s.t.Fatal(err)
	}
	if err := vm.RunAll(); err != nil {
		s.t.Fatal(err)
	}
	return wide(out)
}

// TestQuantize compares models by every kind of activations with the float graph, and what is loaded with
// what was saved.
func TestQuantize(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		s := newSmall(t, dtype)
		before := map[string][]float64{}
		for name, v := range s.values {
			before[name] = wide(v)
		}
		x := s.normal(rand.New(rand.NewPCG(5, 6)), 0.25, 3, 2, 12, 12)
		want := s.run(x)
		for _, c := range []struct {
			activations model.Activations
			most        float64 // off
			least       float64 // dB, of every layer
		}{{model.Fixed24, 0.01, 35}, {model.Fixed16, 0.01, 35}, {model.DynamicInt8, 0.02, 30}, {model.StaticInt8, 0.02, 25}} {
			m, r, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Activations: c.activations})
			if err != nil {
				t.Fatalf("%v, %v: %v", dtype, c.activations, err)
			}
			t.Logf("%v, %v:\n%v", dtype, c.activations, r)
			if len(r.Layers) != 4 || r.Samples != 3 || len(r.Outputs) != 1 {
				t.Fatalf("%v, %v: got %d layers, %d samples and %d outputs, want 4, 3 and 1", dtype, c.activations,
					len(r.Layers), r.Samples, len(r.Outputs))
			}
			between, kept := "MaxPool MaxPool_1, MaxPool MaxPool_2, Reshape Reshape_1", "Softmax Softmax_1"
			if c.activations != model.StaticInt8 {
				between, kept = "", between+", "+kept
			}
			if strings.Join(r.Kept, ", ") != kept || strings.Join(r.OnQuantized, ", ") != between {
				t.Errorf("%v, %v: %q are kept, and %q quantized, want %s and %s", dtype, c.activations, r.Kept, r.OnQuantized, kept, between)
			}
			for i, name := range []string{"conv1", "conv2", "dense1", "dense2"} {
				l := r.Layers[i]
				if l.Name != name || !l.Quantized || l.OutputSQNR < c.least || l.WeightSQNR < 35 || l.FloatBytes < 3*l.Bytes {
					t.Errorf("%v, %v: layer %d is %+v, want %s, quantized, at %v dB or more", dtype, c.activations, i, l, name, c.least)
				}
			}
			got := output(t, m, x)
			for i, w := range want {
				if d := got[i] - w; d > c.most || -d > c.most {
					t.Errorf("%v, %v: probability %d is %v, want %v", dtype, c.activations, i, got[i], w)
				}
			}
			var file bytes.Buffer
			if err := m.Write(&file); err != nil {
				t.Fatal(err)
			}
			loaded, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
			if err != nil {
				t.Fatal(err)
			}
			if again := output(t, loaded, x); !slices.Equal(again, got) {
				t.Errorf("%v, %v: loaded, the model gives %v, want %v", dtype, c.activations, again, got)
			}
		}
		for name, v := range s.values {
			if !slices.Equal(wide(v), before[name]) {
				t.Errorf("%v: %s was changed", dtype, name)
			}
		}
	}
}

func output(t *testing.T, m *model.Model, x tensor.Tensor) []float64 {
	t.Helper()
	y, err := m.Run(t.Context(), map[string]tensor.Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	return wide(y[m.Outputs()[0].Name].(*tensor.Dense))
}

// TestRules leaves a layer float, and gives another a scheme of its own.
func TestRules(t *testing.T) {
	s := newSmall(t, tensor.Float32)
	int4 := qtensor.Int4().PerGroup(1, 32)
	_, r, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Rules: []ptq.LayerRule{
		{Pattern: "conv1", Float: true},
		{Pattern: "dense*", Weights: &int4, Activations: model.DynamicInt8},
		{Pattern: "*1", Activations: model.Fixed16},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.Layers {
		got = append(got, strings.TrimSpace(strings.Join([]string{l.Name, l.Weights, l.Activations.String(), l.Reason}, " ")))
	}
	want := []string{
		"conv1  default a rule says so", "conv2 symmetric8@0 fixed24", "dense1 int4/g32@1 dynamic-int8",
		"dense2 int4/g32@1 dynamic-int8",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestProgress counts the samples, or the weights, of each stage.
func TestProgress(t *testing.T) {
	s := newSmall(t, tensor.Float32)
	var got []string
	_, _, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Progress: func(stage string, n int) {
		got = append(got, stage+strings.Repeat(".", n))
	}})
	want := []string{"calibrate.", "calibrate..", "calibrate...", "quantize.", "quantize..", "quantize...", "quantize....", "correct.", "correct..", "correct...", "compare.", "compare..", "compare..."}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	s := newSmall(t, tensor.Float32)
	failed := errors.New("failed")
	none := func(func(ptq.Sample, error) bool) {}
	bad := func(yield func(ptq.Sample, error) bool) { yield(nil, failed) }
	unnamed := func(yield func(ptq.Sample, error) bool) { yield(ptq.Sample{}, nil) }
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	half := qtensor.Float16()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		build   exprgraph.Build
		samples iter.Seq2[ptq.Sample, error]
		cfg     ptq.Config
		want    error // nil for any
		text    string
	}{
		{"no build", t.Context(), nil, s.samples(), ptq.Config{}, qtensor.ErrParams, "no build"},
		{"no samples", t.Context(), s.build, none, ptq.Config{}, ptq.ErrSamples, "calibrate"},
		{"build fails", t.Context(), func(int) (exprgraph.Graph, error) { return exprgraph.Graph{}, failed }, s.samples(), ptq.Config{}, failed, ""},
		{"sample fails", t.Context(), s.build, bad, ptq.Config{}, failed, "sample 0"},
		{"no input", t.Context(), s.build, unnamed, ptq.Config{}, nil, "x"},
		{"canceled", canceled, s.build, s.samples(), ptq.Config{}, context.Canceled, ""},
		{"activations", t.Context(), s.build, s.samples(), ptq.Config{Activations: 9}, qtensor.ErrParams, "Activations(9)"},
		{"pattern", t.Context(), s.build, s.samples(), ptq.Config{Rules: []ptq.LayerRule{{Pattern: "["}}}, qtensor.ErrParams, "["},
		{"scheme", t.Context(), s.build, s.samples(), ptq.Config{Weights: &half}, qtensor.ErrScheme, "conv1"},
	} {
		m, r, err := quantizeBuild(c.ctx, c.build, c.samples, c.cfg)
		if err == nil || m != nil || r.Report != nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, %v, %v, want an error that is %v and says %q", c.name, m, r, err, c.want, c.text)
		}
	}
}

// half is the middle half of the range that was seen.
type half struct{}

func (half) Range(h *calib.Histogram, _ qtensor.Scheme) (lo, hi float32, err error) {
	return h.Min() / 2, h.Max() / 2, nil
}

func (half) String() string { return "half" }

// TestRange clips what flows in.
func TestRange(t *testing.T) {
	s := newSmall(t, tensor.Float32)
	_, r, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Activations: model.StaticInt8, Range: half{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Layers {
		if l.Clipped <= 0 || l.Clipped > 0.25 || l.Low > 0 || l.High <= 0 {
			t.Errorf("%s: %v of [%v, %v] clipped, want a little", l.Name, l.Clipped, l.Low, l.High)
		}
	}
}

// TestReLUReadTwice keeps a ReLU whose layer is read by something else too.
func TestReLUReadTwice(t *testing.T) {
	w := draw(tensor.Float32, 1, 1, 6, 6)
	build := func(batch int) (exprgraph.Graph, error) {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 6), gorgonia.WithName("x"))
		y := must(gorgonia.Mul(x, gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(6, 6), gorgonia.WithName("w"), gorgonia.WithValue(w))))
		y = must(gorgonia.Add(must(gorgonia.Rectify(y)), must(gorgonia.Tanh(y))))
		return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, nil
	}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 2, 1, 9, 6)}, nil)
	}
	_, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(r.Kept, ", "), "Relu Relu_1, Tanh Tanh_1, Add Add_1"; got != want || r.Outputs[0].SQNR < 35 {
		t.Errorf("got %s at %.1f dB, want %s", got, r.Outputs[0].SQNR, want)
	}
}
