package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"euryale/bench/peers/duel"
	"euryale/internal/kernel"
	"euryale/model"

	"gorgonia.org/tensor"
)

// runNetwork returns the contender of a model of ours.
func runNetwork(name string, l network, m *model.Model) (duel.Contender, error) {
	in := l.Inputs(l.Images)
	shares, err := profile(m, in)
	if err != nil {
		return duel.Contender{}, err
	}
	var out map[string]tensor.Tensor
	return duel.Contender{
		Name: name, Kernel: kernel.Current().Tier.String() + ": " + shares, Aside: true,
		Run: func() (err error) {
			out, err = m.Run(context.Background(), in)
			return err
		},
		Output: func() []float32 { return out[l.Output()].Data().([]float32) },
	}, nil
}

// profile returns what share of the time each node takes, over some runs behind one that does not count.
func profile(m *model.Model, in map[string]tensor.Tensor) (string, error) {
	const runs = 50
	var total time.Duration
	var nodes []string
	took := map[string]time.Duration{}
	for run := range runs + 1 {
		list, err := m.Time(context.Background(), in)
		if err != nil {
			return "", err
		}
		nodes = nodes[:0]
		for _, t := range list {
			nodes = append(nodes, t.Node)
			if run > 0 {
				took[t.Node] += t.Took
				total += t.Took
			}
		}
	}
	var shares []string
	for _, node := range nodes {
		if share := 100 * took[node].Seconds() / total.Seconds(); share >= 1 {
			shares = append(shares, fmt.Sprintf("%s %.0f%%", node, share))
		}
	}
	return strings.Join(shares, ", "), nil
}

// oursNetwork has static int8 in every layer, and quantizes the inputs of sums and averages.
func oursNetwork(l network, _ int) (duel.Contender, error) {
	m, err := l.Static(nil)
	if err != nil {
		return duel.Contender{}, err
	}
	return runNetwork("ours", l, m)
}

func oursFloatNetwork(l network, _ int) (duel.Contender, error) {
	m, err := l.Float()
	if err != nil {
		return duel.Contender{}, err
	}
	return runNetwork("ours f32", l, m)
}
