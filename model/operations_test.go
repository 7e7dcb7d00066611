package model_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"euryale/model"
)

// TestEveryOperation compares the operations that a model computes with those that package ir names.
func TestEveryOperation(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../internal/ir/operations.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.ValueSpec); ok {
			name, err := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			named = append(named, name)
		}
		return true
	})
	slices.Sort(named)
	if got := append(model.Ops(), "Call"); !slices.Equal(slices.Sorted(slices.Values(got)), named) {
		t.Errorf("a model computes %q, and ir names %q", got, named)
	}
}
