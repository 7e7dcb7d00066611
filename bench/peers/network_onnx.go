package main

import (
	"math"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onnx"
	"euryale/internal/ir"
)

// The networks as ONNX Runtime has them.

// ortNetwork returns the contender of a model of a network.
func ortNetwork(name string, build func(l network) ([]onnx.Node, []onnx.Tensor)) entrant[network] {
	return func(l network, threads int) (duel.Contender, error) {
		nodes, constants := build(l)
		m := onnx.Model{
			Nodes:     nodes,
			Inputs:    []onnx.Tensor{{Name: "x", Type: onnx.Float, Dims: append([]int{l.Batch}, l.Sample...)}},
			Outputs:   []onnx.Tensor{{Name: l.Output(), Type: onnx.Float, Dims: []int{l.Batch, workload.Classes}}},
			Constants: constants,
		}
		return contender("ort "+name, threads, m, nil, l.Images, itself, false)
	}
}

// nodeOf returns a node by ONNX's attributes.
func nodeOf(n ir.Node) onnx.Node {
	node := onnx.Node{Op: n.Op, Inputs: n.Inputs, Outputs: []string{n.Output}}
	if n.Op == "Reshape" {
		node.Op = "Flatten"
	}
	if n.TransB {
		node.Ints = []onnx.Int{{Name: "transB", Value: 1}}
	}
	if n.Group > 0 {
		node.Ints = []onnx.Int{{Name: "group", Value: n.Group}}
	}
	if n.Kernel != nil {
		node.Lists = append(node.Lists, onnx.Ints{Name: "kernel_shape", Values: n.Kernel})
	}
	if n.Strides != nil {
		node.Lists = append(node.Lists, onnx.Ints{Name: "strides", Values: n.Strides})
	}
	if n.Pads != nil {
		node.Lists = append(node.Lists, onnx.Ints{Name: "pads", Values: []int{n.Pads[0], n.Pads[1], n.Pads[0], n.Pads[1]}})
	}
	return node
}

// floatNetwork is the network on float32.
func floatNetwork(l network) (nodes []onnx.Node, constants []onnx.Tensor) {
	for _, n := range l.Graph.Nodes {
		nodes = append(nodes, nodeOf(n))
		if w := l.Layers[n.Name]; w != nil {
			constants = append(constants, constant(w.Name+".w", w.Dequantized(), w.Shape...), constant(w.Name+".b", w.Bias, len(w.Bias)))
		}
	}
	return nodes, constants
}

// quantized returns the constants of a layer with quantized activations.
func (l network) quantized(w *workload.Layer) []onnx.Tensor {
	n := len(w.Bias)
	bias := make([]int32, n) // in units of its sums
	for i, v := range w.Bias {
		bias[i] = int32(math.Round(float64(v) / (float64(l.Ranges[w.In].Scales[0]) * float64(w.Scales[i]))))
	}
	return []onnx.Tensor{
		constant(w.Name+".w", w.Q, w.Shape...), constant(w.Name+".scales", w.Scales, n),
		constant(w.Name+".zeros", make([]int8, n), n), constant(w.Name+".b", bias, n),
	}
}

// becomes returns the value that a node's result becomes before it is quantized: behind what quantized values
// pass through as well.
func (l network) becomes(value string) string {
	for _, n := range l.Graph.Nodes {
		if n.Inputs[0] == value && !l.Rounds(n) {
			return l.becomes(n.Output)
		}
	}
	return value
}

// params returns scale and zero point of all values as constants.
func (l network) params() (constants []onnx.Tensor) {
	for name, p := range l.Ranges {
		constants = append(constants, paramsOf(name, p)...)
	}
	return constants
}

// integerNetwork is the network on quantized values: a node's result has the parameters that the next
// one reads, and no ReLU is left to do.
func integerNetwork(l network) ([]onnx.Node, []onnx.Tensor) {
	nodes := []onnx.Node{{Op: "QuantizeLinear", Inputs: []string{"x", "x.scale", "x.zero"}, Outputs: []string{"x.q"}}}
	constants := l.params()
	scaled := func(value string) []string { // it quantized, and its parameters
		to := l.becomes(value)
		return []string{value + ".q", to + ".scale", to + ".zero"}
	}
	same := map[string]string{} // values that equal another, quantized
	for _, n := range l.Graph.Nodes {
		in := n.Inputs[0]
		if first, ok := same[in]; ok {
			in = first
		}
		node := nodeOf(n)
		node.Outputs = []string{n.Output + ".q"}
		out := scaled(n.Output)[1:]
		w := l.Layers[n.Name]
		switch {
		case n.Op == "Relu":
			same[n.Output] = in
			continue
		case n.Op == "Conv":
			node.Op, node.Inputs = "QLinearConv", append(scaled(in), w.Name+".w", w.Name+".scales", w.Name+".zeros", out[0], out[1], w.Name+".b")
		case n.Op == "Gemm":
			node.Domain, node.Op, node.Inputs = onnx.Microsoft, "QGemm",
				append(scaled(in), w.Name+".w", w.Name+".scales", w.Name+".zeros", w.Name+".b")
			if n.Output == l.Output() {
				node.Outputs = []string{n.Output} // float32, which the last QGemm gives
			} else {
				node.Inputs = append(node.Inputs, out...)
			}
		case n.Op == "Add":
			other := n.Inputs[1]
			if first, ok := same[other]; ok {
				other = first
			}
			node.Domain, node.Op, node.Inputs = onnx.Microsoft, "QLinearAdd", append(append(scaled(in), scaled(other)...), out...)
		case n.Op == "GlobalAveragePool":
			node.Domain, node.Op, node.Inputs = onnx.Microsoft, "QLinearGlobalAveragePool", append(scaled(in), out...)
		default:
			node.Inputs = []string{in + ".q"}
		}
		nodes = append(nodes, node)
		if w != nil {
			constants = append(constants, l.quantized(w)...)
		}
	}
	return nodes, constants
}

// simulatedNetwork is the network in QDQ form: on float32, with quantized values in between, which ONNX
// Runtime makes one on quantized values.
func simulatedNetwork(l network) (nodes []onnx.Node, constants []onnx.Tensor) {
	constants = l.params()
	done := map[string]bool{}
	// rounded returns the value quantized and dequantized.
	rounded := func(value string) string {
		if !done[value] {
			done[value] = true
			nodes = append(
				nodes,
				onnx.Node{Op: "QuantizeLinear", Inputs: []string{value, value + ".scale", value + ".zero"}, Outputs: []string{value + ".q"}},
				onnx.Node{Op: "DequantizeLinear", Inputs: []string{value + ".q", value + ".scale", value + ".zero"}, Outputs: []string{value + ".d"}},
			)
		}
		return value + ".d"
	}
	averages := map[string]bool{}
	for _, n := range l.Graph.Nodes {
		node := nodeOf(n)
		node.Inputs = nil
		for _, in := range n.Inputs {
			if l.Graph.Constants[in] == nil && (l.Rounds(n) || averages[in]) {
				in = rounded(in)
			}
			node.Inputs = append(node.Inputs, in)
		}
		averages[n.Output] = n.Op == "GlobalAveragePool"
		if w := l.Layers[n.Name]; w != nil {
			scales := make([]float32, len(w.Scales)) // of the sums
			for i, s := range w.Scales {
				scales[i] = s * l.Ranges[w.In].Scales[0]
			}
			axis := []onnx.Int{{Name: "axis", Value: 0}}
			constants = append(append(constants, l.quantized(w)...), constant(w.Name+".b.scales", scales, len(scales)))
			nodes = append(
				nodes,
				onnx.Node{
					Op: "DequantizeLinear", Inputs: []string{w.Name + ".w", w.Name + ".scales", w.Name + ".zeros"},
					Outputs: []string{w.Name + ".w.d"}, Ints: axis,
				},
				onnx.Node{
					Op: "DequantizeLinear", Inputs: []string{w.Name + ".b", w.Name + ".b.scales"},
					Outputs: []string{w.Name + ".b.d"}, Ints: axis,
				},
			)
			node.Inputs = []string{node.Inputs[0], w.Name + ".w.d", w.Name + ".b.d"}
		}
		nodes = append(nodes, node)
	}
	return nodes, constants
}
