package gemm_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/half"
	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// source gives the bytes of a fuzz input over and over, changed a little each time round.
type source struct {
	data []byte
	at   int
}

func (s *source) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[s.at%len(s.data)] + byte(s.at/len(s.data)*37)
	s.at++
	return b
}

func (s *source) float() float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32([]byte{s.byte(), s.byte(), s.byte(), s.byte()}))
}

// finite returns a number that is neither NaN, an infinity nor 0.
func (s *source) finite() float32 {
	if v := s.float(); v-v == 0 && v != 0 {
		return v
	}
	return 1
}

func (s *source) weight(k, n, group int, layout byte) weight {
	w := weight{k: k, n: n, group: min(group, k), bits: 8, signed: layout&2 != 0, codes: make([]int64, k*n)}
	if layout&1 != 0 {
		w.bits = 4
	}
	low, high := w.codeRange()
	code := func() int64 { return low + int64(s.byte())%(high-low+1) }
	for i := range w.codes {
		w.codes[i] = code()
	}
	for range n * w.groups() {
		w.scales = append(w.scales, s.finite())
		if layout&4 != 0 {
			w.zeros = append(w.zeros, int32(code()))
		}
		if layout&8 != 0 {
			w.offsets = append(w.offsets, s.finite())
		}
	}
	return w
}

func (s *source) arithmetic(choice byte) gemm.Arithmetic {
	switch choice % 4 {
	case 0:
		return gemm.Arithmetic{Bits: 24}
	case 1:
		return gemm.Arithmetic{Bits: 16}
	case 2:
		return gemm.Arithmetic{}
	}
	scale := max(kernel.MinScale, float32(math.Abs(float64(s.finite()))))
	if choice&4 != 0 {
		return gemm.Arithmetic{Static: &kernel.Affine{Scale: scale, Low: -127, High: 127}}
	}
	return gemm.Arithmetic{Static: &kernel.Affine{Scale: scale, Zero: int32(s.byte()), High: 255}}
}

// FuzzMultiply takes any shape, codes, parameters and bits of activations: an error for those that are not
// finite alone, and else the bits of the reference.
func FuzzMultiply(f *testing.F) {
	ordinary := []byte{0, 0, 128, 63, 205, 204, 76, 189, 1, 200, 32, 64}
	for choice := range byte(8) {
		f.Add(byte(2), byte(33), byte(3), byte(8), choice|choice<<4, choice, ordinary)
	}
	f.Add(byte(65), byte(5), byte(2), byte(2), byte(15), byte(0), ordinary)
	f.Add(byte(1), byte(1), byte(1), byte(1), byte(4), byte(2), []byte{255, 255, 127, 127})              // the largest float32
	f.Add(byte(1), byte(4), byte(1), byte(9), byte(0), byte(1), []byte{0, 0, 128, 127, 1})               // an infinity
	f.Add(byte(3), byte(4), byte(2), byte(1), byte(16), byte(0), []byte{1, 0, 0, 0, 0, 0, 0, 128, 0, 2}) // half, subnormals
	f.Fuzz(func(t *testing.T, rows, depth, columns, group, layout, choice byte, data []byte) {
		s := &source{data: data}
		m, k, n := 1+int(rows)%70, 1+int(depth)%70, 1+int(columns)%50
		var out gemm.Output
		if layout&32 != 0 {
			for range n {
				out.Bias = append(out.Bias, s.finite())
			}
		}
		out.ReLU = layout&64 != 0
		w, a := s.weight(k, n, 1+int(group)%40, layout), s.arithmetic(choice)
		h := halfMatrix{K: k, N: n, Format: half.Float16()}
		for range k * n {
			h.Codes = append(h.Codes, uint16(s.byte())|uint16(s.byte()&0xfb)<<8) // an exponent that is not all ones
		}
		x, finite := make([]float32, m*k), true
		for i := range x {
			x[i] = s.float()
			finite = finite && x[i]-x[i] == 0
		}
		eachTier(func(tier isa.Tier) {
			got := make([]float32, m*n)
			var err error
			if layout&16 != 0 {
				err = multiplyFloat16(got, x, m, h.pack(), out)
			} else {
				err = multiply(got, x, m, w.pack(t), a, out)
			}
			switch {
			case !finite && !errors.Is(err, gemm.ErrValue):
				t.Fatalf("%v: activations that are not finite gave error %v", tier, err)
			case !finite:
			case err != nil:
				t.Fatalf("%v: finite activations gave error %v", tier, err)
			case layout&16 != 0:
				compareFuzz(t, tier, got, halfReference(x, m, h, out), n)
			default:
				compareFuzz(t, tier, got, reference(x, m, w, a, out), n)
			}
		})
	})
}

func compareFuzz(t *testing.T, tier isa.Tier, got, want []float32, n int) {
	t.Helper()
	if i := difference(got, want); i >= 0 {
		t.Fatalf("%v: row %d, column %d is %v (%x), want %v (%x)", tier, i/n, i%n, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
	}
}
