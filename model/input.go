package model

import (
	"fmt"
	"maps"
	"slices"

	"euryale/internal/dense"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// input is the caller's tensor for an input. It is read once there is memory for a copy.
type input struct {
	size int
	own  []float32                            // the caller's memory, where it is contiguous float32; or nil
	copy func(dst []float32, first int) error // sets dst to the elements from first on, where own is nil
}

// open returns the inputs, in order, and the batch.
func (m *Model) open(in map[string]tensor.Tensor) ([]input, int, error) {
	list := make([]input, len(m.inputs))
	batch, from := 0, ""
	for i, id := range m.inputs {
		v := m.values[id]
		t, ok := in[v.name]
		if !ok {
			return nil, 0, fmt.Errorf("%w: got no input %q", qtensor.ErrNotFound, v.name)
		}
		var err error
		if list[i], err = openInput(t, v.integer); err != nil {
			return nil, 0, fmt.Errorf("input %q: %w", v.name, err)
		}
		shape := t.Shape().Clone()
		for len(shape) < len(v.size) {
			shape = append(tensor.Shape{1}, shape...)
		}
		fit := len(shape) == len(v.size)
		for i := 0; fit && i < len(shape); i++ {
			switch d := v.size[i]; {
			case d > 0:
				fit = shape[i] == d
			case shape[i] < 1:
				fit = false
			case batch == 0:
				batch, from = shape[i], v.name
			case batch != shape[i]:
				return nil, 0, fmt.Errorf("input %q: %w: got a batch of %d, want the %d of %q", v.name, qtensor.ErrShape, shape[i], batch, from)
			}
		}
		if !fit {
			return nil, 0, fmt.Errorf("input %q: %w: got %v, want %v with any batch for -1", v.name, qtensor.ErrShape, t.Shape(), []int(v.size))
		}
	}
	if len(in) != len(m.inputs) {
		return nil, 0, fmt.Errorf("%w: got inputs %q, want %v", qtensor.ErrNotFound, slices.Sorted(maps.Keys(in)), m.Inputs())
	}
	return list, max(batch, 1), nil
}

// mostWhole is the largest n such that float32 represents all whole numbers up to n.
const mostWhole = 1 << 24

// openInput returns an input of real numbers, or of whole numbers.
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
