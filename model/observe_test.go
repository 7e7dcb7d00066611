package model_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// given is a value as a function was called with it.
type given struct {
	name string
	x    []float32
}

// observed returns what is given for names; for all where names is nil.
func observed(t *testing.T, m *model.Model, in map[string]tensor.Tensor, names []string) (list []given) {
	t.Helper()
	add := func(name string, x []float32) error {
		list = append(list, given{name, slices.Clone(x)})
		return nil
	}
	err := m.Observe(context.Background(), in, add)
	if names != nil {
		list = nil
		err = m.ObserveNamed(context.Background(), in, names, add)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// checkNamed has each value by itself, and some of them, be what Observe gives.
func checkNamed(t *testing.T, network string, m *model.Model, in map[string]tensor.Tensor) {
	t.Helper()
	all := observed(t, m, in, nil)
	lists := [][]string{{}}
	for _, v := range all {
		lists = append(lists, []string{v.name})
	}
	r := rand.New(rand.NewPCG(1, uint64(len(all))))
	for range 10 {
		var some []string
		for _, v := range all {
			if r.IntN(3) == 0 {
				some = append(some, v.name)
			}
		}
		r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		lists = append(lists, append([]string{}, some...))
	}
	for _, names := range lists {
		want := slices.DeleteFunc(slices.Clone(all), func(v given) bool { return !slices.Contains(names, v.name) })
		same := func(a, b given) bool { return a.name == b.name && slices.Equal(a.x, b.x) }
		if got := observed(t, m, in, names); !slices.EqualFunc(got, want, same) {
			t.Errorf("%s: named %v: got %d values, want %d with the bits that Observe gives", network, names, len(got), len(want))
		}
	}
}

// TestObserveNamed observes some values of float networks and of those that keep values quantized.
func TestObserveNamed(t *testing.T) {
	for _, c := range networks {
		checkNamed(t, c.name, newModel(t, c.graph(), nil), batchOf(2, append([]int{4}, c.sample...)...))
	}
	for _, c := range slices.Concat(propagations, computed, tabled) {
		layers := quantized(t, c.graphOf("y"), batchOf(1, append([]int{16}, c.sample...)...), "static-int8")
		change(t, c, layers)
		m, in := newModel(t, c.graphOf("y"), layers), batchOf(3, append([]int{3}, c.sample...)...)
		before := run(t, m, in, "y")
		checkNamed(t, c.name, m, in)
		if after := run(t, m, in, "y"); !slices.Equal(before, after) {
			t.Errorf("%s: other bits after some values were observed", c.name)
		}
	}
}

// TestNamesOfObserveNamed has names that are given never, and one that is of nothing.
func TestNamesOfObserveNamed(t *testing.T) {
	g := mlp()
	m, in := newModel(t, g, quantized(t, g, batchOf(1, 8, 20), "fixed24")), batchOf(1, 2, 20)
	names := append(slices.Collect(maps.Keys(g.Constants)), g.Nodes[0].Output)
	if got := observed(t, m, in, names); len(got) > 0 {
		t.Errorf("got %v for constants and for what a Relu took, want nothing", got)
	}
	f := func(string, []float32) error { return nil }
	if err := m.ObserveNamed(context.Background(), in, []string{"x", "no value"}, f); !errors.Is(err, qtensor.ErrNotFound) {
		t.Errorf("a name of no value: got %v, want qtensor.ErrNotFound", err)
	}
	if err := m.ObserveNamed(context.Background(), in, nil, nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("no function: got %v, want qtensor.ErrParams", err)
	}
}
