package model

import (
	"math"
	"runtime"
	"slices"
	"time"

	"euryale/internal/gemm"
)

// A batch is split into tasks, each some samples, where that is faster than sharing the tiles of every layer:
// a thread then goes through the whole network, waits for the others once, and keeps activations in its own
// caches. On one thread, too, samples are taken as many at a time as the second cache holds the values of.

const (
	worthSplitting = 50 * time.Microsecond // of work for a thread
	maxTask        = 5 * time.Millisecond  // likewise; bounds memory, and the time to see the context's end
	taskBytes      = 1 << 20               // of the values of a task
	// maxSplitWeights bounds the bytes of weights that each thread reads for itself: the size of a
	// second-level cache.
	maxSplitWeights = 1 << 20
)

// tasks returns the number of tasks of a run of a batch.
func (p *plan) tasks(batch int) int {
	if p.sample == (work{}) {
		return 1
	}
	seconds := float64(batch) * p.sample.seconds()
	most := seconds / worthSplitting.Seconds()
	threads := max(1, int(min(float64(runtime.GOMAXPROCS(0)), float64(batch), most)))
	each := max(seconds/maxTask.Seconds(), min(most, float64(batch)*p.sampleBytes/taskBytes)) / float64(threads)
	return min(batch, threads*int(max(1, math.Ceil(each))))
}

// bytesOfSample returns the bytes of the values between nodes of a sample.
func (p *plan) bytesOfSample() (bytes float64) {
	for _, b := range p.buffers {
		size := 4.0
		if b.quantized {
			size = 1
		}
		bytes += float64(size * float64(b.perBatch))
	}
	return bytes
}

// split computes the outputs of a batch in tasks. An error is that of a task.
func (e *execution) split(x [][]float32, tasks int) error {
	p, batch := e.p, e.batch
	errs := make([]error, tasks)
	gemm.Share(tasks, time.Duration(tasks)*worthSplitting, func(i int) {
		first, end := int(int64(i)*int64(batch)/int64(tasks)), int(int64(i+1)*int64(batch)/int64(tasks))
		errs[i] = e.pass(p.cut(p.inputs, x, first, end), end-first, p.cut(p.outputs, e.y, first, end), true)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cut returns the slices of values, x, that samples from first up to end have.
func (p *plan) cut(ids []int, x [][]float32, first, end int) [][]float32 {
	x = slices.Clone(x)
	for i, id := range ids {
		each := p.values[id].size.Elements()
		x[i] = x[i][first*each : end*each]
	}
	return x
}

// workOfSample returns the work on a sample by itself. It is zero for a network that is not split: one that
// combines samples, has code of its own, or whose weights are too large.
func (p *plan) workOfSample() (total work) {
	first := func(id int) bool { // the batch is the first axis
		s := p.values[id].size
		return s.PerBatch() && s[0] < 0
	}
	for _, id := range slices.Concat(p.inputs, p.outputs) {
		if !first(id) {
			return work{}
		}
	}
	weights := int64(0)
	for _, s := range p.steps {
		out := p.values[s.out].size
		if p.values[s.out].unread {
			continue
		}
		total.elements += float64(out.Elements())
		if s.layer == nil && !slices.ContainsFunc(s.in, func(id int) bool { return p.values[id].size.PerBatch() }) {
			continue // the same for every task
		}
		if !first(s.out) || slices.ContainsFunc(s.in, func(id int) bool { return p.values[id].size.PerBatch() && !first(id) }) {
			return work{}
		}
		switch {
		case s.layer != nil:
			total.products += float64(float64(out.Elements()) * float64(s.depth))
			weights += s.weights
		case s.float != nil:
			total.chains += float64(float64(out.Elements()) * float64(s.depth))
			weights += s.weights
		case s.node.Foreign != nil || s.op.layer != nil:
			return work{}
		case s.node.Along(0):
			return work{}
		}
	}
	if total.products+total.chains == 0 || weights > maxSplitWeights {
		return work{}
	}
	return total
}
