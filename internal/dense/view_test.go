package dense_test

import (
	"math/rand/v2"
	"testing"

	"euryale/internal/dense"

	"gorgonia.org/tensor"
)

// TestRows reads every range of elements of tensors that are transposed, sliced and both,
// and compares with all of them at once.
func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	cases := 0
	for range 300 {
		shape := make([]int, 1+rng.IntN(4))
		for i := range shape {
			shape[i] = 1 + rng.IntN(5)
		}
		x := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = float32(i)
		}
		d := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
		if len(shape) > 1 && rng.IntN(3) > 0 {
			if err := d.T(rng.Perm(len(shape))...); err != nil {
				continue // the identity
			}
		}
		if axis := rng.IntN(len(shape)); rng.IntN(2) > 0 && d.Shape()[axis] > 2 {
			cut := make([]tensor.Slice, len(shape))
			cut[axis] = tensor.S(1, d.Shape()[axis]-1)
			cutout, err := d.Slice(cut...)
			if err != nil {
				t.Fatal(err)
			}
			d = cutout.(*tensor.Dense)
		}
		want, err := dense.Slice[float32](d)
		if err != nil {
			t.Fatal(err)
		}
		v, err := dense.Of[float32](d)
		if err != nil || v.Len() != len(want) {
			t.Fatalf("%v %v: got %d elements and error %v, want %d", d.Shape(), d.Strides(), v.Len(), err, len(want))
		}
		for first := range want {
			for count := range len(want) - first + 1 {
				cases++
				next := 0
				v.Rows(first, count, func(at int, src []float32, step, length int) {
					if at != next {
						t.Fatalf("%v %v: got a row at %d, want %d", d.Shape(), d.Strides(), at, next)
					}
					for i := range length {
						if got := src[i*step]; got != want[first+at+i] {
							t.Fatalf("%v %v from %d: got %v at %d, want %v", d.Shape(), d.Strides(), first, got, at+i,
								want[first+at+i])
						}
					}
					next += length
				})
				if next != count {
					t.Fatalf("%v %v from %d: got %d elements, want %d", d.Shape(), d.Strides(), first, next, count)
				}
			}
		}
	}
	t.Logf("%d ranges", cases)
}

// TestSlices compares what views give with elements that are asked for one by one.
func TestSlices(t *testing.T) {
	x := tensor.New(tensor.WithShape(3, 4, 5), tensor.WithBacking(tensor.Range(tensor.Float32, 0, 60)))
	if err := x.T(2, 0, 1); err != nil {
		t.Fatal(err)
	}
	got, err := dense.Slice[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		for j := range 3 {
			for k := range 4 {
				if want, _ := x.At(i, j, k); got[(i*3+j)*4+k] != want {
					t.Errorf("got %v at %d, %d, %d, want %v", got[(i*3+j)*4+k], i, j, k, want)
				}
			}
		}
	}
}
