package ptq_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// batched is x·w for x of some axes behind the batch, and w of in and out.
type batched struct {
	lead    []int // axes between the batch and in
	in, out int
	transB  bool
	relu    bool
	sum     bool // of the product and a vector: what is no part of the layer
}

func (b batched) String() string {
	return fmt.Sprintf("(b, %v, %d)·(%d, %d) transB %t, ReLU %t, sum %t", b.lead, b.in, b.in, b.out, b.transB, b.relu, b.sum)
}

// build makes the graph of batches of products with a weight that is repeated, or of one product with it.
func (b batched) build(batch int, flat bool) exprgraph.Graph {
	z := newZoo(tensor.Float32, batch, map[string]*tensor.Dense{})
	x := z.Input("x", append(slices.Clone(b.lead), b.in)...)
	rows, shape := tensor.Shape(b.lead).TotalSize()*batch, append(append(tensor.Shape{batch}, b.lead...), b.out)
	w := draw(tensor.Float32, 1, 1.4/6, b.in, b.out)
	relu := func(y node) node {
		if b.relu {
			return must(gorgonia.Rectify(y))
		}
		return y
	}
	var y node
	if flat {
		z.Values["w"] = w
		y = must(gorgonia.Mul(must(gorgonia.Reshape(x, tensor.Shape{rows, b.in})), z.Value("w", 6, b.in, b.out)))
		y = must(gorgonia.Reshape(relu(y), shape))
	} else {
		if b.transB {
			if err := errors.Join(w.T(), w.Transpose()); err != nil {
				panic(err)
			}
		}
		one, axes := slices.Clone(w.Shape()), []byte{}
		for i := range b.lead {
			one, axes = append(tensor.Shape{1}, one...), append(axes, byte(i))
		}
		if err := w.Reshape(one...); err != nil {
			panic(err)
		}
		z.Values["w"] = w
		x, repeated, err := gorgonia.Broadcast(x, z.Value("w", 6, one...), gorgonia.NewBroadcastPattern(nil, axes))
		y = relu(must(gorgonia.BatchedMatMul(x, must(repeated, err), false, b.transB)))
	}
	if b.sum {
		y = must(gorgonia.Add(y, y))
	}
	return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}
}

func (b batched) quantize(t *testing.T, flat bool, cfg ptq.Config) (*model.Model, report) {
	t.Helper()
	samples := func(yield func(ptq.Sample, error) bool) {
		for seed := range uint64(2) {
			shape := append(append([]int{int(seed) + 2}, b.lead...), b.in)
			if !yield(ptq.Sample{"x": draw(tensor.Float32, seed, 1, shape...)}, nil) {
				return
			}
		}
	}
	m, r, err := quantizeBuild(t.Context(), func(batch int) (exprgraph.Graph, error) { return b.build(batch, flat), nil }, samples, cfg)
	if err != nil {
		t.Fatalf("%v: %v", b, err)
	}
	return m, r
}

// TestBatchedProduct has batches of products with one constant be a layer that gives the bits of the one
// product that they are.
func TestBatchedProduct(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	int4, half, uniform := qtensor.Int4().PerGroup(0, 4), qtensor.BFloat16(), qtensor.Uniform(8)
	cases := 0
	for _, lead := range [][]int{{3}, {1}, {2, 3}, {3, 1, 2}} {
		for _, size := range [][2]int{{8, 5}, {16, 33}, {1, 1}, {7, 1}, {1, 9}} {
			for how := range 8 {
				b := batched{lead, size[0], size[1], how&1 > 0, how&2 > 0, how&4 > 0}
				for _, activations := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
					scheme := []*qtensor.Scheme{nil, &int4, &half, &uniform}[cases%4]
					if scheme == &half && activations != model.Fixed24 {
						scheme = nil
					}
					cfg := ptq.Config{Activations: activations, Weights: scheme, KeepBiases: true} // a MatMul has none
					got, r := b.quantize(t, false, cfg)
					want, flat := b.quantize(t, true, cfg)
					x := draw(tensor.Float32, 9, 1, append(append([]int{4}, lead...), b.in)...)
					cases++
					l, other := r.Layers[0], flat.Layers[0]
					if len(r.Layers) != 1 || l.Name != "w" || l.Op != "MatMul" || !l.Quantized || l.Activations != activations ||
						l.Weights != other.Weights || l.OutputSQNR != other.OutputSQNR || l.Clipped != other.Clipped {
						t.Fatalf("%v, %v: got layers %+v, want %+v", b, cfg, r.Layers, flat.Layers)
					}
					y := output(t, got, x)
					if !slices.Equal(y, output(t, want, x)) {
						t.Fatalf("%v, %v: got %v, want %v", b, cfg, y, output(t, want, x))
					}
					if !slices.Equal(output(t, reloaded(t, got), x), y) {
						t.Errorf("%v, %v: a file gives other bits", b, cfg)
					}
					var kept []string
					if b.sum {
						kept = []string{"Add Add_1"}
					}
					if !slices.Equal(r.Kept, kept) {
						t.Errorf("%v, %v: kept %q, want %q", b, cfg, r.Kept, kept)
					}
				}
			}
		}
	}
	t.Logf("%d networks", cases)
}
