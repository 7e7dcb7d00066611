package exprgraph

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"euryale/internal/ir"
)

// evaluate runs a network in float32, with plain loops: what ir says, to compare what was read with.
func interpret(g *ir.Network, inputs ...*ir.Constant) (outputs []*ir.Constant, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("evaluate: %v", r)
		}
	}()
	values := maps.Clone(g.Constants)
	for i, in := range g.Inputs {
		values[in.Name] = inputs[i]
	}
	batch := 1
	if axis := slices.Index(g.Inputs[0].Shape, ir.Batch); axis >= 0 {
		batch = inputs[0].Shape[axis] / g.Inputs[0].Rows()
	}
	for _, n := range g.Nodes {
		if n.Shape = slices.Clone(n.Shape); n.Op == ir.OpExpand {
			for i, d := range n.Shape {
				if d == ir.Batch {
					n.Shape[i] = batch
				}
			}
		}
		in := make([]*ir.Constant, len(n.Inputs))
		for i, name := range n.Inputs {
			in[i] = values[name]
		}
		if n.Foreign != nil {
			var given []ir.Array
			for _, x := range in {
				given = append(given, ir.Array{Shape: x.Shape, Data: x.Data})
			}
			out, err := n.Foreign.Run(context.Background(), batch, given)
			if err != nil {
				return nil, err
			}
			values[n.Output] = &ir.Constant{Shape: out.Shape, Data: out.Data}
			continue
		}
		run, ok := runs[n.Op]
		if !ok {
			return nil, fmt.Errorf("evaluate: %s: no such op", n.Op)
		}
		values[n.Output] = run(n, in)
		if out := values[n.Output]; len(out.Data) != size(out.Shape) {
			return nil, fmt.Errorf("evaluate: %s: %d elements for shape %v", n.Name, len(out.Data), out.Shape)
		}
	}
	for _, out := range g.Outputs {
		v := values[out.Name]
		for i, n := range out.Shape {
			if len(out.Shape) != len(v.Shape) || n != ir.Batch && n != v.Shape[i] {
				return nil, fmt.Errorf("evaluate: output of shape %v, want %v", v.Shape, out.Shape)
			}
		}
		outputs = append(outputs, v)
	}
	return outputs, nil
}

var runs = map[string]func(ir.Node, []*ir.Constant) *ir.Constant{
	"Gemm":              runGemm,
	"MatMul":            runMatMul,
	"Conv":              runConv,
	"MaxPool":           runPool,
	"AveragePool":       runPool,
	"GlobalAveragePool": runGlobalPool,
	"Softmax":           runSoftmax,
	"Reshape":           runReshape,
	"Transpose": func(n ir.Node, in []*ir.Constant) *ir.Constant {
		return &ir.Constant{Shape: permuted(in[0].Shape, n.Perm), Data: transposed(in[0].Data, in[0].Shape, n.Perm)}
	},
	"Concat":  runConcat,
	"Expand":  runExpand,
	"Relu":    each(func(_ ir.Node, x float64) float64 { return max(x, 0) }),
	"Sigmoid": each(func(_ ir.Node, x float64) float64 { return 1 / (1 + math.Exp(-x)) }),
	"Tanh":    each(func(_ ir.Node, x float64) float64 { return math.Tanh(x) }),
	"LeakyRelu": each(func(n ir.Node, x float64) float64 {
		if x < 0 {
			x *= float64(*n.Alpha)
		}
		return x
	}),
	"Greater":        compared(func(a, b float32) bool { return a > b }),
	"GreaterOrEqual": compared(func(a, b float32) bool { return a >= b }),
	"Less":           compared(func(a, b float32) bool { return a < b }),
	"LessOrEqual":    compared(func(a, b float32) bool { return a <= b }),
	"Equal":          compared(func(a, b float32) bool { return a == b }),
	"Not":            each(func(_ ir.Node, x float64) float64 { return 1 - x }),
	"Cast":           each(func(_ ir.Node, x float64) float64 { return x }),
	"Min":            both(func(a, b float32) float32 { return min(a, b) }),
	"Max":            both(func(a, b float32) float32 { return max(a, b) }),
	"Clip": each(func(n ir.Node, x float64) float64 {
		if n.Min != nil {
			x = max(x, float64(*n.Min))
		}
		if n.Max != nil {
			x = min(x, float64(*n.Max))
		}
		return x
	}),
	"LogSoftmax": func(n ir.Node, in []*ir.Constant) *ir.Constant {
		return each(func(_ ir.Node, x float64) float64 { return math.Log(x) })(n, []*ir.Constant{runSoftmax(n, in)})
	},
	"Abs":        each(func(_ ir.Node, x float64) float64 { return math.Abs(x) }),
	"Sign":       each(func(_ ir.Node, x float64) float64 { return x / math.Abs(x) }),
	"Ceil":       each(func(_ ir.Node, x float64) float64 { return math.Ceil(x) }),
	"Floor":      each(func(_ ir.Node, x float64) float64 { return math.Floor(x) }),
	"Sin":        each(func(_ ir.Node, x float64) float64 { return math.Sin(x) }),
	"Cos":        each(func(_ ir.Node, x float64) float64 { return math.Cos(x) }),
	"Exp":        each(func(_ ir.Node, x float64) float64 { return math.Exp(x) }),
	"Log":        each(func(_ ir.Node, x float64) float64 { return math.Log(x) }),
	"Sqrt":       each(func(_ ir.Node, x float64) float64 { return math.Sqrt(x) }),
	"Reciprocal": each(func(_ ir.Node, x float64) float64 { return 1 / x }),
	"Log1p":      each(func(_ ir.Node, x float64) float64 { return math.Log1p(x) }),
	"Expm1":      each(func(_ ir.Node, x float64) float64 { return math.Expm1(x) }),
	"Identity":   each(func(_ ir.Node, x float64) float64 { return x }),
	"Resize":     runResize,
	"Sparsemax":  runSparsemax,
	"Softplus":   each(func(_ ir.Node, x float64) float64 { return math.Log(1 + math.Exp(x)) }),
	"ReduceSum":  runReduction(0, func(sum, x float64) float64 { return sum + x }),
	"ReduceMax":  runReduction(math.Inf(-1), func(most, x float64) float64 { return max(most, x) }),
	"Slice":      runSlice,
	"Gather":     runGather,

	"Pow": both(func(x, y float32) float32 { return float32(math.Pow(float64(x), float64(y))) }),
	"Add": both(func(x, y float32) float32 { return x + y }),
	"Sub": both(func(x, y float32) float32 { return x - y }),
	"Mul": both(func(x, y float32) float32 { return x * y }),
	"Div": both(func(x, y float32) float32 { return x / y }),
}

func each(f func(ir.Node, float64) float64) func(ir.Node, []*ir.Constant) *ir.Constant {
	return func(n ir.Node, in []*ir.Constant) *ir.Constant {
		out := &ir.Constant{Shape: in[0].Shape}
		for _, x := range in[0].Data {
			out.Data = append(out.Data, float32(f(n, float64(x))))
		}
		return out
	}
}

func compared(f func(x, y float32) bool) func(ir.Node, []*ir.Constant) *ir.Constant {
	return both(func(x, y float32) float32 {
		if f(x, y) {
			return 1
		}
		return 0
	})
}

func both(f func(x, y float32) float32) func(ir.Node, []*ir.Constant) *ir.Constant {
	return func(_ ir.Node, in []*ir.Constant) *ir.Constant {
		shape, ok := broadcast(in[0].Shape, in[1].Shape)
		if !ok {
			panic(fmt.Sprintf("shapes %v and %v", in[0].Shape, in[1].Shape))
		}
		out := &ir.Constant{Shape: shape}
		for i := range size(shape) {
			var at [2]int
			for j, t := range in {
				rest, stride := i, 1
				for axis := len(shape) - 1; axis >= 0; axis-- {
					n := rest % shape[axis]
					rest /= shape[axis]
					if own := axis - len(shape) + len(t.Shape); own >= 0 {
						at[j] += min(n, t.Shape[own]-1) * stride
						stride *= t.Shape[own]
					}
				}
			}
			out.Data = append(out.Data, f(in[0].Data[at[0]], in[1].Data[at[1]]))
		}
		return out
	}
}

func runGemm(n ir.Node, in []*ir.Constant) *ir.Constant {
	w := in[1]
	if n.TransB {
		w = &ir.Constant{Shape: permuted(w.Shape, []int{1, 0}), Data: transposed(w.Data, w.Shape, []int{1, 0})}
	}
	out := runMatMul(n, []*ir.Constant{in[0], w})
	if len(in) == 3 {
		if len(in[2].Shape) != 1 || in[2].Shape[0] != w.Shape[1] {
			panic(fmt.Sprintf("bias of shape %v", in[2].Shape))
		}
		out = both(func(x, y float32) float32 { return x + y })(n, []*ir.Constant{out, in[2]})
	}
	return out
}

func runMatMul(_ ir.Node, in []*ir.Constant) *ir.Constant {
	a, b := in[0], in[1]
	outer := len(a.Shape) - 2
	m, k, n := a.Shape[outer], a.Shape[outer+1], b.Shape[len(b.Shape)-1]
	if b.Shape[len(b.Shape)-2] != k || len(b.Shape) > 2 && !slices.Equal(a.Shape[:outer], b.Shape[:len(b.Shape)-2]) {
		panic(fmt.Sprintf("shapes %v and %v", a.Shape, b.Shape))
	}
	out := &ir.Constant{Shape: append(slices.Clone(a.Shape[:outer+1]), n)}
	for batch := range size(a.Shape[:outer]) {
		left, right := a.Data[batch*m*k:], b.Data
		if len(b.Shape) > 2 {
			right = b.Data[batch*k*n:]
		}
		for i := range m {
			for j := range n {
				var sum float64
				for l := range k {
					sum += float64(left[i*k+l]) * float64(right[l*n+j])
				}
				out.Data = append(out.Data, float32(sum))
			}
		}
	}
	return out
}

// window calls f for each output of a window that slides over the images of x, and each of its taps, inside
// or outside.
func window(n ir.Node, x *ir.Constant, f func(image, y, x, tap, at int, inside bool)) (h, w int) {
	dilations := n.Dilations
	if dilations == nil {
		dilations = []int{1, 1}
	}
	var out [2]int
	for i := range out {
		out[i] = (x.Shape[2+i]+n.Pads[i]+n.Pads[2+i]-dilations[i]*(n.Kernel[i]-1)-1)/n.Strides[i] + 1
	}
	for image := range x.Shape[0] * x.Shape[1] {
		for oy := range out[0] {
			for ox := range out[1] {
				for tap := range n.Kernel[0] * n.Kernel[1] {
					y := oy*n.Strides[0] - n.Pads[0] + tap/n.Kernel[1]*dilations[0]
					c := ox*n.Strides[1] - n.Pads[1] + tap%n.Kernel[1]*dilations[1]
					inside := y >= 0 && y < x.Shape[2] && c >= 0 && c < x.Shape[3]
					f(image, oy, ox, tap, (image*x.Shape[2]+y)*x.Shape[3]+c, inside)
				}
			}
		}
	}
	return out[0], out[1]
}

func runConv(n ir.Node, in []*ir.Constant) *ir.Constant {
	x, w := in[0], in[1]
	if n.Group < 1 || n.Group*w.Shape[1] != x.Shape[1] || n.Kernel != nil {
		panic(fmt.Sprintf("group %d, filters %v, kernel %v, image %v", n.Group, w.Shape, n.Kernel, x.Shape))
	}
	n.Kernel = w.Shape[2:]
	h, width := window(n, x, func(int, int, int, int, int, bool) {})
	filters, taps := w.Shape[0], n.Kernel[0]*n.Kernel[1]
	sums := make([]float64, x.Shape[0]*filters*h*width)
	window(n, x, func(image, oy, ox, tap, at int, inside bool) {
		if !inside {
			return
		}
		sample, channel, each := image/x.Shape[1], image%x.Shape[1], filters/n.Group
		for i := range each {
			f := channel/w.Shape[1]*each + i
			sums[((sample*filters+f)*h+oy)*width+ox] += float64(x.Data[at]) * float64(w.Data[(f*w.Shape[1]+channel%w.Shape[1])*taps+tap])
		}
	})
	out := &ir.Constant{Shape: []int{x.Shape[0], filters, h, width}}
	for i, sum := range sums {
		if len(in) == 3 {
			sum += float64(in[2].Data[i/(h*width)%filters])
		}
		out.Data = append(out.Data, float32(sum))
	}
	return out
}

func runPool(n ir.Node, in []*ir.Constant) *ir.Constant {
	x := in[0]
	h, w := window(n, x, func(int, int, int, int, int, bool) {})
	out := &ir.Constant{Shape: []int{x.Shape[0], x.Shape[1], h, w}}
	out.Data = make([]float32, size(out.Shape))
	window(n, x, func(image, oy, ox, tap, at int, inside bool) {
		to := &out.Data[(image*h+oy)*w+ox]
		switch {
		case n.Op == "AveragePool" && inside:
			*to += x.Data[at] / float32(n.Kernel[0]*n.Kernel[1])
		case n.Op == "MaxPool" && tap == 0:
			*to = float32(math.Inf(-1))
			fallthrough
		case n.Op == "MaxPool":
			if inside {
				*to = max(*to, x.Data[at])
			}
		}
	})
	return out
}

func runGlobalPool(_ ir.Node, in []*ir.Constant) *ir.Constant {
	x := in[0]
	out, area := &ir.Constant{Shape: []int{x.Shape[0], x.Shape[1], 1, 1}}, x.Shape[2]*x.Shape[3]
	for i := range size(out.Shape) {
		var sum float64
		for _, v := range x.Data[i*area : (i+1)*area] {
			sum += float64(v)
		}
		out.Data = append(out.Data, float32(sum/float64(area)))
	}
	return out
}

func runSoftmax(n ir.Node, in []*ir.Constant) *ir.Constant {
	x := in[0]
	out, count, inner := &ir.Constant{Shape: x.Shape, Data: make([]float32, len(x.Data))}, x.Shape[*n.Axis], size(x.Shape[*n.Axis+1:])
	for i := range x.Data {
		first := i - i/inner%count*inner
		var sum float64
		for j := range count {
			sum += math.Exp(float64(x.Data[first+j*inner]) - float64(x.Data[i]))
		}
		out.Data[i] = float32(1 / sum)
	}
	return out
}

func runReshape(n ir.Node, in []*ir.Constant) *ir.Constant {
	shape := slices.Clone(n.Shape)
	if i := slices.Index(shape, ir.Batch); i >= 0 {
		shape[i] = -len(in[0].Data) / size(shape)
	}
	return &ir.Constant{Shape: shape, Data: in[0].Data}
}

func runConcat(n ir.Node, in []*ir.Constant) *ir.Constant {
	out := &ir.Constant{Shape: slices.Clone(in[0].Shape)}
	out.Shape[*n.Axis] = 0
	for _, t := range in {
		out.Shape[*n.Axis] += t.Shape[*n.Axis]
	}
	for i := range size(in[0].Shape[:*n.Axis]) {
		for _, t := range in {
			each := size(t.Shape[*n.Axis:])
			out.Data = append(out.Data, t.Data[i*each:(i+1)*each]...)
		}
	}
	return out
}

// runExpand takes −1 for the batch, which interpret has replaced.
func runExpand(n ir.Node, in []*ir.Constant) *ir.Constant {
	shape, _ := broadcast(in[0].Shape, n.Shape)
	return &ir.Constant{Shape: shape, Data: repeated(in[0].Data, in[0].Shape, shape)}
}

// coordinates returns where element i of a tensor lies.
func coordinates(i int, shape []int) []int {
	at := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = i % shape[axis]
		i /= shape[axis]
	}
	return at
}

// place returns which element lies at the coordinates.
func place(at, shape []int) (i int) {
	for axis, n := range shape {
		i = i*n + at[axis]
	}
	return i
}

func runReduction(first float64, f func(so, x float64) float64) func(ir.Node, []*ir.Constant) *ir.Constant {
	return func(n ir.Node, in []*ir.Constant) *ir.Constant {
		kept := func(list []int) (rest []int) {
			for axis, v := range list {
				if !slices.Contains(n.Axes, axis) {
					rest = append(rest, v)
				}
			}
			return rest
		}
		out := &ir.Constant{Shape: kept(in[0].Shape)}
		if n.KeepDims == nil || *n.KeepDims {
			defer func() {
				out.Shape = slices.Clone(in[0].Shape)
				for _, axis := range n.Axes {
					out.Shape[axis] = 1
				}
			}()
		}
		so := slices.Repeat([]float64{first}, size(out.Shape))
		for i, x := range in[0].Data {
			to := place(kept(coordinates(i, in[0].Shape)), out.Shape)
			so[to] = f(so[to], float64(x))
		}
		out.Data = rounded(so)
		return out
	}
}

func runGather(n ir.Node, in []*ir.Constant) *ir.Constant {
	axis := 0
	if n.Axis != nil {
		axis = *n.Axis
	}
	x, indices := in[0], in[1]
	out := &ir.Constant{Shape: slices.Concat(x.Shape[:axis], indices.Shape, x.Shape[axis+1:])}
	for i := range size(out.Shape) {
		at := coordinates(i, out.Shape)
		behind := axis + len(indices.Shape)
		index := indices.Data[place(at[axis:behind], indices.Shape)]
		out.Data = append(out.Data, x.Data[place(slices.Concat(at[:axis], []int{int(index)}, at[behind:]), x.Shape)])
	}
	return out
}

func runResize(n ir.Node, in []*ir.Constant) *ir.Constant {
	out := &ir.Constant{Shape: slices.Clone(in[0].Shape)}
	for axis, scale := range n.Scales {
		out.Shape[axis] *= scale
	}
	for i := range size(out.Shape) {
		at := coordinates(i, out.Shape)
		for axis, scale := range n.Scales {
			at[axis] /= scale
		}
		out.Data = append(out.Data, in[0].Data[place(at, in[0].Shape)])
	}
	return out
}

// runSparsemax finds the threshold by going from the largest numbers down, of as many as keep it below them.
func runSparsemax(n ir.Node, in []*ir.Constant) *ir.Constant {
	x := in[0]
	out, count, inner := &ir.Constant{Shape: x.Shape}, x.Shape[*n.Axis], size(x.Shape[*n.Axis+1:])
	for i := range x.Data {
		list := make([]float64, count)
		for j := range list {
			list[j] = float64(x.Data[i-i/inner%count*inner+j*inner])
		}
		slices.Sort(list)
		slices.Reverse(list)
		sum, threshold := 0.0, 0.0
		for j, v := range list {
			if sum += v; (sum-1)/float64(j+1) < v {
				threshold = (sum - 1) / float64(j+1)
			}
		}
		out.Data = append(out.Data, float32(max(float64(x.Data[i])-threshold, 0)))
	}
	return out
}

func runSlice(n ir.Node, in []*ir.Constant) *ir.Constant {
	out := &ir.Constant{Shape: slices.Clone(in[0].Shape)}
	axis := n.Axes[0]
	out.Shape[axis] = n.Ends[0] - n.Starts[0]
	for i := range size(out.Shape) {
		at := coordinates(i, out.Shape)
		at[axis] += n.Starts[0]
		out.Data = append(out.Data, in[0].Data[place(at, in[0].Shape)])
	}
	return out
}
