package exprgraph_test

import (
	"fmt"
	"math"
	"slices"
)

// The interpreter computes what a network's values are, in float64, with plain loops over what the network
// says of itself. With each number goes a bound of how far float32 may be from it: rounding errors of every
// operation, in any order of sums, and what the errors of the operands become.

// A bounded is a number, and how far from it a computation in float32 may end.
type bounded struct{ v, e float64 }

type boundedArray struct {
	shape []int
	x     []bounded
	depth int // of the longest sums of products that elements are made of
}

// unit is the largest relative error of rounding to float32.
const unit = 1.0 / (1 << 24)

// exact reports whether numbers whose magnitudes have that sum add up without rounding, and are products of
// few: multiples of 2⁻¹², below 2¹¹.
func exact(v, magnitude float64) bool { return magnitude < 1<<11 && v*(1<<12) == math.Trunc(v*(1<<12)) }

// around returns v with an error of e and k roundings of magnitude m; with none of exact operands whose
// result needs none.
func around(v, e, k, m float64) bounded {
	switch {
	case e == 0 && exact(v, m):
		return bounded{v, 0}
	case !(e >= 0): // of a divisor that may be 0
		return bounded{v, math.Inf(1)}
	}
	return bounded{v, e + k*unit*m + 1e-36}
}

func (a *boundedArray) at(at []int) bounded { return a.x[placeOf(at, a.shape)] }

// filled returns an array of a shape, whose elements f gives.
func filled(shape []int, f func(at []int) bounded) *boundedArray {
	a := &boundedArray{shape: shape, x: make([]bounded, total(shape))}
	for i := range a.x {
		a.x[i] = f(indexOf(i, shape))
	}
	return a
}

// interpret returns the outputs for a batch, which of a network for one sample are those of its samples.
func (n *randomNet) interpret(batch int) []*boundedArray {
	if !n.single {
		return n.outputsFor(batch)
	}
	var stacked []*boundedArray
	for s := range batch {
		for i, y := range n.outputsFor(s + 1) {
			if s == 0 {
				stacked = append(stacked, &boundedArray{shape: append([]int{batch}, y.shape...)})
			}
			stacked[i].x = append(stacked[i].x, y.x...)
		}
	}
	return stacked
}

func (n *randomNet) outputsFor(batch int) []*boundedArray {
	arrays := make([]*boundedArray, len(n.values))
	for i := range n.values {
		v := &n.values[i]
		if v.isLeaf() {
			arrays[i] = &boundedArray{shape: sizes(v.shape, batch)}
			for _, x := range v.elements(batch) {
				arrays[i].x = append(arrays[i].x, bounded{v: x})
			}
			continue
		}
		in := make([]*boundedArray, len(v.in))
		for k, j := range v.in {
			in[k] = arrays[j]
		}
		arrays[i] = v.interpret(in, sizes(v.shape, batch), batch)
		arrays[i].depth = v.depth(in)
		if got, want := arrays[i].shape, sizes(v.shape, batch); !slices.Equal(got, want) {
			panic(fmt.Sprintf("v%d: the interpreter has shape %v, the generator %v:\n%v", i, got, want, n))
		}
	}
	outputs := make([]*boundedArray, len(n.outputs))
	for k, i := range n.outputs {
		outputs[k] = arrays[i]
	}
	return outputs
}

// depth returns how many products are in the longest sums that elements of a value are made of, or more.
func (v *randomValue) depth(in []*boundedArray) (depth int) {
	switch v.op {
	case "convolution":
		return total(in[1].shape[1:])
	case "product", "batched product", "tensordot":
		return total(in[1].shape)
	}
	for _, x := range in {
		depth = max(depth, x.depth)
	}
	return depth
}

// begun adds to the error of a sum what rounding costs where what is added to a sum of products is its first
// term.
func begun(y, a, b bounded, depth int) bounded {
	if y.e > 0 {
		y.e += float64(float64(depth) * unit * (math.Abs(a.v) + math.Abs(b.v)))
	}
	return y
}

func (v *randomValue) interpret(in []*boundedArray, shape []int, batch int) *boundedArray {
	if f, ok := meanings[v.op]; ok {
		return filled(shape, func(at []int) bounded { return f(in[0].at(at)) })
	}
	if f, ok := pairMeanings[v.op]; ok {
		a, b := v.aligned(in[0], shape, 0), v.aligned(in[1], shape, 1)
		depth := 0
		if v.op == "add" || v.op == "sub" {
			depth = max(in[0].depth, in[1].depth)
		}
		return filled(shape, func(at []int) bounded { return begun(f(a(at), b(at)), a(at), b(at), depth) })
	}
	return interpreters[v.op](v, in, shape, batch)
}

// aligned returns an operand at the indices of a result that it is broadcast to: along the axes of its mask.
func (v *randomValue) aligned(a *boundedArray, shape []int, side int) func(at []int) bounded {
	mask := 0
	if len(v.ints) == 2 {
		mask = v.ints[side]
	}
	return func(at []int) bounded {
		switch {
		case len(a.shape) == 0:
			return a.x[0]
		case mask == 0: // as many elements, perhaps a vector for a matrix of one row or column
			return a.x[placeOf(at, shape)]
		}
		var own []int
		for axis, i := range at {
			switch {
			case mask>>axis&1 == 0:
				own = append(own, i)
			case len(a.shape) == len(at):
				own = append(own, 0)
			}
		}
		return a.at(own)
	}
}

// smooth is a function whose slope is at most that of slope within an error, computed to k units.
func smooth(f func(float64) float64, slope func(x, e float64) float64, k float64) func(bounded) bounded {
	return func(x bounded) bounded {
		y := f(x.v)
		return around(y, x.e*slope(x.v, x.e), k, math.Abs(y))
	}
}

func flatter(most float64) func(x, e float64) float64 {
	return func(float64, float64) float64 { return most }
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// step is a function that jumps: where an error may be on the other side, all that lies between is one.
func step(f func(float64) float64) func(bounded) bounded {
	return func(x bounded) bounded {
		y := f(x.v)
		return bounded{y, max(f(x.v+x.e)-y, y-f(x.v-x.e))}
	}
}

var meanings = map[string]func(bounded) bounded{
	"tanh":    smooth(math.Tanh, flatter(1), 8),
	"sigmoid": smooth(sigmoid, flatter(0.25), 8),
	"relu": func(x bounded) bounded {
		if x.v+x.e < 0 {
			return bounded{}
		}
		return bounded{max(x.v, 0), x.e}
	},
	"abs":    func(x bounded) bounded { return bounded{math.Abs(x.v), x.e} },
	"neg":    func(x bounded) bounded { return bounded{-x.v, x.e} },
	"square": smooth(func(x float64) float64 { return x * x }, func(x, e float64) float64 { return 2*math.Abs(x) + e }, 2),
	"cube": smooth(func(x float64) float64 { return x * x * x }, func(x, e float64) float64 {
		x = math.Abs(x) + e
		return 3 * x * x
	}, 4),
	"softplus": func(x bounded) bounded {
		y := math.Log1p(math.Exp(x.v))
		return bounded{y, x.e + 8*unit*(y+1)} // 1 + exp(x) rounds
	},
	"mish": func(x bounded) bounded {
		y := x.v * math.Tanh(math.Log1p(math.Exp(x.v)))
		return bounded{y, 1.1*x.e + 16*unit*(math.Abs(x.v)+math.Abs(y))}
	},
	"sin":     func(x bounded) bounded { return around(math.Sin(x.v), x.e, 8, 1+math.Abs(x.v)) }, // the argument is reduced first
	"cos":     func(x bounded) bounded { return around(math.Cos(x.v), x.e, 8, 1+math.Abs(x.v)) },
	"exp":     smooth(math.Exp, func(x, e float64) float64 { return math.Exp(x + e) }, 8),
	"expm1":   smooth(math.Expm1, func(x, e float64) float64 { return math.Exp(x + e) }, 8),
	"log":     func(x bounded) bounded { return around(math.Log(x.v), x.e/(x.v-x.e), 8, 1+math.Abs(math.Log(x.v))) },
	"log2":    func(x bounded) bounded { return around(math.Log2(x.v), 2*x.e/(x.v-x.e), 8, 1+math.Abs(math.Log2(x.v))) },
	"log1p":   smooth(math.Log1p, flatter(1), 8),
	"sqrt":    smooth(math.Sqrt, func(x, e float64) float64 { return 0.5 / math.Sqrt(x-e) }, 2),
	"inverse": smooth(func(x float64) float64 { return 1 / x }, func(x, e float64) float64 { return 1 / ((x - e) * x) }, 2),
	"inverse sqrt": smooth(func(x float64) float64 { return 1 / math.Sqrt(x) },
		func(x, e float64) float64 { return 0.5 * math.Pow(x-e, -1.5) }, 4),
	"sign": step(func(x float64) float64 {
		switch {
		case x < 0:
			return -1
		case x > 0:
			return 1
		}
		return 0
	}),
	"ceil":    step(math.Ceil),
	"floor":   step(math.Floor),
	"dropout": func(x bounded) bounded { return x },
}

// compared is a comparison of numbers, uncertain where their errors let it come out otherwise.
func compared(f func(a, b float64) bool) func(a, b bounded) bounded {
	return func(a, b bounded) bounded {
		var y bounded
		if f(a.v, b.v) {
			y.v = 1
		}
		if e := a.e + b.e; e != 0 && !(math.Abs(a.v-b.v) > e) {
			y.e = 1
		}
		return y
	}
}

var pairMeanings = map[string]func(a, b bounded) bounded{
	"add": func(a, b bounded) bounded { return around(a.v+b.v, a.e+b.e, 2, math.Abs(a.v)+math.Abs(b.v)) },
	"sub": func(a, b bounded) bounded { return around(a.v-b.v, a.e+b.e, 2, math.Abs(a.v)+math.Abs(b.v)) },
	"mul": times,
	"div": func(a, b bounded) bounded {
		y := a.v / b.v
		return around(y, (a.e+math.Abs(y)*b.e)/(math.Abs(b.v)-b.e), 4, math.Abs(y))
	},
	"pow": func(a, b bounded) bounded {
		y := math.Pow(a.v, b.v)
		return around(y, 1.1*y*(math.Abs(b.v)*a.e/(a.v-a.e)+math.Abs(math.Log(a.v))*b.e), 16, y*(1+math.Abs(b.v*math.Log(a.v))))
	},
	"min": func(a, b bounded) bounded { return bounded{min(a.v, b.v), max(a.e, b.e)} },
	"max": func(a, b bounded) bounded { return bounded{max(a.v, b.v), max(a.e, b.e)} },
	"gt":  compared(func(a, b float64) bool { return a > b }),
	"gte": compared(func(a, b float64) bool { return a >= b }),
	"lt":  compared(func(a, b float64) bool { return a < b }),
	"lte": compared(func(a, b float64) bool { return a <= b }),
	"eq":  compared(func(a, b float64) bool { return a == b }),
	"ne":  compared(func(a, b float64) bool { return a != b }),
}

func times(a, b bounded) bounded {
	y := a.v * b.v
	return around(y, math.Abs(a.v)*b.e+math.Abs(b.v)*a.e+a.e*b.e, 2, math.Abs(y))
}

// added returns the sum of terms, in any order.
func added(terms []bounded) bounded {
	var sum, e, most float64
	whole := true
	for _, t := range terms {
		sum, e, most = sum+t.v, e+t.e, most+math.Abs(t.v)
		whole = whole && exact(t.v, most)
	}
	if e == 0 && whole {
		return bounded{sum, 0}
	}
	return bounded{sum, e + float64(len(terms)+4)*unit*most + 1e-36}
}

// largestOf returns the largest of numbers.
func largestOf(list []bounded) bounded {
	y := list[0]
	for _, x := range list[1:] {
		y = bounded{max(x.v, y.v), max(x.e, y.e)}
	}
	return y
}
