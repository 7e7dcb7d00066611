package catalogue

import (
	"bytes"
	"math/rand/v2"

	"euryale/exprgraph"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A setting is what the arguments of one call have in common: a graph and x of (2, 4) in it.
type setting struct {
	graph *gorgonia.ExprGraph
	x     *gorgonia.Node
	open  []interface{ Close() error }
}

func (s *setting) close() {
	for _, f := range s.open {
		_ = f.Close() // again, perhaps
	}
}

func (s *setting) expr() *gorgonia.ExprGraph {
	if s.graph == nil {
		s.graph = gorgonia.NewGraph()
	}
	return s.graph
}

// node returns x.
func (s *setting) node() *gorgonia.Node {
	if s.x == nil {
		s.x = gorgonia.NewMatrix(s.expr(), tensor.Float32, gorgonia.WithShape(2, 4), gorgonia.WithName("x"))
	}
	return s.x
}

// other returns another node of the graph.
func (s *setting) other(dt tensor.Dtype, name string, shape ...int) *gorgonia.Node {
	return gorgonia.NewTensor(s.expr(), dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
}

var random = rand.New(rand.NewPCG(3, 4))

func floats(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

func dense(backing any, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	quantized  = must(qtensor.Quantize(dense(floats(12), 4, 3), qtensor.Symmetric(8)))
	halves     = must(qtensor.Quantize(dense(floats(12), 4, 3), qtensor.BFloat16()))
	grouped    = must(qtensor.Quantize(dense(floats(12), 4, 3), qtensor.Int4().PerGroup(1, 2)))
	filters    = must(qtensor.Quantize(dense(floats(18), 2, 1, 3, 3), qtensor.Symmetric(8)))
	packed     = must(ops.Pack(quantized))
	packedHalf = must(ops.Pack(halves))
	packedConv = must(ops.PackConv2d(filters, 1))
)

// network returns x·w for x of (batch, 4).
func network() *ir.Network {
	return &ir.Network{
		Inputs:    []ir.Value{{Name: "x", Shape: []int{ir.Batch, 4}}},
		Outputs:   []ir.Value{{Name: "y"}},
		Nodes:     []ir.Node{{Op: "Gemm", Name: "x", Inputs: []string{"x", "w"}, Output: "y"}},
		Constants: map[string]*ir.Constant{"w": {Shape: []int{4, 3}, Data: floats(12)}},
	}
}

var multiply = must(model.New(network(), map[string]model.Layer{"x": {Weight: quantized}}))

// file returns the bytes of a file that is a model.
var file = func() []byte {
	var b bytes.Buffer
	if err := multiply.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// build makes the float graph of x·w.
func build(batch int) (exprgraph.Graph, error) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 4), gorgonia.WithName("x"))
	w := gorgonia.NodeFromAny(g, weight, gorgonia.WithName("w"))
	y, err := gorgonia.Mul(x, w)
	return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, err
}

var weight = dense(floats(12), 4, 3)

// file returns an open file, which closes with the setting.
func (s *setting) file() *qtensor.File {
	f := must(qtensor.Read(bytes.NewReader(file), int64(len(file))))
	s.open = append(s.open, f)
	return f
}
