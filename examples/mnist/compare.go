package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"time"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// method is a way to quantize the network: a scheme for the weights, and what activations become; or none,
// the float network as a model.
type method struct {
	name        string
	scheme      qtensor.Scheme
	activations model.Activations
	trained     bool // on with fake-quantized weights before
}

// floatModel is the method that leaves weights and activations as they are.
var floatModel = method{name: "float32-model"}

func (m method) isFloat() bool { return m.scheme == qtensor.Scheme{} }

// columns returns what weights and activations are.
func (m method) columns() (weights, activations string) {
	if m.isFloat() {
		return "float32", "float"
	}
	return m.scheme.String(), m.activations.String()
}

// methods are the float network itself, the ten, int4 in groups, 8-bit activations too, and codebooks of few
// bits with them; with qat few bits, as they are and trained on. Filters cannot be 16-bit floats.
func methods(filters, qat bool) (list []method) {
	list = append(list, floatModel)
	for _, s := range []qtensor.Scheme{
		qtensor.Uniform(8), qtensor.Symmetric(8), qtensor.Affine(8), qtensor.PowerOfTwo(8),
		qtensor.Int4(), qtensor.UInt4(), qtensor.Float16(), qtensor.BFloat16(),
		qtensor.PerChannelSymmetric(8, 1), qtensor.PerChannelAffine(8, 1),
	} {
		if !filters || !s.IsFloat() {
			list = append(list, method{s.Method(), s, model.Fixed24, false})
		}
	}
	list = append(list,
		method{"int4-group32", qtensor.Int4().PerGroup(1, 32).WithScales(qtensor.ScaleFloat16), model.Fixed24, false},
		method{"dynamic-int8", qtensor.PerChannelSymmetric(8, 1), model.DynamicInt8, false},
		method{"static-int8", qtensor.PerChannelSymmetric(8, 1), model.StaticInt8, false},
	)
	for _, bits := range []int{4, 3, 2} {
		list = append(list, method{fmt.Sprintf("codebook-%dbit", bits), qtensor.Codebook(bits).PerGroup(1, 32), model.StaticInt8, false})
	}
	for _, bits := range []int{4, 2} {
		if qat {
			list = append(list,
				method{fmt.Sprintf("post-%dbit", bits), fewBits(bits, 1), model.Fixed24, false},
				method{fmt.Sprintf("qat-%dbit", bits), fewBits(bits, 1), model.Fixed24, true},
			)
		}
	}
	return list
}

// answers is what a network makes of the test digits.
type answers struct {
	logits      []float32 // (digits, 10)
	batch, once speed     // at batchSize and at 1; not of the float network
}

// class returns the largest logit of digit i.
func (a answers) class(i int) int {
	row, best := a.logits[i*labels:][:labels], 0
	for c, v := range row {
		if v > row[best] {
			best = c
		}
	}
	return best
}

// A runner computes the logits of a batch of digits.
type runner func(x *tensor.Dense) ([]float32, error)

// evaluate runs all digits in batches of batchSize.
func evaluate(ctx context.Context, run runner, data subset) (a answers, err error) {
	for begin := 0; begin < data.count(); begin += batchSize {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		n := min(batchSize, data.count()-begin)
		which := append(count(begin, n), make([]int, batchSize-n)...) // a short last batch is filled with digit 0
		logits, err := run(data.batch(which))
		if err != nil {
			return a, err
		}
		a.logits = append(a.logits, logits[:n*labels]...)
	}
	return a, nil
}

// compare quantizes the network by every method and compares each with the float one. Every quantized network
// is saved, and what runs is what the file holds.
func compare(ctx context.Context, c config, net network, data *dataset, progress io.Writer) (*report, error) {
	g, err := net.graph(batchSize)
	if err != nil {
		return nil, err
	}
	g.start(gorgonia.EvalMode())
	defer g.machine.Close()
	float, err := evaluate(ctx, g.run, data.test)
	if err != nil {
		return nil, err
	}
	r := newReport(data, net, float)
	list := methods(net.hasFilters(), c.qat)
	bar := newBar(progress, len(list), "quantizing")
	defer clearBar(bar)
	for _, m := range list {
		path := filepath.Join(c.out, fmt.Sprintf("%s-%s.safetensors", c.model, m.name))
		from := net
		if m.trained {
			from, err = tuned(ctx, c, net, m.scheme.Bits(), data.train, progress)
		}
		var a answers
		var bytes int
		if err == nil {
			a, bytes, err = quantized(ctx, path, from, m, data, c.turn)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		r.add(m, bytes, a)
		_ = bar.Add(1) // a bar that cannot be drawn stops nothing
	}
	return r, nil
}

// calibrationDigits is how many training digits are shown to the float network.
const calibrationDigits = 512

// samples gives batches of training digits.
func samples(data subset) iter.Seq2[ptq.Sample, error] {
	return func(yield func(ptq.Sample, error) bool) {
		for begin := 0; begin+batchSize <= min(calibrationDigits, data.count()); begin += batchSize {
			if !yield(ptq.Sample{"x": data.batch(count(begin, batchSize))}, nil) {
				return
			}
		}
	}
}

// quantized quantizes the network, saves it, and evaluates what the file gives back, then lets it race the
// float one. It returns the bytes of the weights too.
func quantized(
	ctx context.Context, path string, net network, m method, data *dataset, turn time.Duration,
) (a answers, bytes int, err error) {
	build := func(batch int) (exprgraph.Graph, error) {
		g, err := net.graph(batch)
		if err != nil {
			return exprgraph.Graph{}, err
		}
		return exprgraph.Graph{Inputs: gorgonia.Nodes{g.x}, Outputs: gorgonia.Nodes{g.y}}, nil
	}
	float, _, err := exprgraph.ReadBuild(ctx, build)
	if err != nil {
		return a, 0, err
	}
	made, bytes := float, 4*net.weights()
	if !m.isFloat() {
		var cost *ptq.Report
		made, cost, err = ptq.Quantize(ctx, float, samples(data.train), ptq.Config{Weights: &m.scheme, Activations: m.activations})
		if err != nil {
			return a, 0, err
		}
		_, bytes = cost.Bytes()
	}
	if err := made.Save(path); err != nil {
		return a, 0, err
	}
	loaded, err := model.Load(path)
	if err != nil {
		return a, 0, err
	}
	run := func(x *tensor.Dense) ([]float32, error) {
		out, err := loaded.Run(ctx, map[string]tensor.Tensor{"x": x})
		if err != nil {
			return nil, err
		}
		return out[loaded.Outputs()[0].Name].(*tensor.Dense).Float32s(), nil
	}
	if a, err = evaluate(ctx, run, data.test); err != nil || turn == 0 {
		return a, bytes, err
	}
	if a.batch, err = race(ctx, net, run, data.test, batchSize, turn); err != nil {
		return a, bytes, err
	}
	a.once, err = race(ctx, net, run, data.test, 1, turn)
	return a, bytes, err
}

// count returns n indices from begin on.
func count(begin, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = begin + i
	}
	return s
}

// decibels returns 10·log10(Σ want²/Σ(want − got)²), or 300, beyond what float32 can show, where they are
// equal.
func decibels(want, got []float32) float64 {
	var signal, noise float64
	for i, w := range want {
		d := float64(w) - float64(got[i])
		signal += float64(w) * float64(w)
		noise += d * d
	}
	if noise == 0 {
		return 300
	}
	return 10 * math.Log10(signal/noise)
}
