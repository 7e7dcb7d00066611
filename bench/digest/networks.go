package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"euryale/exprgraph"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A source is a float network with its samples.
type source struct {
	name   string
	dt     tensor.Dtype
	values map[string]*tensor.Dense
	shapes map[string]tensor.Shape
}

func (s *source) build(batch int) (exprgraph.Graph, error) {
	b := zoo.New(s.dt, batch, s.values)
	y := zoo.Networks[s.name](b)
	s.shapes = b.Shapes()
	return exprgraph.Graph{Inputs: b.Inputs, Outputs: gorgonia.Nodes{y}}, nil
}

func (s *source) samples(yield func(ptq.Sample, error) bool) {
	for seed := range uint64(4) {
		if !yield(zoo.Sample(s.dt, seed, 8, s.shapes), nil) {
			return
		}
	}
}

// networks are those of the zoo, quantized: what they give, what is given after a file was read back, and
// what the reports say.
func networks(d *digest) {
	grouped, book := qtensor.Int4().PerGroup(1, 32), qtensor.Codebook(4).PerGroup(1, 32)
	for _, name := range slices.Sorted(maps.Keys(zoo.Networks)) {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			for _, a := range []struct {
				name        string
				activations model.Activations
			}{{"fixed24", model.Fixed24}, {"fixed16", model.Fixed16}, {"dynamic", model.DynamicInt8}, {"static", model.StaticInt8}} {
				for _, w := range []struct {
					name      string
					scheme    *qtensor.Scheme
					quantizer ptq.WeightQuantizer
				}{
					{"symmetric8", nil, nil},
					{"int4-groups32", &grouped, ptq.RoundToNearest{}},
					{"int4-groups32-searched", &grouped, nil},
					{"codebook4-groups32", &book, nil},
				} {
					s := &source{name: name, dt: dt, values: map[string]*tensor.Dense{}}
					key := fmt.Sprintf("network=%s of=%v activations=%s weights=%s", name, dt, a.name, w.name)
					m, read, r, err := s.quantized(ptq.Config{Weights: w.scheme, WeightQuantizer: w.quantizer, Activations: a.activations})
					d.add(key+" quantized", err, "yes")
					if err == nil {
						d.addReport(key, read, r)
						d.addModel(key, s, m)
					}
				}
			}
		}
	}
}

// quantized reads the network, compares it with Gorgonia on the first sample, and quantizes it.
func (s *source) quantized(cfg ptq.Config) (*model.Model, *exprgraph.Report, *ptq.Report, error) {
	if _, err := s.build(2); err != nil { // samples are of its shapes
		return nil, nil, nil, err
	}
	var opts []exprgraph.ReadOption
	for sample, err := range s.samples {
		if err != nil {
			return nil, nil, nil, err
		}
		opts = append(opts, exprgraph.WithSample(sample))
		break
	}
	float, read, err := exprgraph.ReadBuild(context.Background(), s.build, opts...)
	if err != nil {
		return nil, nil, nil, err
	}
	m, r, err := ptq.Quantize(context.Background(), float, s.samples, cfg)
	return m, read, r, err
}

// addReport adds the figures of each quantized layer, which has its weight's name, and of each output.
func (d *digest) addReport(key string, read *exprgraph.Report, r *ptq.Report) {
	seen := map[string]int{}
	for _, l := range r.Layers {
		if !l.Quantized {
			continue
		}
		seen[l.Name]++
		layer := fmt.Sprintf("%s layer=%s#%d", key, l.Name, seen[l.Name])
		d.add(layer+" weights", nil, l.Quantized, l.Weights, l.FloatBytes, l.Bytes)
		if l.Op != "Gather" { // an embedding has no arithmetic
			d.add(layer+" activations", nil, activationsName(l.Activations), l.Low, l.High, l.Clipped)
		}
		d.add(layer+" SQNR", nil, l.WeightSQNR, l.OutputSQNR)
	}
	for i, o := range r.Outputs {
		d.add(fmt.Sprintf("%s result=%d SQNR", key, i), nil, o.SQNR)
		d.add(fmt.Sprintf("%s result=%d read", key, i), nil, read.Outputs[i].SQNR, read.Outputs[i].FoldedSQNR)
	}
	d.add(key+" samples", nil, r.Samples)
}

// addModel adds what a model gives at several batch sizes, and what that of its file gives.
func (d *digest) addModel(key string, s *source, m *model.Model) {
	for _, batch := range []int{1, 3, 8, 65} {
		d.addOutputs(fmt.Sprintf("%s batch=%d", key, batch), s, m, batch)
	}
	var file bytes.Buffer
	err := m.Write(&file)
	if err == nil {
		m, err = model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	}
	if err != nil {
		d.add(key+" batch=3 read-back", err)
		return
	}
	d.addOutputs(key+" batch=3 read-back", s, m, 3)
}

func (d *digest) addOutputs(key string, s *source, m *model.Model, batch int) {
	y, err := m.Run(context.Background(), zoo.Sample(s.dt, 50, batch, s.shapes))
	if err != nil {
		d.add(key, err)
		return
	}
	var values []any
	for _, out := range m.Outputs() {
		values = append(values, y[out.Name])
	}
	d.add(key, nil, values...)
}

// activationsName returns the name that sums are made of.
func activationsName(a model.Activations) string { return strings.TrimSuffix(a.String(), "-int8") }
