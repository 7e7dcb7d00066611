package exprgraph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"euryale/internal/ir"

	"gorgonia.org/tensor"
)

// seededBatch is the batch size of seeded random inputs.
const seededBatch = 4

// seeded returns a batch of normal deviates for float inputs, and for integer ones indices of rows that every
// embedding has.
func seeded(g *ir.Network, batch int) map[string]tensor.Tensor {
	rows := math.MaxInt32
	for _, n := range g.Nodes {
		if table := g.Constants[n.Weight()]; n.Op == ir.OpGather && table != nil {
			rows = min(rows, table.Shape[0])
		}
	}
	rng, sample := rand.New(rand.NewPCG(1, 2)), map[string]tensor.Tensor{}
	for _, in := range g.Inputs {
		shape := tensor.Shape(slices.Clone(in.Shape))
		for i, d := range shape {
			if d == ir.Batch {
				shape[i] = batch * in.Rows()
			}
		}
		if in.Type == ir.Int64 {
			sample[in.Name] = drawn(shape, func() int { return rng.IntN(min(rows, 1<<10)) })
			continue
		}
		sample[in.Name] = drawn(shape, func() float32 { return float32(rng.NormFloat64()) })
	}
	return sample
}

// drawable returns an error for a batch that no run takes.
func drawable(g *ir.Network, batch int) error {
	for _, in := range g.Inputs {
		s, err := ir.SizeOf(in.Shape)
		if err != nil {
			return fmt.Errorf("input %q: %w", in.Name, err)
		}
		if !ir.Fits(s.Elements(), batch) {
			return fmt.Errorf("%w: input %q: got a batch of %d with shape %v, want at most %d elements", ErrUnsupported, in.Name, batch,
				in.Shape, ir.MaxRunElements)
		}
	}
	return nil
}

func drawn[T any](shape tensor.Shape, next func() T) *tensor.Dense {
	x := make([]T, shape.TotalSize())
	for i := range x {
		x[i] = next()
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}
