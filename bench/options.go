package main

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"euryale/bench/internal/workload"
	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// options is what the command line asks for.
type options struct {
	workload.Options
	tiers []isa.Tier
	chart string // file, or none
}

const about = `bench measures the kernels of this module, in GOP/s and as a percentage of what this machine can do.

  go run ./bench                                   all works and shapes, on the best kernels
  go run ./bench -work int8 -shapes 32x1024x1024 -repeats 21
  go run ./bench -tier all -chart roofline.png     every set of kernels; that in Go takes long

Ctrl-C stops it and prints what there is. Flags:`

// parse returns the options of a command line. Usage and errors also go to stderr. An error is
// flag.ErrHelp where help was asked for.
func parse(args []string, stderr io.Writer) (options, error) {
	o := options{
		Options: workload.Options{Threads: slices.Compact([]int{1, runtime.GOMAXPROCS(0)})},
		tiers:   []isa.Tier{kernel.Current().Tier},
	}
	f := o.Flags("bench", about, menu(), stderr)
	o.ShapeFlag(f)
	f.Func("tier", fmt.Sprintf("`kernels` to measure, of %s, or all (default %v)", tierNames(), o.tiers[0]), func(s string) error {
		if s == "all" {
			o.tiers = tiers()
			return nil
		}
		return workload.List(&o.tiers, parseTier)(s)
	})
	f.Func("chart", "`file` to draw a roofline chart into, .png or .svg (default none)", func(s string) error {
		if formats[filepath.Ext(s)] == nil {
			return fmt.Errorf("got %q, want a name that ends in one of %v", s, slices.Sorted(maps.Keys(formats)))
		}
		o.chart = s
		return nil
	})
	return o, o.Parse(f, args)
}

// tiers returns those that this machine runs and that have kernels of their own.
func tiers() []isa.Tier {
	return slices.DeleteFunc(isa.All(), func(t isa.Tier) bool { return !isa.Supported(t) || kernel.Of(t).Tier != t })
}

func tierNames() string {
	var names []string
	for _, t := range tiers() {
		names = append(names, t.String())
	}
	return strings.Join(names, ",")
}

func parseTier(s string) (isa.Tier, error) {
	if t, err := isa.Parse(s); err == nil && slices.Contains(tiers(), t) {
		return t, nil
	}
	return isa.Generic, fmt.Errorf("got %q, want one of %s, which this machine has kernels for, or all", s, tierNames())
}
