package codebook

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// TestLearned checks the levels that are learned on all kinds of data.
func TestLearned(t *testing.T) {
	constant := make([]float32, 1000)
	two := make([]float32, 1000)
	for i := range constant {
		constant[i], two[i] = 0.3, float32(i%2)
	}
	for name, x := range map[string][]float32{
		"gaussian": gaussian(1000, 1), "student": student(1000, 1), "positive": squares(1000, 1), "zeros": make([]float32, 1000),
		"constant": constant, "0 and 1": two, "one": append(make([]float32, 999), 1e-20), "huge": scaled(gaussian(1000, 2), 1e38),
		"tiny": scaled(gaussian(1000, 2), 1e-38),
	} {
		for bits := 2; bits <= 4; bits++ {
			for _, kind := range []Kind{Learned, LearnedNoZero} {
				for _, size := range []int{16, 128, 0} {
					p, err := new(Search).Codebook(x, Layout{5, 200, size}, bits, kind)
					if err != nil {
						t.Fatal(err)
					}
					if err := CheckLevels(kind, bits, p.Levels); err != nil {
						t.Errorf("%s, %d bits, groups of %d: %v", name, bits, size, err)
					}
					if top := max(-int(slices.Min(p.Levels)), int(slices.Max(p.Levels))); top != 127 {
						t.Errorf("%s, %v, %d bits, groups of %d: got levels %v, want a largest magnitude of 127", name, kind, bits, size, p.Levels)
					}
				}
			}
		}
	}
}

func scaled(x []float32, by float32) []float32 {
	for i := range x {
		x[i] *= by
	}
	return x
}

// TestLearnedIsBetter compares tables that were learned on a distribution with those of gaussian data.
func TestLearnedIsBetter(t *testing.T) {
	l := Layout{64, 1 << 10, 32}
	if testing.Short() {
		l.Channels = 8
	}
	x := student(l.Channels*l.Row, 9)
	for bits := 2; bits <= 4; bits++ {
		for _, kind := range []Kind{Learned, LearnedNoZero} {
			p, err := new(Search).Codebook(x, l, bits, kind)
			if err != nil {
				t.Fatal(err)
			}
			before := choose(x, l, start(kind, bits, l.Size))
			if got, want := codebookNoise(x, l, &p, nil), codebookNoise(x, l, &before, nil); got < want+0.1 {
				t.Errorf("%v, %d bits: got %.2f dB by levels %v, want more than %.2f", kind, bits, got, p.Levels, want)
			}
		}
	}
}

// choose chooses the scales and multipliers of a table.
func choose(x []float32, l Layout, table []int8) Parameters {
	n := l.Groups()
	p := Parameters{Levels: table, Multipliers: make([]int8, l.Channels*n)}
	c := newChooser(table)
	for i := range l.Channels {
		p.Scales = append(p.Scales, c.choose(p.Multipliers[i*n:(i+1)*n], x[i*l.Row:(i+1)*l.Row], nil, l.Size))
	}
	return p
}

// TestAscend moves levels that are out of order, and checks that it moves no others.
func TestAscend(t *testing.T) {
	for _, c := range []struct {
		levels, want []int8
		zero         int
	}{
		{[]int8{-127, -3, 0, 5}, []int8{-127, -3, 0, 5}, 2},
		{[]int8{0, 0, 0, 127}, []int8{-2, -1, 0, 127}, 2},
		{[]int8{-127, 0, 0, 0}, []int8{-127, 0, 1, 2}, 1},
		{[]int8{0, 127, 127, 127}, []int8{0, 125, 126, 127}, 0},
		{[]int8{-127, -127, -127, 0}, []int8{-127, -126, -125, 0}, 3},
		{[]int8{-20, -50, 127, 127}, []int8{-51, -50, 126, 127}, 1},
	} {
		if got := ascend(slices.Clone(c.levels), c.zero); !slices.Equal(got, c.want) {
			t.Errorf("%v from %d on: got %v, want %v", c.levels, c.zero, got, c.want)
		}
	}
}

// results calls every search.
func results(s *Search, x []float32, l Layout) (all []any, err error) {
	for _, c := range []struct {
		bits int
		kind Kind
	}{{4, Learned}, {2, LearnedNoZero}, {4, NormalFloat}, {3, Linear}} {
		p, e := s.Codebook(x, l, c.bits, c.kind)
		all, err = append(all, p), errors.Join(err, e)
	}
	for _, bits := range []int{4, 8} {
		scales, e := s.Symmetric(x, l, bits)
		low, high, f := s.Affine(x, l, bits)
		all, err = append(all, scales, low, high), errors.Join(err, e, f)
	}
	return all, err
}

// TestThreads compares the results of one thread and of three.
func TestThreads(t *testing.T) {
	layouts := []Layout{{70, 100, 32}, {3, 700, 0}, {40, 100, 16}}
	if testing.Short() {
		layouts = layouts[:2]
	}
	for _, l := range layouts {
		x := student(l.Channels*l.Row, 4)
		for _, w := range [][]float32{nil, squares(l.Row, 2)} {
			var before []any
			for _, threads := range []int{1, 3} {
				old := runtime.GOMAXPROCS(threads)
				got, err := results(&Search{Weights: w}, x, l)
				runtime.GOMAXPROCS(old)
				if err != nil {
					t.Fatal(err)
				}
				if before != nil && !reflect.DeepEqual(got, before) {
					t.Errorf("%+v, weights %v: got %v by %d threads, want %v", l, w != nil, got, threads, before)
				}
				before = got
			}
		}
	}
}

// TestCancelled ends searches before they begin, and from within.
func TestCancelled(t *testing.T) {
	l := Layout{100, 64, 32}
	x := gaussian(l.Channels*l.Row, 1)
	for _, from := range []float64{-1, 0.1} {
		ctx, cancel := context.WithCancel(t.Context())
		if from < 0 {
			cancel()
		}
		calls := 0
		s := &Search{Context: ctx, Progress: func(done float64) {
			calls++
			if done > from {
				cancel()
			}
		}}
		for name, search := range map[string]func() error{
			"learned":     func() error { _, err := s.Codebook(x, l, 4, Learned); return err },
			"NormalFloat": func() error { _, err := s.Codebook(x, l, 4, NormalFloat); return err },
			"symmetric":   func() error { _, err := s.Symmetric(x, l, 4); return err },
			"affine":      func() error { _, _, err := s.Affine(x, l, 4); return err },
		} {
			if err := search(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, cancelled from %v on: got error %v, want %v", name, from, err, context.Canceled)
			}
		}
		if most := 2 + int(100*max(0, from)) + runtime.GOMAXPROCS(0); calls > most {
			t.Errorf("cancelled from %v on: got %d calls of Progress, want %d at most", from, calls, most)
		}
		cancel()
	}
}

// TestProgress checks that progress grows to 1.
func TestProgress(t *testing.T) {
	for _, l := range []Layout{{300, 64, 32}, {1, 64, 0}, {3, 200, 16}} {
		x := gaussian(l.Channels*l.Row, 1)
		for _, kind := range []Kind{Learned, Linear} {
			last := 0.0
			s := &Search{Progress: func(done float64) {
				if done <= last || done > 1 {
					t.Errorf("%+v, %v: got progress %v after %v", l, kind, done, last)
				}
				last = done
			}}
			if _, err := s.Codebook(x, l, 4, kind); err != nil {
				t.Fatal(err)
			}
			if last != 1 {
				t.Errorf("%+v, %v: progress ended at %v", l, kind, last)
			}
		}
	}
}

// TestWeighted checks that weights lower the noise that they weigh.
func TestWeighted(t *testing.T) {
	l := Layout{16, 512, 32}
	x, w := student(l.Channels*l.Row, 3), scaled(squares(l.Row, 7), 1e15)
	for i := range w {
		w[i] *= w[i]
	}
	for _, kind := range []Kind{Learned, Linear, NormalFloat, E2M1} {
		got, err := (&Search{Weights: w[:l.Row]}).Codebook(x, l, 4, kind)
		plain, e := new(Search).Codebook(x, l, 4, kind)
		if err = errors.Join(err, e); err != nil {
			t.Fatal(err)
		}
		if a, b := codebookNoise(x, l, &got, w), codebookNoise(x, l, &plain, w); a < b+0.5 {
			t.Errorf("%v: got %.2f dB, want more than %.2f", kind, a, b)
		}
	}
	for bits := 2; bits <= 8; bits++ {
		got, err := (&Search{Weights: w}).Symmetric(x, l, bits)
		plain, e := new(Search).Symmetric(x, l, bits)
		if err = errors.Join(err, e); err != nil {
			t.Fatal(err)
		}
		half := math.Ldexp(1, bits-1)
		if a, b := symmetricNoise(x, l, got, half, w), symmetricNoise(x, l, plain, half, w); a < b+0.5 {
			t.Errorf("%d bits: got %.2f dB, want more than %.2f", bits, a, b)
		}
	}
}

// TestRefused calls searches with what they cannot take.
func TestRefused(t *testing.T) {
	nan := float32(math.NaN())
	x, l := gaussian(64, 1), Layout{2, 32, 16}
	for i, c := range []struct {
		weights []float32
		layout  Layout
		bits    int
		kind    Kind
	}{
		{nil, Layout{2, 31, 16}, 4, Linear},
		{nil, Layout{-2, -32, 16}, 4, Linear},
		{nil, Layout{2, 32, -1}, 4, Linear},
		{make([]float32, 31), l, 4, Linear},
		{append(make([]float32, 31), nan), l, 4, Linear},
		{append(make([]float32, 31), -1), l, 4, Linear},
		{append(make([]float32, 31), float32(math.Inf(1))), l, 4, Linear},
		{nil, l, 1, Linear},
		{nil, l, 9, Linear},
	} {
		name := fmt.Sprint(i, c)
		s := &Search{Weights: c.weights}
		if _, err := s.Codebook(x, c.layout, c.bits, c.kind); err == nil {
			t.Errorf("Codebook %s: got no error", name)
		}
		if _, err := s.Symmetric(x, c.layout, c.bits); err == nil {
			t.Errorf("Symmetric %s: got no error", name)
		}
		if _, _, err := s.Affine(x, c.layout, c.bits); err == nil {
			t.Errorf("Affine %s: got no error", name)
		}
	}
	for _, c := range []struct {
		bits int
		kind Kind
	}{{5, Learned}, {1, LearnedNoZero}, {3, NormalFloat}, {2, E2M1}, {4, E2M1 + 1}} {
		if _, err := new(Search).Codebook(x, l, c.bits, c.kind); err == nil {
			t.Errorf("Codebook of %d bits, %v: got no error", c.bits, c.kind)
		}
	}
}
