package exprgraph

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// random is a network of a dozen steps that a seed chooses, on matrices of samples by features and of
// features by samples.
func random(seed uint64) func(*zoo) Graph {
	return func(z *zoo) Graph {
		rng := rand.New(rand.NewPCG(seed, 2))
		x := z.input("x", z.batch, 4)
		h, samples := x, 0 // the axis of the samples
		for i := range 12 {
			name := fmt.Sprint("step", i)
			features := h.Shape()[1-samples]
			before, axis, residual := h, samples, rng.IntN(3) == 0
			switch rng.IntN(12) {
			case 0, 1:
				out := 2 + rng.IntN(5)
				if samples == 0 {
					h = must(gorgonia.Mul(h, z.weight(name, features, out)))
				} else {
					h = must(gorgonia.Mul(z.weight(name, out, features), h))
				}
			case 2, 3:
				h = must(gorgonia.BroadcastAdd(h, z.weight(name, features), nil, []byte{byte(samples)}))
			case 4:
				shape := []int{1, features}
				if samples == 1 {
					shape = []int{features, 1}
				}
				h = must(gorgonia.BroadcastSub(z.weight(name, shape...), h, []byte{byte(samples)}, nil))
			case 5, 6:
				h, samples = must(gorgonia.Transpose(h, 1, 0)), 1-samples
			case 7:
				h = must(gorgonia.Rectify(h))
			case 8:
				h = must(gorgonia.Tanh(h))
			case 9:
				h = must(gorgonia.SoftMax(h, 1-samples))
			case 10:
				h = must(gorgonia.Add(h, z.scalar(0.5)))
			case 11:
				if samples == 0 {
					h = z.norm(h, name)
				}
			}
			if residual && samples == axis && h.Shape()[1-axis] == features {
				h = must(gorgonia.Add(before, must(gorgonia.Tanh(h))))
			}
		}
		return source(x, must(gorgonia.Tanh(h)))
	}
}

func TestReadRandomNetworks(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			z := zoo{dt: tensor.Float64, weights: map[string]*tensor.Dense{}}
			net := random(seed)
			n, err := readNetwork(z.build(net))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, &z, net, n.read, 5)
			compare(t, &z, net, n.folded, 5)
		})
	}
}
