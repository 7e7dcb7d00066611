package pack_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"

	"euryale/internal/half"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// stored is a way in which elements are stored; at is where that of depth p and column j is, or −1 in what
// fills up.
type stored struct {
	name     string
	k, n     int
	order    pack.Order
	elements int
	at       func(p, j int) int
}

// ways returns every order for some n columns: of matrices of depth channels·pixels, and of filters of two
// rows, the second of two groups.
func ways(channels, pixels, n int) []stored {
	k := channels * pixels
	row := (k + 3) / 4 * 4
	nhwc := func(p int) int { return p%channels*pixels + p/channels }
	images := func(o pack.Order, step int) pack.Order {
		o.Sizes, o.Strides = [3]int{1, pixels, channels}, [3]int{0, step, pixels * step}
		return o
	}
	return []stored{
		{"(in, out)", k, n, pack.RowMajor(k, n), k * n, func(p, j int) int { return p*n + j }},
		{"(out, in)", k, n, pack.ColumnMajor(k), k * n, func(p, j int) int { return j*k + p }},
		{"images (in, out)", k, n, images(pack.RowMajor(k, n), n), k * n, func(p, j int) int { return nhwc(p)*n + j }},
		{"images (out, in)", k, n, images(pack.ColumnMajor(k), 1), k * n, func(p, j int) int { return j*k + nhwc(p) }},
		{
			"filters", 2 * row, n, pack.Order{
				First: 2 * k * n, Column: 2 * k, Row: row, Sizes: [3]int{2, pixels, channels}, Strides: [3]int{pixels, 1, 2 * pixels},
			}, 4 * k * n, func(p, j int) int {
				y, x, c := p/row, p%row/channels, p%row%channels
				if x >= pixels {
					return -1
				}
				return 2*k*n + ((j*channels+c)*2+y)*pixels + x
			},
		},
	}
}

// backwards shares parts between goroutines, the last one first.
func backwards(parts int, do func(part int)) {
	var group sync.WaitGroup
	for part := parts - 1; part >= 0; part-- {
		group.Go(func() { do(part) })
	}
	group.Wait()
}

// allWays calls f for all orders of odd and even sizes, below and above what is packed at a time.
func allWays(f func(s stored)) {
	for _, size := range [][3]int{{1, 1, 1}, {1, 5, 3}, {3, 1, 17}, {2, 3, 16}, {3, 7, 15}, {4, 16, 40}, {5, 13, 33}, {1, 64, 2}, {3, 43, 300}, {2, 131, 19}} {
		for _, s := range ways(size[0], size[1], size[2]) {
			f(s)
		}
	}
}

func TestOrders(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	allWays(func(s stored) {
		for _, bits := range []int{2, 3, 4, 7, 8} {
			for _, unsigned := range []bool{false, true} {
				for _, group := range []int{s.k, 5, 32} {
					name := fmt.Sprintf("%s, %d×%d, %d bits, unsigned %v, groups of %d", s.name, s.k, s.n, bits, unsigned, group)
					codes, want := make([]uint8, s.elements), make([]int, s.elements)
					for i := range codes {
						codes[i] = uint8(rng.IntN(1 << bits))
						if want[i] = int(codes[i]) - 1<<(bits-1); !unsigned {
							want[i] = int(int8(codes[i]<<(8-bits))) >> (8 - bits)
						}
					}
					source := pack.Source{Order: s.order, Codes: codes, Bits: bits, Unsigned: unsigned}
					if bits < 8 {
						source.Codes = make([]uint8, kernel.PackedBytes(len(codes), bits))
						kernel.PackBits(source.Codes, codes, bits)
					}
					groups := (s.k-1)/group + 1
					w := pack.From(pack.Matrix{K: s.k, N: s.n, Group: group, Scales: make([]float32, groups*s.n)}, source, backwards)
					sums, layout := make([]int32, groups*w.Columns()), make([]int8, w.Panels()*w.PanelBytes())
					for j := range s.n {
						for p := range s.k {
							if at := s.at(p, j); at >= 0 {
								depth := p/group*w.GroupDepth() + p%group
								layout[j/16*w.PanelBytes()+depth/4*64+j%16*4+depth%4] = int8(want[at])
								sums[(j/16*groups+p/group)*16+j%16] += int32(want[at])
							}
						}
					}
					if got := w.Panel(0, w.Panels(), make([]int8, len(layout)), kernel.Of(isa.Generic)); !slices.Equal(got, layout) {
						t.Errorf("%s: other codes", name)
					}
					if !slices.Equal(w.Sums(), sums) {
						t.Errorf("%s: other sums", name)
					}
				}
			}
		}
	})
}

func TestOrdersOfHalf(t *testing.T) {
	allWays(func(s stored) {
		if s.name == "filters" {
			return // which are integers
		}
		codes := make([]uint16, s.elements)
		for i := range codes {
			codes[i] = uint16(i + 1)
		}
		w := pack.HalfFrom(s.n, codes, s.order, half.Float16(), backwards)
		for j := range w.Panels() * 16 {
			for p := range s.k {
				want := uint16(0)
				if j < s.n {
					want = uint16(s.at(p, j) + 1)
				}
				if got := w.Panel(j / 16)[p*16+j%16]; got != want {
					t.Fatalf("%s, %d×%d: (%d, %d) is %d, want %d", s.name, s.k, s.n, p, j, got, want)
				}
			}
		}
	})
}

// TestCodes packs filters that have a channel each, and has their codes back.
func TestCodes(t *testing.T) {
	for _, taps := range []int{1, 4, 9, 25, 64} {
		for _, bits := range []int{3, 4, 8} {
			const n = 37
			codes := make([]int8, taps*n)
			for i := range codes {
				codes[i] = int8(i*7) << (8 - bits) >> (8 - bits)
			}
			m := pack.Matrix{K: taps, N: n, Group: taps, Scales: make([]float32, n), Depthwise: true}
			w := pack.New(m, codes, bits)
			if got := w.Codes(); !slices.Equal(got, codes) {
				t.Errorf("%d taps of %d bits: got %v, want %v", taps, bits, got, codes)
			}
			multiple := 4
			if bits == 4 {
				multiple = 8
			}
			if want := (taps + multiple - 1) / multiple * multiple; w.Depth() != want {
				t.Errorf("%d taps of %d bits: filled up to %d, want %d", taps, bits, w.Depth(), want)
			}
		}
	}
}

// TestFromAllocates compares what packing allocates with what it makes.
func TestFromAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, s := range ways(8, 128, 1024) {
		for _, bits := range []int{3, 4, 8} {
			source := pack.Source{Order: s.order, Codes: make([]uint8, s.elements), Bits: bits}
			m := pack.Matrix{K: s.k, N: s.n, Group: s.k, Scales: make([]float32, s.n)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := pack.From(m, source, pack.Serial)
			runtime.ReadMemStats(&after)
			if got, most := after.TotalAlloc-before.TotalAlloc, w.Bytes()+w.Bytes()/10; got > uint64(most) {
				t.Errorf("%s, %d bits: got %d bytes allocated, want at most %d", s.name, bits, got, most)
			}
		}
	}
}
