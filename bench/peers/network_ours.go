package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"euryale/bench/peers/duel"
	"euryale/internal/ir"
	"euryale/internal/kernel"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// runNetwork returns the contender of a model of ours.
func runNetwork(name string, l *network, g *ir.Network, layers map[string]model.Layer) (duel.Contender, error) {
	m, err := model.New(g, layers)
	if err != nil {
		return duel.Contender{}, err
	}
	in := l.inputs()
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
		Output: func() []float32 { return out[l.output()].Data().([]float32) },
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
func oursNetwork(l *network, _ int) (duel.Contender, error) {
	layers := map[string]model.Layer{}
	for name, w := range l.layers {
		values := tensor.New(tensor.WithShape(w.shape...), tensor.WithBacking(slices.Clone(w.q)))
		q, err := qtensor.FromCodes(values, qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 0), Scales: w.scales})
		if err != nil {
			return duel.Contender{}, err
		}
		layers[name] = model.Layer{Weight: q, Activations: model.StaticInt8, Params: l.ranges[w.in]}
	}
	g := *l.graph
	g.Nodes = nil
	made := map[string]bool{}
	for _, n := range l.graph.Nodes {
		if l.rounds(n) && l.layers[n.Name] == nil {
			n.Inputs = slices.Clone(n.Inputs)
			for i, v := range n.Inputs {
				p := l.ranges[v]
				n.Inputs[i] = v + ".quantized"
				if !made[v] {
					made[v] = true
					g.Nodes = append(g.Nodes, ir.Node{
						Op: "FakeQuantize", Name: v + ".quantized", Inputs: []string{v},
						Output: v + ".quantized", Scale: p.Scales[0], ZeroPoint: p.ZeroPoints[0], QuantMax: 255,
					})
				}
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
	return runNetwork("ours", l, &g, layers)
}

func oursFloatNetwork(l *network, _ int) (duel.Contender, error) {
	return runNetwork("ours f32", l, l.graph, nil)
}
