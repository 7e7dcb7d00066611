package pack_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/internal/half"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// shapes are k, n, group: odd depths, a short last group, groups of one, one group.
var shapes = [][3]int{{1, 1, 1}, {2, 3, 1}, {5, 1, 2}, {5, 3, 5}, {7, 2, 3}, {8, 4, 4}, {33, 2, 32}, {64, 3, 16}, {70, 35, 70}, {70, 17, 9}, {320, 3, 300}}

// packed returns a weight of the codes and parameters that the functions give for depth p, column j and
// block b.
func packed[C kernel.Code](t *testing.T, shape [3]int, bits int, code func(p, j int) C, zero func(b int) int32, offset func(b int) float32) *pack.Matrix {
	t.Helper()
	k, n, group := shape[0], shape[1], shape[2]
	m := pack.Matrix{K: k, N: n, Group: group}
	var codes []C
	for j := range n {
		for p := range k {
			codes = append(codes, code(p, j))
		}
	}
	for b := range n * ((k + group - 1) / group) {
		m.Scales = append(m.Scales, 1+float32(b))
		if zero != nil {
			m.Zeros = append(m.Zeros, zero(b))
		}
		if offset != nil {
			m.Offsets = append(m.Offsets, offset(b))
		}
	}
	given := slices.Clone(codes)
	w := pack.New(m, codes, bits)
	if !slices.Equal(codes, given) {
		t.Errorf("New(%v, %d bits) changed the codes that it was given", shape, bits)
	}
	return w
}

// element returns what the doc of Matrix says of depth p and column j.
func element(w *pack.Matrix, p, j int) float64 {
	block := (j/16*w.Groups()+p/w.Group)*16 + j%16
	var zero int32
	var offset float32
	if w.Zeros != nil {
		zero = w.Zeros[block]
	}
	if w.Offsets != nil {
		offset = w.Offsets[block]
	}
	return float64(w.Scales[block])*float64(int32(code(w, p, j))-zero) + float64(offset)
}

// code returns the code at depth p of column j.
func code(w *pack.Matrix, p, j int) int8 {
	panel := w.Panel(j/16, 1, make([]int8, w.PanelBytes()), kernel.Of(isa.Generic))
	at := p/w.Group*w.GroupDepth() + p%w.Group
	return panel[at/4*64+j%16*4+at%4]
}

// signed and unsigned are codes that go through all values of their bits.
func signed(bits int) func(p, j int) int8 {
	return func(p, j int) int8 { return int8((p*5+j*3)%(1<<bits) - 1<<(bits-1)) }
}

func unsigned(bits int) func(p, j int) uint8 {
	return func(p, j int) uint8 { return uint8((p*5 + j*3) % (1 << bits)) }
}

func TestElements(t *testing.T) {
	zero := func(b int) int32 { return int32(b*7) % 16 }
	offset := func(b int) float32 { return float32(b) - 1.5 }
	for _, shape := range shapes {
		for _, bits := range []int{4, 8} {
			for _, c := range []struct {
				name        string
				w           *pack.Matrix
				code        func(p, j int) int
				zero        func(b int) int32
				offset      func(b int) float32
				zeros, offs int // lists
			}{
				{"signed", packed(t, shape, bits, signed(bits), nil, nil), func(p, j int) int { return int(signed(bits)(p, j)) }, nil, nil, 0, 0},
				{"signed, zero points", packed(t, shape, bits, signed(bits), zero, nil), func(p, j int) int { return int(signed(bits)(p, j)) }, zero, nil, 1, 0},
				{"unsigned", packed(t, shape, bits, unsigned(bits), nil, nil), func(p, j int) int { return int(unsigned(bits)(p, j)) }, nil, nil, 1, 0},
				{"unsigned, zero points", packed(t, shape, bits, unsigned(bits), zero, nil), func(p, j int) int { return int(unsigned(bits)(p, j)) }, zero, nil, 1, 0},
				{"unsigned, offsets", packed(t, shape, bits, unsigned(bits), nil, offset), func(p, j int) int { return int(unsigned(bits)(p, j)) }, nil, offset, 1, 1},
			} {
				name := fmt.Sprintf("%s, %d bits, %v", c.name, bits, shape)
				k, n, group := shape[0], shape[1], shape[2]
				groups := (k + group - 1) / group
				if c.w.K != k || c.w.N != n || c.w.Groups() != groups {
					t.Errorf("%s: K %d, N %d, Groups %d, want %d, %d, %d", name, c.w.K, c.w.N, c.w.Groups(), k, n, groups)
				}
				if c.w.Columns() != (n+15)/16*16 || c.w.GroupDepth()%4 != 0 || bits == 4 && c.w.GroupDepth()%8 != 0 || c.w.GroupDepth() < min(k, group) || groups == 1 && c.w.GroupDepth()%64 != 0 {
					t.Errorf("%s: padded to %d columns and groups of %d", name, c.w.Columns(), c.w.GroupDepth())
				}
				if want := c.w.Columns() * (groups*c.w.GroupDepth()*bits/8 + 4*groups*(1+c.zeros+c.offs)); c.w.Bytes() != want {
					t.Errorf("%s: Bytes = %d, want %d", name, c.w.Bytes(), want)
				}
				for j := range n {
					for p := range k {
						b := j*groups + p/group
						want := float64(c.code(p, j))
						if c.zero != nil {
							want -= float64(c.zero(b))
						}
						want *= 1 + float64(b)
						if c.offset != nil {
							want += float64(c.offset(b))
						}
						if got := element(c.w, p, j); got != want {
							t.Fatalf("%s: element (%d, %d) = %v, want %v", name, p, j, got, want)
						}
					}
				}
			}
		}
	}
}

// TestPanel reads several panels at once, in place or unpacked, and finds zeros wherever nothing was given.
func TestPanel(t *testing.T) {
	for _, shape := range shapes {
		for _, bits := range []int{4, 8} {
			w := packed(t, shape, bits, func(p, j int) int8 { return int8(1 + (p+j)%7) }, nil, nil)
			scratch := make([]int8, w.Panels()*w.PanelBytes())
			all := w.Panel(0, w.Panels(), scratch, kernel.Of(isa.Generic))
			if inPlace := &all[0] != &scratch[0]; inPlace == w.Unpacks() || inPlace != (bits == 8) {
				t.Errorf("%v, %d bits: in place is %v, Unpacks %v", shape, bits, inPlace, w.Unpacks())
			}
			sum, want := 0, 0
			for _, c := range all {
				sum += int(c)
			}
			totals := make([]int32, w.Groups()*w.Columns())
			for j := range w.N {
				for p := range w.K {
					want += 1 + (p+j)%7
					totals[(j/16*w.Groups()+p/w.Group)*16+j%16] += int32(1 + (p+j)%7)
				}
			}
			if sum != want {
				t.Errorf("%v, %d bits: codes add up to %d, want %d", shape, bits, sum, want)
			}
			if got := w.Sums(); !slices.Equal(got, totals) {
				t.Errorf("%v, %d bits: Sums = %v, want %v", shape, bits, got, totals)
			}
		}
	}
}

// TestShortLastGroup packs groups that are longer than what is packed at a time, the last of them short, from
// both orders.
func TestShortLastGroup(t *testing.T) {
	const k, n, group = 620, 17, 300
	columns, rows := make([]int8, k*n), make([]int8, k*n)
	for i := range columns {
		c := int8(1 + i%7)
		columns[i], rows[i%k*n+i/k] = c, c
	}
	for _, bits := range []int{4, 8} {
		for name, s := range map[string]pack.Source{
			"columns": pack.SourceOf(columns, pack.ColumnMajor(k), bits), "rows": pack.SourceOf(rows, pack.RowMajor(k, n), bits),
		} {
			w := pack.From(pack.Matrix{K: k, N: n, Group: group, Scales: make([]float32, 3*n)}, s, pack.Serial)
			sum, want := 0, 0
			for _, c := range w.Panel(0, w.Panels(), make([]int8, w.Panels()*w.PanelBytes()), kernel.Of(isa.Generic)) {
				sum += int(c)
			}
			for _, c := range columns {
				want += int(c)
			}
			if sum != want {
				t.Errorf("%s of %d bits: codes and what fills up add up to %d, want %d", name, bits, sum, want)
			}
		}
	}
}

// Lengths that do not go together are a bug of the caller.
func TestNewPanics(t *testing.T) {
	for _, c := range []struct {
		name                          string
		group                         int
		codes, scales, zeros, offsets int
	}{
		{"a code short", 3, 5, 2, 0, 0},
		{"a code too many", 3, 7, 2, 0, 0},
		{"a scale short", 2, 6, 3, 0, 0},
		{"a scale too many", 3, 6, 3, 0, 0},
		{"a zero point short", 3, 6, 2, 1, 0},
		{"an offset too many", 3, 6, 2, 0, 3},
	} {
		m := pack.Matrix{K: 3, N: 2, Group: c.group, Scales: make([]float32, c.scales)}
		if c.zeros > 0 {
			m.Zeros = make([]int32, c.zeros)
		}
		if c.offsets > 0 {
			m.Offsets = make([]float32, c.offsets)
		}
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if want := fmt.Sprintf("%d codes, %d scales", c.codes, c.scales); !strings.Contains(text, want) {
					t.Errorf("%s: got %q, want a panic with %q", c.name, text, want)
				}
			}()
			pack.New(m, make([]int8, c.codes), 8)
		}()
	}
}

func TestHalf(t *testing.T) {
	for _, c := range []struct {
		name   string
		format half.Format
		codes  []uint16
		want   [2][]float32
	}{
		{"float16", half.Float16(), []uint16{0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555}, [2][]float32{{1, -2, 0x1p-24}, {65504, float32(math.Copysign(0, -1)), 0x1.554p-2}}},
		{"bfloat16", half.BFloat16(), []uint16{0x3f80, 0xc000, 0x0001, 0x7f7f, 0x8000, 0x3eab}, [2][]float32{{1, -2, 0x1p-133}, {0x1.fep127, float32(math.Copysign(0, -1)), 0x1.56p-2}}},
	} {
		w := pack.NewHalf(3, 2, c.codes, c.format)
		if w.Bytes() != 2*3*16 || w.Panels() != 1 {
			t.Errorf("%s: %d bytes in %d panels, want 96 in 1", c.name, w.Bytes(), w.Panels())
		}
		for i, code := range w.Panel(0) {
			p, j := i/16, i%16
			var want float32
			if j < 2 {
				want = c.want[j][p]
			}
			if got := w.Format.Decode(code); math.Float32bits(got) != math.Float32bits(want) {
				t.Errorf("%s: depth %d, column %d is %v, want %v", c.name, p, j, got, want)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("NewHalf of 5 codes for 3×2 did not panic")
		}
	}()
	pack.NewHalf(3, 2, make([]uint16, 5), half.Float16())
}
