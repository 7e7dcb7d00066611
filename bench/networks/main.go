// Command networks measures whole networks of images under static int8 and in float32: how speed and memory go
// with the batch, how long single images take, alone and beside batches, what two layers in float32 cost, and
// what a calibration takes. ../README.md tells how to read the tables.
//
//	go run ./bench/networks [-json] [-work batches,…] [-networks lenet,…] [-threads 1,2] [-repeats 7] [-burst 50ms]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"

	"euryale/bench/internal/workload"
)

// options is what the command line asks for, and how much is measured.
type options struct {
	workload.Options
	networks []string
	batches  []int
	bytes    int // of input that a batch has at most
	singles  int // images one by one
	beside   int // images of the batches that run beside them
	images   int // of a calibration
}

// designs are the networks by name.
var designs = map[string]func() *workload.Design{
	"lenet": workload.LeNet, "resnet8": workload.ResNet8, "mobilenet": workload.MobileNet,
}

const about = `networks measures LeNet, ResNet-8 and a quarter of MobileNet, of random weights.

  go run ./bench/networks                          all works and networks, some 20 minutes
  go run ./bench/networks -work latency,single -networks resnet8

Ctrl-C stops it and prints what there is. Flags:`

func main() { workload.Command("networks", parse, run) }

// parse returns the options of a command line. Usage and errors also go to stderr. An error is flag.ErrHelp
// where help was asked for.
func parse(args []string, stderr io.Writer) (options, error) {
	var menu workload.Menu
	for _, w := range works {
		menu.Add(w.name, "")
	}
	names := slices.Sorted(maps.Keys(designs))
	o := options{
		Options:  workload.Options{Threads: slices.Compact([]int{1, runtime.GOMAXPROCS(0)})},
		networks: names,
		batches:  []int{1, 8, 64, 256, 1024, 4096, 16384, 65536},
		bytes:    2e9, singles: 2000, beside: 1024, images: 1000,
	}
	f := o.Flags("networks", about, menu, stderr)
	all := strings.Join(names, ",")
	f.Func("networks", "`networks` to measure, of "+all+" (default all)", workload.List(&o.networks, workload.OneOf(names...)))
	return o, o.Parse(f, args)
}

// run measures and writes the report, of what there is where ctx ends it early.
func run(ctx context.Context, out, progress io.Writer, o options) error {
	s := &session{Context: ctx, options: o, progress: progress}
	err := s.measure()
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted, with %d rows measured", len(s.rows))
	}
	write := writeTables
	if o.JSON {
		write = writeJSON
	}
	return errors.Join(err, write(out, s.rows))
}
