package main

import (
	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/internal/convert"
	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/nn"
)

// Everything of this module that the peers run against is in this file.

// ours returns our contender, which writes dst.
func ours[T float32 | uint8](dst []T, run func() error, output func() []float32) duel.Contender {
	clear(dst)
	return duel.Contender{Name: "ours", Kernel: kernel.Current().Tier.String(), Run: run, Output: output}
}

// oursInt8 multiplies rows of quantized activations by the packed weight.
func oursInt8(o *workload.Operands, _ int) (duel.Contender, error) {
	y := make([]float32, o.M*o.N)
	p := gemm.NewProduct(o.Int8Weight(), gemm.Arithmetic{}, gemm.Output{})
	return ours(y, func() error {
		return p.Run(gemm.Activations{Float: y}, o.Quantized(), o.M)
	}, func() []float32 { return y }), nil
}

// oursFloat multiplies rows of float32 by the packed weight.
func oursFloat(a gemm.Arithmetic) entrant[*workload.Operands] {
	return func(o *workload.Operands, _ int) (duel.Contender, error) {
		y := make([]float32, o.M*o.N)
		p := gemm.NewProduct(o.Int8Weight(), a, gemm.Output{})
		return ours(y, func() error {
			return p.Run(gemm.Activations{Float: y}, gemm.Activations{Float: o.X}, o.M)
		}, func() []float32 { return y }), nil
	}
}

// mapOf returns the maps of one block.
func mapOf(a kernel.Affine) *convert.Affines {
	return &convert.Affines{Scales: []float32{a.Scale}, Zeros: []int32{a.Zero}, Low: a.Low, High: a.High}
}

func oursQuantize(o *workload.Operands, _ int) (duel.Contender, error) {
	q, maps := make([]uint8, len(o.X)), mapOf(o.Affine())
	return ours(q, func() error {
		convert.Quantize(q, o.X, convert.One(len(q)), maps)
		return nil
	}, func() []float32 { return o.Elements(q) }), nil
}

func oursDequantize(o *workload.Operands, _ int) (duel.Contender, error) {
	y, maps := make([]float32, len(o.Q)), mapOf(o.Affine())
	return ours(y, func() error {
		convert.Dequantize(y, o.Q, convert.One(len(y)), maps)
		return nil
	}, func() []float32 { return y }), nil
}

// oursConv convolves float32 images to float32 in static int8.
func oursConv(i *workload.Images, _ int) (duel.Contender, error) {
	conv, err := i.Prepare(i.Static())
	if err != nil {
		return duel.Contender{}, err
	}
	y := make([]float32, i.Outputs())
	return ours(y, func() error { return conv.Run(nn.Operand{Float: y}, nn.Operand{Float: i.X}, workload.Batch) },
		func() []float32 { return y }), nil
}

// oursConvQuantized convolves quantized images to quantized images, in NHWC.
func oursConvQuantized(i *workload.Images, _ int) (duel.Contender, error) {
	conv, err := i.Prepare(i.Static())
	if err != nil {
		return duel.Contender{}, err
	}
	gives, err := nn.StaticParams(i.Out)
	if err != nil {
		return duel.Contender{}, err
	}
	x := nn.Operand{Quantized: workload.ChannelsLast(i.Q(), workload.Batch, i.Channels), Params: conv.IO().Params}
	y := nn.Operand{Quantized: make([]uint8, i.Outputs()), Params: gives}
	output := func() []float32 {
		real := make([]float32, len(y.Quantized))
		for at, q := range y.Quantized {
			real[at] = dequantized(i.Out)(at, q)
		}
		return real
	}
	return ours(y.Quantized, func() error { return conv.Run(y, x, workload.Batch) }, channelsFirst(output, i)), nil
}
