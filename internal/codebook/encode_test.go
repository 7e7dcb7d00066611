package codebook

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// tables returns tables of all kinds and bits, and learned ones of extreme levels.
func tables() map[string][]int8 {
	all := map[string][]int8{
		"NormalFloat": Table(NormalFloat, 4), "E2M1": Table(E2M1, 4),
		"learned, ends":      {-127, 0, 126, 127},
		"learned, side":      {0, 1, 2, 127},
		"learned, no zero":   {-127, -40, 40, 127},
		"learned, all below": {-127, -126, -125, -124, -123, -122, -121, 0},
	}
	for bits := 2; bits <= 4; bits++ {
		all[fmt.Sprint("linear ", bits)] = Table(Linear, bits)
		all[fmt.Sprint("start ", bits)] = start(Learned, bits, 32)
		all[fmt.Sprint("start, no zero ", bits)] = start(LearnedNoZero, bits, 32)
	}
	return all
}

// extremes returns places where codes change, their neighbours, and what is far from all levels.
func extremes() []float32 {
	x := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, 1e-30, 1e30, -1e30, math.MaxFloat32, -math.MaxFloat32}
	for i := -260; i <= 260; i++ {
		at := float32(i) / 2
		x = append(x, at, math.Nextafter32(at, 1e9), math.Nextafter32(at, -1e9))
	}
	return x
}

// TestEncode compares codes with the definition, by trying all of them, for every multiplier.
func TestEncode(t *testing.T) {
	x := extremes()
	for name, table := range tables() {
		for m := -128; m <= 127; m++ { // −128 is for none
			if testing.Short() && m%7 != 0 && m > -127 && m < 127 {
				continue
			}
			for _, scale := range []float32{1, 0.37, 0x1p-126} {
				l := Layout{Channels: 1, Row: len(x), Size: len(x)}
				p := &Parameters{Levels: table, Multipliers: []int8{int8(m)}, Scales: []float32{scale}}
				if m == -128 {
					l.Size, p.Multipliers = 0, nil
				}
				codes, w := make([]uint8, len(x)), make([]int8, len(x))
				Encode(codes, x, l, p)
				Decode(w, codes, l, p)
				for i, q := range codes {
					want, weight := nearest(table, m, x[i]/scale)
					if q != want || w[i] != weight {
						t.Fatalf("%s, multiplier %d, %v/%v: got code %d of %d, want %d of %d", name, m, x[i], scale, q, w[i], want, weight)
					}
				}
			}
		}
	}
}

// nearest is the definition of an encoder, and of w8. m is −128 where there is no multiplier.
func nearest(table []int8, m int, x float32) (code uint8, weight int8) {
	w := make([]int8, len(table))
	for q, level := range table {
		w[q] = level
		if m != -128 {
			w[q] = int8(math.Floor(float64(level)*float64(m)/128 + 0.5))
		}
	}
	if m == 0 {
		return uint8(max(0, slices.Index(table, 0))), 0
	}
	for q := range w { // nearer is on this side of the middle, which float64 holds exactly
		best, other, at := float64(w[code]), float64(w[q]), float64(x)
		if middle := (best + other) / 2; other > best && at > middle || other < best && at < middle {
			code = uint8(q)
		}
	}
	return code, w[code]
}

// TestLayouts compares codes of many channels and groups, the last of them short, with those of each element alone.
func TestLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, l := range []Layout{{1, 1, 16}, {1, 1, 0}, {3, 17, 16}, {5, 100, 32}, {2, 130, 64}, {7, 128, 128}, {2, 129, 128}, {4, 33, 0}, {0, 8, 16}, {8, 0, 16}} {
		p := &Parameters{Levels: Table(NormalFloat, 4)}
		for range l.Channels {
			p.Scales = append(p.Scales, float32(math.Exp(r.NormFloat64())))
		}
		if l.Size > 0 {
			for range l.Channels * l.Groups() {
				p.Multipliers = append(p.Multipliers, int8(r.IntN(255)-127))
			}
		}
		x := make([]float32, l.Channels*l.Row)
		for i := range x {
			x[i] = 60 * float32(r.NormFloat64())
		}
		codes, w := make([]uint8, len(x)), make([]int8, len(x))
		Encode(codes, x, l, p)
		Decode(w, codes, l, p)
		for i := range x {
			channel, m := i/l.Row, -128
			if l.Size > 0 {
				m = int(p.Multipliers[channel*l.Groups()+i%l.Row/l.Size])
			}
			if want, weight := nearest(p.Levels, m, x[i]/p.Scales[channel]); codes[i] != want || w[i] != weight {
				t.Fatalf("%+v, element %d: got code %d of %d, want %d of %d", l, i, codes[i], w[i], want, weight)
			}
		}
	}
}
