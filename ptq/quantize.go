package ptq

import (
	"context"
	"fmt"
	"iter"

	"euryale/model"
	"euryale/qtensor"
)

// Quantize returns a quantized model of a float model, which stays as it is, and a report of what that has
// cost on the samples. The stages are, in order:
//
//	passes      Config.Passes make another float model
//	calibrate   the samples show the ranges of activations that are not in Config.Profile
//	plan        Config gives each weight its scheme; Config.Range gives static activations their parameters
//	quantize    Config.WeightQuantizer quantizes the weights
//	build       the layers take the place of their products
//	correct     biases take what layers are off by on average, as the samples show, unless Config.KeepBiases
//	compare     the samples show how far the quantized model is from the float model
//
// The samples are iterated to their end up to three times, to calibrate, to correct and to compare, and have
// to be the same each time. The first time is left out if Config.Profile has all ranges that the report
// tells, which are those of every layer's input, under all kinds of Activations; the second, if no bias may
// change.
//
// Besides the float model and a sample, Quantize takes up to four times the bytes of the float weights, six
// times what the values take that a run of the float model has to hold at once for the largest sample, and
// 150 KB for each layer and sum, for its histograms: however many samples there are.
//
// The samples and what is in Config are called in the caller's goroutine, and their panics go up to the
// caller. ctx is looked at before each pass, sample, node and weight.
//
// Errors, besides those of ctx, samples, passes, WeightQuantizer and Range:
//
//   - qtensor.ErrParams for a nil ctx, model, samples or Pass; for a quantized model, and a Pass that returns
//     one, or nil; for a LayerRule whose Pattern is malformed or matches no layer; for a WeightQuantizer that
//     returns nil. os.ErrClosed for a model that was closed.
//   - ErrSamples, ErrWalk, ErrNothingQuantized.
//   - qtensor.ErrScheme and ErrParams for schemes and activations that do not exist, or do not go with a
//     layer; ErrScheme and ErrShape for a WeightQuantizer that returns another scheme or shape.
//   - Of a sample, by its number: qtensor.ErrNotFound for an input that is missing or that the model does not
//     have; ErrShape, ErrDtype and ErrLayout for an input; ErrValue for NaN, an infinity, and an index of no
//     row.
//   - qtensor.ErrValue for NaN or an infinity in a weight, or in the input of a layer.
//   - qtensor.ErrShape for a Pass that returns other inputs or outputs.
//   - calib.ErrKey for a Profile with a key that is no input and no result of an operation of the model;
//     qtensor.ErrShape for one that is per channel, and empty, where values are needed; calib.ErrOption for
//     one with values whose estimator is a calib.MovingAverageMinMax, and for a constant of one outside
//     (0, 1].
func Quantize(
	ctx context.Context, float *model.Model, samples iter.Seq2[Sample, error], cfg Config,
) (*model.Model, *Report, error) {
	m, r, err := quantize(ctx, float, samples, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("ptq: Quantize: %w", err)
	}
	return m, r, nil
}

func quantize(
	ctx context.Context, float *model.Model, samples iter.Seq2[Sample, error], cfg Config,
) (*model.Model, *Report, error) {
	if err := checkArguments(ctx, float, samples, cfg); err != nil {
		return nil, nil, err
	}
	stages := newPipeline(cfg, finite(samples, float.Inputs()))
	passes := cfg.Passes
	if passes == nil {
		passes = []Pass{FoldBatchNormalization{}}
	}
	prepared, err := applyPasses(ctx, float, passes)
	if err != nil {
		return nil, nil, err
	}
	g, err := prepared.Network()
	if err != nil {
		return nil, nil, err
	}
	net := indexed(g)
	selected, err := cfg.selection(net)
	if err != nil {
		return nil, nil, err
	}
	if err := checkProfile(cfg.Profile, net); err != nil {
		return nil, nil, err
	}
	seen, err := stages.collect(ctx, prepared, selected)
	if err != nil {
		return nil, nil, err
	}
	return stages.finish(ctx, models{float: float, prepared: prepared}, net, selected, seen)
}

// pipeline is the stages after the passes, in order.
type pipeline struct {
	collector
	planner
	quantizer WeightQuantizer
	builder
	corrector
	evaluator
	quantized func(weights int) // is told of the progress
}

func newPipeline(cfg Config, samples iter.Seq2[Sample, error]) pipeline {
	w := walker{samples, cfg.Progress}
	p := pipeline{
		rangeCollector{w, cfg.Profile},
		rangePlanner{},
		cfg.WeightQuantizer,
		modelBuilder{},
		uncorrected{},
		sqnrEvaluator{w},
		func(weights int) {
			if cfg.Progress != nil {
				cfg.Progress("quantize", weights)
			}
		},
	}
	if p.quantizer == nil {
		p.quantizer = ScaleSearch{}
	}
	if !cfg.KeepBiases {
		p.corrector = biasCorrector{w}
	}
	return p
}

// finish goes through the stages after the collector, which may run again for another selection.
func (p pipeline) finish(
	ctx context.Context, m models, net *network, s selection, seen collected,
) (*model.Model, *Report, error) {
	plan, err := p.plan(s, seen)
	if err != nil {
		return nil, nil, err
	}
	weights, err := quantizeWeights(ctx, plan, p.quantizer, p.quantized)
	if err != nil {
		return nil, nil, err
	}
	b, err := p.build(net, plan, weights, corrections{})
	if err != nil {
		return nil, nil, err
	}
	biases, err := p.correct(ctx, net, plan, weights, seen.samples)
	if err != nil {
		return nil, nil, err
	}
	made := []*built{b}
	if biases.kept() {
		if b, err = p.build(net, plan, weights, biases); err != nil {
			return nil, nil, err
		}
		made = append(made, b)
	}
	for _, b := range made {
		m.quantized = append(m.quantized, b.model)
	}
	e, err := p.evaluate(ctx, m, plan.results(), plan.read(), max(seen.samples, biases.samples))
	if err != nil {
		return nil, nil, err
	}
	best := len(made) - 1
	if best > 0 && !e[best].better(e[0]) {
		biases.drop(worseOutput)
		best = 0
	}
	r, err := newReport(net, plan, made[best], seen, e[best], biases, p.quantizer == RoundToNearest{})
	if err != nil {
		return nil, nil, err
	}
	return made[best].model, r, nil
}

// checkArguments reports what nothing could be quantized by.
func checkArguments(ctx context.Context, float *model.Model, samples iter.Seq2[Sample, error], cfg Config) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("%w: got no ctx, want context.Background() or another", qtensor.ErrParams)
	case float == nil:
		return fmt.Errorf("%w: got no model, want a float model", qtensor.ErrParams)
	case samples == nil:
		return fmt.Errorf("%w: got no samples, want some", qtensor.ErrParams)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return cfg.check()
}
