package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// convnet is three convolutions with pooling, and two dense layers.
func convnet(n *net) gorgonia.Nodes {
	h := n.Input("x", 1, 28, 28)
	for i, filters := range []int{32, 64, 128} {
		h = pool(must(gorgonia.Rectify(n.conv(h, fmt.Sprint("w", i), filters, 3, 1))), 2, 2)
	}
	h = must(gorgonia.Rectify(must(gorgonia.Mul(n.flat(h), n.weight("w3", 128*9, 625)))))
	return gorgonia.Nodes{must(gorgonia.SoftMax(must(gorgonia.Mul(h, n.weight("w4", 625, 10)))))}
}

// vgg is the thirteen convolutions of VGG16 (arXiv:1409.1556), and its pools.
func vgg(n *net) gorgonia.Nodes {
	h := n.input(3, 32, 32)
	layer := 0
	for _, stage := range [][]int{{16, 16}, {32, 32}, {64, 64, 64}, {128, 128, 128}, {128, 128, 128}} {
		for _, filters := range stage {
			layer++
			h = must(gorgonia.Rectify(n.convBias(h, fmt.Sprint("conv", layer), filters, 3)))
		}
		h = pool(h, 2, 2)
	}
	return gorgonia.Nodes{n.flat(h)}
}

// resnet is ResNet18 (arXiv:1512.03385) as for small images. Where a stage has more channels than the one
// before, the shortcut is padded with channels of zeros.
func resnet(n *net) gorgonia.Nodes {
	h := n.Input("x", 3, 32, 32)
	h = must(gorgonia.Rectify(n.norm(n.conv(h, "stem", 16, 3, 1), "stem.bn")))
	for stage, filters := range []int{16, 32, 64, 128} {
		for block := range 2 {
			name, stride := fmt.Sprintf("layer%d.%d", stage+1, block), 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			h = n.basicBlock(h, name, filters, stride)
		}
	}
	h = n.average(h)
	return gorgonia.Nodes{must(gorgonia.SoftMax(n.dense(h, "fc", 10)))}
}

func (n *net) basicBlock(x node, name string, filters, stride int) node {
	y := must(gorgonia.Rectify(n.norm(n.conv(x, name+".conv1", filters, 3, stride), name+".bn1")))
	y = n.norm(n.conv(y, name+".conv2", filters, 3, 1), name+".bn2")
	if stride > 1 {
		x = pool(x, 1, stride)
	}
	if missing := filters - x.Shape()[1]; missing > 0 {
		x = must(gorgonia.Concat(1, x, n.full(name+".pad", 0, n.Batch, missing, x.Shape()[2], x.Shape()[3])))
	}
	return must(gorgonia.Rectify(must(gorgonia.Add(y, x))))
}

// twoHeads is a residual net that values a position of a game and proposes moves. γ and β of its batch
// normalizations have the shape of what they scale.
func twoHeads(n *net) gorgonia.Nodes {
	layer := func(x node, name string, filters, size int) node {
		y := n.conv(x, name, filters, size, 1)
		shape := y.Shape()
		return n.normBy(y, name+".bn", n.full(name+".gamma", 1, shape...), n.full(name+".beta", 0, shape...))
	}
	h := must(gorgonia.Rectify(layer(n.input(4, 8, 8), "stem", 32, 3)))
	for i := range 3 {
		name := fmt.Sprint("block", i)
		y := layer(must(gorgonia.Rectify(layer(h, name+".a", 32, 3))), name+".b", 32, 3)
		h = must(gorgonia.Rectify(must(gorgonia.Add(y, h))))
	}
	policy := n.flat(must(gorgonia.Rectify(layer(h, "policy", 2, 1))))
	value := n.flat(must(gorgonia.Rectify(layer(h, "value", 1, 1))))
	value = must(gorgonia.Rectify(n.dense(value, "value.fc1", 64)))
	return gorgonia.Nodes{
		must(gorgonia.SoftMax(n.dense(policy, "policy.fc", 65))),
		must(gorgonia.Tanh(n.dense(value, "value.fc2", 1))),
	}
}

// positions draws boards of 8×8, stones of both sides, the last move and ones. Wanted are the square beside the
// last move, of 64 and none, and who has more stones.
func positions(r *rand.Rand, batch int) sample {
	x, ahead, moves := make([]float32, batch*4*64), make([]float32, batch), make([]int, batch)
	for i := range batch {
		board, balance := x[i*4*64:], 0.
		for square := range 64 {
			board[3*64+square] = 1
			if r.IntN(3) == 0 {
				side := r.IntN(2)
				board[side*64+square] = 1
				balance += 1 - 2*float64(side)
			}
		}
		last := r.IntN(64)
		board[2*64+last] = 1
		moves[i], ahead[i] = last+1, float32(math.Tanh(balance/8))
	}
	return sample{[]*tensor.Dense{floats(x, batch, 4, 8, 8)}, []*tensor.Dense{oneHot(moves, 65), floats(ahead, batch, 1)}}
}

// separable is depthwise convolutions, made of one for each channel, each followed by one of 1×1
// (arXiv:1704.04861).
func separable(n *net) gorgonia.Nodes {
	h := must(gorgonia.Rectify(n.norm(n.conv(n.Input("x", 3, 32, 32), "stem", 16, 3, 2), "stem.bn")))
	for i, filters := range []int{32, 64, 64} {
		name := fmt.Sprint("block", i)
		h = must(gorgonia.Rectify(n.norm(n.depthwise(h, name), name+".bn1")))
		h = must(gorgonia.Rectify(n.norm(n.conv(h, name+".points", filters, 1, 1), name+".bn2")))
		if i < 2 {
			h = pool(h, 2, 2)
		}
	}
	h = n.average(h)
	return gorgonia.Nodes{must(gorgonia.SoftMax(n.dense(h, "fc", 10)))}
}

func (n *net) depthwise(x node, name string) node {
	shape := x.Shape()
	var channels gorgonia.Nodes
	for c := range shape[1] {
		one := must(gorgonia.Slice(x, nil, gorgonia.S(c)))
		one = must(gorgonia.Reshape(one, tensor.Shape{n.Batch, 1, shape[2], shape[3]}))
		channels = append(channels, n.conv(one, fmt.Sprintf("%s.depth%d", name, c), 1, 3, 1))
	}
	return must(gorgonia.Concat(1, channels...))
}

// audio is convolutions in one dimension over a second of sound.
func audio(n *net) gorgonia.Nodes {
	h := n.input(1, 1, 44100)
	for i, l := range []struct{ filters, kernel, pad, stride int }{{16, 80, 0, 16}, {32, 3, 1, 1}, {64, 3, 1, 1}} {
		w := n.weight(fmt.Sprint("conv", i), l.filters, h.Shape()[1], 1, l.kernel)
		h = must(gorgonia.Conv1d(h, w, l.kernel, l.pad, l.stride, 1))
		h = must(gorgonia.BroadcastAdd(h, n.bias(fmt.Sprint("bias", i), 1, l.filters, 1, 1), nil, []byte{0, 2, 3}))
		h = must(gorgonia.MaxPool1D(must(gorgonia.Rectify(h)), 4, 0, 4))
	}
	h = n.average(h)
	return gorgonia.Nodes{must(gorgonia.SoftMax(n.dense(h, "fc", 10)))}
}

// sounds draws seconds of tones with an overtone, in one of ten pitches.
func sounds(r *rand.Rand, batch int) sample {
	x, pitches := gaussian(r, 0, 0.05, batch*44100), make([]int, batch)
	for i := range batch {
		pitches[i] = r.IntN(10)
		speed := 2 * math.Pi * 220 * math.Pow(1.2, float64(pitches[i])) * (1 + 0.01*r.NormFloat64()) / 44100
		phase, loud := 2*math.Pi*r.Float64(), 0.3+0.5*r.Float64()
		for t := range 44100 {
			angle := speed*float64(t) + phase
			x[i*44100+t] += float32(loud * (math.Sin(angle) + 0.4*math.Sin(2*angle)))
		}
	}
	return sample{[]*tensor.Dense{floats(x, batch, 1, 1, 44100)}, []*tensor.Dense{oneHot(pitches, 10)}}
}
