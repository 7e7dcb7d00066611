package main

import (
	"fmt"
	"io"
	"math/rand/v2"

	"euryale/calib"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// source is a distribution that is quantized by a scheme, and the SQNRs that good implementations reach, in
// dB, by the name of the estimator.
type source struct {
	name   string
	of     func(gaussian float64) float64
	scheme qtensor.Scheme
	known  map[string]float64
}

func sources() []source {
	minMax, percentile, mse := calib.MinMax().String(), calib.Percentile(99.99).String(), calib.MSE().String()
	same := func(x float64) float64 { return x }
	positive := func(x float64) float64 { return max(x, 0) }
	cube := func(x float64) float64 { return x * x * x }
	return []source{
		{"gaussian", same, qtensor.Affine(8), map[string]float64{minMax: 39.4, percentile: 40.7, mse: 40.7}},
		{"gaussian", same, qtensor.UInt4(), map[string]float64{minMax: 14.4, mse: 19.3}},
		{"ReLU", positive, qtensor.Affine(8), nil},
		{"ReLU", positive, qtensor.UInt4(), map[string]float64{minMax: 20.6, mse: 24.4}},
		{"cubed", cube, qtensor.Affine(8), nil},
		{"gaussian", same, qtensor.Symmetric(8), nil},
		{"gaussian", same, qtensor.Int4(), nil},
	}
}

// distributionRow is a distribution under a scheme.
type distributionRow struct {
	Distribution string   `json:"distribution"`
	Scheme       string   `json:"scheme"`
	Estimators   []figure `json:"estimators"`
}

// figure is what an estimator is worth: SQNRs in dB, and the fraction of values outside of the range.
type figure struct {
	Estimator string  `json:"estimator"`
	SQNR      float64 `json:"sqnr_db"`
	Known     float64 `json:"known_db,omitempty"`
	Clipped   float64 `json:"clipped"`
}

// distributionRows returns the mean figures over draws of the seeds 1 … seeds.
func distributionRows(seeds, samples int) (rows []distributionRow, err error) {
	for _, s := range sources() {
		row := distributionRow{Distribution: s.name, Scheme: s.scheme.String()}
		for _, e := range estimators() {
			row.Estimators = append(row.Estimators, figure{Estimator: e.String(), Known: s.known[e.String()]})
		}
		for seed := range seeds {
			x := s.draw(uint64(seed)+1, samples)
			var seen calib.Profile
			if err := seen.Observe(s.name, x); err != nil {
				return nil, err
			}
			for i, e := range estimators() {
				stats, err := lost(&seen, s, e, x)
				if err != nil {
					return nil, fmt.Errorf("%s, %v of %v: %w", s.name, e, s.scheme, err)
				}
				row.Estimators[i].SQNR += stats.SQNR / float64(seeds)
				row.Estimators[i].Clipped += stats.Clipped / float64(seeds)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (s source) draw(seed uint64, samples int) *tensor.Dense {
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]float32, samples)
	for i := range data {
		data[i] = float32(s.of(r.NormFloat64()))
	}
	return tensor.New(tensor.WithShape(samples), tensor.WithBacking(data))
}

// lost returns what quantizing x by the range of an estimator loses.
func lost(seen *calib.Profile, s source, e calib.RangeEstimator, x *tensor.Dense) (qtensor.Stats, error) {
	p, err := seen.Params(s.name, s.scheme, e)
	if err != nil {
		return qtensor.Stats{}, err
	}
	q, err := qtensor.QuantizeWith(x, p)
	if err != nil {
		return qtensor.Stats{}, err
	}
	return q.Compare(x)
}

func printDistributions(w io.Writer, rows []distributionRow) {
	printHead(w, "distribution\tscheme\t", estimators())
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t", r.Distribution, r.Scheme)
		for _, f := range r.Estimators {
			fmt.Fprintf(w, "%.2f", f.SQNR)
			if f.Known != 0 {
				fmt.Fprintf(w, " (%.1f)", f.Known)
			}
			fmt.Fprint(w, "\t")
		}
		fmt.Fprintln(w)
	}
}

func printHead(w io.Writer, first string, columns []calib.RangeEstimator) {
	fmt.Fprint(w, first)
	for _, e := range columns {
		fmt.Fprintf(w, "%v\t", e)
	}
	fmt.Fprintln(w)
}
