// Command sqnr measures what each format loses on weights: the signal-to-quantization-noise ratio in dB, as a
// mean over seeds, beside the best figure known of other programs for the same format and the target of this
// module.
//
//	go run ./bench/sqnr [-seeds 10] [-only regexp] [-net FILE] [-speed] [-json]
//
// Weights are gaussian, of Student's t distribution of 4 degrees, gaussian with a factor of 1 to 10 for each
// place of the depth, and with -net the layers of a trained net: of the float file that examples/mnist
// writes. A channel has 1024 weights in the first three. Formats of four bits and fewer are searched for, but
// for those that are named plain.
//
// No code with b bits a weight can pass 6.02·b dB on gaussian weights (the rate-distortion bound). Bits count
// the scales, zero points and multipliers, and not a table of levels.
//
// -speed has how many millions of weights are quantized a second, searches among it, as a median over seeds: by all
// threads, or by one core with GOMAXPROCS=1.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"text/tabwriter"

	"euryale/bench/internal/workload"
)

// options are the flags.
type options struct {
	seeds  int
	only   string
	net    string
	speed  bool
	asJSON bool
}

func main() {
	var o options
	flag.IntVar(&o.seeds, "seeds", 10, "matrices to average over")
	flag.StringVar(&o.only, "only", "", "formats to measure, a regular expression")
	flag.StringVar(&o.net, "net", "", "float weights of a trained net, as examples/mnist writes them")
	flag.BoolVar(&o.speed, "speed", false, "print the speed of quantizing too, in Mweights/s")
	flag.BoolVar(&o.asJSON, "json", false, "print JSON in place of the table")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sqnr: got argument %q, want flags only\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "sqnr:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, o options) error {
	if o.seeds < 1 {
		return fmt.Errorf("got -seeds %d, want 1 or more", o.seeds)
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	sources, err := sourcesOf(o)
	if err != nil {
		return err
	}
	rows, err := measure(sources, only)
	if err != nil {
		return err
	}
	if o.speed {
		for i := range rows {
			rows[i].Speed = workload.Median(rows[i].speeds)
		}
	}
	if o.asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "weights\tformat\tbits/weight\tSQNR dB\tceiling\ttarget\tbest known\tof\tMweights/s\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%.2f\t%s\t%s\t%s\t%s\t%s\t\n",
			r.Weights, r.Format, r.Bits, r.SQNR, figure(r.Ceiling), figure(r.Target), figure(r.Peer), r.Name, figure(r.Speed))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if o.net == "" {
		fmt.Fprintln(w, "\nNo rows of a trained net: -net FILE wants the float file that examples/mnist writes.")
	}
	return nil
}

func figure(x float64) string {
	if x == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}
