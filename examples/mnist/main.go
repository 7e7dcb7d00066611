package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// config is what the flags say.
type config struct {
	data, model, out string
	epochs           int
	seed             uint64
	json, qat        bool
	turn             time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp): // the flags have been printed
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "mnist: interrupted; files in the -out folder are complete or absent")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mnist:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("mnist", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error
	flags.StringVar(&c.data, "data", "", "`folder` with MNIST's IDX files, train or t10k or both (default: built-in digits)")
	flags.StringVar(&c.model, "model", "mlp",
		"network: mlp (784-512-256-10) or lenet (two convolutions of 5×5 with pooling, 512-128-10)"+
			" or lenet-bn (with batch normalization)")
	flags.StringVar(&c.out, "out", "mnist-out", "`folder` for weights, models and picture")
	flags.IntVar(&c.epochs, "epochs", 6, "passes over the training digits")
	flags.Uint64Var(&c.seed, "seed", 1, "of the digits, the first weights and the order of training")
	flags.BoolVar(&c.json, "json", false, "print one JSON object in place of the table")
	flags.BoolVar(&c.qat, "qat", false,
		"add weights of 4 and 2 bits, with and without quantization-aware training, which takes a minute or two")
	flags.DurationVar(&c.turn, "turn", 20*time.Millisecond,
		"how long float and quantized run at a time when speeds are measured; 0 leaves them out")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stderr)
		flags.Usage()
	}
	if err != nil {
		return c, err
	}
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("got argument %q, want flags only", flags.Arg(0))
	case architectures[c.model].logits == nil:
		return c, fmt.Errorf("got -model %q, want mlp, lenet or lenet-bn", c.model)
	case c.epochs < 1:
		return c, fmt.Errorf("got -epochs %d, want 1 or more", c.epochs)
	case c.turn < 0:
		return c, fmt.Errorf("got -turn %v, want 0 or more", c.turn)
	}
	return c, nil
}

// run is the whole job. Results go to stdout, progress to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.out, 0o777); err != nil {
		return err
	}
	data, err := loadData(c.data, c.seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s: %d digits to train, %d to test\n", data.name, data.train.count(), data.test.count())
	net, err := trained(ctx, c, data, stderr)
	if err != nil {
		return err
	}
	report, err := compare(ctx, c, net, data, stderr)
	if err != nil {
		return err
	}
	picture := filepath.Join(c.out, "disagreements.png")
	if err := report.writePicture(picture); err != nil {
		return err
	}
	if c.json {
		return report.writeJSON(stdout)
	}
	if err := report.writeTable(stdout); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\n%d models and %s are in %s\n", len(report.Methods), filepath.Base(picture), c.out)
	return err
}
