package main

import (
	"fmt"
	"iter"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onnx"
	"euryale/qtensor"
)

// convolutions are tasks of the convolutions that the module is measured by.
func convolutions(entrants ...entrant[*workload.Images]) func(workload.Options) iter.Seq[task] {
	return func(workload.Options) iter.Seq[task] {
		return func(yield func(task) bool) {
			for _, c := range workload.Convs() {
				images, err := workload.NewImages(c)
				if err != nil {
					panic(fmt.Sprintf("peers: %v: %v", c, err)) // its operands are made here
				}
				subject := duel.Subject{Name: c.String(), Amount: c.Amount(), Unit: "GOP/s", Mean: true}
				if !yield(newTask(subject, images, convolved(images), entrants)) {
					return
				}
			}
		}
	}
}

// convolved returns the convolution of the real values in float64, at some places.
func convolved(i *workload.Images) duel.Truth {
	w := i.FloatWeights()
	return duel.Sample(i.Outputs(), 2048, func(at int) float64 {
		column, row, filter, image := at%i.Side, at/i.Side%i.Side, at/(i.Side*i.Side)%i.Filters, at/(i.Side*i.Side*i.Filters)
		sum := 0.0
		for c := range i.Channels {
			x := i.X[(image*i.Channels+c)*i.Side*i.Side:][:i.Side*i.Side]
			for u := range i.Kernel {
				for v := range i.Kernel {
					if r, s := row+u-i.Pad(), column+v-i.Pad(); r >= 0 && r < i.Side && s >= 0 && s < i.Side {
						sum += float64(x[r*i.Side+s]) * float64(w[((filter*i.Channels+c)*i.Kernel+u)*i.Kernel+v])
					}
				}
			}
		}
		return sum
	})
}

// dequantized returns what maps q to scale·(q − zero point).
func dequantized(p qtensor.Params) func(int, uint8) float32 {
	return func(_ int, q uint8) float32 { return p.Scales[0] * float32(int32(q)-p.ZeroPoints[0]) }
}

// paramsOf returns scale and zero point as constants with a name in front.
func paramsOf(name string, p qtensor.Params) []onnx.Tensor {
	return []onnx.Tensor{constant(name+".scale", p.Scales), constant(name+".zero", []uint8{uint8(p.ZeroPoints[0])})}
}

// geometry is the attributes of a convolution with padding.
func geometry(kernel, pad int) []onnx.Ints {
	return []onnx.Ints{{Name: "kernel_shape", Values: []int{kernel, kernel}}, {Name: "pads", Values: []int{pad, pad, pad, pad}}}
}

func ortConv(i *workload.Images, threads int) (duel.Contender, error) {
	model := onnx.Model{
		Nodes:     []onnx.Node{{Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Lists: geometry(i.Kernel, i.Pad())}},
		Inputs:    []onnx.Tensor{{Name: "x", Type: onnx.Float, Dims: []int{workload.Batch, i.Channels, i.Side, i.Side}}},
		Outputs:   []onnx.Tensor{{Name: "y", Type: onnx.Float, Dims: []int{workload.Batch, i.Filters, i.Side, i.Side}}},
		Constants: []onnx.Tensor{constant("w", i.FloatWeights(), i.Filters, i.Channels, i.Kernel, i.Kernel)},
	}
	return contender("ort f32", threads, model, nil, i.X, itself, false)
}

// integerConv is QLinearConv from quantized "q" to quantized "r".
func integerConv(i *workload.Images) (onnx.Node, []onnx.Tensor) {
	constants := append(paramsOf("in", i.In), paramsOf("out", i.Out)...)
	constants = append(constants, constant("w", i.W, i.Filters, i.Channels, i.Kernel, i.Kernel),
		constant("w.scales", i.Scales, i.Filters), constant("w.zero", make([]int8, i.Filters), i.Filters))
	return onnx.Node{
		Op: "QLinearConv", Inputs: []string{"q", "in.scale", "in.zero", "w", "w.scales", "w.zero", "out.scale", "out.zero"},
		Outputs: []string{"r"},
		Lists:   geometry(i.Kernel, i.Pad()),
	}, constants
}

// ortConvInt8 quantizes, convolves and dequantizes.
func ortConvInt8(i *workload.Images, threads int) (duel.Contender, error) {
	conv, constants := integerConv(i)
	model := onnx.Model{
		Nodes: []onnx.Node{
			{Op: "QuantizeLinear", Inputs: []string{"x", "in.scale", "in.zero"}, Outputs: []string{"q"}},
			conv,
			{Op: "DequantizeLinear", Inputs: []string{"r", "out.scale", "out.zero"}, Outputs: []string{"y"}},
		},
		Inputs:    []onnx.Tensor{{Name: "x", Type: onnx.Float, Dims: []int{workload.Batch, i.Channels, i.Side, i.Side}}},
		Outputs:   []onnx.Tensor{{Name: "y", Type: onnx.Float, Dims: []int{workload.Batch, i.Filters, i.Side, i.Side}}},
		Constants: constants,
	}
	return contender("ort int8", threads, model, nil, i.X, itself, false)
}

// ortConvQuantized convolves quantized images to quantized images, in NCHW or NHWC.
func ortConvQuantized(last bool) entrant[*workload.Images] {
	return func(i *workload.Images, threads int) (duel.Contender, error) {
		conv, constants := integerConv(i)
		name, x, in, out := "ort int8 nchw", i.Q(), []int{workload.Batch, i.Channels, i.Side, i.Side},
			[]int{workload.Batch, i.Filters, i.Side, i.Side}
		if last {
			name, x = "ort int8 nhwc", workload.ChannelsLast(x, workload.Batch, i.Channels)
			in, out = []int{workload.Batch, i.Side, i.Side, i.Channels}, []int{workload.Batch, i.Side, i.Side, i.Filters}
			conv.Domain, conv.Ints = onnx.Microsoft, []onnx.Int{{Name: "channels_last", Value: 1}}
		}
		model := onnx.Model{
			Nodes:     []onnx.Node{conv},
			Inputs:    []onnx.Tensor{{Name: "q", Type: onnx.Uint8, Dims: in}},
			Outputs:   []onnx.Tensor{{Name: "r", Type: onnx.Uint8, Dims: out}},
			Constants: constants,
		}
		c, err := contender(name, threads, model, nil, x, dequantized(i.Out), false)
		if err == nil && last {
			c.Output = channelsFirst(c.Output, i)
		}
		return c, err
	}
}

// channelsFirst returns an output in NHWC as NCHW, which the other contenders have.
func channelsFirst(output func() []float32, i *workload.Images) func() []float32 {
	return func() []float32 { return workload.ChannelsLast(output(), workload.Batch, i.Side*i.Side) } // which transposes either way
}
