package workload

import (
	"fmt"

	"euryale/internal/ir"
)

// Design is a network's nodes, whose weights are named after them, with their shapes.
type Design struct {
	sample []int
	nodes  []ir.Node
	shapes map[string][]int
}

// add appends a node that gives the value of its name.
func (d *Design) add(n ir.Node, in ...string) string {
	n.Output, n.Inputs = n.Name, in
	d.nodes = append(d.nodes, n)
	return n.Name
}

// product appends a layer, and a Relu if asked for.
func (d *Design) product(n ir.Node, in string, relu bool, shape ...int) string {
	d.shapes[n.Name] = shape
	out := d.add(n, in, n.Name+".w", n.Name+".b")
	if relu {
		out = d.add(ir.Node{Op: "Relu", Name: n.Name + ".relu"}, out)
	}
	return out
}

// conv appends a convolution that pads.
func (d *Design) conv(name, in string, relu bool, filters, channels, kernel, pad, stride int) string {
	n := ir.Node{Op: "Conv", Name: name, Pads: []int{pad, pad, pad, pad}, Strides: []int{stride, stride}}
	return d.product(n, in, relu, filters, channels, kernel, kernel)
}

func (d *Design) dense(name, in string, relu bool, out, depth int) string {
	return d.product(ir.Node{Op: "Gemm", Name: name, TransB: true}, in, relu, out, depth)
}

func (d *Design) pool(name, in string) string {
	return d.add(ir.Node{Op: "MaxPool", Name: name, Kernel: []int{2, 2}, Strides: []int{2, 2}}, in)
}

func (d *Design) flatten(in string, length int) string {
	return d.add(ir.Node{Op: "Reshape", Name: "flat", Shape: []int{-1, length}}, in)
}

// block appends a residual block, with a convolution beside it where the image changes.
func (d *Design) block(name, in string, filters, channels, stride int) string {
	a := d.conv(name+".a", in, true, filters, channels, 3, 1, stride)
	b := d.conv(name+".b", a, false, filters, filters, 3, 1, 1)
	if stride > 1 {
		in = d.conv(name+".side", in, false, filters, channels, 1, 0, stride)
	}
	return d.add(ir.Node{Op: "Relu", Name: name + ".relu"}, d.add(ir.Node{Op: "Add", Name: name + ".sum"}, b, in))
}

// LeNet is the network of examples/mnist: 5×5 to 16 channels, pool, 5×5 to 32, pool, 128, 10.
func LeNet() *Design {
	d := &Design{sample: []int{1, 28, 28}, shapes: map[string][]int{}}
	p := d.pool("pool1", d.conv("conv1", "x", true, 16, 1, 5, 0, 1))
	p = d.pool("pool2", d.conv("conv2", p, true, 32, 16, 5, 0, 1))
	d.dense("fc2", d.dense("fc1", d.flatten(p, 512), true, 128, 512), false, Classes, 128)
	return d
}

// ResNet8 is that of MLPerf Tiny: images of 3×32×32, three residual blocks of 16, 32 and
// 64 channels, a global average.
func ResNet8() *Design {
	d := &Design{sample: []int{3, 32, 32}, shapes: map[string][]int{}}
	h := d.conv("stem", "x", true, 16, 3, 3, 1, 1)
	h = d.block("one", h, 16, 16, 1)
	h = d.block("two", h, 32, 16, 2)
	h = d.block("three", h, 64, 32, 2)
	h = d.add(ir.Node{Op: "GlobalAveragePool", Name: "average"}, h)
	d.dense("fc", d.flatten(h, 64), false, Classes, 64)
	return d
}

// MobileNet is that of MLPerf Tiny for images of 3×96×96: a quarter of MobileNet's channels, each block a
// depthwise convolution and one of a pixel.
func MobileNet() *Design {
	d := &Design{sample: []int{3, 96, 96}, shapes: map[string][]int{}}
	h, channels := d.conv("stem", "x", true, 8, 3, 3, 1, 2), 8
	for i, b := range [][2]int{
		{16, 1},
		{32, 2},
		{32, 1},
		{64, 2},
		{64, 1},
		{128, 2},
		{128, 1},
		{128, 1},
		{128, 1},
		{128, 1},
		{128, 1},
		{256, 2},
		{256, 1},
	} {
		filters, stride := b[0], b[1]
		n := ir.Node{Op: "Conv", Name: fmt.Sprintf("depth%d", i+1), Pads: []int{1, 1, 1, 1}, Strides: []int{stride, stride}, Group: channels}
		h = d.product(n, h, true, channels, 1, 3, 3)
		h = d.conv(fmt.Sprintf("point%d", i+1), h, true, filters, channels, 1, 0, 1)
		channels = filters
	}
	h = d.add(ir.Node{Op: "GlobalAveragePool", Name: "average"}, h)
	d.dense("fc", d.flatten(h, channels), false, Classes, channels)
	return d
}
