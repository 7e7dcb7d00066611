// Command estimators measures what the range estimators of package calib are worth: the
// signal-to-quantization-noise ratio, in dB,
//
//   - of known distributions that are quantized with one range for all, as a mean over seeds, beside the figures
//     that good implementations reach;
//   - of small networks of random weights, those of internal/zoo, under StaticInt8, on samples that calibration has
//     not seen.
//
// Usage:
//
//	go run ./bench/estimators [-seeds 10] [-samples 1048576] [-json]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"euryale/calib"
)

// estimators returns the columns of the tables.
func estimators() []calib.RangeEstimator {
	return []calib.RangeEstimator{
		calib.MinMax(), calib.Percentile(99.9), calib.Percentile(99.99), calib.Percentile(99.999), calib.MSE(), calib.Entropy(),
		calib.HistogramL2(),
	}
}

// result is what is printed.
type result struct {
	Distributions []distributionRow `json:"distributions"`
	Networks      []networkRow      `json:"networks"`
}

func main() {
	seeds := flag.Int("seeds", 10, "draws of each distribution to average over")
	samples := flag.Int("samples", 1<<20, "values of each draw")
	asJSON := flag.Bool("json", false, "print JSON in place of the tables")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "estimators: got argument %q, want flags only\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(context.Background(), os.Stdout, *seeds, *samples, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "estimators:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, seeds, samples int, asJSON bool) error {
	if seeds < 1 || samples < 1 {
		return fmt.Errorf("got -seeds %d and -samples %d, want 1 or more", seeds, samples)
	}
	distributions, err := distributionRows(seeds, samples)
	if err != nil {
		return err
	}
	networks, err := networkRows(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(result{distributions, networks})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	printDistributions(t, distributions)
	fmt.Fprintln(t)
	printNetworks(t, networks)
	return t.Flush()
}
