package exprgraph_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/exprgraph"
)

// mistaken are operations that could be taken for one another.
var mistaken = map[string]string{
	"add": "sub", "sub": "add", "mul": "add", "min": "max", "max": "min", "gt": "lt", "lt": "gt", "tanh": "sigmoid", "sigmoid": "tanh",
	"relu": "abs", "abs": "relu", "neg": "abs", "mean": "largest", "largest": "mean", "softmax": "log softmax", "square": "cube",
}

// faulty returns a network with one fault: another sign of one element of a weight, or a mistaken operation.
func (n *randomNet) faulty(rng *rand.Rand) (*randomNet, bool) {
	var faults []func(v *randomValue)
	var of []int
	for i := range n.values {
		v := &n.values[i]
		if other, ok := mistaken[v.op]; ok {
			faults, of = append(faults, func(v *randomValue) { v.op = other }), append(of, i)
		}
		if v.op == "weight" {
			at := 1 + rng.IntN(total(v.shape))
			faults, of = append(faults, func(v *randomValue) { v.fault = at }), append(of, i)
		}
	}
	if len(faults) == 0 {
		return nil, false
	}
	m, k := *n, rng.IntN(len(faults))
	m.values, m.weights = slices.Clone(n.values), maps.Clone(n.weights)
	delete(m.weights, of[k])
	faults[k](&m.values[of[k]])
	return &m, true
}

// apart reports whether the outputs of two networks are so far apart that no rounding explains it.
func (n *randomNet) apart(m *randomNet, batch int) bool {
	others := m.interpret(batch)
	for k, y := range n.interpret(batch) {
		largest := 0.0
		for _, x := range y.x {
			largest = max(largest, math.Abs(x.v))
		}
		for i, x := range y.x {
			other := others[k].x[i]
			if d := math.Abs(x.v - other.v); d > 1e-3*largest && d > 1000*(x.e+other.e) && d < math.MaxFloat32 {
				return true
			}
		}
	}
	return false
}

// TestRandomFaults: a model with one fault is never taken for what Gorgonia computes, whatever cancels.
func TestRandomFaults(t *testing.T) {
	first, count := randomSeeds(t)
	caught := 0
	for seed := first; seed < first+count; seed++ {
		n := drawNetwork(seed, false)
		batch := 1 + int(seed%3)
		m, ok := n.faulty(rand.New(rand.NewPCG(seed, 15)))
		if !ok || !n.apart(m, batch) {
			continue
		}
		calls := 0
		build := func(batch int) (exprgraph.Graph, error) {
			if calls++; calls <= 2 { // which are read
				return m.build(batch)
			}
			return n.build(batch)
		}
		_, r, err := exprgraph.ReadBuild(context.Background(), build, exprgraph.WithSample(n.sample(batch)))
		switch {
		case errors.Is(err, exprgraph.ErrMismatch):
			caught++
		case err == nil && r.NotCompared == "":
			t.Errorf("read\n%v\nfor a sample of %d, Gorgonia ran\n%v\n%v", m, batch, n, r)
		}
	}
	t.Logf("%d faults caught", caught)
	if caught < int(count)/4 {
		t.Errorf("got %d faults caught of %d networks, want a quarter", caught, count)
	}
}
