package main

import (
	"context"
	"fmt"
	"slices"

	"euryale/bench/internal/workload"
	"euryale/internal/zoo"
	"euryale/model"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// agree is the least SQNR of Gorgonia's outputs against the float model's, in dB: with less, the two that race
// would not compute the same.
const agree = 60

// machine is Gorgonia's way to run a graph, in evaluation.
type machine struct {
	*net
	vm  gorgonia.VM
	out []gorgonia.Value
}

func newMachine(n *net) *machine {
	m := &machine{net: n, out: make([]gorgonia.Value, len(n.outputs))}
	for i, y := range n.outputs {
		gorgonia.Read(y, &m.out[i])
	}
	m.vm = gorgonia.NewTapeMachine(n.Graph, gorgonia.EvalMode())
	return m
}

func (m *machine) run(inputs []*tensor.Dense) error {
	defer m.vm.Reset()
	if err := give(m.Inputs, inputs); err != nil {
		return err
	}
	return m.vm.RunAll()
}

// race returns how many times as long as the model's runs those of Gorgonia take, at a batch size.
func (x *examined) race(ctx context.Context, m *model.Model, v values, batch int, o options) (float64, error) {
	n, err := x.graph(batch, v)
	if err != nil {
		return 0, err
	}
	float := newMachine(n)
	defer float.vm.Close()
	inputs := slices.Clone(x.sample.inputs)
	if batch == 1 {
		inputs = first(inputs)
	}
	for i, in := range inputs { // once, and not in each run
		inputs[i] = converted(n.Inputs[i].Dtype(), in)
	}
	if err := float.run(inputs); err != nil {
		return 0, fmt.Errorf("in Gorgonia, at batch %d: %w", batch, err)
	}
	for i, y := range float.out {
		got := zoo.Float64s(y)
		if db := decibels(x.want[i][:len(got)], got); !(db >= agree) {
			return 0, fmt.Errorf("in Gorgonia, at batch %d: output %d is %.1f dB from the float model's, want %d or more", batch, i, db, agree)
		}
	}
	by := named(m, inputs)
	ours := func() error {
		_, err := m.Run(ctx, by)
		return err
	}
	return times(ctx, func() error { return float.run(inputs) }, ours, o)
}

// times returns the median, over turns of one and the other, of how many times as long the first takes. Both
// have run before.
func times(ctx context.Context, slow, fast func() error, o options) (float64, error) {
	ratios := make([]float64, o.repeats)
	for i := range ratios {
		var seconds [2]float64
		for j, run := range []func() error{slow, fast} {
			var err error
			if _, seconds[j], err = workload.Burst(ctx, run, o.turn); err != nil {
				return 0, err
			}
		}
		ratios[i] = seconds[0] / seconds[1]
	}
	return workload.Median(ratios), nil
}
