package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"euryale/calib"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// method is a way to quantize the network: a scheme for the weights, and what activations become.
type method struct {
	name        string
	scheme      qtensor.Scheme
	activations string
	compute     func(p *calib.Profile, layer int) (ops.Compute, error)
}

func fixed24(*calib.Profile, int) (ops.Compute, error)     { return ops.Fixed24(), nil }
func dynamicInt8(*calib.Profile, int) (ops.Compute, error) { return ops.DynamicInt8(), nil }

func staticInt8(p *calib.Profile, layer int) (ops.Compute, error) {
	params, err := p.Params(inputKey(layer), qtensor.Affine(8), calib.MinMax())
	return ops.StaticInt8(params), err
}

// methods are the ten, int4 in groups, and integer arithmetic throughout.
func methods() []method {
	list := []method{}
	for _, s := range []qtensor.Scheme{
		qtensor.Uniform(8), qtensor.Symmetric(8), qtensor.Affine(8), qtensor.PowerOfTwo(8),
		qtensor.Int4(), qtensor.UInt4(), qtensor.Float16(), qtensor.BFloat16(),
		qtensor.PerChannelSymmetric(8, 1), qtensor.PerChannelAffine(8, 1),
	} {
		list = append(list, method{s.Method(), s, "float", fixed24})
	}
	return append(list,
		method{"int4-group32", qtensor.Int4().PerGroup(1, 32).WithScales(qtensor.ScaleFloat16), "float", fixed24},
		method{"dynamic-int8", qtensor.PerChannelSymmetric(8, 1), "int8 per row", dynamicInt8},
		method{"static-int8", qtensor.PerChannelSymmetric(8, 1), "int8 calibrated", staticInt8},
	)
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

// evaluate runs a graph made for batchSize over all digits.
func evaluate(ctx context.Context, g *graph, data subset) (answers, error) {
	g.start(gorgonia.EvalMode())
	defer g.machine.Close()
	var a answers
	for begin := 0; begin < data.count(); begin += batchSize {
		if err := ctx.Err(); err != nil {
			return a, err
		}
		n := min(batchSize, data.count()-begin)
		which := append(count(begin, n), make([]int, batchSize-n)...) // a short last batch is filled with digit 0
		logits, err := g.run(data.batch(which))
		if err != nil {
			return a, err
		}
		a.logits = append(a.logits, logits[:n*labels]...)
	}
	return a, nil
}

// compare quantizes the network by every method and holds each against the float one. Every quantized network
// is saved, and what runs is what the file holds.
func compare(ctx context.Context, c config, net network, profile *calib.Profile, data *dataset, progress io.Writer) (*report, error) {
	g, err := floatGraph(net, batchSize)
	if err != nil {
		return nil, err
	}
	float, err := evaluate(ctx, g, data.test)
	if err != nil {
		return nil, err
	}
	r := newReport(data, net, float)
	list := methods()
	bar := newBar(progress, len(list), "quantizing")
	defer clearBar(bar)
	for _, m := range list {
		path := filepath.Join(c.out, fmt.Sprintf("%s-%s.safetensors", c.model, m.name))
		a, bytes, err := quantized(ctx, path, net, m, profile, data.test, c.turn)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		r.add(m, bytes, a)
		_ = bar.Add(1) // a bar that cannot be drawn stops nothing
	}
	return r, nil
}

// quantized quantizes the network, saves it, and evaluates what the file gives back, then lets it race the float one. It
// returns the bytes of the weights too.
func quantized(ctx context.Context, path string, net network, m method, profile *calib.Profile, test subset, turn time.Duration) (answers, int, error) {
	b := qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{}, Float: map[string]*tensor.Dense{}, Meta: map[string]string{"method": m.name}}
	for i, l := range net {
		q, err := qtensor.Quantize(l.weight, m.scheme)
		if err != nil {
			return answers{}, 0, err
		}
		b.Quantized[weightName(i)], b.Float[biasName(i)] = q, l.bias
	}
	if err := qtensor.Save(path, b); err != nil {
		return answers{}, 0, err
	}
	f, err := qtensor.Open(path)
	if err != nil {
		return answers{}, 0, err
	}
	defer f.Close()
	if b, err = f.Bundle(); err != nil {
		return answers{}, 0, err
	}
	layers, err := packed(b, func(i int) (ops.Compute, error) { return m.compute(profile, i) })
	if err != nil {
		return answers{}, 0, err
	}
	g, err := quantizedGraph(layers, batchSize)
	if err != nil {
		return answers{}, 0, err
	}
	bytes := 0
	for _, q := range b.Quantized {
		bytes += q.Bytes()
	}
	a, err := evaluate(ctx, g, test)
	if err != nil || turn == 0 {
		return a, bytes, err
	}
	float := func(batch int) (*graph, error) { return floatGraph(net, batch) }
	small := func(batch int) (*graph, error) { return quantizedGraph(layers, batch) }
	if a.batch, err = race(ctx, float, small, test, batchSize, turn); err != nil {
		return a, bytes, err
	}
	a.once, err = race(ctx, float, small, test, 1, turn)
	return a, bytes, err
}

// decibels returns 10·log10(Σ want²/Σ(want − got)²), or 300, beyond what float32 can show, where they are equal.
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
