package ptq_test

import (
	"testing"

	"euryale/exprgraph"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// operations are networks of float32, with sums of all kinds.
var operations = map[string]func(z *zoo) node{
	"functions": func(z *zoo) node {
		x := z.Input("x", 40)
		positive := must(gorgonia.Add(must(gorgonia.Square(x)), z.Number(0.01)))
		list := gorgonia.Nodes{x}
		for _, f := range []func(node) (node, error){
			gorgonia.Abs, gorgonia.Sign, gorgonia.Ceil, gorgonia.Floor, gorgonia.Sin, gorgonia.Cos, gorgonia.Exp, gorgonia.Cube, gorgonia.Softplus,
			gorgonia.Sigmoid, gorgonia.Tanh, gorgonia.Neg, gorgonia.Rectify,
		} {
			list = append(list, must(f(must(gorgonia.Mul(x, z.Number(9))))), must(f(x)))
		}
		for _, f := range []func(node) (node, error){gorgonia.Log, gorgonia.Sqrt, gorgonia.Inverse, gorgonia.InverseSqrt} {
			list = append(list, must(f(positive)))
		}
		list = append(list, must(gorgonia.Pow(positive, z.Number(1.7))), must(gorgonia.LeakyRelu(x, 0.1)),
			must(gorgonia.HadamardDiv(x, z.Number(3))))
		return must(gorgonia.Concat(1, list...))
	},
	"reductions": func(z *zoo) node {
		x := z.Input("x", 5, 6, 7)
		flat := func(y node) node {
			return must(gorgonia.Reshape(y, tensor.Shape{z.Batch, y.Shape().TotalSize() / z.Batch}))
		}
		return must(gorgonia.Concat(1, flat(must(gorgonia.Sum(x, 1))), flat(must(gorgonia.Sum(x, 3))), flat(must(gorgonia.Mean(x, 1, 3))),
			flat(must(gorgonia.Mean(x, 1, 2, 3))), flat(must(gorgonia.Max(x, 3)))))
	},
	"softmax of columns": func(z *zoo) node {
		x := z.Input("x", 9, 5)
		return must(gorgonia.Add(must(gorgonia.SoftMax(x, 1)), must(gorgonia.LogSoftMax(must(gorgonia.Tanh(x)), 1))))
	},
	"products": func(z *zoo) node {
		x := z.Input("x", 70)
		transposed := must(gorgonia.Transpose(x, 1, 0))
		left := must(gorgonia.Mul(z.Value("left", 6, 90, 70), transposed))
		right := must(gorgonia.Mul(x, must(gorgonia.Transpose(z.Value("right", 6, 90, 70), 1, 0))))
		return must(gorgonia.Sub(must(gorgonia.Transpose(left, 1, 0)), right))
	},
	"batches": func(z *zoo) node {
		x, y := z.Input("x", 5, 7), z.Input("y", 5, 7)
		h := must(gorgonia.BatchedMatMul(x, y, true, false))
		return must(gorgonia.BatchedMatMul(must(gorgonia.BatchedMatMul(x, h)), must(gorgonia.Transpose(y, 0, 2, 1))))
	},
	"deep convolution": func(z *zoo) node { // many products to a sum
		x := must(gorgonia.Tanh(z.Conv(z.Input("x", 9, 11, 11), "a", 9, 33, 3)))
		return must(gorgonia.Conv2d(x, z.Value("b", 12, 70, 33, 3, 2), tensor.Shape{3, 2}, []int{1, 0}, []int{2, 3}, []int{2, 1}))
	},
	"few sums": func(z *zoo) node {
		return must(gorgonia.Conv2d(z.Input("x", 9, 4, 4), z.Value("b", 12, 3, 9, 3, 3), tensor.Shape{3, 3},
			[]int{0, 0}, []int{1, 1}, []int{1, 1}))
	},
	"average pool": func(z *zoo) node {
		return must(gorgonia.AveragePool2D(z.Input("x", 2, 6, 6), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	},
}

// TestReadIsClose compares what was read with Gorgonia, which adds up in another order.
func TestReadIsClose(t *testing.T) {
	for name, net := range operations {
		values := map[string]*tensor.Dense{}
		var inputs gorgonia.Nodes
		build := func(batch int) (exprgraph.Graph, error) {
			z := newZoo(tensor.Float32, batch, values)
			y := net(z)
			inputs = z.Inputs
			return exprgraph.Graph{Inputs: inputs, Outputs: gorgonia.Nodes{y}}, nil
		}
		samples := func(yield func(ptq.Sample, error) bool) {
			s := ptq.Sample{}
			for i, x := range inputs {
				s[x.Name()] = draw(tensor.Float32, uint64(i), 2, append([]int{8}, x.Shape()[1:]...)...)
			}
			yield(s, nil)
		}
		_, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{AllowFloat: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if read := r.Read.Outputs[0].SQNR; !(read >= 110) {
			t.Errorf("%s: read at %.1f dB, want 110:\n%v", name, read, r)
		}
	}
}
