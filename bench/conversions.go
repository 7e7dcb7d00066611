package main

import (
	"slices"
	"sync"

	"euryale/bench/internal/workload"
	"euryale/internal/convert"
	"euryale/internal/half"
	"euryale/internal/kernel"
)

// conversions are works in pairs, there and back, with parameters that are given.
var conversions = slices.Concat(
	pair("", convert.One, quantize, dequantize),
	pair("-g32", groups(0), quantizeSigned, dequantizeSigned),
	pair("-g32-columns", groups(1), quantizeSigned, dequantizeSigned),
	pair("-columns", columns, quantizeSigned, dequantizeSigned),
	pair("-uniform", convert.One, quantizeGrid, dequantizeGrid),
	pair("-float16", convert.One, encode(half.Float16()), decode(half.Float16())),
	pair("-bfloat16", convert.One, encode(half.BFloat16()), decode(half.BFloat16())),
)

// side is that of the matrix that has the elements of a conversion.
const side = 4096

// groups returns the blocks of groups of 32 of a matrix by channels of an axis.
func groups(axis int) func(n int) convert.Blocks {
	return func(n int) convert.Blocks { return convert.PerAxis([]int{n / side, side}, axis, 32) }
}

// columns returns the blocks of the columns of a matrix.
func columns(n int) convert.Blocks { return convert.PerAxis([]int{n / side, side}, 1, 0) }

// operands are those of every conversion.
var operands = sync.OnceValue(func() *workload.Operands { return workload.NewOperands(workload.Conversion()) })

// pair returns two works on the same blocks.
func pair(name string, blocks func(n int) convert.Blocks, there, back func(o *workload.Operands, b convert.Blocks) task) []work {
	prepare := func(convert func(o *workload.Operands, b convert.Blocks) task) func(shape) (task, error) {
		return func(shape) (task, error) {
			o := operands()
			b := blocks(len(o.X))
			t := convert(o, b)
			t.bytes += 4 * b.Count() // a scale each
			return t, nil
		}
	}
	const family = "conversions"
	return []work{
		{"quantize" + name, family, 0, conversion, prepare(there)},
		{"dequantize" + name, family, 0, conversion, prepare(back)},
	}
}

// codes returns zeros that have been written.
func codes(n int) []uint8 {
	q := make([]uint8, n)
	clear(q)
	return q
}

func quantize(o *workload.Operands, b convert.Blocks) task {
	q, maps := codes(len(o.X)), mapOf(o.Affine())
	return task{func() error {
		convert.Quantize(q, o.X, b, maps)
		return nil
	}, 5 * len(q)}
}

func dequantize(o *workload.Operands, b convert.Blocks) task {
	y, maps := written(len(o.Q)), mapOf(o.Affine())
	return task{func() error {
		convert.Dequantize(y, o.Q, b, maps)
		return nil
	}, 5 * len(y)}
}

// mapOf returns the maps of one block.
func mapOf(a kernel.Affine) *convert.Affines {
	return &convert.Affines{Scales: []float32{a.Scale}, Zeros: []int32{a.Zero}, Low: a.Low, High: a.High}
}

// signed returns the maps of blocks by scales that lie as those of a tensor do.
func signed(b convert.Blocks) *convert.Affines {
	scales := make([]float32, b.Count())
	for i := range scales {
		scales[i] = 1. / 30
	}
	return &convert.Affines{Scales: scales, Low: -127, High: 127}
}

func quantizeSigned(o *workload.Operands, b convert.Blocks) task {
	q, maps := make([]int8, len(o.X)), signed(b)
	clear(q)
	return task{func() error {
		convert.Quantize(q, o.X, b, maps)
		return nil
	}, 5 * len(q)}
}

func dequantizeSigned(o *workload.Operands, b convert.Blocks) task {
	y, q, maps := written(len(o.Q)), make([]int8, len(o.Q)), signed(b)
	for i, c := range o.Q {
		q[i] = int8(c)
	}
	return task{func() error {
		convert.Dequantize(y, q, b, maps)
		return nil
	}, 5 * len(y)}
}

// grid is the parameters of gaussian elements under Uniform.
var grid = convert.Grids{Scales: []float32{1. / 30}, Offsets: []float32{-4.25}, High: 255}

func quantizeGrid(o *workload.Operands, b convert.Blocks) task {
	q := codes(len(o.X))
	return task{func() error {
		convert.QuantizeGrid(q, o.X, b, &grid)
		return nil
	}, 5 * len(q)}
}

func dequantizeGrid(o *workload.Operands, b convert.Blocks) task {
	y := written(len(o.Q))
	return task{func() error {
		convert.DequantizeGrid(y, o.Q, b, &grid)
		return nil
	}, 5 * len(y)}
}

func encode(f half.Format) func(o *workload.Operands, b convert.Blocks) task {
	return func(o *workload.Operands, _ convert.Blocks) task {
		q := make([]uint16, len(o.X))
		clear(q)
		return task{func() error {
			convert.Encode(q, o.X, f)
			return nil
		}, 6 * len(q)}
	}
}

func decode(f half.Format) func(o *workload.Operands, b convert.Blocks) task {
	return func(o *workload.Operands, _ convert.Blocks) task {
		y, q := written(len(o.X)), make([]uint16, len(o.X))
		convert.Encode(q, o.X, f)
		return task{func() error {
			convert.Decode(y, q, f)
			return nil
		}, 6 * len(y)}
	}
}
