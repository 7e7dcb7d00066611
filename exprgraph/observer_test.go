package exprgraph

import (
	"errors"
	"strings"
	"testing"

	"euryale/calib"
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
	for axis := -1; axis < 2; axis++ {
		o := newObserver(t, "the key", axis)
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
			"F32": gorgonia.NewF32(1), "F64": gorgonia.NewF64(1), "vector": denseOf([]float32{1, 2}, 2),
			"more channels": denseOf([]float32{1, 2, 3, 4}, 2, 2),
		} {
			if _, err := o.Do(v); axis >= 0 && !errors.Is(err, qtensor.ErrShape) || axis < 0 && err != nil {
				t.Errorf("axis %d: %s: got error %v, want ErrShape only along an axis", axis, name, err)
			}
		}
	}
}

// newObserver returns an observer of matrices (1, 1), along an axis or of the whole tensor.
func newObserver(t *testing.T, key string, axis int) *observer {
	t.Helper()
	var opts []calib.CalibratorOption
	if axis >= 0 {
		opts = append(opts, calib.PerChannel(axis))
	}
	c, err := calib.NewCalibrator(map[string]tensor.Shape{key: {1, 1}}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return &observer{key: key, to: c}
}

func TestObserverAllocates(t *testing.T) {
	o := newObserver(t, "k", -1)
	values := []gorgonia.Value{gorgonia.NewF64(3)}
	if got := testing.AllocsPerRun(10, func() { _, _ = o.Do(values...) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}
