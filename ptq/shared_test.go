package ptq_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"euryale/exprgraph"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sharing is a network of a dozen steps that a seed chooses, most of which give the memory of an earlier
// node, or read one late.
func sharing(z *zoo, seed uint64) node {
	rng := rand.New(rand.NewPCG(seed, 3))
	const width = 6
	made := []node{z.Input("x", width)}
	for i := range 12 {
		h := made[len(made)-1]
		other := made[rng.IntN(len(made))]
		switch rng.IntN(9) {
		case 0:
			h = must(gorgonia.Dropout(other, 0.5))
		case 1:
			h = must(gorgonia.Reshape(must(gorgonia.Reshape(other, tensor.Shape{z.Batch, 2, width / 2})),
				tensor.Shape{z.Batch, width}))
		case 2:
			h = must(gorgonia.Slice(other, nil, nil))
		case 3:
			h = must(gorgonia.Concat(1, other))
		case 4:
			h = must(gorgonia.Concat(1, must(gorgonia.Slice(h, nil, gorgonia.S(0, 2))),
				must(gorgonia.Slice(other, nil, gorgonia.S(2, width)))))
		case 5:
			h = z.Dense(h, fmt.Sprint("w", i), width, width)
		case 6:
			h = must(gorgonia.Rectify(h))
		case 7:
			h = must(gorgonia.Tanh(other))
		case 8:
			h = must(gorgonia.Add(h, z.Dense(must(gorgonia.Rectify(must(gorgonia.Dropout(other, 0.3)))),
				fmt.Sprint("v", i), width, width)))
		}
		made = append(made, h)
	}
	return must(gorgonia.Add(made[len(made)-1], must(gorgonia.Tanh(made[rng.IntN(len(made))]))))
}

// TestSharedMemory: no network whose nodes share memory is refused for what a TapeMachine would make of it.
func TestSharedMemory(t *testing.T) {
	cases, tried, refused, unmade := 1000, 0, 0, 0
	if testing.Short() {
		cases = 100
	}
	for seed := range uint64(cases) {
		dt := []tensor.Dtype{tensor.Float32, tensor.Float64}[seed%2]
		values := map[string]*tensor.Dense{}
		build := func(batch int) (exprgraph.Graph, error) {
			z := newZoo(dt, batch, values)
			y := sharing(z, seed)
			return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
		}
		samples := func(yield func(ptq.Sample, error) bool) { yield(ptq.Sample{"x": draw(dt, seed, 1, 4, 6)}, nil) }
		if _, err := graphOf(build); err != nil {
			unmade++
			continue
		}
		tried++
		_, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{AllowFloat: true})
		if err != nil || r.Read.NotCompared != "" {
			refused++
			t.Errorf("seed %d: error %v, or not verified: %v", seed, err, r)
		}
	}
	t.Logf("%d networks tried, %d refused, %d that Gorgonia cannot make", tried, refused, unmade)
}

// graphOf returns what build makes, with a panic as an error.
func graphOf(build exprgraph.Build) (g exprgraph.Graph, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(fmt.Sprint(r))
		}
	}()
	return build(3)
}
