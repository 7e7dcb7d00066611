package ptq

import (
	"context"
	"fmt"
	"iter"

	"euryale/internal/dense"
	"euryale/internal/kernel"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Sample is a batch of any size: a tensor for each input of the model, by name, as model.Model.Run takes it,
// of finite numbers.
type Sample map[string]tensor.Tensor

// walks says what Quantize does with samples.
const walks = "samples is iterated up to three times, by calibrate, correct and compare, and has to give the same each time: " +
	"collect first what a channel or a file gives once"

// walker goes through all samples, for a stage.
type walker struct {
	samples  iter.Seq2[Sample, error]
	progress func(stage string, samples int) // or nil
}

// walk calls do for every sample, and returns how many there were: want, unless that is 0.
func (w walker) walk(ctx context.Context, stage string, want int, do func(Sample) error) (count int, err error) {
	for sample, err := range w.samples {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = do(sample)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: sample %d: %w", stage, count, err)
		}
		count++
		if w.progress != nil {
			w.progress(stage, count)
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", stage, err)
	}
	switch {
	case want > 0 && count != want:
		return 0, fmt.Errorf("%s: %w: got %d, want %d as before: %s", stage, ErrWalk, count, want, walks)
	case count == 0:
		return 0, fmt.Errorf("%s: %w: got none, want one or more", stage, ErrSamples)
	}
	return count, nil
}

// finite returns samples with an error in the place of one that is NaN or infinite somewhere.
func finite(samples iter.Seq2[Sample, error], inputs []model.ValueInfo) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for sample, err := range samples {
			for _, in := range inputs {
				if err == nil && in.Type != model.Int64 && sample[in.Name] != nil {
					err = allFinite(sample[in.Name])
					if err != nil {
						err = fmt.Errorf("input %q: %w", in.Name, err)
					}
				}
			}
			if !yield(sample, err) {
				return
			}
		}
	}
}

// allFinite reports the first NaN or infinity. What else is wrong with a tensor the model says.
func allFinite(t tensor.Tensor) error {
	x, err := dense.Float32s(t)
	if err != nil {
		return nil
	}
	return checkFinite(x)
}

// checkFinite reports the first NaN or infinity.
func checkFinite(x []float32) error {
	if _, _, at := kernel.MinMax(x); at >= 0 {
		return fmt.Errorf("%w: got %v at %d, want a finite float32", qtensor.ErrValue, x[at], at)
	}
	return nil
}
