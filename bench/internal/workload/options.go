package workload

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options is what the command lines of the programs that measure have in common.
type Options struct {
	JSON    bool
	Threads []int
	Shapes  []Shape // none for those of each work
	Works   []string
	Repeats int
	Burst   time.Duration
}

// Products returns the shapes that were asked for, or else Shapes and more.
func (o Options) Products(more ...Shape) []Shape {
	if o.Shapes != nil {
		return o.Shapes
	}
	return append(Shapes(), more...)
}

// Flags returns a set of the flags that fill in o. The threads of o are the default; so are all works of the
// menu. Usage, which begins with about, and errors go to stderr.
func (o *Options) Flags(program, about string, menu Menu, stderr io.Writer) *flag.FlagSet {
	o.Works = menu.Works
	f := flag.NewFlagSet(program, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "%s\n\n", about)
		f.PrintDefaults()
	}
	f.BoolVar(&o.JSON, "json", false, "print JSON in place of tables")
	f.Func("threads", "thread `counts`, such as 1,2 (default "+join(o.Threads)+")", List(&o.Threads, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > mostThreads {
			return 0, fmt.Errorf("got %q, want a count from 1 to %d", s, mostThreads)
		}
		return n, nil
	}))
	f.Func("work", "kinds of `work`, of "+join(menu.names())+" (default all)", func(s string) error {
		var works [][]string
		err := List(&works, menu.parse)(s)
		o.Works = slices.Concat(works...)
		return err
	})
	f.IntVar(&o.Repeats, "repeats", 7, "timed bursts of each work")
	f.DurationVar(&o.Burst, "burst", 50*time.Millisecond, "least duration of a burst, one call at least")
	return f
}

// ShapeFlag adds the flag of Shapes, for programs that measure products, to a set that Flags returned.
func (o *Options) ShapeFlag(f *flag.FlagSet) {
	f.Func("shapes", "`shapes` m×k×n of the products, such as 32x1024x1024,8x4096x4096 (default "+join(Shapes())+
		fmt.Sprintf(", and %v by weights of few bits)", Beyond()), List(&o.Shapes, ParseShape))
}

// mostThreads keeps a typing error from asking for memory for each of a million threads.
const mostThreads = 1024

// Parse fills in o from args by the flags of f, which Flags returned. An error has gone to the output of f
// too; it is flag.ErrHelp where help was asked for.
func (o *Options) Parse(f *flag.FlagSet, args []string) error {
	err := f.Parse(args)
	switch {
	case err != nil:
		return err
	case f.NArg() > 0:
		err = fmt.Errorf("got argument %q, want flags only", f.Arg(0))
	case o.Repeats < 1:
		err = fmt.Errorf("got -repeats %d, want 1 or more", o.Repeats)
	}
	if err != nil {
		fmt.Fprintf(f.Output(), "%s: %v\n", f.Name(), err)
	}
	return err
}

// List returns a parser of items between commas.
func List[T any](to *[]T, parse func(string) (T, error)) func(string) error {
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

// OneOf returns a parser of names that takes those given alone.
func OneOf(names ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(names, s) {
			return "", fmt.Errorf("got %q, want one of %s", s, join(names))
		}
		return s, nil
	}
}

func join[T any](items []T) string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = fmt.Sprint(item)
	}
	return strings.Join(names, ",")
}
