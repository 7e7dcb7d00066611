package exprgraph

import (
	"euryale/internal/graphop"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// identity is an op that returns its input.
type identity struct{ graphop.Base }

func (identity) Arity() int    { return 1 }
func (identity) Type() hm.Type { return hm.NewFnType(hm.TypeVariable('a'), hm.TypeVariable('a')) }

func (identity) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape), nil
}

func (identity) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return v[0], nil }
