package model_test

import (
	"maps"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
)

// TestEveryOperation compares the operations that a model computes with those that package ir names.
func TestEveryOperation(t *testing.T) {
	named := slices.Sorted(maps.Keys(ir.Attributes()))
	if got := slices.Sorted(slices.Values(append(model.Ops(), ir.OpForeign))); !slices.Equal(got, named) {
		t.Errorf("a model computes %q, and ir names %q", got, named)
	}
}
