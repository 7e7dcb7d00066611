package duel

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options is what the command line asks for.
type Options struct {
	JSON    bool
	Threads []int
	Shapes  []Shape
	Works   []string
	Repeats int
	Burst   time.Duration
	ORT     string
}

// Parse returns the options of a command line; works are the names that -work takes, all of them its default, and ort
// is the default of -ort. Usage and errors also go to stderr. An error is flag.ErrHelp where help was asked for.
func Parse(args, works []string, ort string, stderr io.Writer) (Options, error) {
	o := Options{Threads: []int{1, 2}, Shapes: Shapes(), Works: works}
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.JSON, "json", false, "print JSON in place of tables")
	f.Func("threads", "thread `counts`, such as 1,2 (the default)", list(&o.Threads, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("got %q, want a count of at least 1", s)
		}
		return n, nil
	}))
	f.Func("shapes", "`shapes` m×k×n of the products, such as 32x1024x1024,8x4096x4096 (default "+join(Shapes())+")", list(&o.Shapes, ParseShape))
	f.Func("work", "kinds of `work` (default "+strings.Join(works, ",")+")", list(&o.Works, func(s string) (string, error) {
		if !slices.Contains(works, s) {
			return "", fmt.Errorf("got %q, want one of %s", s, strings.Join(works, ", "))
		}
		return s, nil
	}))
	f.IntVar(&o.Repeats, "repeats", 7, "timed bursts of each contender")
	f.DurationVar(&o.Burst, "burst", 50*time.Millisecond, "least duration of a burst, one call at least")
	f.StringVar(&o.ORT, "ort", ort, "ONNX Runtime's shared `library`; empty leaves it out")
	err := f.Parse(args)
	switch {
	case err != nil:
		return o, err
	case f.NArg() > 0:
		err = fmt.Errorf("got argument %q, want flags only", f.Arg(0))
	case o.Repeats < 1:
		err = fmt.Errorf("got -repeats %d, want 1 or more", o.Repeats)
	}
	if err != nil {
		fmt.Fprintln(stderr, "peers:", err)
	}
	return o, err
}

// list returns a parser of items between commas.
func list[T any](to *[]T, parse func(string) (T, error)) func(string) error {
	return func(s string) error {
		*to = nil
		for item := range strings.SplitSeq(s, ",") {
			v, err := parse(strings.TrimSpace(item))
			if err != nil {
				return err
			}
			*to = append(*to, v)
		}
		return nil
	}
}

func join(shapes []Shape) string {
	names := make([]string, len(shapes))
	for i, s := range shapes {
		names[i] = s.String()
	}
	return strings.Join(names, ",")
}
