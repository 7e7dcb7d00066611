package model

import (
	"math"
	"runtime"
	"slices"
	"time"

	"euryale/internal/gemm"
)

// A batch is split where threads are better off with samples of their own than with parts of each layer: every one then goes through
// the whole network, waits for the others once and keeps what lies between layers in its own caches.

const (
	worthSplitting = 50 * time.Microsecond // of work for a thread
	mostOfPart     = 5 * time.Millisecond  // likewise: then it looks whether anybody still waits, and its memory is bounded
	// maxSplitWeights is the most bytes of weights that each thread may read for itself: what a second-level cache holds.
	maxSplitWeights = 1 << 20
)

// parts returns in how many parts a run of a batch is split.
func (m *Model) parts(batch int) int {
	if m.sample == (work{}) {
		return 1
	}
	seconds := float64(batch) * m.sample.seconds()
	threads := max(1, int(min(float64(runtime.GOMAXPROCS(0)), float64(batch), seconds/worthSplitting.Seconds())))
	return min(batch, threads*int(max(1, math.Ceil(seconds/float64(threads)/mostOfPart.Seconds()))))
}

// split computes the outputs for parts of a batch. An error is that of a part.
func (e *execution) split(x [][]float32, parts int) error {
	m, batch := e.m, e.batch
	errs := make([]error, parts)
	gemm.Share(parts, time.Duration(parts)*worthSplitting, func(i int) {
		first, end := int(int64(i)*int64(batch)/int64(parts)), int(int64(i+1)*int64(batch)/int64(parts))
		errs[i] = e.pass(m.cut(m.inputs, x, first, end), end-first, m.cut(m.outputs, e.y, first, end), true)
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

// workOfSample returns what a sample takes by itself. It is zero for a network that is not split: whose
// samples have to be together, whose float32 results depend on how many there are, or whose weights are too
// big.
func (m *Model) workOfSample() (total work) {
	first := func(id int) bool { // the batch is the first axis
		s := m.values[id].size
		return s.perBatch() && s[0] < 0
	}
	for _, id := range slices.Concat(m.inputs, m.outputs) {
		if !first(id) {
			return work{}
		}
	}
	weights := int64(0)
	for _, s := range m.steps {
		out := m.values[s.out].size
		total.elements += float64(out.elements())
		if s.layer == nil && !slices.ContainsFunc(s.in, func(id int) bool { return m.values[id].size.perBatch() }) {
			continue // the same for every part
		}
		if !first(s.out) || slices.ContainsFunc(s.in, func(id int) bool { return m.values[id].size.perBatch() && !first(id) }) {
			return work{}
		}
		switch {
		case s.layer != nil:
			total.products += float64(float64(out.elements()) * float64(s.depth))
			weights += s.weights
		case s.call != nil || slices.Contains([]string{"Gemm", "MatMul", "Conv"}, s.node.Op):
			return work{}
		case slices.Contains(s.op.attributes, "axis"):
			if s.node.axis == 0 {
				return work{}
			}
		}
	}
	if total.products == 0 || weights > maxSplitWeights {
		return work{}
	}
	return total
}
