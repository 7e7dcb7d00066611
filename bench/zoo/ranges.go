package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"
)

// estimators are what -ranges compares.
var estimators = []calib.RangeEstimator{
	calib.MinMax(), calib.Percentile(99.99), calib.Percentile(99.999), calib.MSE(), calib.Entropy(), calib.HistogramL2(),
}

// byRange returns the SQNR of the static model for each estimator, by its name.
func (x *examined) byRange(ctx context.Context, seen *calib.Profile) (map[string]float64, error) {
	list := map[string]float64{}
	for _, e := range estimators {
		m, _, err := ptq.Quantize(ctx, x.float, x.calibration, ptq.Config{Activations: model.StaticInt8, Range: e, Profile: seen})
		if err != nil {
			return nil, fmt.Errorf("%v: %w", e, err)
		}
		if list[e.String()], err = x.compare(ctx, m); err != nil {
			return nil, fmt.Errorf("%v: %w", e, err)
		}
	}
	return list, nil
}

// writeRanges writes the table of -ranges, and nothing where no row has any.
func writeRanges(w io.Writer, rows []row) error {
	if !slices.ContainsFunc(rows, func(r row) bool { return r.Ranges != nil }) {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nstatic dB")
	for _, e := range estimators {
		fmt.Fprintf(t, "\t%v", e)
	}
	for _, r := range rows {
		if r.Ranges == nil {
			continue
		}
		fmt.Fprintf(t, "\n%s", r.Name)
		for _, e := range estimators {
			fmt.Fprintf(t, "\t%.1f", r.Ranges[e.String()])
		}
	}
	fmt.Fprintln(t)
	return t.Flush()
}
