package exprgraph

import (
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestAliases(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 6), gorgonia.WithName("x"))
	must := gorgonia.Must
	double := must(gorgonia.Add(x, x))
	reshaped := must(gorgonia.Reshape(double, tensor.Shape{4, 3}))
	sliced := must(gorgonia.Slice(reshaped, gorgonia.S(1, 3)))
	dropped := must(gorgonia.Dropout(sliced, 0.5))
	passed := must(gorgonia.ApplyOp(gorgonia.Iop{}, double))
	single := must(gorgonia.Concat(0, dropped))
	both := must(gorgonia.Concat(0, passed, double)) // is none, but is like single
	negated := must(gorgonia.Neg(reshaped))
	flat := must(gorgonia.Reshape(negated, tensor.Shape{12}))
	transposed := must(gorgonia.Transpose(double, 1, 0))
	gorgonia.Read(double, new(gorgonia.Value))

	family := gorgonia.Nodes{double, reshaped, sliced, dropped, passed, single, both}
	for _, family := range []gorgonia.Nodes{family, {negated, flat}, {transposed}, {x}} {
		for i, n := range family {
			want := slices.Delete(slices.Clone(family), i, i+1)
			got := aliases(n)
			missing := slices.DeleteFunc(slices.Clone(want), got.Contains)
			if len(got) != len(want) || len(missing) > 0 {
				t.Errorf("%v: got aliases %v, want %v", n, got, want)
			}
		}
	}
}
