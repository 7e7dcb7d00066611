package model_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// layouts is tensors of shape (rows, 64) of many kinds, with the numbers that they stand for in order.
func layouts(t *testing.T, rows int) map[string]func() (tensor.Tensor, []float32) {
	const columns = 64
	rng := rand.New(rand.NewPCG(7, 7))
	floats := make([]float32, 2*rows*2*columns)
	for i := range floats {
		floats[i] = float32(rng.IntN(2000) - 1000)
	}
	must := func(x tensor.Tensor, err error) tensor.Tensor {
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	list := map[string]func() (tensor.Tensor, []float32){
		"float32": func() (tensor.Tensor, []float32) {
			x := slices.Clone(floats[:rows*columns])
			return tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(x)), slices.Clone(x)
		},
		"float32, transposed": func() (tensor.Tensor, []float32) {
			x := tensor.New(tensor.WithShape(columns, rows), tensor.WithBacking(slices.Clone(floats[:rows*columns])))
			must(x, x.T())
			return x, transposed(floats, rows, columns)
		},
		"float64, column-major": func() (tensor.Tensor, []float32) {
			x := make([]float64, rows*columns)
			for i := range x {
				x[i] = float64(floats[i])
			}
			return tensor.New(tensor.WithShape(rows, columns), tensor.AsFortran(x)),
				slices.Clone(floats[:rows*columns]) // which it puts in its order
		},
		"float32, a slice": func() (tensor.Tensor, []float32) {
			x := tensor.New(tensor.WithShape(2*rows, 2*columns), tensor.WithBacking(slices.Clone(floats)))
			want := make([]float32, 0, rows*columns)
			for i := range rows {
				want = append(want, floats[(i+1)*2*columns+3:][:columns]...)
			}
			return must(x.Slice(tensor.S(1, rows+1), tensor.S(3, columns+3))), want
		},
	}
	list["int64"] = func() (tensor.Tensor, []float32) { return wholeNumbers[int64](floats, rows, columns) }
	list["int32"] = func() (tensor.Tensor, []float32) { return wholeNumbers[int32](floats, rows, columns) }
	list["int, transposed"] = func() (tensor.Tensor, []float32) {
		x, _ := wholeNumbers[int](floats, columns, rows)
		must(x, x.T())
		return x, transposed(floats, rows, columns)
	}
	return list
}

func wholeNumbers[T int | int32 | int64](floats []float32, rows, columns int) (tensor.Tensor, []float32) {
	x := make([]T, rows*columns)
	for i := range x {
		x[i] = T(floats[i])
	}
	return tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(x)), slices.Clone(floats[:len(x)])
}

// transposed returns the transpose of a matrix with so many columns and rows.
func transposed(x []float32, rows, columns int) []float32 {
	y := make([]float32, rows*columns)
	for i := range rows {
		for j := range columns {
			y[i*columns+j] = x[j*rows+i]
		}
	}
	return y
}

// TestLayouts reads inputs of all kinds, by the caller and detached from it, and cancels runs that read them:
// the caller's memory is not touched from then on.
func TestLayouts(t *testing.T) {
	threads(t, 2)
	cases := 0
	for _, rows := range []int{1, 3, 10_000} {
		for name, of := range layouts(t, rows) {
			dtype := ir.Float32
			if name[:3] == "int" {
				dtype = ir.Int64
			}
			m := newModel(t, &ir.Network{
				Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 64}, Type: dtype}}, Outputs: []ir.Value{{Name: "y"}},
				Nodes: []ir.Node{{Op: "Reshape", Name: "n", Inputs: []string{"x"}, Output: "y", Shape: []int{-1, 64}}},
			}, nil)
			x, want := of()
			in := map[string]tensor.Tensor{"x": x}
			for _, ctx := range []context.Context{context.Background(), t.Context()} {
				cases++
				out, err := m.Run(ctx, in)
				if err != nil || !slices.Equal(out["y"].(*tensor.Dense).Float32s(), want) {
					t.Errorf("%s of %d rows: error %v, or other numbers", name, rows, err)
				}
			}
			if rows < 1000 {
				continue
			}
			for i := range 6 {
				cases++
				x, _ := of()
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(time.Duration(i)*time.Millisecond, cancel)
				_, err := m.Run(ctx, map[string]tensor.Tensor{"x": x})
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", name, err)
				}
				await(t, name, func() bool {
					scribble(x)
					return m.Idle()
				})
			}
		}
	}
	t.Logf("%d runs", cases)
}

// TestWholeNumbers has a whole number that no float32 holds in every part of an input that is read in parts:
// the error has its place.
func TestWholeNumbers(t *testing.T) {
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 64}, Type: ir.Int64}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{{Op: "Reshape", Name: "n", Inputs: []string{"x"}, Output: "y", Shape: []int{-1, 64}}},
	}
	m := newModel(t, g, nil)
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		for _, at := range []int{0, 1<<17 - 1, 1 << 17, 6000*64 - 1} {
			x := make([]int, 6000*64)
			x[at] = 1<<24 + 1
			_, err := m.Run(ctx, map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(6000, 64), tensor.WithBacking(x))})
			if !errors.Is(err, qtensor.ErrValue) || !strings.Contains(err.Error(), fmt.Sprintf("got 16777217 at %d,", at)) {
				t.Errorf("got error %v, want ErrValue at %d", err, at)
			}
		}
	}
}
