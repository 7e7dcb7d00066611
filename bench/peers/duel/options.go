package duel

import (
	"io"

	"euryale/bench/internal/workload"
)

// Options is what the command line asks for.
type Options struct {
	workload.Options
	ORT string
}

// Parse returns the options of a command line; menu has what -work takes, and ort is the default of -ort.
// Usage and errors also go to stderr. An error is flag.ErrHelp where help was asked for.
func Parse(args []string, menu workload.Menu, ort string, stderr io.Writer) (Options, error) {
	o := Options{Options: workload.Options{Threads: []int{1, 2}}}
	f := o.Flags("peers", "peers measures this module beside other programs; README.md tells how to read the tables.", menu, stderr)
	o.ShapeFlag(f)
	f.StringVar(&o.ORT, "ort", ort, "ONNX Runtime's shared `library`; empty leaves it out")
	return o, o.Options.Parse(f, args)
}
