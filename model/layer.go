package model

import (
	"fmt"

	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Layer replaces the constant weight of a node.
type Layer struct {
	Weight  *qtensor.QTensor // of the constant's shape
	Compute ops.Compute      // the zero Compute is Fixed24
}

// after is what follows a product with quantized weights.
type after struct {
	bias   *flow.Tensor // or nil
	relu   bool
	packed map[any]any // what was packed before, by packing
}

// packing tells what was packed apart.
type packing struct {
	weight   *qtensor.QTensor
	transB   bool
	groups   int // of channels; 0 for a matrix
	channels int // of the images that rows are, by pixels; 1 for other rows
}

// prepared runs a layer.
type prepared struct {
	*ops.Prepared
	sample int // elements of x for each of its samples
}

// options returns the options of a layer for ops.
func options(l Layer, a after) []ops.Option {
	if l.Compute == (ops.Compute{}) {
		l.Compute = ops.Fixed24()
	}
	opts := []ops.Option{ops.WithCompute(l.Compute)}
	if a.relu {
		opts = append(opts, ops.WithReLU())
	}
	if a.bias != nil {
		opts = append(opts, ops.WithBias(dense.New(a.bias.Data, tensor.Shape(a.bias.Shape))))
	}
	return opts
}

// once returns what pack made of a key the first time.
func once[T any](made map[any]any, key packing, pack func() (T, error)) (T, error) {
	if old, ok := made[key]; ok {
		return old.(T), nil
	}
	p, err := pack()
	if err == nil {
		made[key] = p
	}
	return p, err
}

func gemmLayer(n *flow.Node, q *quantized, channels int) (*prepared, error) {
	l, in, a := q.layer, q.sizes, q.after
	if len(in[1]) != 2 || in[0][len(in[0])-1] < 0 {
		return nil, fmt.Errorf("%w: got %v and quantized %v, want (…, k) and a matrix", qtensor.ErrShape, in[0], in[1])
	}
	w, err := once(a.packed, packing{l.Weight, n.TransB, 0, channels}, func() (*ops.Weight, error) {
		w := l.Weight
		if n.TransB {
			var err error
			if w, err = w.T(); err != nil {
				return nil, err
			}
		}
		return ops.PackImages(w, channels)
	})
	if err != nil {
		return nil, err
	}
	p, err := w.Prepare(options(l, a)...)
	return &prepared{p, w.In()}, err
}

func convLayer(n *flow.Node, q *quantized, _ int) (*prepared, error) {
	l, in, a := q.layer, q.sizes, q.after
	w, err := once(a.packed, packing{l.Weight, false, q.groups, 1}, func() (*ops.Filters, error) { return ops.PackConv2d(l.Weight, q.groups) })
	if err != nil {
		return nil, err
	}
	p, err := w.Prepare(in[0][2], in[0][3], n.Pads, n.Strides, n.Dilations, options(l, a)...)
	return &prepared{p, in[0][1] * in[0][2] * in[0][3]}, err
}
