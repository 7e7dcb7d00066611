package ptq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
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

// quantizerOf is a WeightQuantizer that a function is.
type quantizerOf func(layer string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error)

func (f quantizerOf) QuantizeWeight(_ context.Context, w ptq.Weight) (*qtensor.QTensor, error) {
	return f(w.Layer, w.Values, w.Scheme)
}

// fileOf returns the bytes of a model's file.
func fileOf(t *testing.T, m *model.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestWeightQuantizer quantizes layers of every kind by every scheme with quantizers of the user's own: one
// that does what the default does, whose file has the same bytes, and one that clips, whose quantized values
// are in the file, and whose loss is in the report.
func TestWeightQuantizer(t *testing.T) {
	cases := 0
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		build, _ := floatNet(kinds[kind], tensor.Float32)
		float, samples := readFloat(t, build), kindSamples(kind)
		for _, scheme := range []qtensor.Scheme{
			qtensor.PerChannelSymmetric(8, 0), qtensor.PerChannelAffine(4, 1), qtensor.Uniform(6),
			qtensor.Int4().PerGroup(0, 2), qtensor.PowerOfTwo(5),
		} {
			cases++
			var asked []string
			var clipped *qtensor.QTensor
			plain := quantizerOf(func(layer string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
				asked = append(asked, layer)
				return qtensor.Quantize(w, s)
			})
			clipping := quantizerOf(func(_ string, w *tensor.Dense, s qtensor.Scheme) (_ *qtensor.QTensor, err error) {
				q, err := qtensor.Quantize(w, s)
				if err != nil {
					return nil, err
				}
				p := q.Params()
				p.Min, p.Max = nil, nil
				for i := range p.Scales {
					p.Scales[i] /= 2
				}
				clipped, err = qtensor.QuantizeWith(w, p, qtensor.WithSaturation())
				return clipped, err
			})
			want, wantReport, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Weights: &scheme, WeightQuantizer: ptq.RoundToNearest{}})
			if err != nil {
				t.Fatalf("%s, %v: %v", kind, scheme, err)
			}
			got, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Weights: &scheme, WeightQuantizer: plain})
			if err != nil || !bytes.Equal(fileOf(t, got), fileOf(t, want)) || !slices.Equal(asked, []string{"w"}) {
				t.Errorf("%s, %v: layers %q, and another file, or error %v", kind, scheme, asked, err)
			}
			m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Weights: &scheme, WeightQuantizer: clipping})
			if err != nil {
				t.Errorf("%s, %v, clipped: %v", kind, scheme, err)
				continue
			}
			if q := saved(t, m)["w"]; !slices.Equal(quantizedOf(t, q), quantizedOf(t, clipped)) || q.Scheme() != clipped.Scheme() {
				t.Errorf("%s, %v: the file has %v, want what the quantizer gave", kind, scheme, q)
			}
			if l := r.Layers[0]; !(l.WeightSQNR < wantReport.Layers[0].WeightSQNR) || !(l.OutputSQNR < wantReport.Layers[0].OutputSQNR) ||
				math.IsInf(l.WeightSQNR, 0) || l.Weights != clipped.Scheme().String() {
				t.Errorf("%s, %v: clipped, the report has %+v", kind, scheme, l)
			}
		}
	}
	t.Logf("%d layers", cases)
}

// TestBadWeightQuantizers has quantizers give what is no weight of a layer, and write to what they are given.
func TestBadWeightQuantizers(t *testing.T) {
	other := func(f func(q *qtensor.QTensor) (*qtensor.QTensor, error)) quantizerOf {
		return func(_ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
			q, err := qtensor.Quantize(w, s)
			if err != nil {
				return nil, err
			}
			return f(q)
		}
	}
	quantizedAs := func(change func(s qtensor.Scheme) qtensor.Scheme) quantizerOf {
		return func(_ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
			return qtensor.Quantize(w, change(s))
		}
	}
	reshaped := func(shape ...int) quantizerOf {
		return func(_ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
			if err := w.Reshape(append(shape, w.Shape().TotalSize()/tensor.Shape(shape).TotalSize())...); err != nil {
				return nil, err
			}
			return qtensor.Quantize(w, s)
		}
	}
	scheme, cases := qtensor.Symmetric(8), 0
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		build, _ := floatNet(kinds[kind], tensor.Float32)
		float, samples := readFloat(t, build), kindSamples(kind)
		before := fileOf(t, float)
		for _, c := range []struct {
			name string
			by   quantizerOf
			want error
			text string
		}{
			{"nil", func(string, *tensor.Dense, qtensor.Scheme) (*qtensor.QTensor, error) { return nil, nil }, qtensor.ErrParams, "got a nil QTensor"},
			{"zero", func(string, *tensor.Dense, qtensor.Scheme) (*qtensor.QTensor, error) {
				return new(qtensor.QTensor), nil
			}, qtensor.ErrScheme, "want symmetric8"},
			{"an error", func(string, *tensor.Dense, qtensor.Scheme) (*qtensor.QTensor, error) { return nil, errMine }, errMine, "mine"},
			{"an error and a tensor", other(func(q *qtensor.QTensor) (*qtensor.QTensor, error) { return q, errMine }), errMine, "mine"},
			{"fewer bits", quantizedAs(func(qtensor.Scheme) qtensor.Scheme { return qtensor.Symmetric(4) }), qtensor.ErrScheme, "got symmetric4, want symmetric8"},
			{"another method", quantizedAs(func(qtensor.Scheme) qtensor.Scheme { return qtensor.Affine(8) }), qtensor.ErrScheme, "got affine8"},
			{"an axis", quantizedAs(func(s qtensor.Scheme) qtensor.Scheme { return s.PerAxis(0) }), qtensor.ErrScheme, "got symmetric8@0"},
			{"16 bits", quantizedAs(func(qtensor.Scheme) qtensor.Scheme { return qtensor.BFloat16() }), qtensor.ErrScheme, "got bfloat16"},
			{"transposed", other(func(q *qtensor.QTensor) (*qtensor.QTensor, error) { return q.T() }), qtensor.ErrShape, ", want "},
			{"flat", reshaped(), qtensor.ErrShape, ", want "},
			{"an axis too many", reshaped(2, 2), qtensor.ErrShape, ", want "},
			{"a part", func(_ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
				part, err := w.Slice(tensor.S(0, 2))
				if err != nil {
					return nil, err
				}
				return qtensor.Quantize(part, s)
			}, qtensor.ErrShape, "want "},
			{"zeros", func(_ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
				w.Zero()
				return qtensor.Quantize(w, s)
			}, nil, ""},
		} {
			cases++
			m, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Weights: &scheme, WeightQuantizer: c.by})
			if !errors.Is(err, c.want) || c.want != nil && (m != nil || r != nil || !strings.Contains(err.Error(), c.text) ||
				!strings.Contains(err.Error(), `layer "w": `)) {
				t.Errorf("%s, %s: got error %v, want %v that says %q", kind, c.name, err, c.want, c.text)
			}
			if !bytes.Equal(fileOf(t, float), before) {
				t.Fatalf("%s, %s: the float model was changed", kind, c.name)
			}
		}
	}
	t.Logf("%d quantizers", cases)
}

// TestQuantizerIsAsked counts for which layers it is: once for a weight and a scheme that layers share, for
// each convolution, for none that stays float or was trained, and for no weight that is not finite.
func TestQuantizerIsAsked(t *testing.T) {
	int4 := qtensor.Int4()
	embedding := func(z *zoo) node { return z.Value("embedding", 1, vocabulary, 16) }
	times := func(embedding func(z *zoo) node) sentence {
		return func(z *zoo, list node) node {
			w := embedding(z)
			h := must(gorgonia.Tanh(rows(w, list)))
			return must(gorgonia.Transpose(must(gorgonia.Mul(w, must(gorgonia.Transpose(h, 1, 0)))), 1, 0))
		}
	}
	convs := func(z *zoo) node {
		w, x := z.Value("w", 6, 3, 3, 3, 3), z.Input("x", 3, 4, 4)
		for range 2 {
			x = must(gorgonia.Conv2d(x, w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
		}
		return x
	}
	image, imageSamples := floatNet(convs, tensor.Float32)
	dense, denseSamples := floatNet(layered("a", "b"), tensor.Float32)
	notFinite, _ := floatNet(func(z *zoo) node {
		y := layered("a", "b")(z)
		z.Values["b"].Data().([]float32)[5] = float32(math.Inf(-1))
		return y
	}, tensor.Float32)
	wordsOf := func(yield func(ptq.Sample, error) bool) { yield(ptq.Sample{"words": words(1, 8, length)}, nil) }
	for _, c := range []struct {
		name    string
		build   exprgraph.Build
		samples func(func(ptq.Sample, error) bool)
		cfg     ptq.Config
		want    []string
		err     error
	}{
		{"two layers", dense, denseSamples, ptq.Config{}, []string{"a", "b"}, nil},
		{"one float", dense, denseSamples, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "a", Float: true}}}, []string{"b"}, nil},
		{"not finite", notFinite, denseSamples, ptq.Config{}, []string{"a"}, qtensor.ErrValue},
		{"shared", times(embedding).build, wordsOf, ptq.Config{}, []string{"embedding"}, nil},
		{"shared, of two schemes", times(embedding).build, wordsOf, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "embedding", Weights: &int4}}}, []string{"embedding", "embedding_2"}, nil},
		{"convolutions", image, imageSamples, ptq.Config{}, []string{"w", "w_2"}, nil},
		{"trained", times(func(z *zoo) node {
			return must(ops.FakeQuantizeDynamic(embedding(z), qtensor.PerChannelSymmetric(4, 0)))
		}).build, wordsOf, ptq.Config{}, nil, nil},
	} {
		var got []string
		c.cfg.WeightQuantizer = quantizerOf(func(layer string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
			got = append(got, layer)
			return qtensor.Quantize(w, s)
		})
		_, _, err := quantizeBuild(t.Context(), c.build, c.samples, c.cfg)
		if !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
			t.Errorf("%s: asked for %q, error %v, want %q, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// TestPanicsOfStages has passes and quantizers panic, at each layer: the panic goes up in the caller's
// goroutine. After one that cancels, no other is called.
func TestPanicsOfStages(t *testing.T) {
	build, samples := floatNet(layered("a", "b", "c"), tensor.Float32)
	float, cases := readFloat(t, build), 0
	run := func(ctx context.Context, at int, do func()) error {
		call := -1
		next := func() {
			if call++; call == at {
				do()
			}
		}
		pass := passOf(func(_ context.Context, m *model.Model) (*model.Model, error) {
			next()
			return m, nil
		})
		_, _, err := ptq.Quantize(ctx, float, samples, ptq.Config{
			Passes: []ptq.Pass{pass, pass},
			WeightQuantizer: quantizerOf(func(_ string, w *tensor.Dense, s qtensor.Scheme) (*qtensor.QTensor, error) {
				next()
				return qtensor.Quantize(w, s)
			}),
		})
		if call != at {
			err = fmt.Errorf("%d calls, want %d: %w", call+1, at+1, err)
		}
		return err
	}
	for at := range 5 {
		cases += 2
		func() {
			defer func() {
				if r, ok := recover().(error); !ok || !errors.Is(r, errMine) {
					t.Errorf("call %d: recovered %v, want what was panicked with", at, r)
				}
			}()
			t.Errorf("call %d: got error %v, want the panic", at, run(t.Context(), at, func() { panic(errMine) }))
		}()
		ctx, cancel := context.WithCancel(t.Context())
		if err := run(ctx, at, cancel); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "calls, want") {
			t.Errorf("canceled in call %d: got error %v", at, err)
		}
	}
	t.Logf("%d calls", cases)
}
