package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/internal/noise"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Samples of networks, which are drawn by seeds.
const (
	calibrated = 8 // samples that calibration sees
	compared   = 8 // samples after them that figures are taken on
	batch      = 32
)

// networkEstimators returns those that need the order of samples too.
func networkEstimators() []calib.RangeEstimator {
	return append(estimators(), calib.MovingAverageMinMax(calib.AveragingConstant))
}

// networkRow is a network whose activations have 8 bits.
type networkRow struct {
	Network    string   `json:"network"`
	Estimators []figure `json:"estimators"`
}

// networkRows returns the figures of the networks of internal/zoo, of random weights.
func networkRows(ctx context.Context) (rows []networkRow, err error) {
	for _, name := range slices.Sorted(maps.Keys(zoo.Networks)) {
		n := &network{name: name, values: map[string]*tensor.Dense{}}
		float, _, err := exprgraph.ReadBuild(ctx, n.build)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		row := networkRow{Network: name}
		for _, e := range networkEstimators() {
			f, err := n.figure(ctx, float, e)
			if err != nil {
				return nil, fmt.Errorf("%s, %v: %w", name, e, err)
			}
			row.Estimators = append(row.Estimators, f)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// network is one of internal/zoo.
type network struct {
	name   string
	values map[string]*tensor.Dense
	shapes map[string]tensor.Shape
}

func (n *network) build(batch int) (exprgraph.Graph, error) {
	b := zoo.New(tensor.Float32, batch, n.values)
	y := zoo.Networks[n.name](b)
	n.shapes = b.Shapes()
	return exprgraph.Graph{Inputs: b.Inputs, Outputs: gorgonia.Nodes{y}}, nil
}

// samples returns the samples of the seeds from … to − 1.
func (n *network) samples(from, to uint64) func(yield func(ptq.Sample, error) bool) {
	return func(yield func(ptq.Sample, error) bool) {
		for seed := from; seed < to; seed++ {
			if !yield(zoo.Sample(tensor.Float32, seed, batch, n.shapes), nil) {
				return
			}
		}
	}
}

// figure returns what the quantized model of an estimator is off by on samples that follow those of the
// calibration, and the mean of what its layers clip of the latter.
func (n *network) figure(ctx context.Context, float *model.Model, e calib.RangeEstimator) (figure, error) {
	f := figure{Estimator: e.String()}
	m, r, err := ptq.Quantize(ctx, float, n.samples(0, calibrated), ptq.Config{Activations: model.StaticInt8, Range: e})
	if err != nil {
		return f, err
	}
	for _, l := range r.Layers {
		f.Clipped += l.Clipped / float64(len(r.Layers))
	}
	off := &noise.Noise{}
	for s, err := range n.samples(calibrated, calibrated+compared) {
		if err == nil {
			err = compare(ctx, float, m, s, off)
		}
		if err != nil {
			return f, err
		}
	}
	f.SQNR = off.SQNR()
	return f, nil
}

// compare adds what the outputs of a quantized model are off by on a sample.
func compare(ctx context.Context, float, quantized *model.Model, s ptq.Sample, off *noise.Noise) error {
	want, err := float.Run(ctx, s)
	if err != nil {
		return err
	}
	got, err := quantized.Run(ctx, s)
	if err != nil {
		return err
	}
	for name, y := range want {
		off.Add(y.Data().([]float32), got[name].Data().([]float32))
	}
	return nil
}

func printNetworks(w io.Writer, rows []networkRow) {
	printHead(w, "network\tactivations\t", networkEstimators())
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%v\t", r.Network, model.StaticInt8)
		for _, f := range r.Estimators {
			fmt.Fprintf(w, "%.2f\t", f.SQNR)
		}
		fmt.Fprintln(w)
	}
}
