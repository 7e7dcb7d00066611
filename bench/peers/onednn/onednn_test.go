package onednn

import (
	"errors"
	"slices"
	"testing"
)

func TestProducts(t *testing.T) {
	s := Size{M: 2, K: 3, N: 2}
	want := []float32{58, 64, 139, 154}
	bfloat16 := func(x []float32) (b []uint16) {
		for _, f := range x {
			b = append(b, map[float32]uint16{
				1: 0x3f80, 2: 0x4000, 3: 0x4040, 4: 0x4080, 5: 0x40a0, 6: 0x40c0,
				7: 0x40e0, 8: 0x4100, 9: 0x4110, 10: 0x4120, 11: 0x4130, 12: 0x4140,
			}[f])
		}
		return b
	}
	x, w := []float32{1, 2, 3, 4, 5, 6}, []float32{7, 8, 9, 10, 11, 12}
	for _, c := range []struct {
		name string
		make func(threads int) (*Primitive, error)
		want []float32
	}{
		{"u8·s8", func(threads int) (*Primitive, error) {
			return MatMulU8S8(s, []uint8{1, 2, 3, 4, 5, 255}, []int8{7, -8, 9, 10, -11, 12}, []float32{1, 0.5}, threads)
		}, []float32{-8, 24, -2732, 1539}},
		{"f32", func(threads int) (*Primitive, error) { return MatMulF32(s, x, w, threads) }, want},
		{"bf16", func(threads int) (*Primitive, error) { return MatMulBF16(s, bfloat16(x), bfloat16(w), threads) }, want},
		{"dequantize", func(threads int) (*Primitive, error) {
			return Dequantize([]uint8{0, 128, 130, 255}, 0.5, 128, threads)
		}, []float32{-64, 0, 1, 63.5}},
	} {
		for threads := 1; threads <= 2; threads++ {
			p, err := c.make(threads)
			if errors.Is(err, ErrUnsupported) {
				t.Logf("%s: %v", c.name, err)
				continue
			}
			if err != nil {
				t.Errorf("%s, %d threads: %v", c.name, threads, err)
				continue
			}
			err = p.Run()
			if got := Output[float32](p); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, %d threads, %s: got %v, %v, want %v", c.name, threads, p.Kernel(), got, err, c.want)
			}
			p.Close()
		}
	}
}

func TestQuantize(t *testing.T) {
	p, err := Quantize([]float32{-100, -1, 0, 0.5, 1.25, 1e9}, 0.5, 128, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := Output[uint8](p), []uint8{0, 126, 128, 129, 130, 255}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
