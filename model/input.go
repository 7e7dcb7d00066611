package model

import (
	"fmt"
	"maps"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// input is the caller's tensor for an input. It is read once there is memory for a copy.
type input struct {
	size int
	own  []float32                            // the caller's memory, where it is contiguous float32; or nil
	copy func(dst []float32, first int) error // sets dst to the elements from first on, where own is nil
}

// open opens the inputs, in order, and sets the batch and the plan.
func (e *execution) open(in map[string]tensor.Tensor) error {
	g := &e.m.graph
	e.in = make([]input, len(g.Inputs))
	b := binding{dims: g.Dims}
	for i, v := range g.Inputs {
		t, ok := in[v.Name]
		if !ok {
			return fmt.Errorf("%w: got no input %q", qtensor.ErrNotFound, v.Name)
		}
		var err error
		if e.in[i], err = openInput(t, v.Type == ir.Int64); err == nil {
			err = b.bind(v, t.Shape())
		}
		if err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
	}
	if len(in) != len(g.Inputs) {
		return fmt.Errorf("%w: got inputs %q, want %v", qtensor.ErrNotFound, slices.Sorted(maps.Keys(in)), e.m.Inputs())
	}
	e.batch = b.batch()
	var err error
	e.p, err = e.m.planFor(b.sizes(), e.stop)
	return err
}

// mostWhole is the largest n such that float32 represents all integers up to n.
const mostWhole = 1 << 24

// openInput returns an input of real numbers, or of integers.
func openInput(t tensor.Tensor, integer bool) (input, error) {
	d, _ := t.(*tensor.Dense)
	var of tensor.Dtype
	if d != nil {
		of = d.Dtype()
	}
	switch {
	case !integer && of == tensor.Float64:
		return openOf[float64](t, false)
	case integer && of == tensor.Int:
		return openOf[int](t, true)
	case integer && of == tensor.Int64:
		return openOf[int64](t, true)
	case integer && of == tensor.Int32:
		return openOf[int32](t, true)
	case integer && of.Type != nil:
		return input{}, fmt.Errorf("%w: got %s, want int, int32 or int64", qtensor.ErrDtype, dense.TypeName(of))
	case of != tensor.Float32 && of.Type != nil:
		return input{}, fmt.Errorf("%w: got %s, want float32 or float64", qtensor.ErrDtype, dense.TypeName(of))
	default: // also for a tensor that cannot be read, which is an error
		return openOf[float32](t, false)
	}
}

func openOf[T float32 | float64 | int | int32 | int64](t tensor.Tensor, integer bool) (input, error) {
	v, err := dense.Of[T](t)
	if own, _ := any(v.All).([]float32); own != nil || err != nil {
		return input{size: v.Len(), own: own}, err
	}
	return input{v.Len(), nil, func(dst []float32, first int) (err error) {
		v.Rows(first, len(dst), func(at int, src []T, step, length int) {
			to := dst[at:][:length]
			for i := range to {
				x := src[i*step]
				if integer && (x < -mostWhole || x > mostWhole) && err == nil {
					err = fmt.Errorf("%w: got %v at %d, want at most %d", qtensor.ErrValue, x, first+at+i, mostWhole)
				}
				to[i] = float32(x)
			}
		})
		return err
	}}, nil
}

// read sets dst to the elements from first on.
func (in input) read(dst []float32, first int) error {
	if in.own != nil {
		copy(dst, in.own[first:])
		return nil
	}
	return in.copy(dst, first)
}
