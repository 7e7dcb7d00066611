// Command asm writes the assembly of package kernel: go generate ./internal/kernel.
//
// One run writes the kernels of one instruction set, those of float32 by themselves. A kernel's doc is its
// loop in Go; what it must equal bit for bit is the generic function beside it.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"

	. "github.com/mmcloughlin/avo/build"
)

var sets = map[string]func(){
	"avx2":           avx2,
	"avx512":         avx512,
	"float32-avx2":   floats(ymm, avx2Floats),
	"float32-avx512": floats(zmm, avx512Floats),
}

func main() {
	set := flag.String("isa", "", "instruction `set` to write kernels for")
	flag.Parse() // avo's -out and -stubs among it
	write, ok := sets[*set]
	if !ok {
		fmt.Fprintf(os.Stderr, "asm: -isa: got %q, want one of %v\n", *set, slices.Sorted(maps.Keys(sets)))
		os.Exit(2)
	}
	ConstraintExpr("!purego")
	write()
	Generate()
}
