package ptq_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// twoInputs sums layers of two inputs, and of words if there are any.
func twoInputs(z *zoo) node {
	return must(gorgonia.Add(z.Dense(z.Input("x", 6), "a", 6, 4), z.Dense(z.Input("y", 3), "b", 3, 4)))
}

func wordsToo(z *zoo) node {
	list := gorgonia.NewVector(z.Graph, tensor.Int, gorgonia.WithShape(z.Batch), gorgonia.WithName("words"))
	h := must(gorgonia.Add(twoInputs(z), rows(z.Value("embedding", 1, vocabulary, 4), list)))
	z.Inputs = append(z.Inputs, list)
	return h
}

// walked gives three samples in each walk, of which change may make another one.
func walked(dt tensor.Dtype, change func(walk, i int, s ptq.Sample) (ptq.Sample, error)) iter.Seq2[ptq.Sample, error] {
	walk := -1
	return func(yield func(ptq.Sample, error) bool) {
		walk++
		for i := range 3 {
			s := ptq.Sample{"x": draw(dt, uint64(i), 1, 5, 6), "y": draw(dt, uint64(i)+10, 1, 5, 3), "words": words(uint64(i), 5)}
			if s, err := change(walk, i, s); !yield(s, err) {
				return
			}
		}
	}
}

// set returns a change of one number of an input.
func set(input string, at int, to float64) func(s ptq.Sample) error {
	return func(s ptq.Sample) error {
		switch x := s[input].Data().(type) {
		case []float32:
			x[at] = float32(to)
		case []float64:
			x[at] = to
		}
		return nil
	}
}

// put returns a change of a whole input.
func put(input string, t tensor.Tensor) func(s ptq.Sample) error {
	return func(s ptq.Sample) error { s[input] = t; return nil }
}

var errMine = errors.New("mine")

// TestBadSamples has each sample of each walk be bad in each way: the error says which, and what of it.
func TestBadSamples(t *testing.T) {
	view := draw(tensor.Float32, 1, 1, 6, 5)
	view.Data().([]float32)[7] = float32(math.Inf(-1)) // (1, 2), which is (2, 1) of the transpose
	if err := view.T(); err != nil {
		t.Fatal(err)
	}
	bad := []struct {
		name   string
		change func(s ptq.Sample) error
		want   error
		text   string
	}{
		{"NaN", set("x", 3, math.NaN()), qtensor.ErrValue, `input "x": wrong value: got NaN at 3`},
		{"NaN in another", set("y", 14, math.NaN()), qtensor.ErrValue, `input "y": wrong value: got NaN at 14`},
		{"infinite", set("x", 0, math.Inf(1)), qtensor.ErrValue, `input "x": wrong value: got +Inf at 0`},
		{"past float32", set("x", 29, -1e300), qtensor.ErrValue, `input "x": wrong value: got -Inf at 29`},
		{"a view", put("x", view), qtensor.ErrValue, `input "x": wrong value: got -Inf at 13`},
		{"missing", func(s ptq.Sample) error { delete(s, "y"); return nil }, qtensor.ErrNotFound, `"y"`},
		{"empty", func(s ptq.Sample) error { clear(s); return nil }, qtensor.ErrNotFound, `"x"`},
		{"one too many", put("z", view), qtensor.ErrNotFound, `"z"`},
		{"nil", put("x", nil), qtensor.ErrLayout, `"x"`},
		{"a nil pointer", put("x", (*tensor.Dense)(nil)), qtensor.ErrLayout, `"x"`},
		{"a zero tensor", put("x", &tensor.Dense{}), qtensor.ErrLayout, `"x"`},
		{"of strings", put("x", tensor.New(tensor.WithShape(5, 6), tensor.Of(tensor.String))), qtensor.ErrDtype, `"x"`},
		{"of int", put("x", words(1, 5, 6)), qtensor.ErrDtype, `"x"`},
		{"of numbers for words", put("words", draw(tensor.Float32, 1, 1, 5)), qtensor.ErrDtype, `"words"`},
		{"another width", put("x", draw(tensor.Float32, 1, 1, 5, 7)), qtensor.ErrShape, `"x"`},
		{"another rank", put("x", draw(tensor.Float32, 1, 1, 5, 6, 1)), qtensor.ErrShape, `"x"`},
		{"another batch", put("y", draw(tensor.Float32, 1, 1, 4, 3)), qtensor.ErrShape, `"y"`},
		{
			"no row", func(s ptq.Sample) error { s["words"].Data().([]int)[2] = vocabulary; return nil }, qtensor.ErrValue,
			"got row 30 at 2",
		},
		{"an error", func(ptq.Sample) error { return errMine }, errMine, "mine"},
	}
	cases := 0
	for _, c := range bad {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			build, _ := floatNet(wordsToo, dt)
			float := readFloat(t, build)
			for walk, stage := range []string{"calibrate", "correct", "compare"} {
				for at := range 3 {
					cases++
					m, r, err := ptq.Quantize(t.Context(), float, walked(dt, func(w, i int, s ptq.Sample) (ptq.Sample, error) {
						if w == walk && i == at {
							return s, c.change(s)
						}
						return s, nil
					}), ptq.Config{Activations: model.StaticInt8})
					sample := fmt.Sprintf("%s: sample %d: ", stage, at)
					if !errors.Is(err, c.want) || m != nil || r != nil || !strings.Contains(err.Error(), sample) ||
						!strings.Contains(err.Error(), c.text) {
						t.Errorf("%s, %v, %s of sample %d: got error %v, want %v, %q and %q", c.name, dt, stage, at,
							err, c.want, sample, c.text)
					}
				}
			}
		}
	}
	t.Logf("%d samples", cases)
}

// TestWalks has every number of samples, up to 3, in each walk, with and without that of the correction.
func TestWalks(t *testing.T) {
	build, _ := floatNet(layered("a"), tensor.Float32)
	float, cases := readFloat(t, build), 0
	for at := range 4 * 4 * 4 {
		for _, keep := range []bool{false, true} {
			cases++
			walk, counts := -1, []int{at % 4, at / 4 % 4, at / 16}
			if keep {
				counts = counts[:2]
			}
			_, r, err := ptq.Quantize(t.Context(), float, func(yield func(ptq.Sample, error) bool) {
				walk++
				for i := range counts[walk] {
					if !yield(ptq.Sample{"x": draw(tensor.Float32, uint64(i), 1, 3, 4)}, nil) {
						return
					}
				}
			}, ptq.Config{KeepBiases: keep})
			var want error
			switch first := counts[0]; {
			case first == 0:
				want = ptq.ErrSamples
			case slices.ContainsFunc(counts, func(n int) bool { return n != first }):
				want = ptq.ErrWalk
			}
			if !errors.Is(err, want) || want == nil && (walk != len(counts)-1 || r.Samples != counts[0]) {
				t.Errorf("%v samples: got error %v, want %v", counts, err, want)
			}
			if errors.Is(want, ptq.ErrWalk) && !strings.Contains(err.Error(), "iterated up to three times") {
				t.Errorf("%v samples: error %v does not say how often they are walked", counts, err)
			}
		}
	}
	t.Logf("%d walks", cases)
}

// TestOneShot gives samples that can be walked once, of every number up to 3.
func TestOneShot(t *testing.T) {
	build, _ := floatNet(layered("a"), tensor.Float32)
	for count := 1; count < 4; count++ {
		left := make(chan ptq.Sample, count)
		for i := range count {
			left <- ptq.Sample{"x": draw(tensor.Float32, uint64(i), 1, 3, 4)}
		}
		close(left)
		_, _, err := ptq.Quantize(t.Context(), readFloat(t, build), func(yield func(ptq.Sample, error) bool) {
			for s := range left {
				if !yield(s, nil) {
					return
				}
			}
		}, ptq.Config{})
		if !errors.Is(err, ptq.ErrWalk) || !strings.Contains(err.Error(), "iterated up to three times") {
			t.Errorf("%d samples: got error %v, want ErrWalk", count, err)
		}
	}
}

// hooks are all that Quantize calls of its user, in the order in which it does: at is called with the number
// of the call.
func hooks(t *testing.T, ctx context.Context, at func(call int, what string)) (calls []string, err error) {
	t.Helper()
	called := func(what string) {
		calls = append(calls, what)
		at(len(calls)-1, what)
	}
	build, _ := floatNet(twoInputs, tensor.Float32)
	_, _, err = ptq.Quantize(ctx, readFloat(t, build), func(yield func(ptq.Sample, error) bool) {
		for i := range 2 {
			called("samples")
			if !yield(ptq.Sample{
				"x": draw(tensor.Float32, uint64(i), 1, 5, 6),
				"y": draw(tensor.Float32, uint64(i)+10, 1, 5, 3),
			}, nil) {
				return
			}
		}
		called("samples")
	}, ptq.Config{
		Activations: model.StaticInt8, Range: watched{func() { called("range") }},
		Progress: func(stage string, _ int) { called("progress " + stage) },
	})
	return calls, err
}

// watched is calib.MinMax that says when it is asked.
type watched struct{ called func() }

func (w watched) Range(h *calib.Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	w.called()
	return calib.MinMax().Range(h, s)
}

func (watched) String() string { return "watched" }

// TestCanceled cancels in each call that Quantize makes, and before it.
func TestCanceled(t *testing.T) {
	calls, err := hooks(t, t.Context(), func(int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"samples", "range", "progress calibrate", "progress correct", "progress compare"} {
		if !slices.Contains(calls, what) {
			t.Errorf("%s is not called: %q", what, calls)
		}
	}
	for at := -1; at < len(calls); at++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		if at < 0 {
			cancel(errMine)
		}
		got, err := hooks(t, ctx, func(call int, _ string) {
			if call == at {
				cancel(errMine)
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled in call %d of %q: got error %v", at, calls, err)
		}
		if at < 0 && len(got) > 0 {
			t.Errorf("canceled before: got calls %q", got)
		}
		cancel(nil)
	}
	t.Logf("%d calls: %q", len(calls), calls)
}

// TestPanicsReachCaller panics in each call but of build: the panic goes up in the caller's goroutine.
func TestPanicsReachCaller(t *testing.T) {
	calls, err := hooks(t, t.Context(), func(int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	for at, what := range calls {
		if what == "build" {
			continue
		}
		func() {
			defer func() {
				if r, ok := recover().(error); !ok || !errors.Is(r, errMine) {
					t.Errorf("call %d, %s: recovered %v, want what was panicked with", at, what, r)
				}
			}()
			_, err := hooks(t, t.Context(), func(call int, _ string) {
				if call == at {
					panic(errMine)
				}
			})
			t.Errorf("call %d, %s: got error %v, want the panic", at, what, err)
		}()
	}
}

// TestNotFiniteOnTheWay has numbers on the way that are none: an error where a layer takes them.
func TestNotFiniteOnTheWay(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(node) (node, error)
	}{{"Log", gorgonia.Log}, {"Sqrt", gorgonia.Sqrt}, {"Exp", func(x node) (node, error) {
		return gorgonia.Exp(must(gorgonia.Mul(x, gorgonia.NewConstant(float32(1000)))))
	}}} {
		net := func(z *zoo) node {
			x := z.Input("x", 4)
			y := must(gorgonia.Mul(must(c.f(x)), z.Value("a", 3, 4, 4)))
			return must(gorgonia.Concat(1, y, must(gorgonia.Mul(x, z.Value("b", 3, 4, 4)))))
		}
		build, samples := floatNet(net, tensor.Float32)
		for _, activations := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
			_, _, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Activations: activations})
			if want := fmt.Sprintf("value %q", c.name+"_1.out"); !errors.Is(err, qtensor.ErrValue) ||
				!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sample 0") {
				t.Errorf("%s, %v: got error %v, want ErrValue for sample 0 and %s", c.name, activations, err, want)
			}
			_, r, err := quantizeBuild(t.Context(), build, samples,
				ptq.Config{Activations: activations, Rules: []ptq.LayerRule{{Pattern: "a", Float: true}}})
			if err != nil || !r.Layers[1].Quantized {
				t.Errorf("%s, %v: left float: got %v, error %v", c.name, activations, r, err)
			}
		}
	}
}

// TestWeightNotFinite has a NaN or an infinity in each weight.
func TestWeightNotFinite(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			build, samples := floatNet(func(z *zoo) node {
				y := layered("a", "b")(z)
				z.Values[name].Data().([]float32)[5] = float32(bad)
				return y
			}, tensor.Float32)
			_, _, err := quantizeBuild(t.Context(), build, samples, ptq.Config{})
			if !errors.Is(err, qtensor.ErrValue) {
				t.Errorf("%v in %s: got error %v, want ErrValue", bad, name, err)
			}
		}
	}
}
