// Command zoo takes 26 architectures that people write in Gorgonia from their graph to a file: each is read
// from the nodes of a graph of batch 7, quantized four ways, saved, loaded, and run at batches 1 and 64.
//
//	go run ./bench/zoo [-json] [-run regexp] [-repeats 5] [-turn 20ms] [-ranges]
//
// SQNRs are in dB, against the float model that was read, on 64 samples that no calibration saw, at the worst
// of the outputs. Dynamic and static are weights of 8 bits with a scale for each output, under
// model.DynamicInt8 and model.StaticInt8; int4 is weights of 4 bits in groups of 32 with a learned table,
// qtensor.Codebook(4).PerGroup(1, 32), and int4 plain qtensor.Int4().PerGroup(1, 32) by ptq.RoundToNearest, both
// under model.DynamicInt8. Speed is that of the static model: how many times a run takes in a TapeMachine
// of the same graph, in evaluation, the median over repeats by turns. Bytes are of the files, static and float.
// With -ranges, static is compared under each range estimator of package calib, on the same calibration.
//
// Weights and data are drawn from seeds. Where random weights would say nothing, a network is trained briefly
// on synthetic data that it can learn, in the graph that is read. An architecture that fails stands in the
// table with its error, and the program then exits with 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"euryale/bench/internal/workload"
)

// options is what the command line asks for.
type options struct {
	asJSON  bool
	run     *regexp.Regexp
	repeats int // of the speed; 0 for none
	turn    time.Duration
	ranges  bool // static models by each range estimator too
}

func main() { workload.Command("zoo", parse, run) }

// parse returns the options of a command line. Usage and errors also go to stderr. An error is flag.ErrHelp
// where help was asked for.
func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("zoo", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.asJSON, "json", false, "print JSON in place of the table")
	only := f.String("run", "", "architectures to take, a `regexp` (default all)")
	f.IntVar(&o.repeats, "repeats", 5, "how often Gorgonia and the static model take turns; 0 measures no speed")
	f.DurationVar(&o.turn, "turn", 20*time.Millisecond, "how long a turn takes, one run at the least")
	f.BoolVar(&o.ranges, "ranges", false, "compare range estimators of static activations, too")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.run, err = regexp.Compile(*only); err == nil && f.NArg() > 0 {
		err = fmt.Errorf("got argument %q, want flags only", f.Arg(0))
	}
	if err == nil && o.repeats < 0 {
		err = fmt.Errorf("got -repeats %d, want 0 or more", o.repeats)
	}
	if err != nil {
		fmt.Fprintln(stderr, "zoo:", err)
	}
	return o, err
}

// run measures the architectures that o asks for and writes their rows, of what there is where ctx ends it
// early. Those that fail are an error in the end.
func run(ctx context.Context, out, progress io.Writer, o options) error {
	rows, err := measureAll(ctx, progress, o)
	write := writeTable
	if o.asJSON {
		write = writeJSON
	}
	return errors.Join(err, write(out, rows))
}

// measureAll returns a row for each architecture that o asks for.
func measureAll(ctx context.Context, progress io.Writer, o options) ([]row, error) {
	dir, err := os.MkdirTemp("", "zoo")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var chosen []architecture
	for _, a := range architectures {
		if o.run.MatchString(a.name) {
			chosen = append(chosen, a)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-run %v matches no architecture", o.run)
	}
	rows, failed := []row{}, 0
	for i, a := range chosen {
		fmt.Fprintf(progress, "%d/%d %s\n", i+1, len(chosen), a.name)
		r := a.measure(ctx, o, dir)
		if ctx.Err() != nil {
			return rows, fmt.Errorf("interrupted, with %d architectures measured", len(rows))
		}
		if r.Error != "" {
			failed++
			fmt.Fprintf(progress, "%s: %s\n", a.name, r.Error)
		}
		rows = append(rows, r)
	}
	if failed > 0 {
		return rows, fmt.Errorf("%d of %d architectures fail", failed, len(rows))
	}
	return rows, nil
}
