package ptq

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"euryale/calib"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// halved is a range estimator that clips.
type halved struct{}

func (halved) Range(h *calib.Histogram, _ qtensor.Scheme) (lo, hi float32, err error) {
	return h.Min() / 2, h.Max() / 2, nil
}

func (halved) String() string { return "halved" }

// imageSamples are two batches of images of 2×2×2.
func imageSamples(yield func(Sample, error) bool) {
	for batch := 1; batch < 3; batch++ {
		x := make([]float32, 8*batch)
		for i := range x {
			x[i] = float32(i%5) - 1.75
		}
		if !yield(Sample{"x": tensor.New(tensor.WithShape(batch, 2, 2, 2), tensor.WithBacking(x))}, nil) {
			return
		}
	}
}

// TestFinishAgain goes through the stages behind one collection for one Config after the other, twice and in
// both directions: each time as Quantize does for it.
func TestFinishAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	int4 := qtensor.Int4()
	configs := []Config{
		{Activations: model.StaticInt8},
		{},
		{Activations: model.StaticInt8, Range: halved{}},
		{Activations: model.DynamicInt8, Weights: &int4},
		{Activations: model.StaticInt8, Rules: []LayerRule{{Pattern: "*", Weights: &int4}}},
		{Rules: []LayerRule{{Pattern: "*", Float: true}}},
	}
	file := func(m *model.Model) []byte {
		var b bytes.Buffer
		if err := m.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	cases := 0
	for seed := range uint64(40) {
		g, _, layers := randomNetwork(t, seed)
		if len(layers) == 0 {
			continue
		}
		float, err := model.New(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		if g, err = float.Network(); err != nil {
			t.Fatal(err)
		}
		net := indexed(g)
		selections := make([]selection, len(configs))
		for i, cfg := range configs {
			if selections[i], err = cfg.selection(net); err != nil {
				t.Fatal(err)
			}
		}
		first := newPipeline(configs[0], imageSamples)
		seen, err := first.collect(t.Context(), float, selections[0])
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for round := range 2 * len(configs) {
			cases++
			i := min(round, 2*len(configs)-1-round)
			m, r, err := newPipeline(configs[i], imageSamples).finish(t.Context(), models{float: float, prepared: float}, net, selections[i], seen)
			if err != nil {
				t.Fatalf("seed %d, config %d: %v", seed, i, err)
			}
			want, wantReport, err := Quantize(t.Context(), float, imageSamples, configs[i])
			if err != nil {
				t.Fatalf("seed %d, config %d: %v", seed, i, err)
			}
			r.Profile, wantReport.Profile = nil, nil // of one Config, and of the other
			if !bytes.Equal(file(m), file(want)) || !reflect.DeepEqual(r, wantReport) {
				t.Fatalf("seed %d, config %d: another model, or report\n%v\nwant\n%v", seed, i, r, wantReport)
			}
		}
	}
	if cases < 200 {
		t.Errorf("%d cases, want more", cases)
	}
	t.Logf("%d cases", cases)
}

var errStage = errors.New("stage")

// replaced is each stage of a pipeline: it does as the one that it stands for, unless it fails.
type replaced struct {
	pipeline
	fails string
	calls *[]string
}

func (r replaced) call(stage string) error {
	*r.calls = append(*r.calls, stage)
	if r.fails == stage {
		return errStage
	}
	return nil
}

func (r replaced) collect(ctx context.Context, m *model.Model, s selection) (collected, error) {
	if err := r.call("collect"); err != nil {
		return collected{}, err
	}
	return r.pipeline.collect(ctx, m, s)
}

func (r replaced) plan(s selection, seen collected) (*plan, error) {
	if err := r.call("plan"); err != nil {
		return nil, err
	}
	return r.pipeline.plan(s, seen)
}

func (r replaced) QuantizeWeight(ctx context.Context, w Weight) (*qtensor.QTensor, error) {
	if err := r.call("quantize"); err != nil {
		return nil, err
	}
	return r.quantizer.QuantizeWeight(ctx, w)
}

func (r replaced) correct(
	ctx context.Context, net *network, p *plan, weights map[string]*qtensor.QTensor, want int,
) (corrections, error) {
	if err := r.call("correct"); err != nil {
		return corrections{}, err
	}
	return r.pipeline.correct(ctx, net, p, weights, want)
}

func (r replaced) build(net *network, p *plan, weights map[string]*qtensor.QTensor, biases corrections) (*built, error) {
	if err := r.call("build"); err != nil {
		return nil, err
	}
	return r.pipeline.build(net, p, weights, biases)
}

func (r replaced) evaluate(ctx context.Context, m models, results, read []string, want int) ([]evaluation, error) {
	if err := r.call("evaluate"); err != nil {
		return nil, err
	}
	return r.pipeline.evaluate(ctx, m, results, read, want)
}

// TestStages replaces every stage, and has each fail: those behind it are not called, and nothing is given.
// Two convolutions of one weight are quantized each.
func TestStages(t *testing.T) {
	g := &ir.Network{
		Inputs:    []ir.Value{{Name: "x", Shape: []int{ir.Batch, 2, 2, 2}}},
		Outputs:   []ir.Value{{Name: "y"}},
		Constants: map[string]*ir.Constant{"w": {Shape: []int{2, 2, 1, 1}, Data: []float32{1, -2, 3, 4}}},
		Nodes: []ir.Node{
			{Op: ir.OpConv, Name: "a", Inputs: []string{"x", "w"}, Output: "h"},
			{Op: ir.OpConv, Name: "b", Inputs: []string{"h", "w"}, Output: "y"},
		},
	}
	float, err := model.New(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	order := []string{"collect", "plan", "quantize", "quantize", "build", "correct", "evaluate"}
	for _, fails := range append(order, "") {
		net := indexed(g)
		s, err := Config{}.selection(net)
		if err != nil {
			t.Fatal(err)
		}
		var calls []string
		of := newPipeline(Config{}, imageSamples)
		r := replaced{of, fails, &calls}
		p := pipeline{r, r, r, r, r, r, of.quantized}
		seen, err := p.collect(t.Context(), float, s)
		var m *model.Model
		if err == nil {
			m, _, err = p.finish(t.Context(), models{float: float, prepared: float}, net, s, seen)
		}
		want := order
		if at := slices.Index(order, fails); at >= 0 {
			want = order[:at+1]
		}
		if !reflect.DeepEqual(calls, want) || (m != nil) != (fails == "") ||
			errors.Is(err, errStage) != (fails != "") {
			t.Errorf("%q fails: called %q, error %v, want %q", fails, calls, err, want)
		}
	}
}
