package nn_test

import (
	"fmt"
	"slices"
	"testing"

	"euryale/internal/nn"
	"euryale/qtensor"
)

// TestCodebooks compares layers whose weights are a Codebook with those of the same weights as int8: what they
// take and give, and every bit.
func TestCodebooks(t *testing.T) {
	const samples = 5
	for _, s := range []qtensor.Scheme{
		qtensor.Codebook(4).PerGroup(0, 32), qtensor.Codebook(4).PerAxis(0), qtensor.Codebook(4).WithLevels(qtensor.LinearLevels).PerGroup(0, 16),
		qtensor.Codebook(3).PerGroup(0, 16), qtensor.Codebook(2).PerGroup(0, 64), qtensor.Codebook(2).WithLevels(qtensor.LearnedLevelsNoZero).PerGroup(0, 16),
		qtensor.Codebook(4).WithLevels(qtensor.NormalFloatLevels).PerGroup(0, 128), qtensor.Codebook(4).WithLevels(qtensor.E2M1Levels).PerGroup(0, 32),
	} {
		for _, c := range []struct {
			name  string
			shape []int // of the weight, channels first
			layer func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error)
		}{
			{"dense", []int{9, 150}, func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
				turned, err := q.T()
				if err != nil {
					return nil, err
				}
				w, err := nn.Pack(turned)
				if err != nil {
					return nil, err
				}
				return w.Prepare(o)
			}},
			{"dense, stored as (out, in)", []int{33, 64}, func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
				w, err := nn.PackMatrix(q, true, 1)
				if err != nil {
					return nil, err
				}
				return w.Prepare(o)
			}},
			{"dense behind images", []int{9, 150}, func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
				w, err := nn.PackMatrix(q, true, 6)
				if err != nil {
					return nil, err
				}
				return w.Prepare(o)
			}},
			{"conv", []int{6, 5, 3, 3}, convOf(1, []int{5, 7, 6})},
			{"conv in groups of channels", []int{6, 5, 3, 3}, convOf(2, []int{10, 7, 6})},
			{"depthwise", []int{20, 1, 5, 5}, convOf(20, []int{20, 7, 6})},
		} {
			n := 1
			for _, d := range c.shape {
				n *= d
			}
			q, err := qtensor.Quantize(newTensor(gaussian(uint64(n), n), c.shape...), s)
			if err != nil {
				t.Fatal(err)
			}
			eight, err := q.Int8()
			if err != nil {
				t.Fatal(err)
			}
			for how, o := range map[string]nn.Options{"fixed24": fixed24, "fixed16": fixed16, "dynamic": dynamicInt8, "static": static(t, qtensor.Affine(8), -1.5, 2)} {
				name := fmt.Sprintf("%s, %v, %s", c.name, s, how)
				l, err := c.layer(q, o)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				want, err := c.layer(eight, o)
				if err != nil {
					t.Fatalf("%s, int8: %v", name, err)
				}
				if l.IO() != want.IO() {
					t.Errorf("%s: IO is %+v, want %+v", name, l.IO(), want.IO())
				}
				x := gaussian(7, samples*l.In().TotalSize())
				got, expected := make([]float32, samples*l.Out().TotalSize()), make([]float32, samples*l.Out().TotalSize())
				for m := 1; m <= samples; m += samples - 1 {
					if err := l.Run(nn.Operand{Float: got[:m*l.Out().TotalSize()]}, nn.Operand{Float: x[:m*l.In().TotalSize()]}, m); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if err := want.Run(nn.Operand{Float: expected[:m*l.Out().TotalSize()]}, nn.Operand{Float: x[:m*l.In().TotalSize()]}, m); err != nil {
						t.Fatalf("%s, int8: %v", name, err)
					}
					if !slices.Equal(got, expected) {
						t.Fatalf("%s: other results for %d samples", name, m)
					}
				}
			}
		}
	}
}

// convOf returns a function that makes a convolution of images (channels, height, width).
func convOf(groups int, in []int) func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
	return func(q *qtensor.QTensor, o nn.Options) (*nn.Layer, error) {
		f, err := nn.PackFilters(q, groups)
		if err != nil {
			return nil, err
		}
		w, err := nn.NewWindow([]int{1, 1}, []int{1, 1}, []int{1, 1})
		if err != nil {
			return nil, err
		}
		return f.Prepare(in[1], in[2], w, o)
	}
}
