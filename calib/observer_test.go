package calib

import (
	"errors"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// alien is a value that no machine has.
type alien struct{ gorgonia.Value }

func TestObserverDoErrors(t *testing.T) {
	masked := denseOf([]float32{1}, 1)
	if err := masked.ResetMask(true); err != nil {
		t.Fatal(err)
	}
	for axis := perTensor; axis < 2; axis++ {
		e := &entry{axis: axis}
		if err := e.open(tensor.Shape{1, 1}); err != nil {
			t.Fatal(err)
		}
		o := &observer{key: "the key", entry: e}
		for name, values := range map[string][]gorgonia.Value{
			"nothing":     nil,
			"nil":         {nil},
			"nil Dense":   {(*tensor.Dense)(nil)},
			"nil F32":     {(*gorgonia.F32)(nil)},
			"nil F64":     {(*gorgonia.F64)(nil)},
			"nil CS":      {(*tensor.CS)(nil)},
			"zero Dense":  {new(tensor.Dense)},
			"alien":       {alien{}},
			"nil alien":   {(*alien)(nil)},
			"int":         {gorgonia.NewI(3)},
			"int tensor":  {denseOf([]int{1, 2}, 2)},
			"bool tensor": {denseOf([]bool{true}, 1)},
			"masked":      {masked},
		} {
			if v, err := o.Do(values...); err == nil || v != nil || !strings.Contains(err.Error(), `"the key"`) {
				t.Errorf("axis %d: %s: got %v, %v, want an error that names the key", axis, name, v, err)
			}
		}
		for name, v := range map[string]gorgonia.Value{
			"F32": gorgonia.NewF32(1), "F64": gorgonia.NewF64(1), "vector": denseOf([]float32{1, 2}, 2), "more channels": denseOf([]float32{1, 2, 3, 4}, 2, 2),
		} {
			if _, err := o.Do(v); axis >= 0 && !errors.Is(err, qtensor.ErrShape) || axis == perTensor && err != nil {
				t.Errorf("axis %d: %s: got error %v, want ErrShape only along an axis", axis, name, err)
			}
		}
	}
}

func TestObserverAllocates(t *testing.T) {
	o := &observer{key: "k", entry: &entry{axis: perTensor}}
	values := []gorgonia.Value{gorgonia.NewF64(3)}
	if got := testing.AllocsPerRun(10, func() { _, _ = o.Do(values...) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}
