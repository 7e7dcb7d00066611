package ptq_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A zoo makes the graphs of a network, whose weights are drawn by name and stay the same.
type zoo struct {
	dt     tensor.Dtype
	g      *gorgonia.ExprGraph
	batch  int
	values map[string]*tensor.Dense
	inputs gorgonia.Nodes
}

type node = *gorgonia.Node

var must = gorgonia.Must

// draw returns gaussian numbers, float32 or the same as float64.
func draw(dt tensor.Dtype, seed uint64, deviation float64, shape ...int) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 9))
	x := make([]float32, tensor.Shape(shape).TotalSize())
	wide := make([]float64, len(x))
	for i := range x {
		x[i] = float32(rng.NormFloat64() * deviation)
		wide[i] = float64(x[i])
	}
	if dt == tensor.Float64 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(wide))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// number is a constant of the network's type.
func (z *zoo) number(x float64) node {
	if z.dt == tensor.Float64 {
		return gorgonia.NewConstant(x)
	}
	return gorgonia.NewConstant(float32(x))
}

// value is a weight whose sums have in numbers.
func (z *zoo) value(name string, in float64, shape ...int) node {
	if z.values[name] == nil {
		z.values[name] = draw(z.dt, uint64(len(z.values)), 1.4/in, shape...)
	}
	return gorgonia.NewTensor(z.g, z.dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(z.values[name]))
}

func (z *zoo) input(name string, shape ...int) node {
	x := gorgonia.NewTensor(z.g, z.dt, len(shape)+1, gorgonia.WithShape(append([]int{z.batch}, shape...)...), gorgonia.WithName(name))
	z.inputs = append(z.inputs, x)
	return x
}

func (z *zoo) dense(x node, name string, in, out int) node {
	y := must(gorgonia.Mul(x, z.value(name, 6, in, out)))
	return must(gorgonia.BroadcastAdd(y, z.value(name+".b", 4, out), nil, []byte{0}))
}

// conv is 3×3 or 1×1 with a batch normalization.
func (z *zoo) conv(x node, name string, in, out, size int) node {
	y := must(gorgonia.Conv2d(x, z.value(name, 12, out, in, size, size), tensor.Shape{size, size}, []int{size / 2, size / 2}, []int{1, 1}, []int{1, 1}))
	y, _, _, op, err := gorgonia.BatchNorm(y, z.value(name+".gamma", 1, 1, out, 1, 1), z.value(name+".beta", 4, 1, out, 1, 1), 0.9, 1e-5)
	if err != nil {
		panic(err)
	}
	variance := draw(z.dt, uint64(in*out), 1, out)
	if _, err := variance.Mul(variance, tensor.UseUnsafe()); err != nil {
		panic(err)
	}
	if _, err := variance.AddScalar(z.number(0.5).Value().Data(), true, tensor.UseUnsafe()); err != nil {
		panic(err)
	}
	if err := op.SetStats(draw(z.dt, uint64(out), 0.2, out), variance); err != nil {
		panic(err)
	}
	return y
}

var networks = map[string]func(z *zoo) node{
	"MLP": func(z *zoo) node {
		h := must(gorgonia.Rectify(z.dense(z.input("x", 40), "w1", 40, 60)))
		return z.dense(must(gorgonia.Tanh(z.dense(h, "w2", 60, 50))), "w3", 50, 10)
	},
	"residual": func(z *zoo) node {
		h := must(gorgonia.Rectify(z.conv(z.input("x", 3, 10, 10), "stem", 3, 16, 3)))
		side := must(gorgonia.Rectify(z.conv(h, "a", 16, 16, 3)))
		h = must(gorgonia.Rectify(must(gorgonia.Add(h, z.conv(side, "b", 16, 16, 3)))))
		h = must(gorgonia.Reshape(must(gorgonia.GlobalAveragePool2D(z.conv(h, "c", 16, 32, 1))), tensor.Shape{z.batch, 32}))
		return z.dense(h, "fc", 32, 10)
	},
	"LeNet": func(z *zoo) node {
		h := must(gorgonia.Rectify(z.conv(z.input("x", 1, 12, 12), "a", 1, 8, 3)))
		h = must(gorgonia.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		h = must(gorgonia.Rectify(z.conv(h, "b", 8, 16, 3)))
		h = must(gorgonia.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		h = must(gorgonia.Reshape(h, tensor.Shape{z.batch, 16 * 9}))
		return z.dense(must(gorgonia.Rectify(z.dense(h, "c", 16*9, 40))), "d", 40, 10)
	},
	"depthwise-separable": func(z *zoo) node {
		const channels, side = 4, 8
		x := z.input("x", channels, side, side)
		var each gorgonia.Nodes
		for c := range channels {
			one := must(gorgonia.Reshape(must(gorgonia.Slice(x, nil, gorgonia.S(c))), tensor.Shape{z.batch, 1, side, side}))
			each = append(each, z.conv(one, fmt.Sprint("depth", c), 1, 1, 3))
		}
		h := must(gorgonia.Rectify(z.conv(must(gorgonia.Rectify(must(gorgonia.Concat(1, each...)))), "points", channels, 16, 1)))
		h = must(gorgonia.Mean(must(gorgonia.Reshape(h, tensor.Shape{z.batch, 16, side * side})), 2))
		return must(gorgonia.LogSoftMax(z.dense(h, "fc", 16, 10)))
	},
	"embedding": func(z *zoo) node {
		words := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithShape(z.batch, 5), gorgonia.WithName("words"))
		z.inputs = append(z.inputs, words)
		rows := must(gorgonia.ByIndices(z.value("table", 1, 30, 16), must(gorgonia.Reshape(words, tensor.Shape{z.batch * 5})), 0))
		h := must(gorgonia.Mean(must(gorgonia.Reshape(rows, tensor.Shape{z.batch, 5, 16})), 1))
		return z.dense(must(gorgonia.Rectify(z.dense(h, "a", 16, 24))), "b", 24, 10)
	},
	"autoencoder": func(z *zoo) node {
		code := must(gorgonia.Sigmoid(z.dense(z.input("x", 64), "encode", 64, 16)))
		return must(gorgonia.Sigmoid(z.dense(code, "decode", 16, 64)))
	},
	"LSTM": func(z *zoo) node {
		const width = 24
		var h, c node
		for _, step := range []string{"x0", "x1", "x2"} {
			x := z.input(step, 12)
			gate := func(name string) node {
				y := z.dense(x, "x."+name, 12, width)
				if h != nil {
					y = must(gorgonia.Add(y, must(gorgonia.Mul(h, z.value("h."+name, 6, width, width)))))
				}
				return y
			}
			kept := must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("in"))), must(gorgonia.Tanh(gate("cell")))))
			if c != nil {
				kept = must(gorgonia.Add(kept, must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("forget"))), c))))
			}
			c = kept
			h = must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("out"))), must(gorgonia.Tanh(c))))
		}
		return h
	},
	"attention": func(z *zoo) node {
		const length, width = 6, 32
		x := must(gorgonia.Reshape(z.input("x", length, width), tensor.Shape{z.batch * length, width}))
		project := func(name string) node {
			return must(gorgonia.Reshape(z.dense(x, name, width, width), tensor.Shape{z.batch, length, width}))
		}
		scores := must(gorgonia.BatchedMatMul(project("q"), must(gorgonia.Transpose(project("k"), 0, 2, 1))))
		scores = must(gorgonia.HadamardProd(scores, z.number(0.17)))
		flat := must(gorgonia.SoftMax(must(gorgonia.Reshape(scores, tensor.Shape{z.batch * length, length}))))
		mixed := must(gorgonia.BatchedMatMul(must(gorgonia.Reshape(flat, tensor.Shape{z.batch, length, length})), project("v")))
		return z.dense(must(gorgonia.Reshape(mixed, tensor.Shape{z.batch * length, width})), "o", width, width)
	},
}

// words returns whole numbers below 30.
func words(seed uint64, shape ...int) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 9))
	x := make([]int, tensor.Shape(shape).TotalSize())
	for i := range x {
		x[i] = rng.IntN(30)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// inexact are the networks of float32 that were read with other numbers than Gorgonia's, and the least SQNR of that in dB.
var inexact = map[string]float64{
	// 144.8 dB. Gorgonia's SoftMax along the last axis takes x − m with m the largest of a row but for its first number, and of the
	// first of all rows in its place; with the largest of the row, a sample does not depend on others.
	"attention": 140,
}

// TestZoo quantizes networks of stock ops to 8 bits, activations too, and holds what was read of them to Gorgonia: float32 to the
// bit, float64 to what rounding to float32 leaves.
func TestZoo(t *testing.T) {
	for name, net := range networks {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			values := map[string]*tensor.Dense{}
			var shapes map[string]tensor.Shape
			build := func(batch int) (ptq.Graph, error) {
				z := &zoo{dt, gorgonia.NewGraph(), batch, values, nil}
				y := net(z)
				shapes = map[string]tensor.Shape{}
				for _, x := range z.inputs {
					shapes[x.Name()] = x.Shape().Clone()
				}
				return ptq.Graph{Inputs: z.inputs, Outputs: gorgonia.Nodes{y}}, nil
			}
			samples := func(yield func(ptq.Sample, error) bool) {
				for seed := range uint64(4) {
					s := ptq.Sample{}
					for name, shape := range shapes {
						if name == "words" {
							s[name] = words(seed, 8, shape[1])
							continue
						}
						s[name] = draw(dt, seed+100+uint64(name[len(name)-1]), 1, append([]int{8}, shape[1:]...)...)
					}
					if !yield(s, nil) {
						return
					}
				}
			}
			for _, c := range []struct {
				activations ptq.Activations
				least       float64 // dB
			}{{ptq.Fixed24, 33}, {ptq.Dynamic, 30}, {ptq.Static, 25}} {
				_, r, err := ptq.Quantize(t.Context(), build, samples, ptq.Config{Activations: c.activations})
				if err != nil {
					t.Errorf("%s of %v, %v: %v", name, dt, c.activations, err)
					break
				}
				t.Logf("%s of %v, %v: %.1f dB, read at %.1f dB, folded %.1f dB", name, dt, c.activations, r.Outputs[0].SQNR, r.Outputs[0].ReadSQNR, r.Outputs[0].FoldedSQNR)
				if o := r.Outputs[0]; o.SQNR < c.least || !(min(o.ReadSQNR, o.FoldedSQNR) > 110) {
					t.Errorf("%s of %v, %v: got %.1f dB, want %v:\n%v", name, dt, c.activations, o.SQNR, c.least, r)
				}
				least := math.Inf(1)
				if at, ok := inexact[name]; ok {
					least = at
				}
				if read := r.Outputs[0].ReadSQNR; exact && dt == tensor.Float32 && read < least {
					t.Errorf("%s: read at %.1f dB, want %v:\n%v", name, read, least, r)
				}
			}
		}
	}
}
