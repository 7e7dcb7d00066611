package ptq

import (
	"fmt"
	"iter"

	"euryale/internal/dense"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Sample is values for the inputs by name, float32 or float64, or int, int32 or int64 where the input is int,
// for any batch size. Numbers are finite.
type Sample map[string]tensor.Tensor

// walks says what Quantize does with samples.
const walks = "samples is walked twice, by calibrate and by compare, and has to give the same each time: what reads a channel or a " +
	"file once has to be collected first"

// walk calls do for every sample.
func (j *job) walk(stage string, do func(Sample) error) error {
	count, before := 0, j.report.Samples
	for sample, err := range j.samples {
		if err == nil {
			err = j.ctx.Err()
		}
		if err == nil {
			err = do(sample)
		}
		if err != nil {
			return fmt.Errorf("%s: sample %d: %w", stage, count, err)
		}
		count++
		if j.cfg.Progress != nil {
			j.cfg.Progress(stage, count)
		}
	}
	if err := j.ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", stage, err)
	}
	switch {
	case before > 0 && count != before:
		return fmt.Errorf("%s: %w: got %d, want %d as before: %s", stage, ErrWalk, count, before, walks)
	case count == 0:
		return fmt.Errorf("%s: %w: got none, want one or more", stage, ErrSamples)
	}
	j.report.Samples = count
	return nil
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
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("%w: got %v at %d, want a finite float32", qtensor.ErrValue, v, i)
		}
	}
	return nil
}
