package gemm_test

import (
	"math/rand/v2"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

func BenchmarkScratchDepthwise(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, c := range [][3]int{{48, 8, 1}, {6, 128, 1}, {3, 256, 1}, {6, 128, 2}} {
		side, channels, stride := c[0], c[1], c[2]
		w := random(rng, 9, channels, 9, 8, true, false, false).pack(b)
		v := gemm.Conv{Channels: channels, Height: side, Width: side, Kernel: [2]int{3, 3}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Depthwise: true}
		p := kernel.Affine{Scale: 0.01, Zero: 3, High: 255}
		q := kernel.Affine{Scale: 1, Zero: 100, High: 255}
		conv := gemm.NewConvolution(v, []*pack.Matrix{w}, gemm.Arithmetic{Static: &p}, gemm.Output{})
		x := gemm.Activations{Quantized: make([]uint8, side*side*channels), Params: p, SingleThreaded: true}
		for i := range x.Quantized {
			x.Quantized[i] = uint8(rng.IntN(256))
		}
		y := gemm.Activations{Quantized: make([]uint8, side*side*channels), Params: q}
		b.Run("", func(b *testing.B) {
			for b.Loop() {
				if err := conv.Run(y, x, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
