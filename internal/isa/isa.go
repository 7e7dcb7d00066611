// Package isa says which sets of instructions this machine runs, and which of them kernels are to use.
//
// The choice is made once, at start: the highest tier that processor and operating system support, or a lower
// one that the environment variable EURYALE_ISA names. GODEBUG=cpu.avx2=off and the like, as
// golang.org/x/sys/cpu knows them, take features away; the build tag purego leaves Generic alone. Where the
// processor has AMX, the process asks the operating system for it at start, whatever the variable says.
package isa

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// Tier is a set of instructions that kernels are written for. Of those of an architecture, higher ones are
// faster.
type Tier int32

// The tiers: Generic of all architectures, then those of amd64, lowest first.
const (
	Generic    Tier = iota // Go
	AVX2                   // 256-bit integers, VPMADDWD, and FMA
	AVX512VNNI             // 512-bit dot products of bytes: VPDPBUSD
	AMX                    // tiles of 16 rows: TDPBUSD; AVX512VNNI beside it
)

var names = []string{Generic: "generic", AVX2: "avx2", AVX512VNNI: "avx512vnni", AMX: "amx"}

// String returns the tier's name, as Parse reads it.
func (t Tier) String() string {
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("Tier(%d)", int32(t))
	}
	return names[t]
}

// Parse returns the tier of a name, of this architecture or another: generic, avx2, avx512vnni or amx.
func Parse(name string) (Tier, error) {
	if i := slices.Index(names, name); i >= 0 {
		return Tier(i), nil
	}
	return Generic, fmt.Errorf("isa: Parse: got %q, want one of %s", name, strings.Join(names, ", "))
}

// All returns every tier of this architecture, lowest first, whether or not this machine has it.
func All() []Tier { return append([]Tier{Generic}, architecture...) }

// supported are the tiers of this machine, lowest first.
var supported = slices.DeleteFunc(All(), func(t Tier) bool { return t != Generic && !detect(t) })

// Supported reports whether this machine runs a tier, whatever EURYALE_ISA says.
func Supported(t Tier) bool { return slices.Contains(supported, t) }

// HasVBMI reports whether this machine permutes bytes across a vector, AVX512_VBMI: some of tier AVX512VNNI
// and above do not.
func HasVBMI() bool { return detectVBMI() }

// Variable is the environment variable that caps the tier.
const Variable = "EURYALE_ISA"

var current atomic.Int32

func init() { current.Store(int32(choose(os.Getenv(Variable)))) }

// choose returns the highest supported tier up to the one that is named. A name that is
// none caps nothing, and the log says so.
func choose(name string) Tier {
	highest := supported[len(supported)-1]
	if name == "" {
		return highest
	}
	limit, err := Parse(name)
	if err != nil {
		log.Printf("euryale: %s: %v; using %v", Variable, err, highest)
		return highest
	}
	for _, t := range supported {
		if t <= limit {
			highest = t
		}
	}
	return highest
}

// Current returns the tier in use.
func Current() Tier { return Tier(current.Load()) }

// Use makes t the tier in use, for tests and benchmarks, and returns a function that undoes it. Calls that
// are under way keep theirs. It panics if this machine does not support t.
func Use(t Tier) (restore func()) {
	if !Supported(t) {
		panic(fmt.Sprintf("isa: Use: got %v, want one of %v", t, supported))
	}
	before := current.Swap(int32(t))
	return func() { current.Store(before) }
}
