package workload

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// Command is the main function of a program that reads options of a command line and writes a report. A parse
// that fails has said why, and ends it with 2; -h ends it with 0. An interrupt ends ctx, and a second one the
// program. An error of run is written under the program's name, and ends it with 1.
func Command[O any](
	name string, parse func(args []string, stderr io.Writer) (O, error),
	run func(ctx context.Context, out, progress io.Writer, o O) error,
) {
	o, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends a long call
	if err := run(ctx, os.Stdout, os.Stderr, o); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
