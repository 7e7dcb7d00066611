package main

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var mlpParams = []param{
	{name: "layer1", in: pixels, shape: tensor.Shape{pixels, 512}},
	{name: "layer1.bias", shape: tensor.Shape{512}},
	{name: "layer2", in: 512, shape: tensor.Shape{512, 256}},
	{name: "layer2.bias", shape: tensor.Shape{256}},
	{name: "layer3", in: 256, shape: tensor.Shape{256, labels}},
	{name: "layer3.bias", shape: tensor.Shape{labels}},
}

// mlp is three dense layers, with a ReLU between two.
func mlp(g *graph) (y *gorgonia.Node, err error) {
	y = g.x
	for i := range 3 {
		if y, err = g.dense(y, fmt.Sprintf("layer%d", i+1), i < 2); err != nil {
			return nil, err
		}
	}
	return y, nil
}

// dense returns x·w + b, through a ReLU if asked.
func (g *graph) dense(x *gorgonia.Node, name string, relu bool) (*gorgonia.Node, error) {
	y, err := gorgonia.Mul(x, g.nodes[name])
	if err == nil {
		y, err = gorgonia.BroadcastAdd(y, g.nodes[name+".bias"], nil, []byte{0})
	}
	if err == nil && relu {
		y, err = gorgonia.Rectify(y)
	}
	return y, err
}
