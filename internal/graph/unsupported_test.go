package graph

import (
	"errors"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// on returns a network of one op on a matrix x.
func on(f func(z *zoo, x node) (node, error)) func(*zoo) Source {
	return func(z *zoo) Source {
		x := z.input("x", z.batch, 4)
		return source(x, must(f(z, x)))
	}
}

// unary returns a network of one function of x.
func unary(f func(node) (node, error)) func(*zoo) Source {
	return on(func(_ *zoo, x node) (node, error) { return f(x) })
}

var unsupported = []struct {
	name string
	net  func(*zoo) Source
	says []string // in the message
}{
	{"Log1p", unary(gorgonia.Log1p), []string{"elemUnaryOp log1p", "function that flow has"}},
	{"Log2", unary(gorgonia.Log2), []string{"log2"}},
	{"Expm1", unary(gorgonia.Expm1), []string{"expm1"}},
	{"Sum of samples", unary(func(x node) (node, error) { return gorgonia.Sum(x, 0) }), []string{"sumOp", "[0]", "none that is the batch"}},
	{"Mean of all", unary(func(x node) (node, error) { return gorgonia.Mean(x) }), []string{"sumOp", "none that is the batch"}},
	{"Max of samples", unary(func(x node) (node, error) { return gorgonia.Max(x, 0, 1) }), []string{"maxOp"}},
	{"Sum of rows of images", func(z *zoo) Source {
		x := z.input("x", z.batch, 2, 3, 4)
		return source(x, must(gorgonia.Sum(x, 2, 3)))
	}, []string{"sumOp", "along axis 2", "wrong numbers"}},
	{"SizeOf", unary(func(x node) (node, error) { return gorgonia.SizeOf(0, x) }), []string{"sizeOp", "axis 0", "not the batch"}},
	{"Slice of samples", unary(func(x node) (node, error) { return gorgonia.Slice(x, gorgonia.S(0, 2)) }), []string{"sliceOp", "of the batch"}},
	{"another slice by batch", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Slice(x, nil, gorgonia.S(z.batch-batchA, z.batch-batchA+2))
	}), []string{"sliceOp", "from 0 up to 2 at one batch size, from 1 up to 3"}},
	{"At", unary(func(x node) (node, error) { return gorgonia.At(x, 0, 0) }), []string{"atOp"}},
	{"Sparsemax", unary(func(x node) (node, error) { return gorgonia.Sparsemax(x) }), []string{"sparsemaxOp"}},
	{"Tensordot", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Tensordot([]int{1}, []int{0}, x, z.weight("w", 4, 3))
	}), []string{"tensordotOp"}},
	{"Gt", on(func(z *zoo, x node) (node, error) { return gorgonia.Gt(x, z.number(0), true) }), []string{"elemBinOp > true"}},
	{"compared with 1", on(func(z *zoo, x node) (node, error) {
		return gorgonia.HadamardProd(x, must(gorgonia.Gt(x, z.number(1), true)))
	}), []string{"elemBinOp > true"}},
	{"mask of another", on(func(z *zoo, x node) (node, error) {
		return gorgonia.HadamardProd(x, must(gorgonia.Gt(must(gorgonia.Tanh(x)), z.number(0), true)))
	}), []string{"elemBinOp > true"}},
	{"booleans", on(func(z *zoo, x node) (node, error) { return gorgonia.Lt(x, z.number(0), false) }), []string{"elemBinOp < false", "want float32"}},
	{"MaxBetween", on(func(z *zoo, x node) (node, error) { return gorgonia.MaxBetween(x, must(gorgonia.Neg(x))) }), []string{"maxBetween"}},
	{"random numbers", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Add(x, gorgonia.UniformRandomNode(z.g, z.dt, 0, 1, z.batch, 4))
	}), []string{"randomOp"}},
	{"outer product", func(z *zoo) Source {
		x := z.input("x", 4)
		return source(x, must(gorgonia.OuterProd(x, z.weight("w", 3))))
	}, []string{"linAlgBinOp a ⊗ b"}},
	{"inner product", func(z *zoo) Source {
		x := z.input("x", 4)
		return source(x, must(gorgonia.Mul(x, z.weight("w", 4))))
	}, []string{"linAlgBinOp a ⋅ b"}},
	{"samples with samples", unary(func(x node) (node, error) {
		return gorgonia.Mul(x, must(gorgonia.Transpose(x, 1, 0)))
	}), []string{"linAlgBinOp A × B", "one axis to differ"}},
	{"reshaped to two free axes", func(z *zoo) Source {
		x := z.input("x", z.batch, 4*3)
		y := must(gorgonia.Reshape(x, tensor.Shape{3 - z.batch/3, z.batch * 12 / (3 - z.batch/3)}))
		return source(x, must(gorgonia.Reshape(y, tensor.Shape{y.Shape()[0], y.Shape()[1]})))
	}, []string{"reshapeOp", "one axis to differ"}},
	{"repeated output", on(func(z *zoo, x node) (node, error) {
		_, y, err := gorgonia.Broadcast(x, z.weight("w", 4), gorgonia.NewBroadcastPattern(nil, []byte{0}))
		return y, err
	}), []string{"repeatOp Repeat0", "want it whole"}},
	{"repeated operand", on(func(z *zoo, x node) (node, error) {
		_, y, err := gorgonia.Broadcast(x, z.weight("w", 4), gorgonia.NewBroadcastPattern(nil, []byte{0}))
		return gorgonia.Concat(1, x, must(y, err))
	}), []string{"repeatOp Repeat0", "not elementwise"}},
	{"no value", on(func(z *zoo, x node) (node, error) { return gorgonia.Mul(x, z.input("forgotten", 4, 3)) }), []string{`"forgotten"`, "want one"}},
	{"weight by batch", on(func(z *zoo, x node) (node, error) {
		ones := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("ones"), gorgonia.WithShape(z.batch, 4), gorgonia.WithInit(gorgonia.Ones()))
		return gorgonia.Add(x, ones)
	}), []string{`"ones"`, "shape (2, 4) at one batch size and (3, 4)"}},
	{"weight drawn anew", on(func(z *zoo, x node) (node, error) {
		w := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("anew"), gorgonia.WithShape(4, 3), gorgonia.WithInit(gorgonia.GlorotN(1)))
		return gorgonia.Mul(x, w)
	}), []string{`"anew"`, "other numbers"}},
	{"integers", func(z *zoo) Source {
		x := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithName("codes"), gorgonia.WithShape(z.batch, 4))
		return source(x, x)
	}, []string{`"codes"`, "want float32"}},
	{"op from outside", on(func(_ *zoo, x node) (node, error) {
		return gorgonia.ApplyOp(identity{NewBase("mine")}, x)
	}), []string{"graph.identity mine#"}},
	{"another op by batch", on(func(z *zoo, x node) (node, error) {
		if z.batch == batchA {
			return gorgonia.Tanh(x)
		}
		return gorgonia.Sigmoid(x)
	}), []string{"tanh", "sigmoid"}},
	{"another type of op by batch", on(func(z *zoo, x node) (node, error) {
		if z.batch == batchA {
			return gorgonia.Tanh(x)
		}
		return gorgonia.SoftMax(x)
	}), []string{"tanh", "softmaxOp"}},
	{"another axis by batch", on(func(z *zoo, x node) (node, error) { return gorgonia.SoftMax(x, z.batch-batchA) }), []string{"softmaxOp", "[axis isLog] is [0 0]"}},
	{"another input by batch", func(z *zoo) Source {
		x, y := z.input("x", z.batch, 4), z.input("y", z.batch, 4)
		h := must(gorgonia.Sub(x, y))
		if z.batch == batchA {
			x, y = y, x
		}
		return Source{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{h}}
	}, []string{"same input"}},
	{"another rank by batch", func(z *zoo) Source {
		shape := []int{z.batch, 4, 1}[:z.batch]
		return source(z.input("x", shape...), z.input("x", shape...))
	}, []string{`"x"`, "as many axes"}},
	{"input of two free axes", func(z *zoo) Source {
		x := z.input("x", z.batch, z.batch)
		return source(x, must(gorgonia.Tanh(x)))
	}, []string{`"x"`, "one axis to differ"}},
	{"input twice", func(z *zoo) Source {
		x := z.input("x", z.batch, 4)
		return Source{Inputs: gorgonia.Nodes{x, x}, Outputs: gorgonia.Nodes{x}}
	}, []string{`"x"`, "twice"}},
	{"no inputs", func(z *zoo) Source { return Source{Outputs: gorgonia.Nodes{z.weight("w", 2)}} }, []string{"inputs"}},
	{"no outputs", func(z *zoo) Source { return Source{Inputs: gorgonia.Nodes{z.input("x", z.batch)}} }, []string{"outputs"}},
	{"nil output", func(z *zoo) Source { return source(z.input("x", z.batch), nil) }, []string{"nil among the outputs"}},
	{"uneven padding", func(z *zoo) Source {
		x := z.input("x", z.batch, 1, 4, 4)
		return source(x, must(gorgonia.MaxPool2D(x, tensor.Shape{2, 2}, []int{0, 1, 0, 1}, []int{1, 1})))
	}, []string{"maxPoolOp", "padded"}},
	{"computed filters", func(z *zoo) Source {
		x := z.input("x", z.batch, 1, 4, 4)
		return source(x, conv(x, must(gorgonia.Tanh(z.weight("w", 2, 1, 3, 3))), 0, 1))
	}, []string{"transposeOp", "filters that are computed"}},
	{"columns alone", func(z *zoo) Source {
		x, one := z.input("x", z.batch, 1, 4, 4), tensor.Shape{1, 1}
		return source(x, must(gorgonia.Im2Col(x, tensor.Shape{2, 2}, tensor.Shape{0, 0}, one, one)))
	}, []string{"im2colOp"}},
	{"upsampling", func(z *zoo) Source {
		x := z.input("x", z.batch, 1, 4, 4)
		return source(x, must(gorgonia.Upsample2D(x, 2)))
	}, []string{"upsampleOp"}},
	{"group norm", func(z *zoo) Source {
		x := z.input("x", z.batch, 4, 3, 3)
		return source(x, must(gorgonia.GroupNorm(x, z.weight("s", 1, 4, 1, 1), z.weight("b", 1, 4, 1, 1), 2, 4, 1e-5)))
	}, []string{"Op"}},
	{"statistics by batch", func(z *zoo) Source {
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

func TestReadRefusesWhatFlowHasNot(t *testing.T) {
	for _, c := range unsupported {
		t.Run(c.name, func(t *testing.T) {
			z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
			g, err := Read(z.build(c.net))
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

func TestReadReturnsTheErrorOfBuild(t *testing.T) {
	failed := errors.New("failed")
	for _, at := range []int{batchA, batchB} {
		z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
		build := z.build(unary(gorgonia.Tanh))
		_, err := Read(func(batch int) (Source, error) {
			if batch == at {
				return Source{}, failed
			}
			return build(batch)
		})
		if !errors.Is(err, failed) {
			t.Errorf("batch size %d: got error %v, want %v", at, err, failed)
		}
	}
}
