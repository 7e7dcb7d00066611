package ptq_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// kinds are networks of one layer, which is named w, of every kind.
var kinds = map[string]func(z *zoo) node{
	"Gemm":   func(z *zoo) node { return must(gorgonia.Mul(z.Input("x", 6), z.Value("w", 6, 6, 4))) },
	"MatMul": func(z *zoo) node { return repeated(z, z.Input("x", 3, 6)) },
	"Conv": func(z *zoo) node {
		return must(gorgonia.Conv2d(z.Input("x", 2, 4, 4), z.Value("w", 6, 4, 2, 3, 3), tensor.Shape{3, 3}, []int{1, 1},
			[]int{1, 1}, []int{1, 1}))
	},
	"Gather": func(z *zoo) node {
		list := gorgonia.NewVector(z.Graph, tensor.Int, gorgonia.WithShape(z.Batch), gorgonia.WithName("words"))
		z.Inputs = append(z.Inputs, list)
		return rows(z.Value("w", 1, vocabulary, 4), list)
	},
}

// repeated multiplies batches of matrices by one.
func repeated(z *zoo, x node) node {
	x, w, err := gorgonia.Broadcast(x, z.Value("w", 6, 1, 6, 4), gorgonia.NewBroadcastPattern(nil, []byte{0}))
	return must(gorgonia.BatchedMatMul(x, must(w, err)))
}

// kindSamples are for any of kinds.
func kindSamples(kind string) func(func(ptq.Sample, error) bool) {
	shape := map[string][]int{"Gemm": {5, 6}, "MatMul": {5, 3, 6}, "Conv": {5, 2, 4, 4}}[kind]
	return func(yield func(ptq.Sample, error) bool) {
		if kind == "Gather" {
			yield(ptq.Sample{"words": words(1, 5)}, nil)
			return
		}
		yield(ptq.Sample{"x": draw(tensor.Float32, 1, 1, shape...)}, nil)
	}
}

// TestMisfits has every scheme for every kind of layer under all activations: what does not go together is an
// error that names the layer, and what does has the scheme and the activations that were asked for.
func TestMisfits(t *testing.T) {
	schemes := []qtensor.Scheme{qtensor.Float16(), qtensor.BFloat16()}
	for _, s := range []qtensor.Scheme{
		qtensor.Symmetric(8), qtensor.Symmetric(3), qtensor.Affine(8),
		qtensor.Uniform(8), qtensor.PowerOfTwo(4), qtensor.Int4(), qtensor.UInt4(),
	} {
		schemes = append(schemes, s, s.PerAxis(0), s.PerAxis(1), s.PerGroup(1, 2),
			s.PerGroup(0, 4).WithScales(qtensor.ScaleFloat16))
	}
	cases, refused := 0, 0
	for kind, net := range kinds {
		for _, s := range schemes {
			for _, a := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
				cases++
				build, _ := floatNet(net, tensor.Float32)
				_, r, err := quantizeBuild(t.Context(), build, kindSamples(kind), ptq.Config{Weights: &s, Activations: a})
				switch {
				case err != nil:
					refused++
					if !errors.Is(err, qtensor.ErrScheme) && !errors.Is(err, qtensor.ErrParams) ||
						!strings.Contains(err.Error(), `"w"`) {
						t.Errorf("%s, %v, %v: got error %v, want ErrScheme or ErrParams, and the layer", kind, s, a, err)
					}
				case kind == "Gather":
					a = model.Default
					fallthrough
				default:
					l := r.Layers[0]
					got, _, _ := strings.Cut(l.Weights, "@")
					want, _, _ := strings.Cut(s.String(), "@")
					if l.Name != "w" || l.Op != kind || !l.Quantized || got != want || l.Activations != a {
						t.Errorf("%s, %v, %v: got %+v", kind, s, a, l)
					}
				}
			}
		}
	}
	if refused == 0 || refused > cases/2 {
		t.Errorf("%d of %d are refused", refused, cases)
	}
	t.Logf("%d layers, of which %d are refused", cases, refused)
}

// ranged is a rule that gives what it is.
type ranged struct {
	low, high float32
	err       error
}

func (r ranged) Range(*calib.Histogram, qtensor.Scheme) (lo, hi float32, err error) {
	return r.low, r.high, r.err
}

func (ranged) String() string { return "ranged" }

// TestRangesRefused has rules of ranges that are none: an error that names the layer where it is Static, and
// nothing elsewhere.
func TestRangesRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	bad := []ranged{
		{err: errMine},
		{low: nan},
		{high: nan},
		{low: nan, high: nan},
		{high: inf},
		{low: -inf},
		{low: 1, high: -1},
		{low: inf, high: inf},
	}
	cases := 0
	for kind, net := range kinds {
		for _, r := range bad {
			for _, a := range []model.Activations{model.Default, model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
				cases++
				build, _ := floatNet(net, tensor.Float32)
				_, _, err := quantizeBuild(t.Context(), build, kindSamples(kind), ptq.Config{Activations: a, Range: r})
				if want := a == model.StaticInt8 && kind != "Gather"; (err != nil) != want ||
					want && !strings.Contains(err.Error(), `layer "w"`) || want && r.err != nil && !errors.Is(err, errMine) {
					t.Errorf("%s, %v, range %+v: got error %v, want one: %t", kind, a, r, err, want)
				}
			}
		}
	}
	// Of sums between layers.
	for _, name := range []string{"blocks", "gated"} {
		net := map[string]func(z *zoo) node{"blocks": blocks, "gated": gated}[name]
		build, samples := floatNet(net, tensor.Float32)
		for at := range 12 {
			call, failed := -1, fmt.Errorf("call %d: %w", at, errMine)
			_, _, err := quantizeBuild(t.Context(), build, samples,
				ptq.Config{Activations: model.StaticInt8, Range: counted{func() error {
					if call++; call == at {
						return failed
					}
					return nil
				}}})
			cases++
			if call >= at && (!errors.Is(err, failed) ||
				!strings.Contains(err.Error(), `layer "`) && !strings.Contains(err.Error(), `value "`)) ||
				call < at && err != nil {
				t.Errorf("%s: call %d fails: got error %v, want that, and the layer or the value", name, at, err)
			}
		}
	}
	t.Logf("%d ranges", cases)
}

// counted is calib.MinMax that fails where called does.
type counted struct{ called func() error }

func (c counted) Range(h *calib.Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	if err := c.called(); err != nil {
		return 0, 0, err
	}
	return calib.MinMax().Range(h, s)
}

func (counted) String() string { return "counted" }
