package ptq

import (
	"context"
	"fmt"
	"slices"

	"euryale/model"
	"euryale/qtensor"
)

// Pass makes another float model of a float model, one that loses less when it is quantized: by folding
// operations into weights, say, or moving scales from one layer into another.
type Pass interface {
	// Apply returns a float model with the inputs and outputs of m: the same names, types and shapes, in the
	// same order. It neither changes nor closes m, and may return m itself. It takes the network of m by
	// model.Model.Network, changes it, and returns what model.New makes of it.
	Apply(ctx context.Context, m *model.Model) (*model.Model, error)
}

// applyPasses returns the float model that the passes make of m.
func applyPasses(ctx context.Context, m *model.Model, passes []Pass) (*model.Model, error) {
	for i, p := range passes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next, err := p.Apply(ctx, m)
		if err == nil {
			err = checkPass(m, next)
		}
		if err != nil {
			return nil, fmt.Errorf("pass %d, %T: %w", i, p, err)
		}
		m = next
	}
	return m, nil
}

// checkPass reports a result that cannot stand in the place of the model that a pass was given.
func checkPass(before, after *model.Model) error {
	if after == nil {
		return fmt.Errorf("%w: got a nil model, want a float model", qtensor.ErrParams)
	}
	if got, want := after.Inputs(), before.Inputs(); !slices.EqualFunc(got, want, sameValue) {
		return fmt.Errorf("%w: got inputs %v, want %v as before", qtensor.ErrShape, got, want)
	}
	if got, want := after.Outputs(), before.Outputs(); !slices.EqualFunc(got, want, sameValue) {
		return fmt.Errorf("%w: got outputs %v, want %v as before", qtensor.ErrShape, got, want)
	}
	if slices.ContainsFunc(after.Layers(), func(l model.LayerInfo) bool { return l.Quantized }) {
		return fmt.Errorf("%w: got a quantized model, want a float model", qtensor.ErrParams)
	}
	return nil
}

func sameValue(a, b model.ValueInfo) bool {
	return a.Name == b.Name && a.Type == b.Type && slices.Equal(a.Shape, b.Shape)
}
