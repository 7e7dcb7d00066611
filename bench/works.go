package main

import (
	"slices"

	"euryale/bench/internal/workload"
	"euryale/internal/gemm"
	"euryale/internal/nn"
)

// work is something that the module does and that is measured.
type work struct {
	name, family string // the family may be empty
	// bits of the integers that rows are quantized to, by which they are taken as planes; 0 for a conversion,
	// which has one shape of its own.
	bits    int
	shapes  func(o options) []shape
	prepare func(s shape) (task, error)
}

// shape is a workload.Shape or a workload.Conv.
type shape interface {
	String() string
	Amount() float64
}

// on prepares a work of a workload.Shape.
func on(prepare func(o *workload.Operands) task) func(shape) (task, error) {
	return func(s shape) (task, error) { return prepare(workload.NewOperands(s.(workload.Shape))), nil }
}

// given are the products of the command line.
func given(o options) []shape { return list(o.Products()) }

// beyond are those, or by default, one beyond the caches besides.
func beyond(o options) []shape { return list(o.Products(workload.Beyond())) }

func conversion(options) []shape { return []shape{workload.Conversion()} }

func convolutions(options) []shape { return list(workload.Convs()) }

func list[S shape](given []S) []shape {
	shapes := make([]shape, len(given))
	for i, s := range given {
		shapes[i] = s
	}
	return shapes
}

// task is a work on given operands, all of which have been written.
type task struct {
	run   func() error
	bytes int // of the packed weight; of a conversion, those read and written
}

var works = slices.Concat([]work{
	{"int8", "", 8, given, on(multiplyQuantized)},
	{"int8-codes", "", 8, given, on(multiplyCodes)},
	{"int8-dynamic", "", 8, given, on(multiply(gemm.Arithmetic{}))},
	{"int8-static", "", 8, given, on(multiply(gemm.Arithmetic{Static: &workload.Static}))},
	{"int8-weights-fixed24", "", 24, given, on(multiply(gemm.Arithmetic{Bits: 24}))},
	{"int8-weights-fixed16", "", 16, given, on(multiply(gemm.Arithmetic{Bits: 16}))},
	{"conv", "", 8, convolutions, convolve(false)},
	{"conv-codes", "", 8, convolutions, convolve(true)},
}, fewBits(), conversions)

func menu() (m workload.Menu) {
	for _, w := range works {
		m.Add(w.name, w.family)
	}
	return m
}

// convolve convolves images with a given range, from float32 to float32 in NCHW, or from
// quantized to quantized activations in NHWC.
func convolve(quantized bool) func(shape) (task, error) {
	return func(s shape) (task, error) {
		images, err := workload.NewImages(s.(workload.Conv))
		if err != nil {
			return task{}, err
		}
		conv, err := images.Prepare(images.Static())
		if err != nil {
			return task{}, err
		}
		x, y := nn.Operand{Float: images.X}, nn.Operand{Float: written(images.Outputs())}
		if quantized {
			x.Params = conv.IO().Params
			if y.Params, err = nn.StaticParams(images.Out); err != nil {
				return task{}, err
			}
			x.Float, x.Quantized = nil, workload.ChannelsLast(images.Q(), workload.Batch, images.Channels)
			y.Float, y.Quantized = nil, make([]uint8, images.Outputs())
			clear(y.Quantized)
		}
		return task{func() error { return conv.Run(y, x, workload.Batch) }, len(images.W)}, nil
	}
}

// multiplyQuantized multiplies rows of quantized activations.
func multiplyQuantized(o *workload.Operands) task {
	w, y := o.Int8Weight(), written(o.M*o.N)
	p := gemm.NewProduct(w, gemm.Arithmetic{}, gemm.Output{})
	return task{func() error {
		return p.Run(gemm.Activations{Float: y}, o.Quantized(), o.M)
	}, w.Bytes()}
}

// multiplyCodes multiplies rows of quantized activations to quantized ones.
func multiplyCodes(o *workload.Operands) task {
	w, y := o.Int8Weight(), make([]uint8, o.M*o.N)
	p := gemm.NewProduct(w, gemm.Arithmetic{}, gemm.Output{})
	return task{func() error {
		return p.Run(gemm.Activations{Quantized: y, Params: workload.Out}, o.Quantized(), o.M)
	}, w.Bytes()}
}

// multiply multiplies rows of float32.
func multiply(a gemm.Arithmetic) func(*workload.Operands) task {
	return func(o *workload.Operands) task {
		w, y := o.Int8Weight(), written(o.M*o.N)
		p := gemm.NewProduct(w, a, gemm.Output{})
		return task{func() error {
			return p.Run(gemm.Activations{Float: y}, gemm.Activations{Float: o.X}, o.M)
		}, w.Bytes()}
	}
}

// written returns zeros that have been written: memory that nothing was written to is one page.
func written(n int) []float32 {
	y := make([]float32, n)
	clear(y)
	return y
}
