package model_test

import (
	"math"
	"slices"

	"euryale/internal/ir"

	"gorgonia.org/tensor"
)

// at returns the element at an index, 0 outside.
func at(t *ir.Constant, index ...int) float64 {
	i := 0
	for d, p := range index {
		if p < 0 || p >= t.Shape[d] {
			return 0
		}
		i = i*t.Shape[d] + p
	}
	return float64(t.Data[i])
}

// repeated returns the number of t at an index of what it is repeated to.
func repeated(t *ir.Constant, index []int) float64 {
	own := slices.Clone(index[len(index)-len(t.Shape):])
	for d, n := range t.Shape {
		own[d] = min(own[d], n-1)
	}
	return at(t, own...)
}

// functions are ops on each number by itself.
var functions = map[string]func(n *ir.Node, x float64) float64{
	"Relu":      func(_ *ir.Node, x float64) float64 { return max(x, 0) },
	"Sigmoid":   func(_ *ir.Node, x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"Tanh":      func(_ *ir.Node, x float64) float64 { return math.Tanh(x) },
	"Cast":      func(_ *ir.Node, x float64) float64 { return x },
	"LeakyRelu": func(n *ir.Node, x float64) float64 { return max(x, 0) + float64(alphaOf(n))*min(x, 0) },
	"Clip": func(n *ir.Node, x float64) float64 {
		low, high := math.Inf(-1), math.Inf(1)
		if n.Min != nil {
			low = float64(*n.Min)
		}
		if n.Max != nil {
			high = float64(*n.Max)
		}
		return min(max(x, low), high)
	},
	"Abs":        func(_ *ir.Node, x float64) float64 { return math.Abs(x) },
	"Sign":       func(_ *ir.Node, x float64) float64 { return math.Copysign(min(1, math.Abs(x)*1e30), x) },
	"Ceil":       func(_ *ir.Node, x float64) float64 { return math.Ceil(x) },
	"Floor":      func(_ *ir.Node, x float64) float64 { return math.Floor(x) },
	"Sin":        func(_ *ir.Node, x float64) float64 { return math.Sin(x) },
	"Cos":        func(_ *ir.Node, x float64) float64 { return math.Cos(x) },
	"Exp":        func(_ *ir.Node, x float64) float64 { return math.Exp(x) },
	"Log":        func(_ *ir.Node, x float64) float64 { return math.Log(x) },
	"Sqrt":       func(_ *ir.Node, x float64) float64 { return math.Sqrt(x) },
	"Reciprocal": func(_ *ir.Node, x float64) float64 { return 1 / x },
	"Softplus":   func(_ *ir.Node, x float64) float64 { return math.Log1p(math.Exp(x)) },
	"Log1p":      func(_ *ir.Node, x float64) float64 { return math.Log1p(x) },
	"Expm1":      func(_ *ir.Node, x float64) float64 { return math.Expm1(x) },
	"Identity":   func(_ *ir.Node, x float64) float64 { return x },
	"FakeQuantize": func(n *ir.Node, x float64) float64 {
		q := math.RoundToEven(float64(float32(x)/n.Scale)) + float64(n.ZeroPoint)
		y := float64(n.Scale) * (max(float64(n.QuantMin), min(float64(n.QuantMax), q)) - float64(n.ZeroPoint))
		return max(-math.MaxFloat32, min(math.MaxFloat32, y))
	},
}

// truth returns 1 for true and 0 for false.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// functionsOfTwo are ops on two numbers.
var functionsOfTwo = map[string]func(a, b float64) float64{
	"Add":            func(a, b float64) float64 { return a + b },
	"Sub":            func(a, b float64) float64 { return a - b },
	"Mul":            func(a, b float64) float64 { return a * b },
	"Div":            func(a, b float64) float64 { return a / b },
	"Pow":            math.Pow,
	"Greater":        func(a, b float64) float64 { return truth(a > b) },
	"GreaterOrEqual": func(a, b float64) float64 { return truth(a >= b) },
	"Less":           func(a, b float64) float64 { return truth(a < b) },
	"LessOrEqual":    func(a, b float64) float64 { return truth(a <= b) },
	"Equal":          func(a, b float64) float64 { return truth(a == b) },
	"Min":            func(a, b float64) float64 { return min(a, b) },
	"Max":            func(a, b float64) float64 { return max(a, b) },
}

// eachIndex calls f with the offset and the index of each element of a shape.
func eachIndex(shape []int, f func(i int, index []int)) {
	index := make([]int, len(shape))
	for i := range tensor.Shape(shape).TotalSize() {
		f(i, index)
		for d := len(index) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
}

// reference returns the op by its definition, in float64, of values whose sizes are known and go together.
func reference(n *ir.Node, in []*ir.Constant) *ir.Constant {
	shape, f := referenceRule(n, in)
	t := &ir.Constant{Shape: shape, Data: make([]float32, tensor.Shape(shape).TotalSize())}
	eachIndex(shape, func(i int, p []int) { t.Data[i] = float32(f(p)) })
	return t
}

// referenceRule returns the shape of what a node gives, and the element at each index of it, asked for in
// order.
func referenceRule(n *ir.Node, in []*ir.Constant) (shape []int, f func(index []int) float64) {
	x := in[0]
	if f, ok := functions[n.Op]; ok {
		return x.Shape, func(p []int) float64 { return f(n, at(x, p...)) }
	}
	if f, ok := functionsOfTwo[n.Op]; ok {
		return referencePair(f, x, in[1])
	}
	switch n.Op {
	case "BatchNormalization":
		return x.Shape, func(p []int) float64 {
			c := p[1]
			epsilon := 1e-5
			if n.Epsilon != nil {
				epsilon = float64(*n.Epsilon)
			}
			return (at(x, p...)-at(in[3], c))/math.Sqrt(at(in[4], c)+epsilon)*at(in[1], c) + at(in[2], c)
		}
	case "Gemm", "MatMul":
		return referenceProduct(n, in)
	case "Conv", "MaxPool", "AveragePool", "GlobalAveragePool":
		return referenceWindows(n, in)
	case "Softmax", "LogSoftmax":
		return referenceSoftmax(n, x)
	case "Sparsemax":
		return referenceSparsemax(n, x)
	case "ReduceSum", "ReduceMax":
		return referenceReduction(n, x)
	}
	return referenceMove(n, in)
}

// alphaOf returns Alpha, 0.01 where it is left out.
func alphaOf(n *ir.Node) float32 {
	if n.Alpha == nil {
		return 0.01
	}
	return *n.Alpha
}

// axisOf returns Axis, counted from the first; the last where it is left out.
func axisOf(n *ir.Node, x *ir.Constant) int {
	if n.Axis == nil {
		return len(x.Shape) - 1
	}
	return fromFirst(*n.Axis, x)
}

// fromFirst returns an axis of x, counted from the first.
func fromFirst(axis int, x *ir.Constant) int {
	if axis < 0 {
		return axis + len(x.Shape)
	}
	return axis
}

// referencePair is a function of two tensors, of which one may be repeated.
func referencePair(f func(x, y float64) float64, x, y *ir.Constant) (shape []int, of func(index []int) float64) {
	shape = make([]int, max(len(x.Shape), len(y.Shape)))
	for i := range shape {
		shape[i] = 1
		if j := i - len(shape) + len(x.Shape); j >= 0 {
			shape[i] = x.Shape[j]
		}
		if j := i - len(shape) + len(y.Shape); j >= 0 {
			shape[i] = max(shape[i], y.Shape[j])
		}
	}
	return shape, func(p []int) float64 { return f(repeated(x, p), repeated(y, p)) }
}

func referenceSoftmax(n *ir.Node, x *ir.Constant) (shape []int, f func(index []int) float64) {
	axis := axisOf(n, x)
	return x.Shape, func(p []int) float64 {
		own, most, sum := slices.Clone(p), math.Inf(-1), 0.0
		for own[axis] = range x.Shape[axis] {
			most = max(most, at(x, own...))
		}
		for own[axis] = range x.Shape[axis] {
			sum += math.Exp(at(x, own...) - most)
		}
		y := at(x, p...) - most - math.Log(sum)
		if n.Op == "Softmax" {
			y = math.Exp(y)
		}
		return y
	}
}

// referenceSparsemax finds the threshold between the largest number less 1, and that, by halves.
func referenceSparsemax(n *ir.Node, x *ir.Constant) (shape []int, f func(index []int) float64) {
	axis := axisOf(n, x)
	return x.Shape, func(p []int) float64 {
		own, most := slices.Clone(p), math.Inf(-1)
		for own[axis] = range x.Shape[axis] {
			most = max(most, at(x, own...))
		}
		low, high := most-1, most
		for range 60 {
			middle, sum := (low+high)/2, 0.0
			for own[axis] = range x.Shape[axis] {
				sum += max(at(x, own...)-middle, 0)
			}
			if sum > 1 {
				low = middle
			} else {
				high = middle
			}
		}
		return max(at(x, p...)-high, 0)
	}
}

func referenceReduction(n *ir.Node, x *ir.Constant) (shape []int, f func(index []int) float64) {
	reduced := make([]bool, len(x.Shape))
	for d := range reduced {
		reduced[d] = len(n.Axes) == 0
	}
	for _, axis := range n.Axes {
		reduced[fromFirst(axis, x)] = true
	}
	keep := n.KeepDims == nil || *n.KeepDims
	left := func(p []int) (index []int) { // what is left of an index
		for d, i := range p {
			switch {
			case !reduced[d]:
				index = append(index, i)
			case keep:
				index = append(index, 0)
			}
		}
		return index
	}
	last := make([]int, len(x.Shape))
	for d, size := range x.Shape {
		last[d] = size - 1
	}
	for _, i := range left(last) {
		shape = append(shape, i+1)
	}
	key := func(index []int) (k [8]int) { copy(k[:], index); return k }
	y := map[[8]int]float64{}
	eachIndex(x.Shape, func(i int, p []int) {
		at, v := key(left(p)), float64(x.Data[i])
		switch old, ok := y[at]; {
		case n.Op == "ReduceSum":
			y[at] = old + v
		case !ok || v > old:
			y[at] = v
		}
	})
	return shape, func(p []int) float64 { return y[key(p)] }
}

// referenceMove is an op that moves numbers.
func referenceMove(n *ir.Node, in []*ir.Constant) (shape []int, f func(index []int) float64) {
	x := in[0]
	axis, rank := axisOf(n, x), len(x.Shape)
	switch n.Op {
	case "Gather":
		d, k := 0, len(in[1].Shape)
		if n.Axis != nil {
			d = fromFirst(*n.Axis, x)
		}
		return slices.Concat(x.Shape[:d], in[1].Shape, x.Shape[d+1:]), func(p []int) float64 {
			return at(x, slices.Concat(p[:d], []int{int(at(in[1], p[d:d+k]...))}, p[d+k:])...)
		}
	case "Resize":
		for d, size := range x.Shape {
			shape = append(shape, size*n.Scales[d])
		}
		return shape, func(p []int) float64 {
			own := slices.Clone(p)
			for d := range own {
				own[d] /= n.Scales[d]
			}
			return at(x, own...)
		}
	case "Slice":
		step := 1
		if len(n.Steps) > 0 {
			step = n.Steps[0]
		}
		d := fromFirst(n.Axes[0], x)
		clamped := func(i int) int {
			if i < 0 {
				i += x.Shape[d]
			}
			return max(0, min(i, x.Shape[d]))
		}
		start, end := clamped(n.Starts[0]), clamped(n.Ends[0])
		shape = slices.Clone(x.Shape)
		shape[d] = 0
		for i := start; i < end; i += step {
			shape[d]++
		}
		return shape, func(p []int) float64 {
			own := slices.Clone(p)
			own[d] = start + p[d]*step
			return at(x, own...)
		}
	case "Transpose":
		perm := n.Perm
		if len(perm) == 0 {
			for d := range rank {
				perm = append(perm, rank-1-d)
			}
		}
		for _, d := range perm {
			shape = append(shape, x.Shape[d])
		}
		return shape, func(p []int) float64 {
			own := make([]int, rank)
			for i, d := range perm {
				own[d] = p[i]
			}
			return at(x, own...)
		}
	case "Reshape":
		shape = slices.Clone(n.Shape)
		for i, d := range shape {
			if d == 0 {
				shape[i] = x.Shape[i]
			}
		}
		if i := slices.Index(shape, -1); i >= 0 {
			shape[i] = 1
			shape[i] = len(x.Data) / tensor.Shape(shape).TotalSize()
		}
		next := 0
		return shape, func([]int) float64 { next++; return float64(x.Data[next-1]) }
	case "Expand":
		ones := &ir.Constant{Shape: n.Shape, Data: []float32{1}} // of which the shape alone counts
		shape, _ = referencePair(nil, x, ones)
		return shape, func(p []int) float64 { return repeated(x, p) }
	case "Concat":
		shape = slices.Clone(x.Shape)
		for _, t := range in[1:] {
			shape[axis] += t.Shape[axis]
		}
		return shape, func(p []int) float64 {
			own := slices.Clone(p)
			for _, t := range in {
				if own[axis] < t.Shape[axis] {
					return at(t, own...)
				}
				own[axis] -= t.Shape[axis]
			}
			return math.NaN()
		}
	}
	return nil, nil
}

func referenceProduct(n *ir.Node, in []*ir.Constant) (shape []int, f func(index []int) float64) {
	x, w := in[0], in[1]
	rank, last := len(x.Shape), len(w.Shape)
	columns := w.Shape[last-1]
	if n.TransB {
		columns = w.Shape[0]
	}
	return append(slices.Clone(x.Shape[:rank-1]), columns), func(p []int) (sum float64) {
		a, b := slices.Clone(p), slices.Clone(p[:last])
		for k := range x.Shape[rank-1] {
			a[rank-1] = k
			b[last-2], b[last-1] = k, p[rank-1]
			if n.TransB {
				b[0], b[1] = p[1], k
			}
			sum += at(x, a...) * at(w, b...)
		}
		if len(in) == 3 {
			sum += float64(in[2].Data[p[rank-1]])
		}
		return sum
	}
}

// referenceWindows is a convolution or a pool.
func referenceWindows(n *ir.Node, in []*ir.Constant) (shape []int, f func(index []int) float64) {
	x, kernel := in[0], n.Kernel
	filters, groups := x.Shape[1], x.Shape[1]
	switch n.Op {
	case "Conv":
		kernel, filters, groups = in[1].Shape[2:], in[1].Shape[0], max(n.Group, 1)
	case "GlobalAveragePool":
		kernel = x.Shape[2:]
	}
	given := func(given []int, usual ...int) []int {
		if len(given) == 0 {
			return usual
		}
		return given
	}
	pad, stride, dilation := given(n.Pads, 0, 0, 0, 0), given(n.Strides, 1, 1), given(n.Dilations, 1, 1)
	shape = []int{x.Shape[0], filters, 0, 0}
	for i := range 2 {
		for from := -pad[i]; from+dilation[i]*(kernel[i]-1) < x.Shape[2+i]+pad[2+i]; from += stride[i] {
			shape[2+i]++
		}
	}
	channels := x.Shape[1] / groups
	return shape, func(p []int) float64 {
		sum, count, most := 0.0, 0.0, math.Inf(-1)
		for u := range kernel[0] {
			r := p[2]*stride[0] - pad[0] + u*dilation[0]
			if r < 0 || r >= x.Shape[2] {
				continue
			}
			for v := range kernel[1] {
				q := p[3]*stride[1] - pad[1] + v*dilation[1]
				if q < 0 || q >= x.Shape[3] {
					continue
				}
				if n.Op != "Conv" {
					pixel := at(x, p[0], p[1], r, q)
					sum, count, most = sum+pixel, count+1, max(most, pixel)
					continue
				}
				for c := range channels {
					sum += at(x, p[0], p[1]/(filters/groups)*channels+c, r, q) * at(in[1], p[1], c, u, v)
				}
			}
		}
		switch {
		case n.Op == "MaxPool":
			return most
		case n.Op != "Conv" && n.CountPad:
			return sum / float64(kernel[0]*kernel[1])
		case n.Op != "Conv":
			return sum / count
		case len(in) == 3:
			return sum + float64(in[2].Data[p[1]])
		}
		return sum
	}
}
