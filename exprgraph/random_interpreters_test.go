package exprgraph_test

import (
	"math"
	"math/rand/v2"
	"slices"
)

// interpreters are the meanings of operations that are not elementwise.
var interpreters = map[string]func(v *randomValue, in []*boundedArray, shape []int, batch int) *boundedArray{
	"leaky relu": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded {
			x := in[0].at(at)
			if x.v < 0 {
				return around(x.v*v.nums[0], x.e, 2, math.Abs(x.v))
			}
			return x
		})
	},
	"product": func(_ *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		a, b := in[0], in[1]
		return filled(shape, func(at []int) bounded {
			var terms []bounded
			for i := range a.shape[len(a.shape)-1] { // the inner axis
				left, right := []int{i}, []int{i}
				if len(a.shape) == 2 {
					left = []int{at[0], i}
				}
				if len(b.shape) == 2 {
					right = []int{i, at[len(at)-1]}
				}
				terms = append(terms, times(a.at(left), b.at(right)))
			}
			return added(terms)
		})
	},
	"outer": func(_ *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded { return times(in[0].x[at[0]], in[1].x[at[1]]) })
	},
	"batched product": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		a, b, last := in[0], in[1], len(shape)-1
		inner := a.shape[last-v.ints[0]] // ints are flags
		return filled(shape, func(at []int) bounded {
			var terms []bounded
			for i := range inner {
				left, right := slices.Clone(at), slices.Clone(at)
				left[last] = i
				right[last-1] = i
				if v.ints[0] != 0 {
					left[last], left[last-1] = left[last-1], left[last]
				}
				if v.ints[1] != 0 {
					right[last], right[last-1] = right[last-1], right[last]
				}
				terms = append(terms, times(a.at(left), b.at(right)))
			}
			return added(terms)
		})
	},
	"tensordot": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		half := len(v.ints) / 2
		over := [2][]int{v.ints[:half], v.ints[half:]}
		var summed []int
		for _, axis := range over[0] {
			summed = append(summed, in[0].shape[axis])
		}
		return filled(shape, func(at []int) bounded {
			var terms []bounded
			for i := range total(summed) {
				inner, rest := indexOf(i, summed), at
				var pair [2]bounded
				for side, a := range in {
					own := make([]int, len(a.shape))
					for axis := range own {
						if k := slices.Index(over[side], axis); k >= 0 {
							own[axis] = inner[k]
						} else {
							own[axis], rest = rest[0], rest[1:]
						}
					}
					pair[side] = a.at(own)
				}
				terms = append(terms, times(pair[0], pair[1]))
			}
			return added(terms)
		})
	},
	"repeat": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded {
			own := slices.Clone(at)
			for _, axis := range axesOf(v.ints[0]) {
				own[axis] = 0
			}
			return in[0].at(own)
		})
	},
	"reshape": func(_ *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return &boundedArray{shape: shape, x: in[0].x}
	},
	"transpose": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded {
			own := make([]int, len(at))
			for i, axis := range v.ints {
				own[axis] = at[i]
			}
			return in[0].at(own)
		})
	},
	"slice": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return sliced(in[0], shape, v.ints[0], v.ints[1], v.ints[3])
	},
	"part of the batch": func(v *randomValue, in []*boundedArray, shape []int, batch int) *boundedArray {
		return sliced(in[0], shape, v.ints[0], v.ints[1]*batch, 1)
	},
	"concat": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded {
			own, axis := slices.Clone(at), v.ints[0]
			for _, a := range in {
				if own[axis] < a.shape[axis] {
					return a.at(own)
				}
				own[axis] -= a.shape[axis]
			}
			panic("behind the last part")
		})
	},
	"convolution": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		x, w := in[0], in[1]
		return filled(shape, func(at []int) bounded {
			terms := []bounded{{}}
			for i := range total(w.shape[1:]) {
				tap := indexOf(i, w.shape[1:])
				row := at[2]*v.ints[4] - v.ints[2] + tap[1]*v.ints[6]
				column := at[3]*v.ints[5] - v.ints[3] + tap[2]*v.ints[7]
				if row >= 0 && row < x.shape[2] && column >= 0 && column < x.shape[3] {
					terms = append(terms, times(x.at([]int{at[0], tap[0], row, column}), w.at(append([]int{at[1]}, tap...))))
				}
			}
			return added(terms)
		})
	},
	"max pool": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded { return largestOf(v.window(in[0], at)) })
	},
	// Gorgonia divides by the width of the image, whatever the kernel.
	"average pool": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded {
			return pairMeanings["div"](added(v.window(in[0], at)), bounded{float64(in[0].shape[3]), 2 * unit})
		})
	},
	"global average pool": func(_ *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return reduced(in[0], shape, []int{2, 3}, true, mean)
	},
	"upsample": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded { return in[0].at([]int{at[0], at[1], at[2] / v.ints[0], at[3] / v.ints[0]}) })
	},
	"norm": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		mean, variance := v.statistics(shape[1])
		return filled(shape, func(at []int) bounded {
			x, c := in[0].at(at), at[1]
			s := in[1].x[c].v / math.Sqrt(variance[c]+v.nums[0])
			y := (x.v-mean[c])*s + in[2].x[c].v
			e := x.e*math.Abs(s) + 16*unit*((math.Abs(x.v)+math.Abs(mean[c]))*math.Abs(s)+math.Abs(in[2].x[c].v))
			return bounded{y, e + math.Abs(x.v-mean[c])*in[1].x[c].e/math.Sqrt(variance[c]) + in[2].x[c].e}
		})
	},
	"rows": func(_ *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded { return in[0].at(append([]int{int(in[1].x[at[0]].v)}, at[1:]...)) })
	},
	"sum": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return reduced(in[0], shape, v.ints, false, added)
	},
	"mean": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return reduced(in[0], shape, v.ints, false, mean)
	},
	"largest": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return reduced(in[0], shape, v.ints, false, largestOf)
	},
	"softmax": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded {
			log := logSoftmax(in[0], at, v.ints[0])
			y := math.Exp(log.v)
			return bounded{y, y*math.Expm1(log.e) + 8*unit*y}
		})
	},
	"log softmax": func(v *randomValue, in []*boundedArray, shape []int, _ int) *boundedArray {
		return filled(shape, func(at []int) bounded { return logSoftmax(in[0], at, v.ints[0]) })
	},
}

func mean(list []bounded) bounded {
	return pairMeanings["div"](added(list), bounded{v: float64(len(list))})
}

// sliced returns the indices from start on, in steps, of an axis which the result does not have where one
// index is left.
func sliced(a *boundedArray, shape []int, axis, start, step int) *boundedArray {
	return filled(shape, func(at []int) bounded {
		own := slices.Clone(at)
		if len(shape) < len(a.shape) {
			own = slices.Insert(own, axis, 0)
		}
		own[axis] = start + step*own[axis]
		return a.at(own)
	})
}

// window returns the elements under a pool's kernel: ints are its height, its width, two strides, and two
// pads or four. Of four, Gorgonia has the second above and the fourth to the left.
func (v *randomValue) window(a *boundedArray, at []int) (list []bounded) {
	top, left := v.ints[4], v.ints[5]
	if len(v.ints) == 8 {
		top, left = v.ints[5], v.ints[7]
	}
	for i := range v.ints[0] * v.ints[1] {
		row, column := at[2]*v.ints[2]-top+i/v.ints[1], at[3]*v.ints[3]-left+i%v.ints[1]
		if row >= 0 && row < a.shape[2] && column >= 0 && column < a.shape[3] {
			list = append(list, a.at([]int{at[0], at[1], row, column}))
		}
	}
	return list
}

// statistics returns the mean and the variance of each channel of a normalization.
func (v *randomValue) statistics(channels int) (mean, variance []float64) {
	rng := rand.New(rand.NewPCG(v.seed, 4))
	for range channels {
		mean = append(mean, float64(rng.IntN(64)-32)/64)
		variance = append(variance, float64(16+rng.IntN(64))/64)
	}
	return mean, variance
}

// reduced returns f of the elements along axes, which are left out or kept of size 1.
func reduced(a *boundedArray, shape, axes []int, keep bool, f func([]bounded) bounded) *boundedArray {
	var along []int
	for _, axis := range axes {
		along = append(along, a.shape[axis])
	}
	return filled(shape, func(at []int) bounded {
		var list []bounded
		for i := range total(along) {
			inner, rest := indexOf(i, along), at
			own := make([]int, len(a.shape))
			for axis := range own {
				k := slices.Index(axes, axis)
				switch {
				case k < 0:
					own[axis], rest = rest[0], rest[1:]
				case keep:
					own[axis], rest = inner[k], rest[1:]
				default:
					own[axis] = inner[k]
				}
			}
			list = append(list, a.at(own))
		}
		return f(list)
	})
}

// logSoftmax is x − log Σ exp x along an axis. Errors of all x move it by no more than twice the largest.
func logSoftmax(a *boundedArray, at []int, axis int) bounded {
	own := slices.Clone(at)
	var sum, e, most float64
	x := a.at(at)
	for i := range a.shape[axis] {
		own[axis] = i
		other := a.at(own)
		sum += math.Exp(other.v - x.v)
		e, most = max(e, other.e), max(most, math.Abs(other.v))
	}
	y := -math.Log(sum)
	return bounded{y, 2*e + unit*(8*most+8*math.Abs(y)+8+float64(a.shape[axis]))}
}
