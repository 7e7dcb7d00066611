package main

import (
	"fmt"

	"euryale/internal/nn"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// shapes are m, k and n of products: around the rows, depths and columns that kernels and threads take at a
// time.
var shapes = [][3]int{
	{1, 1, 1},
	{1, 3, 2},
	{1, 31, 15},
	{1, 32, 16},
	{1, 33, 17},
	{1, 64, 48},
	{1, 300, 100},
	{2, 1, 33},
	{2, 127, 16},
	{3, 65, 17},
	{3, 3, 100},
	{5, 64, 17},
	{5, 32, 1},
	{8, 31, 33},
	{8, 300, 16},
	{8, 64, 100},
	{9, 33, 48},
	{17, 127, 15},
	{17, 1, 1},
	{17, 300, 33},
	{64, 64, 16},
	{64, 127, 100},
	{65, 33, 17},
	{65, 300, 48},
	{65, 3, 2},
}

// A computation is what becomes of activations, under the name that keys have.
type computation struct {
	name    string
	options nn.Options
}

// with returns options with a bias, nil for none, and perhaps a ReLU.
func (c computation) with(bias []float32, relu bool) nn.Options {
	o := c.options
	o.Bias, o.ReLU = bias, relu
	return o
}

// inGraph returns the options of an op.
func (c computation) inGraph() ops.LayerOption {
	if c.options.Activations == nn.StaticInt8 {
		return ops.WithStaticInt8(c.options.Params)
	}
	return ops.WithActivations(c.options.Activations)
}

// computations are all arithmetics. The ranges of the static ones are such that gaussian values saturate now
// and then.
var computations = []computation{
	{"fixed24", nn.Options{Activations: nn.Fixed24}},
	{"fixed16", nn.Options{Activations: nn.Fixed16}},
	{"dynamic-int8", nn.Options{Activations: nn.DynamicInt8}},
	{"static-int8-symmetric", nn.Options{Activations: nn.StaticInt8, Params: within(qtensor.Symmetric(8), -2.5, 2.5)}},
	{"static-int8-affine", nn.Options{Activations: nn.StaticInt8, Params: within(qtensor.Affine(8), -1.7, 2.9)}},
}

// statics are those with calibrated quantized activations.
var statics = computations[3:]

// within returns the parameters of a scheme per tensor for a range.
func within(s qtensor.Scheme, low, high float32) qtensor.Params {
	p, err := qtensor.NewParams(s, []float32{low}, []float32{high})
	if err != nil {
		panic(err)
	}
	return p
}

// A matrix is a packed weight, or the error of making one.
type matrix struct {
	scheme  string
	k, n    int
	w       *nn.Weight
	q       *qtensor.QTensor
	problem error
}

func pack(s named, k, n int) matrix {
	q, err := qtensor.Quantize(drawn(fmt.Sprintf("weight %d %d", k, n), k, n), s.scheme)
	if err != nil {
		return matrix{s.name, k, n, nil, nil, err}
	}
	w, err := nn.Pack(q)
	return matrix{s.name, k, n, w, q, err}
}

// key returns the key of a product with m rows.
func (w matrix) key(kind string, c computation, m int) string {
	return fmt.Sprintf("%s scheme=%s arithmetic=%s m=%d k=%d n=%d", kind, w.scheme, c.name, m, w.k, w.n)
}

// run returns x·w for rows x.
func (w matrix) run(x []float32, o nn.Options) ([]float32, error) {
	if w.problem != nil {
		return nil, w.problem
	}
	p, err := w.w.Prepare(o)
	if err != nil {
		return nil, err
	}
	y := make([]float32, len(x)/w.k*w.n)
	return y, p.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, len(x)/w.k)
}

func (w matrix) rows(m int) []float32 { return gaussian(fmt.Sprintf("rows %d %d", m, w.k), m*w.k) }

func (w matrix) bias() []float32 { return drawn(fmt.Sprint("bias ", w.n), w.n).Float32s() }

// products are gaussian: principal schemes in all shapes, the others in two.
func products(d *digest) {
	for _, s := range schemes(1) {
		for i, size := range shapes {
			if !principal[s.name] && i != 9 && i != 21 {
				continue
			}
			w := pack(s, size[1], size[2])
			for _, c := range computations {
				y, err := w.run(w.rows(size[0]), c.options)
				d.add(w.key("product", c, size[0]), err, y)
			}
		}
	}
}

// variants are products with a bias and a ReLU.
func variants(d *digest) {
	for _, s := range principals() {
		for _, size := range [][3]int{{1, 300, 100}, {9, 33, 48}, {65, 33, 17}} {
			w := pack(s, size[1], size[2])
			for _, c := range computations {
				y, err := w.run(w.rows(size[0]), c.with(w.bias(), false))
				d.add(w.key("product with=bias", c, size[0]), err, y)
				y, err = w.run(w.rows(size[0]), c.with(w.bias(), true))
				d.add(w.key("product with=bias+relu", c, size[0]), err, y)
			}
		}
	}
}

// activations are products of other rows than gaussian ones.
func activations(d *digest) {
	for _, s := range principals() {
		w := pack(s, 64, 17)
		for _, c := range computations {
			for _, x := range distributions {
				y, err := w.run(x.make("activations", 5*64), c.options)
				d.add(w.key("product rows="+x.name, c, 5), err, y)
			}
			least := with(make([]float32, 64), 0x1p-149) // times a small weight, it rounds to a zero of either sign
			y, err := w.run(least, c.with(cycle(17, negativeZero), false))
			d.add(w.key("product rows=least with=bias-of-minus-zero", c, 1), err, y)
		}
	}
}

// doubles are products of float64 in a graph.
func doubles(d *digest) {
	for _, s := range principals() {
		w := pack(s, 33, 17)
		for _, c := range computations {
			x := double(dense(w.rows(3), 3, w.k))
			y, err := inGraph(x, func(x *gorgonia.Node) (*gorgonia.Node, error) {
				if w.problem != nil {
					return nil, w.problem
				}
				packed, err := ops.Pack(w.q)
				if err != nil {
					return nil, err
				}
				return ops.Linear(x, packed, c.inGraph(), ops.WithBias(dense(w.bias(), w.n)), ops.WithReLU())
			})
			d.add(w.key("product of=float64 with=bias+relu", c, 3), err, y)
		}
	}
}

// inGraph returns what f adds to a graph, for a value of its input.
func inGraph(value *tensor.Dense, f func(x *gorgonia.Node) (*gorgonia.Node, error)) (*tensor.Dense, error) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, value.Dtype(), value.Dims(), gorgonia.WithShape(value.Shape()...),
		gorgonia.WithName("x"), gorgonia.WithValue(value))
	y, err := f(x)
	if err != nil {
		return nil, err
	}
	var out gorgonia.Value
	gorgonia.Read(y, &out)
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		return nil, err
	}
	return out.(*tensor.Dense), nil
}

// betweenCodes are products of quantized rows, and of rows whose results are quantized.
func betweenCodes(d *digest) {
	for _, s := range principals() {
		for _, size := range [][3]int{{1, 64, 48}, {3, 65, 17}, {17, 127, 15}, {64, 127, 100}, {65, 300, 48}} {
			w := pack(s, size[1], size[2])
			for _, c := range statics {
				for _, way := range []string{"codes->float", "float->codes", "codes->codes"} {
					key := w.key("product "+way, c, size[0])
					if w.problem != nil {
						d.add(key, w.problem)
						continue
					}
					p, err := w.w.Prepare(c.with(w.bias(), false))
					d.addCodes(key, p, err, way, size[0], w.rows(size[0]))
				}
			}
		}
	}
}

// codesOut is the quantization parameters of quantized results.
var codesOut = func() nn.QuantParams {
	p, err := nn.StaticParams(within(qtensor.Affine(8), -20, 30))
	if err != nil {
		panic(err)
	}
	return p
}()

// addCodes adds a layer's results for samples that are quantized or real values, as quantized or real values,
// or that it does not give them. Quantized samples are random.
func (d *digest) addCodes(key string, p *nn.Layer, err error, way string, samples int, numbers []float32) {
	if err != nil {
		d.add(key, err)
		return
	}
	x, y := nn.Operand{Float: numbers}, nn.Operand{}
	n := samples * p.Out().TotalSize()
	if way != "float->codes" {
		in := p.IO()
		if !in.TakesQuantized {
			d.add(key, nil, "takes no codes")
			return
		}
		rng := random("codes")
		x = nn.Operand{Quantized: make([]uint8, len(numbers)), Params: in.Params}
		for i := range x.Quantized {
			x.Quantized[i] = uint8(rng.IntN(int(in.Params.High) + 1))
		}
	}
	if way == "codes->float" {
		y.Float = make([]float32, n)
	} else {
		if !p.IO().GivesQuantized {
			d.add(key, nil, "gives no codes")
			return
		}
		y.Quantized, y.Params = make([]uint8, n), codesOut
	}
	err = p.Run(y, x, samples)
	d.add(key, err, y.Float, y.Quantized)
}
