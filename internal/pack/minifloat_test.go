package pack_test

import (
	"slices"
	"testing"

	"euryale/internal/minifloat"
	"euryale/internal/pack"
)

// TestMinifloats packs every number of a format from both orders.
func TestMinifloats(t *testing.T) {
	for name, f := range map[string]*minifloat.Format{"E4M3FN": minifloat.E4M3FN(), "E5M2": minifloat.E5M2()} {
		const k, n = 16, 19
		codes, turned, scales := make([]uint8, k*n), make([]uint8, k*n), make([]float32, n)
		for i := range codes {
			code := uint8(i % (int(f.Last) + 1))
			if i >= k*n/2 {
				code |= 1 << 7
			}
			codes[i], turned[i%k*n+i/k] = code, code
		}
		for j := range scales {
			scales[j] = float32(j + 1)
		}
		for order, w := range map[string]*pack.Half{
			"columns": pack.MinifloatsFrom(codes, f, scales, pack.ColumnMajor(k), pack.Serial),
			"rows":    pack.MinifloatsFrom(turned, f, scales, pack.RowMajor(k, n), pack.Serial),
		} {
			if w.Bytes() != 2*2*k*16+4*32 || w.K != k || w.N != n || !slices.Equal(w.Scales[:n], scales) {
				t.Errorf("%s, %s: %d bytes of %d×%d, scales %v", name, order, w.Bytes(), w.K, w.N, w.Scales)
			}
			for j := range 32 {
				for p := range k {
					var want float32
					if j < n {
						want = f.Values[codes[j*k+p]]
					}
					if got := w.Format.Decode(w.Panel(j / 16)[p*16+j%16]); got != want {
						t.Errorf("%s, %s: depth %d, column %d is %v, want %v", name, order, p, j, got, want)
					}
				}
			}
		}
	}
}
