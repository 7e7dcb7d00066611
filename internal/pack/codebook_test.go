package pack_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// drawBook returns a codebook for k×n with multipliers of both signs and groups of zeros, whose code fill is
// 0 where zero is set.
func drawBook(rng *rand.Rand, k, n, bits, size int, zero bool) pack.Codebook {
	c := pack.Codebook{Bits: bits, Size: size, Levels: make([]int8, 1<<bits), Fill: uint8(rng.IntN(1 << bits))}
	for q := range c.Levels {
		c.Levels[q] = []int8{int8(rng.IntN(255) - 127), -127, 127}[rng.IntN(3)]
		if c.Levels[q] == 0 {
			c.Levels[q] = 1
		}
	}
	if zero {
		c.Levels[c.Fill] = 0
	}
	if size > 0 {
		for range n * ((k + size - 1) / size) {
			c.Multipliers = append(c.Multipliers, []int8{int8(rng.IntN(255) - 127), -127, 127, 0}[rng.IntN(4)])
		}
	}
	return c
}

// weightOf returns the weight of code q at depth p of column j.
func weightOf(c *pack.Codebook, k, p, j int, q uint8) int8 {
	if c.Size == 0 {
		return c.Levels[q]
	}
	m := int(c.Multipliers[j*((k+c.Size-1)/c.Size)+p/c.Size])
	return int8((int(c.Levels[q])*m*256 + 1<<14) >> 15)
}

func TestFromCodebook(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	allWays(func(s stored) {
		for _, bits := range []int{2, 3, 4} {
			for _, size := range []int{0, 16, 32, 64, 128} {
				for _, zero := range []bool{true, false} {
					name := fmt.Sprintf("%s, %d×%d, %d bits, groups of %d, zero %v", s.name, s.k, s.n, bits, size, zero)
					c := drawBook(rng, s.k, s.n, bits, size, zero)
					codes := make([]uint8, s.elements)
					for i := range codes {
						codes[i] = uint8(rng.IntN(1 << bits))
					}
					scales := make([]float32, s.n)
					w := pack.FromCodebook(pack.Matrix{K: s.k, N: s.n, Scales: scales}, c, pack.SourceOf(codes, s.order, []int{8, c.Bits}[s.n%2]), backwards)
					sums, layout, filled := make([]int32, w.Columns()), make([]int8, w.Panels()*w.PanelBytes()), false
					for j := range s.n {
						for p := range s.k {
							at := s.at(p, j)
							if at < 0 {
								filled = true
								continue
							}
							weight := weightOf(&c, s.k, p, j, codes[at])
							layout[j/16*w.PanelBytes()+p/4*64+j%16*4+p%4] = weight
							sums[j] += int32(weight)
						}
					}
					if got := w.Panel(0, w.Panels(), make([]int8, len(layout)), kernel.Of(isa.Generic)); !slices.Equal(got, layout) {
						t.Fatalf("%s: other weights", name)
					}
					if !slices.Equal(w.Sums(), sums) {
						t.Fatalf("%s: got sums %v, want %v", name, w.Sums(), sums)
					}
					if coded := zero || !filled && (size > 0 && s.k%size == 0 || size == 0 && s.k%64 == 0); w.IsCoded() != coded || w.Unpacks() != coded {
						t.Fatalf("%s: coded %v, want %v", name, w.IsCoded(), coded)
					}
				}
			}
		}
	})
}

// TestCodebookBytes counts the memory of codes, of multipliers and of a scale for each column.
func TestCodebookBytes(t *testing.T) {
	const k, n = 256, 32
	for _, c := range []struct{ bits, size, want int }{
		{4, 0, k*n/2 + n},
		{4, 16, k*n/2 + k*n/16},
		{4, 32, k*n/2 + k*n/32},
		{4, 64, k*n/2 + k*n/64},
		{4, 128, k*n/2 + k*n/128},
		{3, 32, k*n/2 + k*n/32},
		{2, 16, k*n/4 + k*n/16},
		{2, 32, k*n/4 + k*n/32},
		{2, 128, k*n/4 + k*n/128},
	} {
		book := drawBook(rand.New(rand.NewPCG(4, 4)), k, n, c.bits, c.size, true)
		w := pack.FromCodebook(pack.Matrix{K: k, N: n, Scales: make([]float32, n)}, book, pack.SourceOf(make([]uint8, k*n), pack.ColumnMajor(k), 8), pack.Serial)
		if got, want := w.Bytes(), c.want+4*n; got < want || got > want+16 {
			t.Errorf("%d bits in groups of %d: got %d bytes, want %d and 16 more at most", c.bits, c.size, got, want)
		}
	}
}

// TestDepthwiseCodebook keeps filters that have a channel each as weights of a byte.
func TestDepthwiseCodebook(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, taps := range []int{1, 9, 25} {
		const n = 37
		c := drawBook(rng, taps, n, 4, 16, true)
		codes, want := make([]uint8, taps*n), make([]int8, taps*n)
		for i := range codes {
			codes[i] = uint8(rng.IntN(16))
			want[i] = weightOf(&c, taps, i%taps, i/taps, codes[i])
		}
		m := pack.Matrix{K: taps, N: n, Scales: make([]float32, n), Depthwise: true}
		w := pack.FromCodebook(m, c, pack.Source{Order: pack.ColumnMajor(taps), Codes: codes, Bits: 8}, pack.Serial)
		if got := w.Codes(); w.IsCoded() || !slices.Equal(got, want) {
			t.Errorf("%d taps: got %v, coded %v, want %v", taps, got, w.IsCoded(), want)
		}
	}
}

// Lengths that do not go together are a bug of the caller.
func TestFromCodebookPanics(t *testing.T) {
	for _, c := range []struct {
		name                                    string
		bits, size, levels, multipliers, scales int
		fill                                    uint8
	}{
		{"1 bit", 1, 32, 2, 6, 3, 0},
		{"5 bits", 5, 32, 32, 6, 3, 0},
		{"a level short", 4, 32, 15, 6, 3, 0},
		{"groups of 48", 4, 48, 16, 3, 3, 0},
		{"a multiplier short", 4, 32, 16, 5, 3, 0},
		{"multipliers without groups", 4, 0, 16, 3, 3, 0},
		{"a scale too many", 4, 32, 16, 6, 4, 0},
		{"no such code", 2, 32, 4, 6, 3, 4},
	} {
		book := pack.Codebook{Bits: c.bits, Size: c.size, Levels: make([]int8, c.levels), Multipliers: make([]int8, c.multipliers), Fill: c.fill}
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if want := fmt.Sprintf("%d levels and %d multipliers for 40×3 in groups of %d", c.levels, c.multipliers, c.size); !strings.Contains(text, want) {
					t.Fatalf("%s: got %q, want a panic with %q", c.name, text, want)
				}
			}()
			pack.FromCodebook(pack.Matrix{K: 40, N: 3, Scales: make([]float32, c.scales)}, book, pack.Source{Order: pack.ColumnMajor(40), Codes: make([]uint8, 120), Bits: 8}, pack.Serial)
		}()
	}
}
