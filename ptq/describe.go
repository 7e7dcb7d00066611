package ptq

import (
	"fmt"
	"maps"
	"slices"

	"euryale/calib"
	"euryale/internal/dense"
	"euryale/internal/ir"
)

// newReport returns what became of a network; plain is whether weights were rounded to nearest.
func newReport(net *network, p *plan, b *built, seen collected, e evaluation, biases corrections, plain bool) (*Report, error) {
	r := &Report{Samples: e.samples, Profile: seen.profile}
	for _, l := range p.layers {
		of, err := l.report(b, seen.profile)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		of.OutputSQNR = e.results[l.result]
		of.BiasShift, of.BiasReason = biases.layers[l.Name].report()
		r.Layers = append(r.Layers, of)
		r.Warnings = append(r.Warnings, evidence{of, l, e.samplesOf(l.input(), seen.profile), plain}.warnings()...)
	}
	for _, o := range net.Outputs {
		of := OutputReport{o.Name, e.outputs[o.Name]}
		r.Outputs = append(r.Outputs, of)
		r.Warnings = append(r.Warnings, warningsOf(WarnOutput, of.Name, of.SQNR)...)
	}
	r.Kept, r.OnQuantized = b.others(net, p)
	return r, nil
}

// report returns what became of a product, less what its result has lost.
func (l layerPlan) report(b *built, seen *calib.Profile) (LayerReport, error) {
	r := LayerReport{Name: l.Name, Op: l.Op, Reason: l.reason}
	if l.weight != nil {
		r.FloatBytes, r.Bytes = 4*len(l.weight.Data), 4*len(l.weight.Data)
	}
	if !l.layer() {
		return r, nil
	}
	q := b.layers[l.Name].Weight
	cost, err := q.Compare(dense.New(l.weight.Data, l.weight.Shape))
	if err != nil {
		return r, err
	}
	r.Quantized, r.Weights, r.WeightSQNR, r.Bytes = true, q.Scheme().String(), cost.SQNR, q.Bytes()
	if l.embedding() {
		return r, nil
	}
	h, err := seen.Histogram(l.input())
	if err != nil {
		return r, err
	}
	r.Activations, r.Low, r.High = l.activations, h.Min(), h.Max()
	if l.params.Min != nil {
		r.Range, r.Clipped = l.estimator, outside(h, l.params.Min[0], l.params.Max[0])
	}
	return r, nil
}

// outside returns the fraction of what was observed that is in bins outside of [low, high]. The largest value
// is inside if it is high, and in a bin that begins there.
func outside(h *calib.Histogram, low, high float32) float64 {
	var count uint64
	above := high < h.Max()
	for b := range h.Bins() {
		if b.High <= float64(low) || above && b.Low >= float64(high) {
			count += b.Count
		}
	}
	return float64(count) / float64(h.Count())
}

// others returns what became of the nodes that are no products and no part of a layer: they are computed in
// float32, or on quantized activations.
func (b *built) others(net *network, p *plan) (kept, quantized []string) {
	product, weights := map[string]bool{}, map[string]bool{} // nodes, and constants that a layer has quantized
	for _, l := range p.layers {
		product[l.Name] = true
		weights[l.Weight()] = weights[l.Weight()] || l.layer()
	}
	on := b.onQuantized()
	for i := range net.Nodes {
		n := &net.Nodes[i]
		switch {
		case product[n.Name] || b.absorbed[n.Output] != "" || b.partOfLayer(net, n):
		case on[n.Name]:
			quantized = append(quantized, describe(n))
		default:
			kept = append(kept, describe(n))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(net.Constants)) {
		if net.Constants[name].Trained != nil && !weights[name] {
			kept = append(kept, ir.OpFakeQuantize+" "+name)
		}
	}
	return kept, quantized
}

// onQuantized returns the nodes that read nothing but quantized activations, and what is part of a function of
// one, by name.
func (b *built) onQuantized() map[string]bool {
	on, quantized := map[string]bool{}, setOf(b.model.QuantizedValues())
	of := ir.IndexOf(b.network).Functions()
	for _, n := range b.network.Nodes {
		on[n.Name] = quantized[of[n.Output]] || !slices.ContainsFunc(n.Inputs, func(v string) bool { return !quantized[v] })
	}
	return on
}

// partOfLayer reports whether a node is the Relu of a quantized layer that nothing else reads.
func (b *built) partOfLayer(net *network, n *ir.Node) bool {
	producer := net.Producer(n.Inputs[0])
	if n.Op != ir.OpRelu || producer == nil || producer.Op == ir.OpGather {
		return false
	}
	_, layer := b.layers[producer.Name]
	return layer && net.OnlyConsumer(producer.Output) == n
}

// describe returns a node as a Report has it.
func describe(n *ir.Node) string {
	if n.Foreign != nil {
		return fmt.Sprintf("%s %s (%v)", n.Op, n.Name, n.Foreign)
	}
	return n.Op + " " + n.Name
}
