package model

import (
	"math"
	"runtime"
	"slices"
	"time"

	"euryale/internal/gemm"
	"euryale/internal/ir"
)

// A batch is split into tasks, each some samples, where that is faster than sharing the tiles of every layer:
// a thread then goes through the whole network, waits for the others once, and keeps activations in its own
// caches.

const (
	worthSplitting = 50 * time.Microsecond // of work for a thread
	maxTask        = 5 * time.Millisecond  // likewise; bounds memory, and the time to see the context's end
	// maxSplitWeights bounds the bytes of weights that each thread reads for itself: the size of a
	// second-level cache.
	maxSplitWeights = 1 << 20
)

// tasks returns the number of tasks of a run of a batch.
func (m *Model) tasks(batch int) int {
	if m.sample == (work{}) {
		return 1
	}
	seconds := float64(batch) * m.sample.seconds()
	threads := max(1, int(min(float64(runtime.GOMAXPROCS(0)), float64(batch), seconds/worthSplitting.Seconds())))
	return min(batch, threads*int(max(1, math.Ceil(seconds/float64(threads)/maxTask.Seconds()))))
}

// split computes the outputs of a batch in tasks. An error is that of a task.
func (e *execution) split(x [][]float32, tasks int) error {
	m, batch := e.m, e.batch
	errs := make([]error, tasks)
	gemm.Share(tasks, time.Duration(tasks)*worthSplitting, func(i int) {
		first, end := int(int64(i)*int64(batch)/int64(tasks)), int(int64(i+1)*int64(batch)/int64(tasks))
		errs[i] = e.pass(m.cut(m.inputs, x, first, end), end-first, m.cut(m.outputs, e.y, first, end), true)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cut returns the slices of values, x, that samples from first up to end have.
func (m *Model) cut(ids []int, x [][]float32, first, end int) [][]float32 {
	x = slices.Clone(x)
	for i, id := range ids {
		each := m.values[id].size.elements()
		x[i] = x[i][first*each : end*each]
	}
	return x
}

// workOfSample returns the work on a sample by itself. It is zero for a network that is not split: one that
// combines samples, whose float32 results depend on the batch, or whose weights are too large.
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
			continue // the same for every task
		}
		if !first(s.out) || slices.ContainsFunc(s.in, func(id int) bool { return m.values[id].size.perBatch() && !first(id) }) {
			return work{}
		}
		switch {
		case s.layer != nil:
			total.products += float64(float64(out.elements()) * float64(s.depth))
			weights += s.weights
		case s.call != nil || slices.Contains([]string{ir.OpGemm, ir.OpMatMul, ir.OpConv}, s.node.Op):
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
