package ptq_test

import (
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// constantOf returns gaussian numbers times a deviation.
func constantOf(seed uint64, deviation float64, shape ...int) *model.Constant {
	return &model.Constant{Shape: shape, Data: draw(tensor.Float32, seed, deviation, shape...).Float32s()}
}

// oneConv is a convolution of eight filters.
func oneConv() *model.Network {
	return &model.Network{
		Inputs:    []model.Value{{Name: "x", Shape: []int{-1, 4, 6, 6}}},
		Outputs:   []model.Value{{Name: "y"}},
		Nodes:     []model.Node{{Op: ir.OpConv, Name: "conv", Inputs: []string{"x", "w"}, Output: "y", Pads: []int{1, 1, 1, 1}}},
		Constants: map[string]*model.Constant{"w": constantOf(1, 0.2, 8, 4, 3, 3)},
	}
}

// oneGemm is a product, and what follows it.
func oneGemm(after ...model.Node) *model.Network {
	return &model.Network{
		Inputs:    []model.Value{{Name: "x", Shape: []int{-1, 16}}},
		Outputs:   []model.Value{{Name: "y"}},
		Nodes:     append([]model.Node{{Op: ir.OpGemm, Name: "fc", Inputs: []string{"x", "w"}, Output: "h"}}, after...),
		Constants: map[string]*model.Constant{"w": constantOf(1, 0.2, 16, 8)},
	}
}

// batches are gaussian inputs of such batches.
func batches(g *model.Network, sizes ...int) func(func(ptq.Sample, error) bool) {
	return func(yield func(ptq.Sample, error) bool) {
		for i, n := range sizes {
			shape := slices.Clone(g.Inputs[0].Shape)
			shape[0] = n
			if !yield(ptq.Sample{"x": draw(tensor.Float32, uint64(i), 1, shape...)}, nil) {
				return
			}
		}
	}
}

// outlier is samples of which one number is large.
func outlier(g *model.Network, at float32) func(func(ptq.Sample, error) bool) {
	return func(yield func(ptq.Sample, error) bool) {
		for s, err := range batches(g, 64) {
			s["x"].(*tensor.Dense).Float32s()[5] = at
			yield(s, err)
		}
	}
}

// cut is the range within bounds.
type cut struct{ low, high float32 }

func (c cut) Range(h *calib.Histogram, _ qtensor.Scheme) (lo, hi float32, err error) {
	return max(c.low, h.Min()), min(c.high, h.Max()), nil
}

func (cut) String() string { return "cut" }

var (
	relu    = model.Node{Op: ir.OpRelu, Name: "relu", Inputs: []string{"h"}, Output: "y"}
	logOfIt = []model.Node{
		{Op: ir.OpRelu, Name: "relu", Inputs: []string{"h"}, Output: "r"}, {Op: ir.OpLog, Name: "log", Inputs: []string{"r"}, Output: "y"},
	}
	int4Groups = qtensor.Int4().PerGroup(0, 16)
	two        = qtensor.Symmetric(2)
)

// TestWarnings has each kind of warning be provoked, and be absent just beside that.
func TestWarnings(t *testing.T) {
	static := ptq.Config{Activations: model.StaticInt8}
	with := func(cfg ptq.Config, change func(*ptq.Config)) ptq.Config { change(&cfg); return cfg }
	fc := func(after ...model.Node) *model.Network { return oneGemm(after...) }
	profile := func(n int) *calib.Profile {
		g := fc(relu)
		p := new(calib.Profile)
		if err := p.Observe("x", draw(tensor.Float32, 9, 1, n, g.Inputs[0].Shape[1])); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name    string
		net     *model.Network
		samples func(g *model.Network) func(func(ptq.Sample, error) bool)
		cfg     ptq.Config
		want    []ptq.Warning // Text is a part of the text
	}{
		{"nothing", fc(relu), nil, static, nil},
		{
			"0.4 % clipped", fc(relu), nil, with(static, func(c *ptq.Config) { c.Range = cut{-10, 2.8} }),
			[]ptq.Warning{{ptq.WarnClipped, "fc", "% of its input is outside of its range: try another Config.Range"}},
		},
		{"one number in 1,024 clipped", fc(relu), func(g *model.Network) func(func(ptq.Sample, error) bool) { return outlier(g, 7) }, with(static, func(c *ptq.Config) { c.Range = cut{-10, 6} }), nil},
		{"31 samples", fc(relu), sizes(15, 16), static, []ptq.Warning{{ptq.WarnFewSamples, "fc", "seen in 31 samples: up to 6 % of others"}}},
		{"one sample", fc(relu), sizes(1), static, []ptq.Warning{{ptq.WarnFewSamples, "fc", "seen in 1 samples: up to 100 % of others"}}},
		{"32 samples", fc(relu), sizes(31, 1), static, nil},
		{"dynamic of one sample", fc(relu), sizes(1), ptq.Config{Activations: model.DynamicInt8}, nil},
		{"a profile of 31 samples", fc(relu), nil, with(static, func(c *ptq.Config) { c.Profile = profile(31) }), []ptq.Warning{{ptq.WarnFewSamples, "fc", "seen in 31 samples"}}},
		{"a profile of 32 samples", fc(relu), sizes(2), with(static, func(c *ptq.Config) { c.Profile = profile(32) }), nil},
		{"4 bits in groups", oneConv(), nil, ptq.Config{Weights: &int4Groups, WeightQuantizer: ptq.RoundToNearest{}}, []ptq.Warning{
			{ptq.WarnInt4Conv, "conv", "int4/g16@0, rounded to nearest, leaves its filters "},
		}},
		{"4 bits in groups that are searched", oneConv(), nil, ptq.Config{Weights: &int4Groups, WeightQuantizer: ptq.ScaleSearch{}}, nil},
		{"4 bits in groups of a matrix", fc(relu), nil, ptq.Config{Weights: &int4Groups}, nil},
		{"8 bits in groups", oneConv(), nil, ptq.Config{Weights: new(qtensor.Symmetric(8).PerGroup(0, 16))}, nil},
		{"2 bits", fc(relu), nil, ptq.Config{Weights: &two}, []ptq.Warning{{ptq.WarnLayer, "fc", " dB, want 20"}, {ptq.WarnOutput, "y", " dB, want 20"}}},
		{"a logarithm", fc(logOfIt...), nil, ptq.Config{Weights: &two}, []ptq.Warning{{ptq.WarnLayer, "fc", ""}, {ptq.WarnNotFinite, "y", "NaN or an infinity"}}},
	} {
		samples := batches(c.net, 64, 64)
		if c.samples != nil {
			samples = c.samples(c.net)
		}
		float, err := model.New(c.net, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, r, err := ptq.Quantize(t.Context(), float, samples, c.cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		same := func(got, want ptq.Warning) bool {
			return got.Kind == want.Kind && got.Name == want.Name && strings.Contains(got.Text, want.Text)
		}
		if !slices.EqualFunc(r.Warnings, c.want, same) {
			t.Errorf("%s: got %q, want %q", c.name, r.Warnings, c.want)
		}
		for _, w := range r.Warnings {
			if line := "warning: " + w.Name + ": " + w.Text + "\n"; !strings.Contains(r.String(), line) {
				t.Errorf("%s: %q is not in\n%v", c.name, line, r)
			}
		}
		if len(r.Warnings) == 0 && strings.Contains(r.String(), "warning") {
			t.Errorf("%s: got a warning in\n%v", c.name, r)
		}
	}
}

func sizes(list ...int) func(g *model.Network) func(func(ptq.Sample, error) bool) {
	return func(g *model.Network) func(func(ptq.Sample, error) bool) { return batches(g, list...) }
}
