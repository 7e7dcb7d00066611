package nn_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestQuantizedAboveHigh runs layers on all values of a byte, whatever the scheme: they stand for Scale·(q −
// Zero).
func TestQuantizedAboveHigh(t *testing.T) {
	const in, out, samples = 64, 5, 8
	rng := rand.New(rand.NewPCG(11, 12))
	for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Affine(2), qtensor.Symmetric(5), qtensor.PowerOfTwo(4), qtensor.UInt4()} {
		q := quantize(t, 5, qtensor.PerChannelSymmetric(8, 1), in, out)
		p, err := mustPack(t, q).Prepare(static(t, s, -1, 2))
		if err != nil {
			t.Fatal(err)
		}
		m := p.IO().Params
		x, y := make([]uint8, samples*in), make([]float32, samples*out)
		for i := range x {
			x[i] = uint8(rng.Uint32())
		}
		if err := p.Run(nn.Operand{Float: y}, nn.Operand{Quantized: x, Params: m}, samples); err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		r, err := q.Dequantize(tensor.Float64)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range y {
			var want, size float64
			for d := range in {
				product := float64(m.Scale) * float64(int32(x[i/out*in+d])-m.Zero) * r.Float64s()[d*out+i%out]
				want, size = want+product, size+math.Abs(product)
			}
			if !(math.Abs(float64(got)-want) <= 1e-6*size) {
				t.Errorf("%v: got %v at %d, want %v", s, got, i, want)
			}
		}
	}
}

// TestPastFloat32 has results that no float32 holds.
func TestPastFloat32(t *testing.T) {
	q, err := qtensor.FromCodes(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]int8{100, -100})),
		qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1e30}})
	if err != nil {
		t.Fatal(err)
	}
	inf := float32(math.Inf(1))
	for _, c := range []nn.Options{fixed24, fixed16, dynamicInt8} {
		for _, c.ReLU = range []bool{false, true} {
			p, err := mustPack(t, q).Prepare(c)
			if err != nil {
				t.Fatal(err)
			}
			want := []float32{inf, -inf}
			if c.ReLU {
				want[1] = 0
			}
			y := make([]float32, 2)
			if err := p.Run(nn.Operand{Float: y}, nn.Operand{Float: []float32{1e30}}, 1); err != nil || !slices.Equal(y, want) {
				t.Errorf("%v, ReLU %v: got %v, %v, want %v", c.Activations, c.ReLU, y, err, want)
			}
			q := nn.Operand{Quantized: make([]uint8, 2), Params: nn.QuantParams{Scale: 1, High: 255}}
			if err := p.Run(q, nn.Operand{Float: []float32{1e30}}, 1); !errors.Is(err, qtensor.ErrValue) {
				t.Errorf("%v, ReLU %v: got %v, %v, want ErrValue", c.Activations, c.ReLU, q.Quantized, err)
			}
		}
	}
}

// TestIO compares MatrixIO and ConvIO with what Prepare does, and both with what their docs say.
func TestIO(t *testing.T) {
	cases := 0
	for _, c := range []nn.Options{fixed24, fixed16, dynamicInt8, static(t, qtensor.Affine(8), -1, 1)} {
		static := c.Activations == nn.StaticInt8
		for _, s := range []qtensor.Scheme{
			qtensor.Symmetric(8), qtensor.Affine(8), qtensor.Uniform(8), qtensor.PowerOfTwo(4), qtensor.Int4(), qtensor.UInt4(),
			qtensor.Symmetric(8).PerAxis(1), qtensor.Int4().PerGroup(1, 2), qtensor.Float16(), qtensor.BFloat16(),
			qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(1),
		} {
			w := mustPack(t, quantize(t, 1, s, 6, 2))
			if p, err := w.Prepare(c); err == nil {
				cases++
				agree(t, fmt.Sprintf("%v matrix, %v", s, c.Activations), p, nn.MatrixIO(c, s, 1), static && !s.IsFloat(), !s.IsFloat())
			} else if !s.IsFloat() {
				t.Fatal(err)
			}
			if s.IsFloat() {
				continue
			}
			if _, perAxis := s.Axis(); perAxis {
				s = map[bool]qtensor.Scheme{false: s.PerAxis(0), true: s.PerGroup(0, 2)}[s.GroupSize() > 0]
			}
			for _, shape := range [][]int{{4, 4, 2, 2, 1}, {4, 2, 2, 2, 2}, {4, 1, 2, 2, 4}, {8, 1, 2, 2, 4}} {
				filters, groups := tensor.Shape(shape[:4]), shape[4]
				q, err := qtensor.Quantize(newTensor(gaussian(4, filters.TotalSize()), filters...), s)
				if err != nil {
					t.Fatal(err)
				}
				p, err := mustPackFilters(t, q, groups).Prepare(5, 6, window(t, []int{1, 0}, nil, nil), c)
				if err != nil {
					t.Fatal(err)
				}
				each := static && groups == filters[0] && !s.HasZeroPoint() && !s.HasOffset() && s.GroupSize() == 0
				together := groups == 1 || each
				cases++
				agree(t, fmt.Sprintf("%v filters %v in %d groups, %v", s, filters, groups, c.Activations), p,
					nn.ConvIO(c, s, []int{filters[1] * groups, 5, 6}, filters, []int{1, 0}, groups),
					static && together && s.GroupSize() == 0, together)
			}
		}
	}
	t.Logf("%d cases", cases)
}

func agree(t *testing.T, name string, p *nn.Layer, io nn.IO, takes, gives bool) {
	t.Helper()
	if p.IO() != io {
		t.Errorf("%s: takes and gives %+v, want %+v", name, p.IO(), io)
	}
	if io.TakesQuantized != takes || io.GivesQuantized != gives {
		t.Errorf("%s: takes and gives %+v, want %t and %t", name, io, takes, gives)
	}
}

// TestLayerAtOnce runs layers from many goroutines, and compares the bits with those of one.
func TestLayerAtOnce(t *testing.T) {
	const samples = 33
	for _, c := range []nn.Options{fixed24, fixed16, dynamicInt8, static(t, qtensor.Affine(8), -2, 2)} {
		p, err := mustPack(t, quantize(t, 2, qtensor.PerChannelSymmetric(8, 1), 70, 19)).Prepare(c)
		if err != nil {
			t.Fatal(err)
		}
		x, want := gaussian(7, samples*70), make([]float32, samples*19)
		if err := p.Run(nn.Operand{Float: want}, nn.Operand{Float: x}, samples); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				y := make([]float32, samples*19)
				if err := p.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, samples); err != nil || !slices.Equal(y, want) {
					t.Errorf("%v: error %v, or other bits", c.Activations, err)
				}
			})
		}
		wait.Wait()
	}
}
