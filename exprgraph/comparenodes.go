package exprgraph

import (
	"context"
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// compare compares a model with Gorgonia at the batch of the graph, and with itself at another: on a sample,
// or on seeded values.
func (n *nodes) compare(ctx context.Context, c *comparison, sample map[string]tensor.Tensor) error {
	c.gorgonia = func(ctx context.Context, sample map[string]tensor.Tensor, change disturb) ([][]float32, error) {
		inputs, err := elementsOf(c.graph, sample)
		if err != nil {
			return nil, err
		}
		return evaluateWith(ctx, n.graph, inputs, change)
	}
	batch := n.samples()
	if c.report.Seeded = sample == nil; c.report.Seeded {
		if err := drawable(c.graph, batch); err != nil {
			return err
		}
		sample = seeded(c.graph, max(batch, 1))
	}
	if batch == 0 { // nothing has one
		_, err := c.with(ctx, sample)
		return err
	}
	given, err := n.given(c, sample)
	if err != nil {
		return err
	}
	numbers := func(count, first int) (list []int) {
		for i := range count {
			list = append(list, (i+first)%given)
		}
		return list
	}
	own, other := numbers(batch, 0), numbers(given, 0)
	switch {
	case given == batch && given == 2:
		other = numbers(3, 1)
	case given == batch:
		other = numbers(2, 1)
	}
	x, err := n.take(c, sample, given, own)
	if err != nil {
		return err
	}
	y, err := c.with(ctx, x)
	if err != nil {
		return err
	}
	if x, err = n.take(c, sample, given, other); err != nil {
		return err
	}
	z, err := c.folded.Run(ctx, x)
	if err != nil {
		return err
	}
	return n.itself(c, y, own, z, other)
}

// samples returns the batch of the graph; 0 where no input has one.
func (n *nodes) samples() int {
	switch {
	case n.lifted:
		return 1
	case len(n.symbols.batch) == 0:
		return 0
	}
	_, batch, _ := n.symbols.batch.around()
	return batch
}

// given returns the batch of a sample that the model takes.
func (n *nodes) given(c *comparison, sample map[string]tensor.Tensor) (int, error) {
	shapes := map[string]tensor.Shape{}
	for name, t := range sample {
		if t == nil {
			return 0, fmt.Errorf("input %q: %w: got nil, want a tensor", name, dense.ErrLayout)
		}
		shapes[name] = t.Shape()
	}
	if _, err := c.folded.Shapes(shapes); err != nil {
		return 0, err
	}
	for i, in := range c.graph.Inputs {
		l := n.layoutOf(n.graph.Inputs[i], in.Shape)
		if at := l.axis - (len(in.Shape) - len(shapes[in.Name])); l.axis >= 0 && at >= 0 {
			return shapes[in.Name][at] / l.multiple, nil
		}
	}
	return 1, nil
}

// take returns samples of a batch of given samples, by their numbers.
func (n *nodes) take(c *comparison, sample map[string]tensor.Tensor, given int, list []int) (map[string]tensor.Tensor, error) {
	taken := map[string]tensor.Tensor{}
	for i, in := range c.graph.Inputs {
		x, err := float32s(sample[in.Name])
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		l := n.layoutOf(n.graph.Inputs[i], in.Shape)
		x = l.take(x, given, list)
		shape := tensor.Shape(slices.Clone(in.Shape))
		for axis, d := range shape {
			if d == ir.Batch {
				shape[axis] = len(list) * l.multiple
			}
		}
		if in.Type == ir.Int64 {
			taken[in.Name] = dense.New(converted[int](x), shape)
		} else {
			taken[in.Name] = dense.New(x, shape)
		}
	}
	return taken, nil
}

// itself compares results y of own samples with results z of other samples, those with equal numbers.
func (n *nodes) itself(c *comparison, y map[string]tensor.Tensor, own []int, z map[string]tensor.Tensor, other []int) error {
	for i, o := range c.graph.Outputs {
		a, err := dense.Float32s(y[o.Name])
		if err != nil {
			return err
		}
		b, err := dense.Float32s(z[o.Name])
		if err != nil {
			return err
		}
		l := n.layoutOf(n.graph.Outputs[i], o.Shape)
		for at, number := range other {
			first := slices.Index(own, number)
			if first < 0 {
				continue
			}
			sqnr, ok := equal(l.take(a, len(own), []int{first}), l.take(b, len(other), []int{at}))
			if !ok {
				return fmt.Errorf("output %q: %w: sample %d of a batch of %d and sample %d of a batch of %d are equal, "+
					"and their results are to %.1f dB", o.Name, ErrMismatch, first, len(own), at, len(other), sqnr)
			}
		}
	}
	return nil
}

// layout is where the samples of a value lie.
type layout struct {
	axis     int // −1 where it is the same for all
	multiple int // indices of the axis for each sample
	inner    int // elements that a sample has side by side
}

// layoutOf returns that of a node with a shape in the model.
func (n *nodes) layoutOf(of *gorgonia.Node, shape []int) layout {
	axis := slices.Index(shape, ir.Batch)
	switch {
	case axis < 0:
		return layout{axis: -1, multiple: 1}
	case n.lifted:
		return layout{0, 1, size(shape[1:])}
	}
	outer, _, inner := n.symbols.known[of][axis].around()
	return layout{axis, outer * inner, inner * size(shape[axis+1:])}
}

// take returns the elements of samples of a batch.
func (l layout) take(x []float32, given int, list []int) (y []float32) {
	if l.axis < 0 {
		return slices.Clone(x)
	}
	for at := 0; at < len(x); at += given * l.inner {
		for _, i := range list {
			y = append(y, x[at+i*l.inner:][:l.inner]...)
		}
	}
	return y
}
