// Command digest prints a line `key sha256` for each of several thousand results of this module on seeded
// inputs: products, convolutions, embeddings, quantized networks, quantized values and parameters,
// calibration, and what is read back from saved bytes. A change that must leave results as they are leaves
// all lines as they are.
//
//	go run ./bench/digest >old.txt
//	go run ./bench/digest >new.txt
//	go run ./bench/digest -compare old.txt new.txt
//
// Every instruction set that the machine has computes everything in a process of its own, with GOMAXPROCS at
// 1 and at 2, which must agree. Keys, seeds and inputs are for good: a line of one version of the program is
// the line of any other.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"euryale/internal/isa"
)

func main() {
	log := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "digest: "+format+"\n", args...) }
	comparing := flag.Bool("compare", false, "compare two files of lines, OLD NEW, and fail where they differ")
	one := flag.Bool("one", false, "compute with the instruction set in use alone, and leave it out of the keys")
	flag.Parse()
	if err := run(os.Stdout, log, *comparing, *one, flag.Args()); err != nil {
		log("%v", err)
		os.Exit(1)
	}
}

func run(w io.Writer, log func(string, ...any), comparing, one bool, args []string) error {
	switch {
	case comparing && len(args) == 2:
		return compareFiles(w, args[0], args[1])
	case comparing || len(args) > 0:
		return fmt.Errorf("got arguments %q, want none, or -compare OLD NEW", args)
	}
	var d lines
	var err error
	if one {
		d, err = onThreads(sections)
	} else {
		d, err = onInstructions(log)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, d.String())
	return err
}

// onThreads returns the lines of sections, which one thread and two must agree on.
func onThreads(sections []section) (lines, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	first, err := digestOf(sections)
	if err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(2)
	second, err := digestOf(sections)
	if err != nil {
		return nil, err
	}
	var report bytes.Buffer
	if err := compare(&report, first, second); err != nil {
		return nil, fmt.Errorf("one thread and two: %w:\n%s", err, &report)
	}
	return first, nil
}

// onInstructions returns the lines of a process for each instruction set of this machine.
func onInstructions(log func(string, ...any)) (lines, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := lines{}
	for _, set := range isa.All() {
		if !isa.Supported(set) {
			log("this machine lacks %v: its keys are absent", set)
			continue
		}
		child := exec.Command(self, "-one")
		child.Env = append(os.Environ(), isa.Variable+"="+set.String())
		child.Stderr = os.Stderr
		printed, err := child.Output()
		if err != nil {
			return nil, fmt.Errorf("under %v: %w", set, err)
		}
		part, err := readLines(bytes.NewReader(printed))
		if err != nil {
			return nil, fmt.Errorf("under %v: %w", set, err)
		}
		for key, sum := range part {
			all["isa="+set.String()+" "+key] = sum
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no results")
	}
	return all, nil
}
