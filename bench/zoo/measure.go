package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Batch sizes: of the graph that is read, of what is compared and timed, and of a calibration.
const (
	readBatch       = 7
	manyBatch       = 64
	calibrateBatch  = 16
	calibrateTimes  = 16
	seedOfCalibrate = 2
	seedOfCompare   = 3
)

// most is what stands for the SQNR of equal values.
const most = 300

// measure takes an architecture from its graph to a file and back. An error is in the row.
func (a architecture) measure(ctx context.Context, o options, dir string) row {
	r := row{Name: a.name, Size: a.size, Trained: a.trained(), KeptFloat: []string{}}
	if err := a.fill(ctx, &r, o, dir); err != nil {
		r.Error = err.Error()
	}
	return r
}

func (a architecture) fill(ctx context.Context, r *row, o options, dir string) error {
	v := values{}
	n, err := a.graph(readBatch, v)
	if err != nil {
		return err
	}
	if err := a.train(ctx, n); err != nil {
		return err
	}
	float, report, err := exprgraph.Read(ctx, n.Inputs, n.outputs)
	if err != nil {
		return err
	}
	if len(report.Calls) > 0 {
		return fmt.Errorf("operations that a model lacks: %q", report.Calls)
	}
	x := &examined{architecture: a, float: float, dir: dir, sample: a.draw(rand.New(rand.NewPCG(seedOfCompare, 1)), manyBatch)}
	if x.want, err = outputs(ctx, float, x.sample.inputs); err != nil {
		return err
	}
	if r.FloatBytes, err = x.save(float, "float"); err != nil {
		return err
	}
	static, seen, err := x.quantizeAll(ctx, r)
	if err != nil {
		return err
	}
	defer static.Close()
	r.Saved = true
	if o.ranges {
		if r.Ranges, err = x.byRange(ctx, seen); err != nil {
			return err
		}
	}
	if o.repeats == 0 {
		return nil
	}
	if r.Times64, err = x.race(ctx, static, v, manyBatch, o); err != nil {
		return err
	}
	r.Times1, err = x.race(ctx, static, v, 1, o)
	return err
}

// examined is a float model, with a sample that no calibration sees and what the model makes of it.
type examined struct {
	architecture
	float  *model.Model
	dir    string
	sample sample
	want   [][]float64
}

// quantizeAll fills what r says of the quantized models, and returns the static one, loaded, and its calibration.
func (x *examined) quantizeAll(ctx context.Context, r *row) (static *model.Model, seen *calib.Profile, err error) {
	four, plain := qtensor.Codebook(4).PerGroup(1, 32), qtensor.Int4().PerGroup(1, 32)
	cfg := ptq.Config{Activations: model.StaticInt8}
	static, report, err := x.quantize(ctx, "static", cfg, r, &r.StaticDB)
	if err != nil {
		return nil, nil, err
	}
	r.KeptFloat = append(r.KeptFloat, kept(report)...)
	for _, c := range []struct {
		name string
		cfg  ptq.Config
		db   *float64
	}{
		{"dynamic", ptq.Config{Activations: model.DynamicInt8, Profile: report.Profile}, &r.DynamicDB},
		{"int4", ptq.Config{Activations: model.DynamicInt8, Weights: &four}, &r.Int4DB}, // which looks at the samples for what counts most
		{
			"int4_plain",
			ptq.Config{Activations: model.DynamicInt8, Weights: &plain, WeightQuantizer: ptq.RoundToNearest{}, Profile: report.Profile},
			&r.Int4PlainDB,
		},
	} {
		m, _, err := x.quantize(ctx, c.name, c.cfg, r, c.db)
		if err == nil {
			err = m.Close()
		}
		if err != nil {
			_ = static.Close() // it was only read
			return nil, nil, err
		}
	}
	return static, report.Profile, nil
}

// quantize returns the model of a Config, saved and loaded, and sets db to what it has lost.
func (x *examined) quantize(ctx context.Context, name string, cfg ptq.Config, r *row, db *float64) (*model.Model, *ptq.Report, error) {
	made, report, err := ptq.Quantize(ctx, x.float, x.calibration, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	bytes, err := x.save(made, name)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if cfg.Activations == model.StaticInt8 {
		r.Bytes = bytes
	}
	m, err := model.Load(filepath.Join(x.dir, name))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if *db, err = x.compare(ctx, m); err != nil {
		_ = m.Close() // it was only read
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, report, nil
}

// calibration yields samples by the names of the float model's inputs.
func (x *examined) calibration(yield func(ptq.Sample, error) bool) {
	r := rand.New(rand.NewPCG(seedOfCalibrate, 1))
	for range calibrateTimes {
		if !yield(named(x.float, x.draw(r, calibrateBatch).inputs), nil) {
			return
		}
	}
}

// save returns how many bytes the file has.
func (x *examined) save(m *model.Model, name string) (int64, error) {
	path := filepath.Join(x.dir, name)
	if err := m.Save(path); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// compare returns the SQNR of the worst output. A single sample has to give what it gives among many.
func (x *examined) compare(ctx context.Context, m *model.Model) (float64, error) {
	got, err := outputs(ctx, m, x.sample.inputs)
	if err != nil {
		return 0, err
	}
	alone, err := outputs(ctx, m, first(x.sample.inputs))
	if err != nil {
		return 0, fmt.Errorf("batch 1: %w", err)
	}
	worst := math.Inf(1)
	for i, y := range got {
		if !slices.Equal(alone[i], y[:len(y)/manyBatch]) {
			return 0, fmt.Errorf("output %d: a sample by itself gives other values than among %d", i, manyBatch)
		}
		worst = min(worst, decibels(x.want[i], y))
	}
	if !(worst > math.Inf(-1)) {
		return 0, fmt.Errorf("SQNR: got %v, want a number", worst)
	}
	return worst, nil
}

// first returns the first sample of each input.
func first(inputs []*tensor.Dense) []*tensor.Dense {
	list := slices.Clone(inputs)
	for i, x := range list {
		shape := append([]int{1}, x.Shape()[1:]...)
		if ints, ok := x.Data().([]int); ok {
			list[i] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slices.Clone(ints[:len(ints)/manyBatch])))
			continue
		}
		list[i] = floats(slices.Clone(x.Float32s()[:x.DataSize()/manyBatch]), shape...)
	}
	return list
}

// named returns inputs by the names that a model has for them.
func named(m *model.Model, inputs []*tensor.Dense) map[string]tensor.Tensor {
	by := map[string]tensor.Tensor{}
	for i, in := range m.Inputs() {
		by[in.Name] = inputs[i]
	}
	return by
}

// outputs returns what a model makes of inputs, in order.
func outputs(ctx context.Context, m *model.Model, inputs []*tensor.Dense) (list [][]float64, err error) {
	made, err := m.Run(ctx, named(m, inputs))
	if err != nil {
		return nil, err
	}
	for _, out := range m.Outputs() {
		list = append(list, zoo.Float64s(made[out.Name].(*tensor.Dense)))
	}
	return list, nil
}

// decibels returns 10·log10(Σ want²/Σ(want − got)²), and most where they are equal.
func decibels(want, got []float64) float64 {
	var signal, noise float64
	for i, w := range want {
		signal += w * w
		noise += (w - got[i]) * (w - got[i])
	}
	if noise == 0 {
		return most
	}
	return 10 * math.Log10(signal/noise)
}

// kept returns what a quantized model computes in float32.
func kept(report *ptq.Report) (list []string) {
	for _, l := range report.Layers {
		if !l.Quantized {
			list = append(list, fmt.Sprintf("%s %s: %s", l.Op, l.Name, l.Reason))
		}
	}
	return append(list, report.Kept...)
}
