package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// lossFunc returns what training lessens: a number that says how far an output is from its target.
type lossFunc func(n *net, y, target node) node

func one(f lossFunc) []lossFunc { return []lossFunc{f} }

// squared is the mean of (y − target)².
func squared(_ *net, y, target node) node {
	off := must(gorgonia.Sub(y, target))
	if off.Dims() > 1 {
		off = must(gorgonia.Reshape(off, tensor.Shape{off.Shape().TotalSize()}))
	}
	return must(gorgonia.Mean(must(gorgonia.Square(off))))
}

// crossEntropy is that of probabilities.
func crossEntropy(n *net, p, target node) node {
	likely := must(gorgonia.Log(must(gorgonia.Add(p, n.Number(1e-6)))))
	return must(gorgonia.Neg(must(gorgonia.Mean(must(gorgonia.Sum(must(gorgonia.HadamardProd(likely, target)), 1))))))
}

// logits is crossEntropy of their softmax.
func logits(n *net, y, target node) node { return crossEntropy(n, must(gorgonia.SoftMax(y)), target) }

// classified is crossEntropy of a classifier of features, which is not part of the network.
func classified(n *net, features, target node) node {
	return logits(n, n.dense(features, "classifier", target.Shape()[1]), target)
}

// train fits the network to its data, in the graph that n is, and keeps what it learned in n.Values.
func (a architecture) train(ctx context.Context, n *net) error {
	if a.steps == 0 {
		return nil
	}
	targets, err := a.lessen(n)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	machine := gorgonia.NewTapeMachine(n.Graph, gorgonia.BindDualValues(n.learned...))
	defer machine.Close()
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(a.rate))
	r := rand.New(rand.NewPCG(1, 1))
	for step := range a.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := a.draw(r, n.Batch)
		err := give(append(slices.Clip(n.Inputs), targets...), append(s.inputs, s.targets...))
		if err == nil {
			err = machine.RunAll()
		}
		if err == nil {
			err = solver.Step(gorgonia.NodesToValueGrads(n.learned))
		}
		if err != nil {
			return fmt.Errorf("train: step %d: %w", step, err)
		}
		machine.Reset()
	}
	return n.keep()
}

// lessen adds the loss and its gradients to the graph, and returns the nodes of the targets.
func (a architecture) lessen(n *net) (targets gorgonia.Nodes, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("loss: %v", r)
		}
	}()
	var cost node
	for i, t := range a.draw(rand.New(rand.NewPCG(1, 1)), n.Batch).targets {
		target := gorgonia.NewTensor(n.Graph, n.Dtype, t.Dims(), gorgonia.WithShape(t.Shape()...),
			gorgonia.WithName(fmt.Sprint("target", i)))
		targets = append(targets, target)
		loss := a.loss[i](n, n.outputs[i], target)
		if cost != nil {
			loss = must(gorgonia.Add(cost, loss))
		}
		cost = loss
	}
	_, err = gorgonia.Grad(cost, n.learned...)
	return targets, err
}

// give binds values to nodes.
func give(nodes gorgonia.Nodes, list []*tensor.Dense) error {
	for i, x := range list {
		if err := gorgonia.Let(nodes[i], converted(nodes[i].Dtype(), x)); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	return nil
}

// keep copies what was learned into the values that graphs of other batch sizes start from.
func (n *net) keep() error {
	for _, p := range n.learned {
		switch v := p.Value().(type) {
		case *tensor.Dense:
			n.Values[p.Name()] = v.Clone().(*tensor.Dense)
		case gorgonia.Scalar:
			n.Values[p.Name()] = tensor.New(tensor.FromScalar(v.Data()))
		default:
			return fmt.Errorf("keep: %s: got a %T, want a tensor", p.Name(), v)
		}
	}
	for name, op := range n.norms {
		mean, variance := op.Stats()
		n.Values[name+".mean"] = mean.Clone().(*tensor.Dense)
		n.Values[name+".variance"] = variance.Clone().(*tensor.Dense)
	}
	return nil
}
