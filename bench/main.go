// Command bench measures the kernels of this module against what the machine can do at most: the peaks
// of its instructions and the rates at which it reads and copies memory, measured in the same run.
// README.md tells how to read the result.
//
//	go run ./bench [-json] [-tier avx2] [-threads 1,2] [-shapes 32x1024x1024,…] [-work int8,…]
//		[-repeats 7] [-burst 50ms] [-chart roofline.png]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"euryale/bench/internal/workload"
)

func main() { workload.Command("bench", parse, run) }

// run measures and writes the report and the chart, of what there is where ctx ends it early.
func run(ctx context.Context, out, progress io.Writer, o options) error {
	r, err := measure(ctx, o, progress)
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted, with %d rows measured", len(r.Rows))
	}
	write := r.writeTable
	if o.JSON {
		write = r.writeJSON
	}
	err = errors.Join(err, write(out))
	if o.chart != "" {
		err = errors.Join(err, r.writeChart(o.chart))
	}
	return err
}
