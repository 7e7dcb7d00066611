// Package zoo holds small float networks of Gorgonia's own ops, for tests and for bench/digest. Weights and
// samples are drawn from seeds, and never change.
package zoo

import (
	"math/rand/v2"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A Builder makes the graph of a network for a batch size, in the order in which its methods are called.
type Builder struct {
	Dtype  tensor.Dtype
	Graph  *gorgonia.ExprGraph
	Batch  int
	Values map[string]*tensor.Dense // weights, by name
	Inputs gorgonia.Nodes
}

// New returns a Builder without nodes, of dt. Weights are drawn by name into values, and are those
// that it holds where the name is there: graphs for several batch sizes share them.
func New(dt tensor.Dtype, batch int, values map[string]*tensor.Dense) *Builder {
	return &Builder{Graph: gorgonia.NewGraph(), Batch: batch, Dtype: dt, Values: values}
}

var must = gorgonia.Must

// Shapes returns the shapes of the inputs, by name.
func (b *Builder) Shapes() map[string]tensor.Shape {
	shapes := map[string]tensor.Shape{}
	for _, x := range b.Inputs {
		shapes[x.Name()] = x.Shape().Clone()
	}
	return shapes
}

// Draw returns gaussian values, float32 or the same as float64.
func Draw(dt tensor.Dtype, seed uint64, deviation float64, shape ...int) *tensor.Dense {
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

// Number returns a constant of the network's type.
func (b *Builder) Number(x float64) *gorgonia.Node {
	if b.Dtype == tensor.Float64 {
		return gorgonia.NewConstant(x)
	}
	return gorgonia.NewConstant(float32(x))
}

// Value returns the node of a weight, gaussian with a deviation of 1.4/in.
func (b *Builder) Value(name string, in float64, shape ...int) *gorgonia.Node {
	if b.Values[name] == nil {
		b.Values[name] = Draw(b.Dtype, uint64(len(b.Values)), 1.4/in, shape...)
	}
	return gorgonia.NewTensor(b.Graph, b.Dtype, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name),
		gorgonia.WithValue(b.Values[name]))
}

// Input returns the node of an input of shape (batch, shape…).
func (b *Builder) Input(name string, shape ...int) *gorgonia.Node {
	x := gorgonia.NewTensor(b.Graph, b.Dtype, len(shape)+1, gorgonia.WithShape(append([]int{b.Batch}, shape...)...),
		gorgonia.WithName(name))
	b.Inputs = append(b.Inputs, x)
	return x
}

// Dense returns x·w + b for x of shape (batch, in), a weight of the name, (in, out), and a bias.
func (b *Builder) Dense(x *gorgonia.Node, name string, in, out int) *gorgonia.Node {
	y := must(gorgonia.Mul(x, b.Value(name, 6, in, out)))
	return must(gorgonia.BroadcastAdd(y, b.Value(name+".b", 4, out), nil, []byte{0}))
}

// Conv returns a convolution of size×size, which keeps height and width, with a batch normalization.
func (b *Builder) Conv(x *gorgonia.Node, name string, in, out, size int) *gorgonia.Node {
	y := must(gorgonia.Conv2d(x, b.Value(name, 12, out, in, size, size), tensor.Shape{size, size},
		[]int{size / 2, size / 2}, []int{1, 1}, []int{1, 1}))
	y, _, _, op, err := gorgonia.BatchNorm(y, b.Value(name+".gamma", 1, 1, out, 1, 1),
		b.Value(name+".beta", 4, 1, out, 1, 1), 0.9, 1e-5)
	if err != nil {
		panic(err)
	}
	variance := Draw(b.Dtype, uint64(in*out), 1, out)
	if _, err := variance.Mul(variance, tensor.UseUnsafe()); err != nil {
		panic(err)
	}
	if _, err := variance.AddScalar(b.Number(0.5).Value().Data(), true, tensor.UseUnsafe()); err != nil {
		panic(err)
	}
	if err := op.SetStats(Draw(b.Dtype, uint64(out), 0.2, out), variance); err != nil {
		panic(err)
	}
	return y
}

// Sample returns seeded random inputs of the given shapes with another batch size. "words"
// are integers, all other inputs gaussian.
func Sample(dt tensor.Dtype, seed uint64, batch int, shapes map[string]tensor.Shape) map[string]tensor.Tensor {
	sample := map[string]tensor.Tensor{}
	for name, shape := range shapes {
		if name == "words" {
			sample[name] = Words(seed, batch, shape[1])
			continue
		}
		sample[name] = Draw(dt, seed+100+uint64(name[len(name)-1]), 1, append([]int{batch}, shape[1:]...)...)
	}
	return sample
}

// Words returns random integers from 0 to 29.
func Words(seed uint64, shape ...int) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 9))
	x := make([]int, tensor.Shape(shape).TotalSize())
	for i := range x {
		x[i] = rng.IntN(30)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// Float64s returns a copy of the elements of a float value.
func Float64s(v gorgonia.Value) []float64 {
	if x, ok := v.Data().([]float64); ok {
		return slices.Clone(x)
	}
	var x []float64
	for _, f := range v.Data().([]float32) {
		x = append(x, float64(f))
	}
	return x
}
