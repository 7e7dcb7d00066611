package exprgraph

import (
	"errors"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// on returns a network of one op on a matrix x.
func on(f func(z *zoo, x node) (node, error)) func(*zoo) Graph {
	return func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return source(x, must(f(z, x)))
	}
}

// unary returns a network of one function of x.
func unary(f func(node) (node, error)) func(*zoo) Graph {
	return on(func(_ *zoo, x node) (node, error) { return f(x) })
}

var refused = []struct {
	name string
	net  func(*zoo) Graph
	says []string // in the message
}{
	{"random numbers", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Add(x, gorgonia.UniformRandomNode(z.g, z.dt, 0, 1, z.batch, 4))
	}), []string{"randomOp"}},
	{"samples with samples", unary(func(x node) (node, error) {
		return gorgonia.Mul(x, must(gorgonia.Transpose(x, 1, 0)))
	}), []string{"linAlgBinOp A × B", "one axis to differ"}},
	{"reshaped to two free axes", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4*3)
		y := must(gorgonia.Reshape(x, tensor.Shape{3 - z.batch/3, z.batch * 12 / (3 - z.batch/3)}))
		return source(x, must(gorgonia.Reshape(y, tensor.Shape{y.Shape()[0], y.Shape()[1]})))
	}, []string{"reshapeOp", "one axis to differ"}},
	{"no value", on(func(z *zoo, x node) (node, error) { return gorgonia.Mul(x, z.input("forgotten", 4, 3)) }), []string{`"forgotten"`, "want one"}},
	{"weight by batch", on(func(z *zoo, x node) (node, error) {
		all := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("all"), gorgonia.WithShape(z.batch, 4), gorgonia.WithInit(gorgonia.RangedFrom(0)))
		return gorgonia.Add(x, all)
	}), []string{`"all"`, "axis 0 has the batch", "indices 0 and 1 are not equal"}},
	{"weight drawn anew", on(func(z *zoo, x node) (node, error) {
		w := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("anew"), gorgonia.WithShape(4, 3), gorgonia.WithInit(gorgonia.GlorotN(1)))
		return gorgonia.Mul(x, w)
	}), []string{`"anew"`, "other values"}},
	{"integers", func(z *zoo) Graph {
		x := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithName("ids"), gorgonia.WithShape(z.batch, 4))
		return source(x, x)
	}, []string{`"ids"`, "an output of", "want float32"}},
	{"small integers", func(z *zoo) Graph {
		x := gorgonia.NewMatrix(z.g, tensor.Uint8, gorgonia.WithName("ids"), gorgonia.WithShape(z.batch, 4))
		return source(x, x)
	}, []string{`"ids"`, "want float32, float64 or int"}},
	{"sums of integers", func(z *zoo) Graph {
		x := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithName("ids"), gorgonia.WithShape(z.batch, 4))
		return source(x, must(gorgonia.Add(x, x)))
	}, []string{"elemBinOp", "want float32"}},
	{"indices of samples", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		i := gorgonia.NewVector(z.g, tensor.Int, gorgonia.WithName("i"), gorgonia.WithShape(z.batch))
		return Graph{Inputs: gorgonia.Nodes{x, i}, Outputs: gorgonia.Nodes{must(gorgonia.ByIndices(x, i, 0))}}
	}, []string{"byIndicesOp", "not the batch"}},
	{"indices of what is computed", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		i := gorgonia.NewVector(z.g, tensor.Int, gorgonia.WithName("i"), gorgonia.WithShape(2))
		return Graph{Inputs: gorgonia.Nodes{x, i}, Outputs: gorgonia.Nodes{must(gorgonia.ByIndices(x, i, 1))}}
	}, []string{"byIndicesOp", "both computed"}},
	{"another type of op by batch", on(func(z *zoo, x node) (node, error) {
		if z.batch == batchA {
			return gorgonia.Tanh(x)
		}
		return gorgonia.SoftMax(x)
	}), []string{"tanh", "softmaxOp"}},
	{"another input by batch", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 4), z.input("y", z.batch, 4)
		h := must(gorgonia.Sub(x, y))
		if z.batch == batchA {
			x, y = y, x
		}
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{h}}
	}, []string{"same input"}},
	{"another rank by batch", func(z *zoo) Graph {
		shape := []int{z.batch, 4, 1}[:z.batch]
		return source(z.input("x", shape...), z.input("x", shape...))
	}, []string{`"x"`, "as many axes"}},
	{"input of two free axes", func(z *zoo) Graph {
		x := z.input("x", z.batch, z.batch)
		return source(x, must(gorgonia.Tanh(x)))
	}, []string{`"x"`, "one axis to differ"}},
	{"input twice", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return Graph{Inputs: gorgonia.Nodes{x, x}, Outputs: gorgonia.Nodes{x}}
	}, []string{`"x"`, "twice"}},
	{"no inputs", func(z *zoo) Graph { return Graph{Outputs: gorgonia.Nodes{z.weight("w", 2)}} }, []string{"inputs"}},
	{"no outputs", func(z *zoo) Graph { return Graph{Inputs: gorgonia.Nodes{z.input("x", z.batch)}} }, []string{"outputs"}},
	{"nil output", func(z *zoo) Graph { return source(z.input("x", z.batch), nil) }, []string{"nil", "among the outputs"}},
	{"no statistics", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3)
		y, _, _, _, err := gorgonia.BatchNorm(x, z.weight("s", 1, 3), z.weight("b", 1, 3), 0.9, 1e-5)
		return source(x, must(y, err))
	}, []string{"BatchNormOp", "never set", "SetStats"}},
	{"empty weight", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Mul(x, gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("w"), gorgonia.WithShape(4, 0),
			gorgonia.WithValue(tensor.New(tensor.WithShape(4, 0), tensor.Of(z.dt)))))
	}), []string{`"w"`, "at least one"}},
	{"value of another shape", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Mul(x, gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("w"), gorgonia.WithShape(4, 2),
			gorgonia.WithValue(drawnOf(z.dt, "w", 2, 4))))
	}), []string{`"w"`, "a value of shape (2, 4), want the node's [4 2]"}},
	{"nil input", func(z *zoo) Graph { return source(nil, z.input("x", z.batch)) }, []string{"nil", "among the inputs"}},
	{
		"zero output", func(z *zoo) Graph { return source(z.input("x", z.batch), &gorgonia.Node{}) },
		[]string{"among the outputs"},
	},
	{"zero input", func(z *zoo) Graph { return source(&gorgonia.Node{}, z.input("x", z.batch)) }, []string{"among the inputs"}},
	{"zero graph", func(*zoo) Graph { return Graph{} }, []string{"0 inputs"}},
	{
		"constant of no graph", func(z *zoo) Graph { return source(z.input("x", z.batch), z.scalar(1)) },
		[]string{"without a graph"},
	},
	{"statement", func(z *zoo) Graph {
		var v gorgonia.Value
		x := z.input("x", z.batch)
		return source(x, gorgonia.Read(x, &v))
	}, []string{"among the outputs"}},
	{"input of another graph", func(z *zoo) Graph {
		other := zoo{z.dt, z.weights, gorgonia.NewGraph(), z.batch}
		return source(other.input("x", z.batch, 4), must(gorgonia.Tanh(z.input("x", z.batch, 4))))
	}, []string{`"x"`, "no value"}},
	{"CTCLoss", func(z *zoo) Graph {
		whole := func(name string, x ...int) node {
			return gorgonia.NewTensor(z.g, tensor.Int, 1, gorgonia.WithName(name), gorgonia.WithShape(len(x)),
				gorgonia.WithValue(tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))))
		}
		x := z.input("x", 5, 2, 4)
		targets := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithName("t"), gorgonia.WithShape(2, 2),
			gorgonia.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]int{99, 99, 99, 99}))))
		return source(x, must(gorgonia.CTCLoss(x, targets, whole("in", 5, 5), whole("out", 2, 2), gorgonia.ReductionMean)))
	}, []string{"ctcLossOp"}},
	{"statistics by batch", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3)
		y, _, _, op, err := gorgonia.BatchNorm(x, z.weight("s", 1, 3), z.weight("b", 1, 3), 0.9, 1e-5)
		if err == nil {
			mean, variance := op.Stats()
			err = op.SetStats(mean, mustTensor(variance.(*tensor.Dense).AddScalar(float32(z.batch), true)))
		}
		return source(x, must(y, err))
	}, []string{"BatchNormOp", "statistics"}},
}

func mustTensor(t *tensor.Dense, err error) *tensor.Dense {
	if err != nil {
		panic(err)
	}
	return t
}

func TestReadRefusesNodes(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
			g, err := readFolded(z.build(c.net))
			if !errors.Is(err, ErrUnsupported) {
				t.Fatalf("got %v and error %v, want ErrUnsupported", g, err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got error %q, want it to say %q", err, part)
				}
			}
		})
	}
}

// TestReadReturnsTheErrorOfBuild: what build returns, or panics with.
func TestReadReturnsTheErrorOfBuild(t *testing.T) {
	failed := errors.New("failed")
	for _, at := range []int{batchA, batchB} {
		for _, end := range []func() error{func() error { return failed }, func() error { panic(failed) }} {
			z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
			build := z.build(unary(gorgonia.Tanh))
			_, err := readNetwork(func(batch int) (Graph, error) {
				if batch == at {
					return Graph{}, end()
				}
				return build(batch)
			}, false)
			if !errors.Is(err, failed) {
				t.Errorf("batch size %d: got error %v, want %v", at, err, failed)
			}
		}
	}
}
