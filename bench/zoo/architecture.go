package main

import (
	"fmt"

	"euryale/internal/zoo"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An architecture is a network as its author writes it, with data for it.
type architecture struct {
	name  string
	size  string                      // what it holds, and what was reduced
	make  func(n *net) gorgonia.Nodes // adds the nodes, and returns the outputs
	draw  source
	dtype tensor.Dtype // float32 where it is not set
	loss  []lossFunc   // of the outputs in order, as many as have targets
	steps int          // of training
	rate  float64      // Adam's
}

// trained says whether, and how, the weights were trained.
func (a architecture) trained() string {
	if a.steps == 0 {
		return "no"
	}
	return fmt.Sprintf("%d steps of %d samples", a.steps, readBatch)
}

// values are the weights of a network, and the statistics of its batch normalizations, by name.
type values = map[string]*tensor.Dense

// graph makes the graph for a batch size. What the author's code panics with is an error.
func (a architecture) graph(batch int, v values) (n *net, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, fmt.Errorf("graph of batch %d: %v", batch, r)
		}
	}()
	dt := tensor.Float32
	if a.dtype.Type != nil {
		dt = a.dtype
	}
	n = &net{Builder: zoo.New(dt, batch, v), norms: map[string]*gorgonia.BatchNormOp{}}
	n.outputs = a.make(n)
	return n, nil
}
