package main

import (
	"fmt"

	"euryale/internal/nn"
	"euryale/qtensor"
)

// A geometry is a convolution's: of images (in, height, width) with filters (out, in/groups, kernel).
type geometry struct {
	in, out, height, width        int
	kernel, pad, stride, dilation [2]int
	groups                        int
}

// geometries are convolutions of every kind.
var geometries = func() []geometry {
	one, two, three, five := [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}, [2]int{5, 5}
	none := [2]int{}
	return []geometry{
		{1, 1, 1, 1, one, none, one, one, 1},
		{1, 8, 12, 12, three, one, one, one, 1},
		{1, 32, 14, 14, five, two, one, one, 1},
		{1, 16, 9, 11, five, none, two, one, 1},
		{3, 16, 10, 10, three, one, one, one, 1},
		{3, 33, 13, 9, three, one, two, one, 1},
		{3, 8, 11, 11, five, two, [2]int{1, 2}, one, 1},
		{3, 5, 6, 7, one, none, one, one, 1},
		{8, 17, 6, 6, one, none, one, one, 1},
		{16, 16, 10, 10, three, one, one, one, 1},
		{16, 32, 8, 8, one, none, two, one, 1},
		{16, 24, 9, 9, three, two, one, two, 1},
		{32, 64, 7, 7, three, one, one, one, 1},
		{32, 16, 7, 5, five, two, one, one, 1},
		{33, 15, 5, 5, three, one, one, one, 1},
		{64, 16, 4, 4, three, none, one, one, 1},
		{9, 7, 11, 11, [2]int{3, 2}, [2]int{1, 0}, [2]int{2, 3}, [2]int{2, 1}, 1},
		{4, 3, 3, 20, [2]int{1, 3}, [2]int{0, 1}, one, one, 1},
		{4, 3, 20, 3, [2]int{5, 1}, [2]int{2, 0}, one, one, 1},
		{2, 4, 3, 3, three, none, one, one, 1},
		{2, 4, 3, 3, five, [2]int{4, 4}, two, one, 1},
		{4, 4, 8, 8, three, one, one, one, 4},
		{16, 16, 9, 9, three, one, two, one, 16},
		{17, 17, 7, 6, three, one, one, one, 17},
		{32, 32, 6, 6, five, two, one, one, 32},
		{33, 33, 6, 6, three, two, one, two, 33},
		{8, 16, 6, 6, three, one, one, one, 8},
		{8, 12, 6, 6, three, one, one, one, 4},
		{32, 32, 5, 5, three, one, one, one, 2},
		{6, 9, 5, 5, one, none, one, one, 3},
	}
}()

func (g geometry) String() string {
	pair := func(p [2]int) string { return fmt.Sprintf("%dx%d", p[0], p[1]) }
	return fmt.Sprintf("in=%d out=%d image=%dx%d kernel=%s pad=%s stride=%s dilation=%s groups=%d",
		g.in, g.out, g.height, g.width, pair(g.kernel), pair(g.pad), pair(g.stride), pair(g.dilation), g.groups)
}

// images is how many a convolution has.
const images = 3

func convolutions(d *digest) {
	for _, s := range schemes(0) {
		switch s.name {
		case "uniform8/tensor", "symmetric8/tensor", "symmetric8/channel", "affine8/channel", "int4/groups32",
			"symmetric8/groups20":
		default:
			continue
		}
		for _, g := range geometries {
			g.add(d, s)
		}
	}
}

// add adds the results of a geometry under a scheme.
func (g geometry) add(d *digest, s named) {
	weight := drawn("filters "+g.String(), g.out, g.in/g.groups, g.kernel[0], g.kernel[1])
	var filters *nn.Filters
	q, err := qtensor.Quantize(weight, s.scheme)
	if err == nil {
		filters, err = nn.PackFilters(q, g.groups)
	}
	x := gaussian("images "+g.String(), images*g.in*g.height*g.width)
	bias := drawn("bias "+g.String(), g.out).Float32s()
	prepare := func(o nn.Options) (*nn.Layer, error) {
		if err != nil {
			return nil, err
		}
		window := nn.Window{Pad: [4]int{g.pad[0], g.pad[1], g.pad[0], g.pad[1]}, Stride: g.stride, Dilation: g.dilation}
		return filters.Prepare(g.height, g.width, window, o)
	}
	key := func(kind string, c computation) string {
		return fmt.Sprintf("convolution%s scheme=%s arithmetic=%s %v", kind, s.name, c.name, g)
	}
	for _, c := range computations {
		p, err := prepare(c.with(nil, false))
		d.addRun(key("", c), p, err, x)
		if s.name == "symmetric8/channel" || s.name == "affine8/channel" {
			p, err = prepare(c.with(bias, true))
			d.addRun(key(" with=bias+relu", c), p, err, x)
		}
	}
	if s.name != "symmetric8/channel" && s.name != "uniform8/tensor" && s.name != "int4/groups32" {
		return
	}
	for _, c := range statics {
		for _, way := range []string{"codes->float", "float->codes", "codes->codes"} {
			p, err := prepare(c.with(bias, false))
			d.addCodes(key(" "+way, c), p, err, way, images, x)
		}
	}
}

// addRun adds what a layer gives for images.
func (d *digest) addRun(key string, p *nn.Layer, err error, x []float32) {
	if err != nil {
		d.add(key, err)
		return
	}
	y := make([]float32, images*p.Out().TotalSize())
	err = p.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, images)
	d.add(key, err, []int(p.Out()), y)
}
