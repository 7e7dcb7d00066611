package model

import (
	"context"
	"runtime"
	"slices"
	"time"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
)

// A batch is split where threads are better off with samples of their own than with parts of each layer: every one then goes through
// the whole network, waits for the others once and keeps what lies between layers in its own caches.

const (
	worthSplitting = 50 * time.Microsecond // of work for a thread
	// maxSplitWeights is the most bytes of weights that each thread may read for itself: what a second-level cache holds.
	maxSplitWeights = 1 << 20
)

// parts returns in how many parts a run of a batch is split.
func (m *Model) parts(batch int) int {
	if m.sample == (sampleWork{}) {
		return 1
	}
	set := kernel.Current()
	seconds := float64(batch) * (m.sample.products/set.Rate + m.sample.numbers/set.QuantizeRate)
	return int(max(1, min(float64(runtime.GOMAXPROCS(0)), float64(batch), seconds/worthSplitting.Seconds())))
}

// split computes the outputs y for parts of a batch. An error is that of a part.
func (m *Model) split(ctx context.Context, x [][]float32, batch, parts int, y [][]float32) error {
	errs := make([]error, parts)
	gemm.Share(parts, time.Duration(parts)*worthSplitting, func(i int) {
		first, end := i*batch/parts, (i+1)*batch/parts
		errs[i] = m.pass(ctx, m.cut(m.inputs, x, first, end), end-first, watch{}, m.cut(m.outputs, y, first, end), true)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cut returns what some samples of a batch have of values.
func (m *Model) cut(ids []int, x [][]float32, first, end int) [][]float32 {
	x = slices.Clone(x)
	for i, id := range ids {
		each := m.values[id].size.elements()
		x[i] = x[i][first*each : end*each]
	}
	return x
}

// sampleWork is what a sample takes by itself: products of layers, and other numbers. It is zero for a network that is not split: whose
// samples have to be together, whose float32 results depend on how many there are, or whose weights are too big.
type sampleWork struct{ products, numbers float64 }

// workOfSample returns what a sample takes by itself.
func (m *Model) workOfSample() (work sampleWork) {
	first := func(id int) bool { // the batch is the first axis
		s := m.values[id].size
		return s.perBatch() && s[0] < 0
	}
	for _, id := range slices.Concat(m.inputs, m.outputs) {
		if !first(id) {
			return sampleWork{}
		}
	}
	weights := int64(0)
	for _, s := range m.steps {
		out := m.values[s.out].size
		work.numbers += float64(out.elements())
		if s.layer == nil && !slices.ContainsFunc(s.in, func(id int) bool { return m.values[id].size.perBatch() }) {
			continue // the same for every part
		}
		if !first(s.out) || slices.ContainsFunc(s.in, func(id int) bool { return m.values[id].size.perBatch() && !first(id) }) {
			return sampleWork{}
		}
		switch {
		case s.layer != nil:
			work.products += float64(float64(out.elements()) * float64(s.depth))
			weights += s.weights
		case s.call != nil || slices.Contains([]string{"Gemm", "MatMul", "Conv"}, s.node.Op):
			return sampleWork{}
		case slices.Contains(s.op.attributes, "axis"):
			if s.node.axis == 0 {
				return sampleWork{}
			}
		}
	}
	if work.products == 0 || weights > maxSplitWeights {
		return sampleWork{}
	}
	return work
}
