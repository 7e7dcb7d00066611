package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// unet halves an image twice and doubles it again (arXiv:1505.04597): each pixel is in an object, or not.
func unet(n *net) gorgonia.Nodes {
	double := func(x node, name string, filters int) node {
		x = must(gorgonia.Rectify(n.convBias(x, name+".a", filters, 3)))
		return must(gorgonia.Rectify(n.convBias(x, name+".b", filters, 3)))
	}
	up := func(x, skip node, name string, filters int) node {
		return double(must(gorgonia.Concat(1, must(gorgonia.Upsample2D(x, 2)), skip)), name, filters)
	}
	top := double(n.input(1, 48, 48), "down1", 8)
	middle := double(pool(top, 2, 2), "down2", 16)
	h := double(pool(middle, 2, 2), "bottom", 32)
	h = up(h, middle, "up2", 16)
	h = up(h, top, "up1", 8)
	return gorgonia.Nodes{must(gorgonia.Sigmoid(n.convBias(h, "mask", 1, 1)))}
}

// objects draws images with bumps in noise, and where the bumps are.
func objects(r *rand.Rand, batch int) sample {
	const side = 48
	x, mask := make([]float32, batch*side*side), make([]float32, batch*side*side)
	for i := range batch {
		image := x[i*side*side:][:side*side]
		for range 1 + r.IntN(4) {
			bump{r.Float64(), r.Float64(), 0.05 + 0.15*r.Float64(), 0.6 + 0.4*r.Float64()}.add(image, side)
		}
	}
	for i, v := range x {
		if v > 0.3 {
			mask[i] = 1
		}
		x[i] += float32(0.2 * r.NormFloat64())
	}
	return sample{[]*tensor.Dense{floats(x, batch, 1, side, side)}, []*tensor.Dense{floats(mask, batch, 1, side, side)}}
}

// detector returns the layer of both networks of darknet: a convolution whose bias has the shape of its
// result, and LeakyRelu.
func (n *net) detector(x node, layer, filters, size int) node {
	return must(gorgonia.LeakyRelu(n.boxes(x, layer, filters, size), 0.1))
}

// boxes is a detector without its activation.
func (n *net) boxes(x node, layer, filters, size int) node {
	y := n.conv(x, fmt.Sprint("conv_", layer), filters, size, 1)
	return must(gorgonia.Add(y, n.spread(fmt.Sprint("bias_", layer), y.Shape()...)))
}

// detections draws images of 64×64 with coloured bumps, and what each cell of the grids is to say: for every
// anchor, in logits, whether the centre of a bump lies in the cell, where, how wide it is, and its colour.
func detections(anchors, classes int, strides ...int) source {
	const side = 64
	return func(r *rand.Rand, batch int) (s sample) {
		x := gaussian(r, 0, 0.1, batch*3*side*side)
		grids := make([][]float32, len(strides))
		for i, stride := range strides {
			cells, each := side/stride, 5+classes
			grids[i] = make([]float32, batch*anchors*each*cells*cells)
			for j := range grids[i] {
				if channel := j / (cells * cells) % each; channel > 3 {
					grids[i][j] = -3
				}
			}
			s.targets = append(s.targets, floats(grids[i], batch, anchors*each, cells, cells))
		}
		for i := range batch {
			for range 3 {
				b, colour := bump{r.Float64(), r.Float64(), 0.05 + 0.15*r.Float64(), 2}, r.IntN(3)
				b.add(x[(i*3+colour)*side*side:][:side*side], side)
				for at, grid := range grids {
					b.mark(grid[i*len(grid)/batch:][:len(grid)/batch], side/strides[at], 5+classes, colour)
				}
			}
		}
		s.inputs = []*tensor.Dense{floats(x, batch, 3, side, side)}
		return s
	}
}

// mark sets what every anchor of a grid of cells×cells says of the bump: each has so many channels.
func (b bump) mark(grid []float32, cells, each, colour int) {
	row, column := int(b.y*float64(cells)), int(b.x*float64(cells))
	for anchor := range len(grid) / (each * cells * cells) {
		set := func(channel int, v float64) {
			grid[((anchor*each+channel)*cells+row)*cells+column] = float32(v)
		}
		set(0, b.x*float64(cells)-float64(column))
		set(1, b.y*float64(cells)-float64(row))
		set(2, math.Log(10*b.width/float64(1+anchor)))
		set(3, math.Log(10*b.width/float64(1+anchor)))
		set(4, 3)
		set(5+colour, 3)
	}
}

// yolo2 is the layers of tiny-YOLO v2 (arXiv:1612.08242).
func yolo2(n *net) gorgonia.Nodes {
	h := n.Input("x", 3, 64, 64)
	for i, filters := range []int{4, 8, 16, 32, 64} {
		h = pool(n.detector(h, 2*i, filters, 3), 2, 2)
	}
	h = pool(n.detector(h, 10, 128, 3), 2, 1, 0, 1, 0, 1)
	h = n.detector(n.detector(h, 12, 256, 3), 13, 128, 3)
	return gorgonia.Nodes{n.boxes(h, 14, 125, 1)}
}

// yolo3 is the layers of tiny-YOLO v3 (arXiv:1804.02767), up to its two grids.
func yolo3(n *net) gorgonia.Nodes {
	h := n.Input("x", 3, 64, 64)
	for i, filters := range []int{4, 8, 16, 32} {
		h = pool(n.detector(h, 2*i, filters, 3), 2, 2)
	}
	fine := n.detector(h, 8, 64, 3)
	h = pool(n.detector(pool(fine, 2, 2), 10, 128, 3), 2, 1, 0, 1, 0, 1)
	route := n.detector(n.detector(h, 12, 256, 3), 13, 64, 1)
	coarse := n.boxes(n.detector(route, 14, 128, 3), 15, 255, 1)
	h = must(gorgonia.Upsample2D(n.detector(route, 18, 32, 1), 2))
	h = must(gorgonia.Concat(1, h, fine))
	return gorgonia.Nodes{coarse, n.boxes(n.detector(h, 21, 64, 3), 22, 255, 1)}
}

// denoiser predicts the noise in an image; how much there is scales and shifts each channel
// (arXiv:1709.07871).
func denoiser(n *net) gorgonia.Nodes {
	x, level := n.Input("x", 1, 16, 16), n.Input("level", 8)
	embedded := must(gorgonia.Rectify(n.dense(level, "embed", 32)))
	h := x
	for i := range 3 {
		name := fmt.Sprint("block", i)
		channel := func(what string) node {
			y := must(gorgonia.Mul(embedded, n.param(name+what, 0, 0.03, 32, 24)))
			return must(gorgonia.Reshape(y, tensor.Shape{n.Batch, 24, 1, 1}))
		}
		h = n.convBias(h, name, 24, 3)
		h = must(gorgonia.BroadcastHadamardProd(h, must(gorgonia.Add(n.Number(1), channel(".scale"))), nil, []byte{2, 3}))
		h = must(gorgonia.BroadcastAdd(h, channel(".shift"), nil, []byte{2, 3}))
		h = must(gorgonia.Rectify(h))
	}
	return gorgonia.Nodes{n.convBias(h, "out", 1, 3)}
}

// noisy draws images with noise, and how much it is; wanted is the noise.
func noisy(r *rand.Rand, batch int) sample {
	const pixels = 16 * 16
	_, images := factors(r, batch, 3, 16)
	x, noise := images.Float32s(), gaussian(r, 0, 1, batch*pixels)
	level := make([]float32, batch*8)
	for i := range batch {
		much := 0.3 + 0.7*r.Float32()
		for j := range 8 {
			level[8*i+j] = sine(much * float32(j+1))
		}
		for j := range pixels {
			x[i*pixels+j] += much * noise[i*pixels+j]
		}
	}
	return sample{
		[]*tensor.Dense{floats(x, batch, 1, 16, 16), floats(level, batch, 8)},
		[]*tensor.Dense{floats(noise, batch, 1, 16, 16)},
	}
}
