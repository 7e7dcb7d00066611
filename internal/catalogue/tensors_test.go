package catalogue

import (
	"math"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// big is a size that no memory holds, as far as an int counts.
const big = min(1<<40, math.MaxInt)

// denses are tensors of every kind: the first is (2, 4).
var denses = []func() *tensor.Dense{
	func() *tensor.Dense { return dense(floats(8), 2, 4) },
	func() *tensor.Dense { return nil },
	func() *tensor.Dense { return new(tensor.Dense) },
	func() *tensor.Dense { return dense(floats(12), 4, 3) },
	func() *tensor.Dense { return dense(floats(18), 2, 1, 3, 3) },
	func() *tensor.Dense { return dense(make([]float64, 8), 2, 4) },
	func() *tensor.Dense { return dense(make([]int, 8), 2, 4) },
	func() *tensor.Dense { return dense([]int{-1, big, math.MinInt, math.MaxInt, 0, 1, 2, 3}, 2, 4) },
	func() *tensor.Dense { return dense(make([]int8, 8), 2, 4) },
	func() *tensor.Dense { return dense(make([]uint8, 8), 2, 4) },
	func() *tensor.Dense { return dense(make([]bool, 8), 2, 4) },
	func() *tensor.Dense { return dense(make([]string, 8), 2, 4) },
	func() *tensor.Dense { return dense(make([]complex64, 8), 2, 4) },
	func() *tensor.Dense { return dense([]float32{1, 2, 3, float32(math.NaN()), 5, 6, 7, 8}, 2, 4) },
	func() *tensor.Dense { return dense([]float32{1, 2, 3, float32(math.Inf(-1)), 5, 6, 7, 8}, 2, 4) },
	func() *tensor.Dense {
		return dense([]float32{math.MaxFloat32, -math.MaxFloat32, 1e-45, 0, 1, 2, 3, 4}, 2, 4)
	},
	func() *tensor.Dense { return dense(make([]float32, 8), 2, 4) },
	func() *tensor.Dense { return dense(floats(8), 8) },
	func() *tensor.Dense { return dense(floats(8), 1, 2, 1, 2, 1, 2, 1, 1, 1) },
	func() *tensor.Dense { return tensor.New(tensor.FromScalar(float32(1))) },
	func() *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(0)) },
	func() *tensor.Dense { return tensor.New(tensor.WithShape(4, 3), tensor.AsFortran(floats(12))) },
	func() *tensor.Dense {
		d := dense(floats(12), 3, 4)
		if err := d.T(); err != nil {
			panic(err)
		}
		return d
	},
	func() *tensor.Dense { return must(dense(floats(24), 4, 6).Slice(nil, tensor.S(1, 4))).(*tensor.Dense) },
	func() *tensor.Dense { return must(dense(floats(24), 4, 6).Slice(tensor.S(1), nil)).(*tensor.Dense) },
	func() *tensor.Dense {
		mask := []bool{true, false, true, false, true, false, true, false}
		return tensor.New(tensor.WithShape(2, 4), tensor.WithBacking(floats(8), mask))
	},
}

func init() {
	for _, d := range denses {
		give(func(*setting) *tensor.Dense { return d() })
		give(func(*setting) tensor.Tensor { return d() })
	}
	give(func(*setting) tensor.Tensor { return nil })
	give(func(*setting) tensor.Tensor {
		return tensor.CSRFromCoord(tensor.Shape{4, 3}, []int{0, 1}, []int{0, 2}, []float32{1, 2})
	})
	fixed(tensor.Float32, tensor.Float64, tensor.Dtype{}, tensor.Int, tensor.String, tensor.Bool, tensor.Complex128)
	fixed(tensor.Shape{2, 4}, tensor.Shape{3, 3}, tensor.Shape{2, 1, 3, 3}, nil, tensor.Shape{}, tensor.Shape{0},
		tensor.Shape{-1, 4}, tensor.Shape{big, big}, tensor.Shape{math.MaxInt, 2}, tensor.Shape{1, 1, 1, 1, 1, 1, 1, 1, 1})
	fixed(schemes...)
	fixed(params()...)
}

var schemes = []qtensor.Scheme{
	qtensor.Symmetric(8),
	{},
	qtensor.Symmetric(0), qtensor.Symmetric(-1), qtensor.Symmetric(99), qtensor.Symmetric(2),
	qtensor.Affine(8), qtensor.Affine(1), qtensor.Uniform(8), qtensor.PowerOfTwo(8),
	qtensor.Int4(), qtensor.UInt4(), qtensor.Float16(), qtensor.BFloat16(),
	qtensor.PerChannelSymmetric(8, 1), qtensor.PerChannelAffine(8, 0),
	qtensor.PerChannelAffine(8, -1), qtensor.PerChannelSymmetric(8, math.MaxInt),
	qtensor.Int4().PerGroup(1, 2), qtensor.Int4().PerGroup(0, 0), qtensor.Int4().PerGroup(1, -5),
	qtensor.UInt4().PerGroup(1, math.MaxInt), qtensor.Int4().PerGroup(1, 2).WithScales(qtensor.ScaleFloat16),
	qtensor.Codebook(4).PerAxis(1), qtensor.Codebook(2).PerGroup(1, 16), qtensor.Codebook(4).WithLevels(qtensor.E2M1Levels).PerAxis(0),
	qtensor.Codebook(3), qtensor.Codebook(3).WithLevels(99).PerAxis(0), qtensor.Codebook(9).PerGroup(1, 16), qtensor.Int4().WithLevels(qtensor.LinearLevels),
	qtensor.MXFP4(), qtensor.MXFP4().PerGroup(1, 32), qtensor.MXFP4().PerGroup(0, 32), qtensor.Int4().WithScales(qtensor.ScaleE8M0),
	qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(1), qtensor.Float8E5M2().PerGroup(0, 2),
	qtensor.Symmetric(8).WithScales(9), qtensor.Float16().PerAxis(0), qtensor.BFloat16().PerGroup(0, 1),
}

// params returns parameters, the first good, and others with too few or too many values, or hostile ones.
func params() []qtensor.Params {
	list := []qtensor.Params{must(qtensor.NewParams(qtensor.Affine(8), []float32{-3}, []float32{3}))}
	scale := []float32{0.1}
	for _, s := range schemes {
		list = append(list, qtensor.Params{Scheme: s}, qtensor.Params{Scheme: s, Scales: scale},
			qtensor.Params{Scheme: s, Scales: scale, ZeroPoints: []int32{7}, Offsets: []float32{1}},
			qtensor.Params{Scheme: s, Scales: []float32{1, 2, 3}, Levels: []int8{-127, 0, 1, 127}, GroupMultipliers: []int8{-127, 0, 127}})
		if p, err := qtensor.NewParams(s, []float32{-1}, []float32{1}); err == nil {
			list = append(list, p)
		}
	}
	symmetric, uniform, affine := qtensor.Symmetric(8), qtensor.Uniform(8), qtensor.Affine(8)
	for _, x := range []float32{0, -1, 1e-45, math.MaxFloat32, float32(math.NaN()), float32(math.Inf(1))} {
		one, minus := []float32{x}, []float32{-x}
		list = append(list,
			qtensor.Params{Scheme: symmetric, Scales: one},
			qtensor.Params{Scheme: symmetric, Scales: scale, Multiplier: x},
			qtensor.Params{Scheme: uniform, Scales: scale, Offsets: one},
			qtensor.Params{Scheme: affine, Scales: one, ZeroPoints: []int32{256}, Min: one, Max: minus})
	}
	return list
}
