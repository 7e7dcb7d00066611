package ptq_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// exampleModel returns a float model, x·w of two inputs and three outputs, and a sample for it.
func exampleModel() (*model.Model, func(yield func(ptq.Sample, error) bool)) {
	weight := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, -2, 0.5, 0.25, 1, -9}))
	m, _, err := exprgraph.ReadBuild(context.Background(), func(batch int) (exprgraph.Graph, error) {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 2), gorgonia.WithName("x"))
		w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("w"), gorgonia.WithValue(weight))
		y, err := gorgonia.Mul(x, w)
		return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, err
	})
	check(err)
	return m, func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, -1, 0.5}))}, nil)
	}
}

// A model is calibrated once, and quantized by many a Config, in another program too.
func ExampleConfig_profile() {
	ctx := context.Background()
	float, samples := exampleModel()
	_, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{Activations: model.StaticInt8})
	check(err)
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "profile.json")
	check(report.Profile.Save(path))

	profile, err := calib.LoadProfile(path)
	check(err)
	for _, bits := range []int{8, 4, 2} {
		scheme := qtensor.Symmetric(bits)
		_, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{
			Weights: &scheme, Activations: model.StaticInt8, Profile: profile,
			Progress: func(stage string, _ int) { fmt.Print(stage, " ") },
		})
		check(err)
		fmt.Printf("%s: %.0f dB\n", report.Layers[0].Weights, report.Outputs[0].SQNR)
	}
	// Output:
	// quantize correct compare symmetric8: 46 dB
	// quantize correct compare symmetric4: 27 dB
	// quantize correct compare symmetric2: 15 dB
}

// clipping quantizes weights over a fraction of their range.
type clipping float32

func (c clipping) QuantizeWeight(_ context.Context, w ptq.Weight) (*qtensor.QTensor, error) {
	q, err := qtensor.Quantize(w.Values, w.Scheme)
	if err != nil {
		return nil, err
	}
	p := q.Params()
	for i := range p.Scales {
		p.Scales[i] *= float32(c)
	}
	p.Min, p.Max = nil, nil
	return qtensor.QuantizeWith(w.Values, p, qtensor.WithSaturation())
}

// A WeightQuantizer of one's own stands in the place of ScaleSearch.
func ExampleWeightQuantizer() {
	float, samples := exampleModel()
	scheme := qtensor.Symmetric(3)
	for _, fraction := range []clipping{1, 0.9, 0.5} {
		_, report, err := ptq.Quantize(context.Background(), float, samples, ptq.Config{Weights: &scheme, WeightQuantizer: fraction})
		check(err)
		fmt.Printf("%.1f of the range: %.1f dB\n", fraction, report.Layers[0].WeightSQNR)
	}
	// Output:
	// 1.0 of the range: 14.2 dB
	// 0.9 of the range: 13.8 dB
	// 0.5 of the range: 6.1 dB
}

// pruning is a pass that makes small weights zero.
type pruning float32

func (p pruning) Apply(_ context.Context, m *model.Model) (*model.Model, error) {
	network, err := m.Network() // a copy, but for the numbers of its constants
	if err != nil {
		return nil, err
	}
	for name, c := range network.Constants {
		pruned := *c
		pruned.Data = slices.Clone(c.Data)
		for i, w := range pruned.Data {
			if -float32(p) < w && w < float32(p) {
				pruned.Data[i] = 0
			}
		}
		network.Constants[name] = &pruned
	}
	return model.New(network, nil)
}

// A Pass changes the float model first; outputs are compared with the one from before.
func ExamplePass() {
	float, samples := exampleModel()
	for _, least := range []pruning{0, 0.3, 0.8} {
		_, report, err := ptq.Quantize(context.Background(), float, samples, ptq.Config{Passes: []ptq.Pass{least}})
		check(err)
		fmt.Printf("%.1f: layer %.0f dB, output %.0f dB\n", least, report.Layers[0].OutputSQNR, report.Outputs[0].SQNR)
	}
	// Output:
	// 0.0: layer 60 dB, output 60 dB
	// 0.3: layer 61 dB, output 31 dB
	// 0.8: layer 61 dB, output 26 dB
}
