package ptq

import (
	"context"
	"math"
	"slices"

	"euryale/internal/ir"
	"euryale/model"
)

// FoldBatchNormalization is the Pass that folds a BatchNormalization into the layer before it, for each
// output of the layer:
//
//	w' = w·f and b' = (b − mean)·f + bias, with f = scale/√(variance + ε)
//
// It computes in float64 and rounds w' and b' to float32. A weight that was quantized in training keeps its
// quantized values; f multiplies its scales.
//
// The layer is a Conv or Gemm with a constant weight, whose result nothing else reads. A BatchNormalization
// after anything else stays, and so does one whose parameters are computed or not finite, or whose layer has
// a weight that was quantized in training in groups along another axis.
type FoldBatchNormalization struct{}

// Apply returns m where there is nothing to fold. Errors: those of model.Model.Network and model.New.
func (FoldBatchNormalization) Apply(_ context.Context, m *model.Model) (*model.Model, error) {
	g, err := m.Network()
	if err != nil {
		return nil, err
	}
	net := indexed(g)
	f := folder{from: net.Index, at: map[string]int{}, constants: g.Constants, taken: net.taken()}
	for i := range g.Nodes {
		f.add(&g.Nodes[i])
	}
	if len(f.nodes) == len(g.Nodes) {
		return m, nil
	}
	g.Nodes = f.nodes
	return model.New(g, nil)
}

// folder makes the nodes and constants of a network in which normalizations are folded.
type folder struct {
	from      *ir.Index
	nodes     []ir.Node
	at        map[string]int // of a value: the node that gives it
	constants map[string]*ir.Constant
	taken     map[string]bool // names
}

// add adds a node, or folds it into one that is there.
func (f *folder) add(n *ir.Node) {
	if n.Op == ir.OpBatchNormalization && f.fold(n) {
		return
	}
	f.at[n.Output] = len(f.nodes)
	f.nodes = append(f.nodes, *n)
}

// fold folds a BatchNormalization into the layer that gives what it reads, and reports whether it could.
func (f *folder) fold(n *ir.Node) bool {
	x := n.Inputs[0]
	at, ok := f.at[x]
	if !ok || f.from.OnlyConsumer(x) != n {
		return false
	}
	layer := &f.nodes[at]
	weight := f.constants[layer.Weight()]
	if layer.Op != ir.OpConv && layer.Op != ir.OpGemm || weight == nil {
		return false
	}
	norm, ok := f.affine(n)
	if !ok {
		return false
	}
	bias := make([]float64, len(norm.factor))
	if len(layer.Inputs) == 3 {
		c := f.constants[layer.Inputs[2]]
		if c == nil || c.Trained != nil {
			return false
		}
		for i, v := range c.Data {
			bias[i] = float64(v)
		}
	}
	weight, ok = ir.Scaled(weight, norm.factor, layer.ChannelAxis())
	if !ok {
		return false
	}
	folded := &ir.Constant{Shape: []int{len(bias)}, Data: make([]float32, len(bias))}
	for i, b := range bias {
		folded.Data[i] = float32(float64((b-norm.mean[i])*norm.factor[i]) + norm.bias[i])
	}
	layer.Inputs = []string{layer.Inputs[0], f.constant(layer.Weight(), weight), f.constant(n.Inputs[2], folded)}
	delete(f.at, x)
	layer.Output, f.at[n.Output] = n.Output, at
	return true
}

// constant adds a constant with about the name, and returns its own.
func (f *folder) constant(name string, c *ir.Constant) string {
	for f.taken[name] {
		name += "~folded"
	}
	f.taken[name], f.constants[name] = true, c
	return name
}

// affine is a normalization: (x − mean)·factor + bias for each channel.
type affine struct{ mean, factor, bias []float64 }

// affine returns what a BatchNormalization does, if its parameters are finite constants.
func (f *folder) affine(n *ir.Node) (a affine, ok bool) {
	var list [4][]float32 // scale, bias, mean and variance
	for i := range list {
		c := f.constants[n.Inputs[1+i]]
		if c == nil || c.Trained != nil {
			return a, false
		}
		list[i] = c.Data
	}
	epsilon := float64(ir.Epsilon(n))
	for i := range list[0] {
		factor := float64(list[0][i]) / math.Sqrt(float64(list[3][i])+epsilon)
		a.mean, a.factor, a.bias = append(a.mean, float64(list[2][i])), append(a.factor, factor), append(a.bias, float64(list[1][i]))
	}
	finite := func(x float64) bool { return x-x == 0 }
	for _, x := range slices.Concat(a.mean, a.factor, a.bias) {
		if !finite(x) {
			return a, false
		}
	}
	return a, true
}
