package model

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"euryale/internal/gemm"
	"euryale/internal/ir"
)

// A kernel whose result has parts that do not depend on one another is shared between threads where it takes
// long. Parts are cut along the first axis of the result that is longer than one, so that each has its memory
// in one piece.

// partTime is about how long a part takes at least.
const partTime = 10 * time.Microsecond

// costs are about how many nanoseconds an element that is read or written takes, where it is not cheap.
var costs = map[string]float64{
	ir.OpMaxPool: 0.3, ir.OpAveragePool: 0.3, ir.OpGlobalAveragePool: 0.1, ir.OpSoftmax: 0.2, ir.OpLogSoftmax: 0.2,
	ir.OpExp: 0.1, ir.OpLog: 0.1, ir.OpSigmoid: 0.1, ir.OpTanh: 0.1, ir.OpSoftplus: 0.3,
	ir.OpSin: 5, ir.OpCos: 5, ir.OpPow: 5, ir.OpLog1p: 5, ir.OpExpm1: 5, ir.OpSparsemax: 5, ir.OpSign: 1, ir.OpFakeQuantize: 0.1,
}

// cheap is the cost of an element that a vector loads or stores.
const cheap = 0.03

// partAxis returns the axis along which the result of a step is cut, or −1 where parts along the first one
// that is longer than one need more than their part of the first operand.
func partAxis(n *ir.Resolved, shape []int) int {
	axis := slices.IndexFunc(shape, func(size int) bool { return size > 1 })
	switch n.Op {
	case ir.OpMaxPool, ir.OpAveragePool, ir.OpGlobalAveragePool:
		if axis < 2 {
			return axis
		}
	case ir.OpSoftmax, ir.OpLogSoftmax, ir.OpSparsemax:
		if axis != n.Axis {
			return axis
		}
	case ir.OpReduceSum, ir.OpReduceMax:
		if !slices.ContainsFunc(n.Axes, func(reduced int) bool { return reduced <= axis }) {
			return axis
		}
	case ir.OpBatchNormalization:
		if axis == 0 {
			return axis
		}
	default:
		if ir.Elementwise(n.Op) {
			return axis
		}
	}
	return -1
}

// partsOf returns in how many parts a kernel is shared, and along which axis.
func partsOf(n *ir.Resolved, y array, in []array) (parts, axis int) {
	threads := runtime.GOMAXPROCS(0)
	if axis = partAxis(n, y.shape); axis < 0 || threads == 1 {
		return 1, axis
	}
	cost, elements := costs[n.Op], len(y.x)
	for _, x := range in {
		elements += len(x.x)
	}
	most := int(max(cost, cheap) * float64(elements) / float64(partTime.Nanoseconds()))
	return max(1, min(most, y.shape[axis], 4*threads)), axis
}

// scratches are for parts.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// share computes a kernel, by several threads where that is faster and allowed.
func (s *step) share(y array, in []array, own *scratch, singleThreaded bool) {
	parts, axis := 1, 0
	if !singleThreaded {
		parts, axis = partsOf(s.node, y, in)
	}
	if parts == 1 {
		s.op.kernel(s.node, y, in, own)
		return
	}
	in = slices.Clone(in)
	gemm.Share(parts, time.Duration(parts)*partTime, func(part int) {
		size := y.shape[axis]
		first, end := part*size/parts, (part+1)*size/parts
		of := make([]array, len(in))
		for i, x := range in {
			of[i] = x
			if own := axis + len(x.shape) - len(y.shape); ir.Elementwise(s.node.Op) && own >= 0 && x.shape[own] > 1 {
				of[i] = x.part(own, first, end)
			}
		}
		if !ir.Elementwise(s.node.Op) {
			of[0] = in[0].part(axis, first, end)
		}
		memory, _ := scratches.Get().(*scratch)
		s.op.kernel(s.node, y.part(axis, first, end), of, memory)
		scratches.Put(memory)
	})
}

// part returns the elements from first up to end along an axis behind others of size 1.
func (a array) part(axis, first, end int) array {
	each := len(a.x) / a.shape[axis]
	a.shape = slices.Clone(a.shape)
	a.shape[axis] = end - first
	a.x = a.x[first*each : end*each]
	return a
}
