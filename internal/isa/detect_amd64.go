//go:build !purego

package isa

import "golang.org/x/sys/cpu"

// detect reports whether the processor has the instructions of a tier and the operating system keeps their
// registers.
func detect(t Tier) bool {
	x := &cpu.X86
	switch t {
	case AVX2:
		return x.HasAVX2 && x.HasFMA
	case AVX512VNNI:
		return detect(AVX2) && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI
	case AMX:
		return detect(AVX512VNNI) && x.HasAMXTile && x.HasAMXInt8 && tilesEnabled() && permitTiles()
	}
	return false
}

func detectVBMI() bool { return detect(AVX512VNNI) && cpu.X86.HasAVX512VBMI }

// tilesEnabled reports whether the operating system keeps the tile registers: bits 17 and 18 of XCR0.
func tilesEnabled() bool {
	const tiles = 1<<17 | 1<<18
	return cpu.X86.HasOSXSAVE && xgetbv()&tiles == tiles
}

// xgetbv returns the low half of the extended control register XCR0.
func xgetbv() uint32
