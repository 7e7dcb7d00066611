package ptq_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fakes says what stands in the place of weights and activations in the network of small.
type fakes struct {
	weight     func(w node, output int) node // output is the axis that is the layer's outputs
	activation func(x node) node
}

func asIs(x node) node { return x }

func dynamic(s qtensor.Scheme) func(w node, output int) node {
	return func(w node, output int) node {
		if _, kept := s.Axis(); kept && s.GroupSize() > 0 {
			return must(ops.FakeQuantizeDynamic(w, s.PerGroup(output, s.GroupSize())))
		} else if kept {
			return must(ops.FakeQuantizeDynamic(w, s.PerAxis(output)))
		}
		return must(ops.FakeQuantizeDynamic(w, s))
	}
}

// observed quantizes by parameters that stay, of half the range, so that some numbers saturate.
func observed(s qtensor.Scheme) func(w node, output int) node {
	return func(w node, output int) node {
		p := quantize(w.Value().(tensor.Tensor), s.PerAxis(output)).Params()
		for i := range p.Scales {
			p.Scales[i] /= 2
		}
		return must(ops.FakeQuantize(w, p))
	}
}

// learned quantizes by scales that are nodes.
func learned(bits int) func(w node, output int) node {
	return func(w node, output int) node {
		s := qtensor.PerChannelSymmetric(bits, output)
		scales := quantize(w.Value().(tensor.Tensor), s).Params().Scales
		wide := make([]float64, len(scales))
		for i := range scales {
			scales[i] *= 0.75
			wide[i] = float64(scales[i])
		}
		value := tensor.New(tensor.WithShape(len(scales)), tensor.WithBacking(scales))
		if w.Dtype() == tensor.Float64 {
			value = tensor.New(tensor.WithShape(len(scales)), tensor.WithBacking(wide))
		}
		scale := gorgonia.NewVector(w.Graph(), w.Dtype(), gorgonia.WithShape(len(scales)),
			gorgonia.WithName(w.Name()+".scale"), gorgonia.WithValue(value))
		return must(ops.FakeQuantizeLSQ(w, scale, s))
	}
}

func quantize(x tensor.Tensor, s qtensor.Scheme) *qtensor.QTensor {
	q, err := qtensor.Quantize(x, s)
	if err != nil {
		panic(err)
	}
	return q
}

// within quantizes activations over a range that was observed.
func within(s qtensor.Scheme, low, high float32) func(x node) node {
	p, err := qtensor.NewParams(s, []float32{low}, []float32{high})
	if err != nil {
		panic(err)
	}
	return func(x node) node { return must(ops.FakeQuantize(x, p)) }
}

// trained is the network of small with fakes, and the nodes of its weights' fakes by name.
func (s *small) trained(batch int, f fakes) (x, y node, weights map[string]node) {
	g := gorgonia.NewGraph()
	weights = map[string]node{}
	x = gorgonia.NewTensor(g, s.dtype, 4, gorgonia.WithShape(batch, 2, 12, 12), gorgonia.WithName("x"))
	p := func(name string) node {
		v := s.values[name]
		return gorgonia.NewTensor(g, s.dtype, v.Dims(), gorgonia.WithShape(v.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(v))
	}
	w := func(name string, output int) node {
		weights[name] = f.weight(p(name), output)
		return weights[name]
	}
	three, one, two := tensor.Shape{3, 3}, []int{1, 1}, tensor.Shape{2, 2}
	y = must(gorgonia.Conv2d(f.activation(x), w("conv1", 0), three, one, one, one))
	y = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(y, p("bias1"), nil, []byte{0, 2, 3}))))
	y = must(gorgonia.MaxPool2D(f.activation(y), two, []int{0, 0}, []int{2, 2}))
	y = must(gorgonia.Rectify(must(gorgonia.Conv2d(y, w("conv2", 0), three, one, one, one))))
	y = must(gorgonia.MaxPool2D(y, two, []int{0, 0}, []int{2, 2}))
	y = must(gorgonia.Reshape(f.activation(y), tensor.Shape{batch, 144}))
	y = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(must(gorgonia.Mul(y, w("dense1", 1))), p("bias2"), nil, []byte{0}))))
	y = must(gorgonia.Mul(f.activation(y), w("dense2", 1)))
	return x, y, weights
}

// values returns what Gorgonia computes for nodes.
func values(t *testing.T, x node, sample tensor.Tensor, nodes ...node) (list [][]float64) {
	t.Helper()
	out := make([]gorgonia.Value, len(nodes))
	for i, n := range nodes {
		gorgonia.Read(n, &out[i])
	}
	vm := gorgonia.NewTapeMachine(x.Graph(), gorgonia.EvalMode())
	defer vm.Close()
	if err := gorgonia.Let(x, sample); err != nil {
		t.Fatal(err)
	}
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, v := range out {
		list = append(list, wide(v))
	}
	return list
}

// reloaded returns the model that the file of a model holds.
func reloaded(t *testing.T, m *model.Model) *model.Model {
	t.Helper()
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	loaded, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// saved returns the quantized weights of a model, by node.
func saved(t *testing.T, m *model.Model) map[string]*qtensor.QTensor {
	t.Helper()
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	f, err := qtensor.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	return b.Quantized
}

// quantizedBy returns RNE(y/s) + z of numbers that a fake op gave, by the parameters of q.
func quantizedBy(q *qtensor.QTensor, numbers []float64, output int) (list []int) {
	p, shape := q.Params(), q.Shape()
	inner := shape[output+1:].TotalSize()
	for i, v := range numbers {
		block, zero, offset := 0, 0, 0.0
		if len(p.Scales) > 1 {
			block = i / inner % shape[output]
		}
		if p.ZeroPoints != nil {
			zero = int(p.ZeroPoints[block])
		}
		if p.Offsets != nil {
			offset = float64(p.Offsets[block])
		}
		list = append(list, int(math.RoundToEven((v-offset)/float64(p.Scales[block])))+zero)
	}
	return list
}

func quantizedOf(t *testing.T, q *qtensor.QTensor) (list []int) {
	t.Helper()
	switch c := q.Codes().Data().(type) {
	case []int8:
		for _, v := range c {
			list = append(list, int(v))
		}
	case []uint8:
		for _, v := range c {
			list = append(list, int(v))
		}
	}
	return list
}

func decibels(want, got []float64) float64 {
	var signal, noise float64
	for i, w := range want {
		signal += w * w
		noise += (w - got[i]) * (w - got[i])
	}
	return 10 * math.Log10(signal/noise)
}

// TestTrained converts networks that were trained through fake quantization, of weights alone and of
// activations too: the quantized values are those that the fake ops round to, and the model computes what
// Gorgonia does. Where a sum is quantized it may fall to the other side of a tie.
func TestTrained(t *testing.T) {
	bytes8 := within(qtensor.Affine(8), -2, 3)
	for _, c := range []struct {
		name    string
		f       fakes
		weights string // the scheme of conv1
		static  bool
		least   float64 // dB
	}{
		{"dynamic 4", fakes{dynamic(qtensor.PerChannelSymmetric(4, 0)), asIs}, "symmetric4@0", false, 110},
		{"dynamic 3", fakes{dynamic(qtensor.PerChannelAffine(3, 0)), asIs}, "affine3@0", false, 110},
		{"dynamic 2", fakes{dynamic(qtensor.Symmetric(2)), asIs}, "symmetric2", false, 110},
		{"uniform", fakes{dynamic(qtensor.Uniform(4)), asIs}, "uniform4", false, 110},
		{"power of two", fakes{dynamic(qtensor.PowerOfTwo(5)), asIs}, "poweroftwo5", false, 110},
		{"float16 scales", fakes{dynamic(qtensor.UInt4().WithScales(qtensor.ScaleFloat16)), asIs}, "uint4/f16", false, 110},
		{"observed 4", fakes{observed(qtensor.Symmetric(4)), asIs}, "symmetric4@0", false, 110},
		{"learned 3", fakes{learned(3), asIs}, "symmetric3@0", false, 110},
		{"activations alone", fakes{func(w node, _ int) node { return w }, bytes8}, "symmetric8@0", true, 30},
		{"dynamic 4, activations 8", fakes{dynamic(qtensor.Int4()), bytes8}, "int4", true, 60},
		{"learned 2, activations 4", fakes{learned(2), within(qtensor.UInt4(), 0, 2)}, "symmetric2@0", true, 60},
		{"learned 4, activations 6", fakes{learned(4), within(qtensor.Symmetric(6), -2, 2)}, "symmetric4@0", true, 60},
		{"learned 4, power of two", fakes{learned(4), within(qtensor.PowerOfTwo(8), -2, 2)}, "symmetric4@0", true, 60},
	} {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			s := newSmall(t, dtype)
			build := func(batch int) (exprgraph.Graph, error) {
				x, y, _ := s.trained(batch, c.f)
				return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, nil
			}
			m, r, err := quantizeBuild(t.Context(), build, s.samples(), ptq.Config{})
			if err != nil {
				t.Errorf("%s, %v: %v", c.name, dtype, err)
				continue
			}
			sample := draw(tensor.Float32, 5, 1, 7, 2, 12, 12)
			if dtype == tensor.Float64 {
				sample = tensor.New(tensor.WithShape(sample.Shape()...), tensor.WithBacking(wide(sample)))
			}
			x, y, weights := s.trained(sample.Shape()[0], c.f)
			names := []string{"conv1", "conv2", "dense1", "dense2"}
			out := values(t, x, sample, y, weights[names[0]], weights[names[1]], weights[names[2]], weights[names[3]])
			for i, name := range names {
				q := saved(t, m)[name]
				if weights[name].Op() != nil && !slices.Equal(quantizedOf(t, q), quantizedBy(q, out[1+i], i/2)) {
					t.Errorf("%s, %v: %s has %v, the fake op gives %v", c.name, dtype, name, quantizedOf(t, q)[:9], quantizedBy(q, out[1+i], i/2)[:9])
				}
				if l := r.Layers[i]; weights[name].Op() != nil && !math.IsInf(l.WeightSQNR, 1) || (l.Activations == model.StaticInt8) != c.static {
					t.Errorf("%s, %v: %s is %+v, want the weights that were trained, static: %v", c.name, dtype, name, l, c.static)
				}
			}
			db := decibels(out[0], output(t, m, sample))
			t.Logf("%s, %v: %.1f dB against Gorgonia, %.1f dB reported", c.name, dtype, db, r.Outputs[0].SQNR)
			if db < c.least || r.Outputs[0].SQNR < c.least {
				t.Errorf("%s, %v: got %.1f dB, %.1f reported, want %v", c.name, dtype, db, r.Outputs[0].SQNR, c.least)
			}
			if got := r.Layers[0].Weights; got != c.weights {
				t.Errorf("%s, %v: got scheme %s, want %s", c.name, dtype, got, c.weights)
			}
			if strings.Contains(strings.Join(r.Kept, " "), "Fake") || c.static && r.Layers[0].Clipped == 0 {
				t.Errorf("%s, %v: got kept %v, %v clipped, want no FakeQuantize and some", c.name, dtype, r.Kept, r.Layers[0].Clipped)
			}
		}
	}
}
