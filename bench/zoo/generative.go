package main

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

const latents = 16

// encoder is that of a VAE (arXiv:1312.6114): mean and log variance of each factor, and a sample of them by
// noise that is an input.
func encoder(n *net) gorgonia.Nodes {
	x, noise := n.Input("x", 784), n.Input("noise", latents)
	h := must(gorgonia.Rectify(n.dense(x, "hidden", 256)))
	mean, logVariance := n.dense(h, "mean", latents), n.dense(h, "logvar", latents)
	deviation := must(gorgonia.Exp(must(gorgonia.HadamardProd(n.Number(0.5), logVariance))))
	return gorgonia.Nodes{mean, logVariance, must(gorgonia.Add(mean, must(gorgonia.HadamardProd(deviation, noise))))}
}

// seen draws images with noise; wanted are the factors that they show, and how sure one can be of them.
func seen(r *rand.Rand, batch int) sample {
	z, images := factors(r, batch, latents/4, 28)
	x, sure := images.Float32s(), make([]float32, batch*latents)
	for i := range batch {
		much := 0.02 + 0.2*r.Float64()
		for j := range 784 {
			x[784*i+j] += float32(much * r.NormFloat64())
		}
		for j := range latents {
			sure[latents*i+j] = float32(math.Log(much))
		}
	}
	noise := floats(gaussian(r, 0, 1, batch*latents), batch, latents)
	return sample{[]*tensor.Dense{images, noise}, []*tensor.Dense{z, floats(sure, batch, latents)}}
}

// decoder is that of a VAE: pixels of factors.
func decoder(n *net) gorgonia.Nodes {
	h := must(gorgonia.Tanh(n.dense(n.input(latents), "hidden", 256)))
	return gorgonia.Nodes{must(gorgonia.Sigmoid(n.dense(h, "pixels", 784)))}
}

// shown draws factors; wanted are the images that they make.
func shown(r *rand.Rand, batch int) sample {
	z, images := factors(r, batch, latents/4, 28)
	return sample{[]*tensor.Dense{z}, []*tensor.Dense{images}}
}

func sine(x float32) float32 { return float32(math.Sin(float64(x))) }
