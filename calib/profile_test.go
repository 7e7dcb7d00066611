package calib

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/internal/dense"
	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

func denseOf[T any](values []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

// view returns the middle columns of a bigger matrix, transposed: shape (3, 2), not contiguous.
func view(t *testing.T) *tensor.Dense {
	t.Helper()
	x := denseOf([]float32{
		9e9, 1, 2, 3, 9e9,
		-9e9, 4, 5, 6, -9e9,
	}, 2, 5)
	s, err := x.Slice(nil, tensor.S(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	v := s.(*tensor.Dense)
	if err := v.T(); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestProfileObserve(t *testing.T) {
	values := gaussians(1, 24, 3)
	for _, c := range []struct {
		name string
		x    tensor.Tensor
		want []float32
	}{
		{"vector", denseOf(values, 24), values},
		{"rank 4", denseOf(values, 2, 3, 2, 2), values},
		{"float64", denseOf(tensortest.Float64s(values), 4, 6), values},
		{"rounded", denseOf([]float64{0.1, 1e300, -1e300, 1e-300}, 4), []float32{0.1, inf, -inf, 0}},
		{"scalar", tensor.New(tensor.FromScalar(float32(3))), []float32{3}},
		{"float64 scalar", tensor.New(tensor.FromScalar(0.25)), []float32{0.25}},
		{"view", view(t), []float32{1, 2, 3, 4, 5, 6}},
		{"NaN", denseOf([]float32{nan, 1, inf}, 3), []float32{nan, 1, inf}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := new(Profile)
			for range 2 {
				if err := p.Observe("x", c.x); err != nil {
					t.Fatal(err)
				}
			}
			h, err := p.Histogram("x")
			if want := histogramOf(slices.Repeat(c.want, 2)); err != nil || !reflect.DeepEqual(h, want) {
				t.Errorf("got %+v, %v, want %+v", h, err, want)
			}
		})
	}
}

// Each channel must be the histogram of its slice, found element by element.
func TestProfileObserveAxis(t *testing.T) {
	values := gaussians(2, 120, 1)
	transposed := denseOf(values, 2, 3, 4, 5)
	if err := transposed.T(3, 1, 0, 2); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*tensor.Dense{
		denseOf(values, 120), denseOf(values, 12, 10), denseOf(values, 2, 3, 4, 5),
		denseOf(tensortest.Float64s(values), 2, 3, 4, 5), transposed, view(t),
	} {
		for axis := range x.Shape() {
			t.Run(fmt.Sprint(x.Shape(), x.Dtype(), axis), func(t *testing.T) {
				want := make([][]float32, x.Shape()[axis])
				for flat := range x.Shape().TotalSize() {
					at := make([]int, x.Dims())
					for i := x.Dims() - 1; i >= 0; i-- {
						at[i] = flat % x.Shape()[i]
						flat /= x.Shape()[i]
					}
					v, err := x.At(at...)
					if err != nil {
						t.Fatal(err)
					}
					want[at[axis]] = append(want[at[axis]], float32(reflect.ValueOf(v).Float()))
				}
				p := new(Profile)
				for range 2 {
					if err := p.ObserveAxis("x", axis, x); err != nil {
						t.Fatal(err)
					}
				}
				got, channels, err := p.Channels("x")
				if err != nil || got != axis || len(channels) != len(want) {
					t.Fatalf("got %d channels on axis %d, %v, want %d on %d", len(channels), got, err, len(want), axis)
				}
				var all []float32
				for k := range want {
					if w := histogramOf(slices.Repeat(want[k], 2)); !reflect.DeepEqual(channels[k], w) {
						t.Errorf("channel %d: got %+v, want %+v", k, channels[k], w)
					}
					all = append(all, want[k]...)
				}
				h, err := p.Histogram("x")
				if w := histogramOf(slices.Repeat(all, 2)); err != nil || !reflect.DeepEqual(h, w) {
					t.Errorf("whole tensor: got %+v, %v, want %+v", h, err, w)
				}
			})
		}
	}
}

func TestProfileChannelsPerTensor(t *testing.T) {
	p := profileOf(t, "x", perTensor, []float32{1, 2}, 2)
	axis, channels, err := p.Channels("x")
	if want := []*Histogram{histogramOf([]float32{1, 2})}; err != nil || axis != -1 || !reflect.DeepEqual(channels, want) {
		t.Errorf("got %v on axis %d, %v, want %v on −1", channels, axis, err, want)
	}
	channels[0].Observe([]float32{1e9})
	h, _ := p.Histogram("x")
	h.Observe([]float32{-1e9})
	if h, _ := p.Histogram("x"); h.Max() != 2 || h.Min() != 1 {
		t.Errorf("got range [%v, %v] after copies were changed, want [1, 2]", h.Min(), h.Max())
	}
}

func profileOf(t *testing.T, key string, axis int, values []float32, shape ...int) *Profile {
	t.Helper()
	p := new(Profile)
	var err error
	if x := denseOf(values, shape...); axis == perTensor {
		err = p.Observe(key, x)
	} else {
		err = p.ObserveAxis(key, axis, x)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProfileObserveErrors(t *testing.T) {
	matrix := denseOf([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	masked := denseOf([]float32{1, 2}, 2)
	if err := masked.ResetMask(true); err != nil {
		t.Fatal(err)
	}
	maskedWide := denseOf([]float64{1, 2}, 2)
	if err := maskedWide.ResetMask(true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		key  string
		axis int
		x    tensor.Tensor
		want error
	}{
		{"no key", "", perTensor, matrix, ErrKey},
		{"no text", "a\xff", perTensor, matrix, ErrKey},
		{"nil", "k", perTensor, nil, qtensor.ErrLayout},
		{"nil Dense", "k", perTensor, (*tensor.Dense)(nil), qtensor.ErrLayout},
		{"nil along an axis", "k", 0, (*tensor.Dense)(nil), qtensor.ErrLayout},
		{"masked", "k", perTensor, masked, qtensor.ErrLayout},
		{"masked float64", "k", perTensor, maskedWide, qtensor.ErrLayout},
		{"int", "k", perTensor, denseOf([]int{1}, 1), qtensor.ErrDtype},
		{"bool", "k", 0, denseOf([]bool{true}, 1), qtensor.ErrDtype},
		{"axis past rank", "k", 2, matrix, qtensor.ErrShape},
		{"axis of a scalar", "k", 0, tensor.New(tensor.FromScalar(float32(1))), qtensor.ErrShape},
		{"axis below 0", "k", -1, matrix, qtensor.ErrShape},
		{"axis far below 0", "k", -7, matrix, qtensor.ErrShape},
		{"other axis", "rows", 1, matrix, qtensor.ErrShape},
		{"axis, recorded whole", "whole", 0, matrix, qtensor.ErrShape},
		{"whole, recorded along an axis", "rows", perTensor, matrix, qtensor.ErrShape},
		{"more channels", "rows", 0, denseOf([]float32{1, 2, 3}, 3, 1), qtensor.ErrShape},
		{"lower rank", "columns", 1, denseOf([]float32{1, 2, 3}, 3), qtensor.ErrShape},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := new(Profile)
			for key, axis := range map[string]int{"rows": 0, "columns": 1} {
				if err := p.ObserveAxis(key, axis, matrix); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Observe("whole", matrix); err != nil {
				t.Fatal(err)
			}
			before := text(t, p)
			var err error
			if c.name == "axis below 0" || c.axis != perTensor {
				err = p.ObserveAxis(c.key, c.axis, c.x)
			} else {
				err = p.Observe(c.key, c.x)
			}
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("key %q", c.key)) {
				t.Errorf("got error %v, want %v with the key", err, c.want)
			}
			if after := text(t, p); after != before {
				t.Errorf("got %s after an error, want %s", after, before)
			}
		})
	}
}

// text returns the profile's JSON.
func text(t *testing.T, p *Profile) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEntryWithoutChannels(t *testing.T) {
	for _, shape := range []tensor.Shape{{3, 0}, {0, 0}} {
		if err := (&entry{axis: 1}).open(shape); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%v: got error %v, want ErrShape", shape, err)
		}
	}
}

func TestProfileKeys(t *testing.T) {
	p := new(Profile)
	if got := p.Keys(); len(got) != 0 {
		t.Errorf("got keys %q of nothing, want none", got)
	}
	for _, key := range []string{"b", "a", "ä.in", "a"} {
		if err := p.Observe(key, denseOf([]float32{1}, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := p.Keys(), []string{"a", "b", "ä.in"}; !slices.Equal(got, want) {
		t.Errorf("got keys %q, want %q", got, want)
	}
}

func TestProfileMergeIsIndependentOfOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	want := new(Profile)
	parts := []*Profile{{}, {}, {}}
	for range 30 {
		x := denseOf(gaussians(rng.Uint64(), 12, math.Exp(10*rng.NormFloat64())), 2, 3, 2)
		key := []string{"whole", "axis"}[rng.IntN(2)]
		for _, p := range []*Profile{want, parts[rng.IntN(3)]} {
			var err error
			if key == "axis" {
				err = p.ObserveAxis(key, 1, x)
			} else {
				err = p.Observe(key, x)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}} {
		got := new(Profile)
		for _, i := range order {
			before := text(t, parts[i])
			if err := got.Merge(parts[i]); err != nil {
				t.Fatal(err)
			}
			if after := text(t, parts[i]); after != before {
				t.Fatalf("got %s after it was merged, want %s", after, before)
			}
		}
		if text(t, got) != text(t, want) {
			t.Errorf("order %v: got %s, want %s", order, text(t, got), text(t, want))
		}
	}
}

func TestProfileMergeCopies(t *testing.T) {
	from := profileOf(t, "x", perTensor, []float32{1, 2}, 2)
	p := new(Profile)
	for _, other := range []*Profile{from, nil, new(Profile)} {
		if err := p.Merge(other); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Observe("x", denseOf([]float32{-5}, 1)); err != nil {
		t.Fatal(err)
	}
	if h, _ := from.Histogram("x"); h.Min() != 1 {
		t.Errorf("got minimum %v in the profile merged, want 1", h.Min())
	}
}

func TestProfileMergeErrors(t *testing.T) {
	values := []float32{1, 2, 3, 4}
	for name, other := range map[string]*Profile{
		"whole":         profileOf(t, "x", perTensor, values, 2, 2),
		"other axis":    profileOf(t, "x", 1, values, 2, 2),
		"more channels": profileOf(t, "x", 0, values, 4, 1),
	} {
		p := profileOf(t, "x", 0, values, 2, 2)
		// A key before and one behind, which must not be merged either.
		for _, key := range []string{"a", "z"} {
			if err := other.Observe(key, denseOf(values, 4)); err != nil {
				t.Fatal(err)
			}
		}
		before := text(t, p)
		if err := p.Merge(other); !errors.Is(err, qtensor.ErrShape) || !strings.Contains(err.Error(), `key "x"`) {
			t.Errorf("%s: got error %v, want ErrShape with the key", name, err)
		}
		if after := text(t, p); after != before {
			t.Errorf("%s: got %s after an error, want %s", name, after, before)
		}
	}
}

func TestProfileParams(t *testing.T) {
	values := []float32{-1, 3, 0.5, 2, -8, 7}
	p := profileOf(t, "rows", 0, values, 2, 3)
	if err := p.Merge(profileOf(t, "whole", perTensor, values, 2, 3)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []qtensor.Scheme{
		qtensor.Uniform(8), qtensor.Symmetric(8), qtensor.Affine(8), qtensor.PowerOfTwo(8), qtensor.Affine(4), qtensor.Int4(), qtensor.UInt4(),
		qtensor.Float16(), qtensor.BFloat16(), qtensor.Affine(8).WithScales(qtensor.ScaleFloat16),
	} {
		want, err := qtensor.NewParams(s, []float32{-8}, []float32{7})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range p.Keys() {
			if got, err := p.Params(key, s, MinMax()); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %v: got %+v, %v, want %+v", key, s, got, err, want)
			}
		}
	}
	for _, s := range []qtensor.Scheme{qtensor.PerChannelAffine(8, 0), qtensor.Int4().PerAxis(0)} {
		want, err := qtensor.NewParams(s, []float32{-1, -8}, []float32{3, 7})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Params("rows", s, MinMax()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, %v, want %+v", s, got, err, want)
		}
	}
}

// clip is an estimator that uses the scheme and every bin.
type clip struct{}

func (clip) String() string { return "clip" }

func (clip) Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	for b := range h.Bins() {
		hi += float32(b.Count)
	}
	return -hi, hi * float32(s.Bits()), nil
}

func TestProfileParamsAsksTheRule(t *testing.T) {
	p := profileOf(t, "x", 1, []float32{-1, 3, 0.5, 2, -8, 7}, 2, 3)
	for s, ends := range map[qtensor.Scheme][2][]float32{
		qtensor.Uniform(8):            {{-6}, {48}},
		qtensor.Uniform(3):            {{-6}, {18}},
		qtensor.Uniform(5).PerAxis(1): {{-2, -2, -2}, {10, 10, 10}},
	} {
		got, err := p.Params("x", s, clip{})
		if err != nil || !slices.Equal(got.Min, ends[0]) || !slices.Equal(got.Max, ends[1]) {
			t.Errorf("%v: got [%v, %v], %v, want %v", s, got.Min, got.Max, err, ends)
		}
	}
}

func TestProfileParamsErrors(t *testing.T) {
	p := profileOf(t, "rows", 0, []float32{1, 2, nan, inf}, 2, 2)
	for _, other := range []*Profile{profileOf(t, "whole", perTensor, []float32{1}, 1), profileOf(t, "empty", perTensor, []float32{nan}, 1)} {
		if err := p.Merge(other); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		key       string
		scheme    qtensor.Scheme
		estimator RangeEstimator
		want      error
		says      string
	}{
		{"row", qtensor.Affine(8), MinMax(), ErrKey, `"empty" "rows" "whole"`},
		{"", qtensor.Float16(), MinMax(), ErrKey, `"empty" "rows" "whole"`},
		{"whole", qtensor.Affine(8), nil, ErrOption, "minmax"},
		{"whole", qtensor.Scheme{}, MinMax(), qtensor.ErrScheme, "zero Scheme"},
		{"whole", qtensor.Affine(9), MinMax(), qtensor.ErrScheme, "9 bits"},
		{"whole", qtensor.PerChannelAffine(8, 0), MinMax(), qtensor.ErrScheme, "per tensor"},
		{"whole", qtensor.Affine(8).PerAxis(-1), MinMax(), qtensor.ErrScheme, "axis -1"},
		{"rows", qtensor.PerChannelAffine(8, 1), MinMax(), qtensor.ErrScheme, "2 channels on axis 0"},
		{"rows", qtensor.Int4().PerGroup(0, 2), MinMax(), qtensor.ErrScheme, "int4/g2@0"},
		{"rows", qtensor.PerChannelAffine(8, 0), MinMax(), ErrEmpty, "channel 1 of 2"},
		{"empty", qtensor.Affine(8), MinMax(), ErrEmpty, "nothing seen"},
	} {
		got, err := p.Params(c.key, c.scheme, c.estimator)
		if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s, %v, %v: got error %v, want %v that says %q", c.key, c.scheme, c.estimator, err, c.want, c.says)
		}
		if !reflect.DeepEqual(got, qtensor.Params{}) {
			t.Errorf("%s, %v: got %+v beside an error, want none", c.key, c.scheme, got)
		}
	}
	if _, err := p.Histogram("row"); !errors.Is(err, ErrKey) {
		t.Errorf("Histogram: got error %v, want ErrKey", err)
	}
	if _, _, err := p.Channels("row"); !errors.Is(err, ErrKey) {
		t.Errorf("Channels: got error %v, want ErrKey", err)
	}
	if _, err := p.Params("rows", qtensor.Affine(8), MinMax()); err != nil {
		t.Errorf("a channel that saw nothing, per tensor: %v", err)
	}
}

// Beyond what it takes to read a tensor, observing does not allocate.
func TestEntryAllocates(t *testing.T) {
	values := gaussians(4, 60, 1)
	narrow, wide := denseOf(values, 3, 4, 5), denseOf(tensortest.Float64s(values), 3, 4, 5)
	for axis := perTensor; axis < 3; axis++ {
		for _, c := range []struct {
			x    *tensor.Dense
			read func()
		}{
			{narrow, func() { _, _ = dense.Slice[float32](narrow) }},
			{wide, func() { _, _ = dense.Slice[float64](wide) }},
		} {
			e := &entry{axis: axis, averages: make([]MovingAverage, 60)}
			want := testing.AllocsPerRun(10, c.read)
			if got := testing.AllocsPerRun(10, func() { _ = e.observe(c.x) }); got != want {
				t.Errorf("%v, axis %d: got %v allocations, want %v", c.x.Dtype(), axis, got, want)
			}
		}
	}
}

func TestNilProfileSawNothing(t *testing.T) {
	var p *Profile
	if keys := p.Keys(); len(keys) != 0 {
		t.Errorf("got keys %q, want none", keys)
	}
	if _, err := p.Params("x", qtensor.Affine(8), MinMax()); !errors.Is(err, ErrKey) {
		t.Errorf("got %v, want ErrKey", err)
	}
}

func TestNilOption(t *testing.T) {
	if _, err := NewCalibrator(nil, nil); !errors.Is(err, ErrOption) {
		t.Errorf("got %v, want ErrOption", err)
	}
}
