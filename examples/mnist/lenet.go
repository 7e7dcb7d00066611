package main

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// lenetParams are those of lenet. A normalization takes the place of the bias of a convolution.
func lenetParams(norm bool) (list []param) {
	for _, c := range []struct {
		name    string
		in, out int
	}{{"conv1", 1, 16}, {"conv2", 16, 32}} {
		list = append(list, param{name: c.name, in: 25 * c.in, shape: tensor.Shape{c.out, c.in, 5, 5}})
		channels := tensor.Shape{1, c.out, 1, 1}
		if !norm {
			list = append(list, param{name: c.name + ".bias", shape: channels})
			continue
		}
		list = append(list,
			param{name: c.name + ".gamma", shape: channels, start: 1},
			param{name: c.name + ".beta", shape: channels},
			param{name: c.name + ".mean", shape: tensor.Shape{c.out}, seen: true},
			param{name: c.name + ".variance", shape: tensor.Shape{c.out}, start: 1, seen: true})
	}
	return append(list,
		param{name: "dense1", in: 512, shape: tensor.Shape{512, 128}},
		param{name: "dense1.bias", shape: tensor.Shape{128}},
		param{name: "dense2", in: 128, shape: tensor.Shape{128, labels}},
		param{name: "dense2.bias", shape: tensor.Shape{labels}})
}

// lenet is two convolutions of 5×5, each with a bias or a normalization, a ReLU and a
// pooling of 2×2, and two dense layers.
func lenet(g *graph, norm bool) (*gorgonia.Node, error) {
	batch := g.x.Shape()[0]
	y, err := gorgonia.Reshape(g.x, tensor.Shape{batch, 1, side, side})
	for _, name := range []string{"conv1", "conv2"} {
		if err == nil {
			y, err = gorgonia.Conv2d(y, g.nodes[name], tensor.Shape{5, 5}, []int{0, 0}, []int{1, 1}, []int{1, 1})
		}
		if err == nil && norm {
			y, err = g.norm(y, name)
		} else if err == nil {
			y, err = gorgonia.BroadcastAdd(y, g.nodes[name+".bias"], nil, []byte{0, 2, 3})
		}
		if err == nil {
			y, err = gorgonia.Rectify(y)
		}
		if err == nil {
			y, err = gorgonia.MaxPool2D(y, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})
		}
	}
	if err == nil {
		y, err = gorgonia.Reshape(y, tensor.Shape{batch, 512})
	}
	if err == nil {
		y, err = g.dense(y, "dense1", true)
	}
	if err == nil {
		y, err = g.dense(y, "dense2", false)
	}
	return y, err
}

// norm returns γ·(x − mean)/√(variance + ε) + β for each channel: of the batch while it is trained, which
// moves what was seen by a tenth, and else what was seen.
func (g *graph) norm(x *gorgonia.Node, name string) (*gorgonia.Node, error) {
	y, _, _, op, err := gorgonia.BatchNorm(x, g.nodes[name+".gamma"], g.nodes[name+".beta"], 0.1, 1e-5)
	if err == nil {
		err = op.SetStats(g.values[name+".mean"], g.values[name+".variance"])
	}
	g.norms[name] = op
	return y, err
}
