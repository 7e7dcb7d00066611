package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// How long a trained network is trained on with fake-quantized weights, and by which rate.
const (
	tuningEpochs = 3
	tuningRate   = 3e-4
)

// fewBits returns the scheme of so many bits with a scale for each output, of which the axis is given.
func fewBits(bits, output int) qtensor.Scheme {
	if bits == 4 {
		return qtensor.Int4().PerAxis(output) // which is stored in half the bytes
	}
	return qtensor.PerChannelSymmetric(bits, output)
}

// tuned returns the network trained on with fake-quantized weights, whose scales are learned too.
func tuned(ctx context.Context, c config, net network, bits int, data subset, progress io.Writer) (network, error) {
	net.bits, net.values = bits, maps.Clone(net.values)
	for _, p := range net.params {
		v := net.values[p.name].Clone().(*tensor.Dense)
		net.values[p.name] = v
		if p.in > 0 {
			net.values[p.scale()] = firstScales(v, fewBits(bits, p.output()))
		}
	}
	c.epochs = tuningEpochs
	if err := train(ctx, net, data, c, tuningRate, progress); err != nil {
		return net, fmt.Errorf("train at %d bits: %w", bits, err)
	}
	return net, nil
}

// firstScales returns 2·mean|w|/√Q for each output, Q the largest quantized value (Esser et al.,
// arXiv:1902.08153, §2.1): at few bits scales that reach to the largest weight would round most of them to 0.
func firstScales(w *tensor.Dense, s qtensor.Scheme) *tensor.Dense {
	axis, _ := s.Axis()
	_, high := s.CodeRange()
	values, inner := w.Float32s(), w.Shape()[axis+1:].TotalSize()
	scales := make([]float32, w.Shape()[axis])
	factor := 2 / math.Sqrt(float64(high)) * float64(len(scales)) / float64(len(values))
	for i, v := range values {
		scales[i/inner%len(scales)] += float32(factor * math.Abs(float64(v)))
	}
	return tensor.New(tensor.WithShape(len(scales)), tensor.WithBacking(scales))
}

// scale returns the name of the scales of a weight.
func (p param) scale() string { return p.name + ".scale" }

// rounded returns the node of a fake-quantized weight.
func (g *graph) rounded(p param) (*gorgonia.Node, error) {
	scale := g.node(p.scale(), tensor.Shape{p.shape[p.output()]})
	g.scales = append(g.scales, scale)
	return ops.FakeQuantizeLSQ(g.nodes[p.name], scale, fewBits(g.bits, p.output()))
}
