//go:build !purego

package limits

import (
	"euryale/internal/isa"

	"golang.org/x/sys/cpu"
)

func instructions() []instruction {
	in := []instruction{
		{"VPMADDWD", isa.AVX2, true, 12 * 2 * 16, 4000, peakVPMADDWD}, // 16 products of 16 bits, with VPADDD
		{"VPDPBUSD", isa.AVX512VNNI, true, 12 * 2 * 64, 8000, peakVPDPBUSD},
		{"TDPBUSD", isa.AMX, true, 4 * 2 * 16 * 16 * 64, 1000, peakTDPBUSD},
	}
	if cpu.X86.HasFMA {
		in = append(in, instruction{"float32 FMA", isa.AVX2, false, 12 * 2 * 8, 8000, peakFMA})
	}
	return in
}

// read reads x, whole blocks of it, so many times.
func read(x []uint64, passes int) {
	if !isa.Supported(isa.AVX2) {
		readGeneric(x, passes)
		return
	}
	readAVX2(&x[0], len(x), passes)
}

// readAVX2 reads words, a multiple of 64 and above 0, passes > 0 times.
//
//go:noescape
func readAVX2(x *uint64, words, passes int)

// peakVPMADDWD makes 12 products and sums an iteration; iterations > 0.
//
//go:noescape
func peakVPMADDWD(iterations int)

// peakFMA makes 12 products of 8 float32 an iteration; iterations > 0.
//
//go:noescape
func peakFMA(iterations int)

// peakVPDPBUSD makes 12 products of 64 bytes an iteration; iterations > 0.
//
//go:noescape
func peakVPDPBUSD(iterations int)

// peakTDPBUSD makes 4 products of whole tiles an iteration; iterations > 0.
//
//go:noescape
func peakTDPBUSD(iterations int)
