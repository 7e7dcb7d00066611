package main

import (
	"fmt"

	"euryale/qtensor"
)

// figures are what a format is compared with; 0 where there is none.
type figures struct {
	gaussian, student, trained float64 // targets
	peer                       float64 // on gaussian weights, of the peer's own format
	peerName                   string
}

// A format has what it is measured by.
type format struct {
	name     string
	scheme   qtensor.Scheme
	searched bool
	figures
}

// formats returns the rows of the table.
func formats() []format {
	half := qtensor.ScaleFloat16
	q40 := figures{peer: 21.32, peerName: "ggml Q4_0"}
	int4 := q40
	int4.gaussian, int4.student, int4.trained = 21.8, 18.73, 21.5
	return []format{
		plain("uniform 8", qtensor.Uniform(8), figures{}),
		plain("symmetric 8", qtensor.Symmetric(8), figures{}),
		plain("affine 8", qtensor.Affine(8), figures{}),
		plain("power of two 8", qtensor.PowerOfTwo(8), figures{}),
		plain("int8 per channel", qtensor.PerChannelSymmetric(8, 0), figures{gaussian: 42.1, peer: 42.11, peerName: "absmax"}),
		plain("uint8 per channel", qtensor.PerChannelAffine(8, 0), figures{}),
		plain("int8 group 32", qtensor.Symmetric(8).PerGroup(0, 32).WithScales(half), figures{gaussian: 45.4, peer: 45.43, peerName: "ggml Q8_0"}),
		plain("int4", qtensor.Int4(), figures{}),
		plain("uint4", qtensor.UInt4(), figures{}),
		plain("int4 group 32, plain", qtensor.Int4().PerGroup(0, 32).WithScales(half), q40),
		plain("uint4 group 32, plain", qtensor.UInt4().PerGroup(0, 32).WithScales(half), figures{}),
		plain("float16", qtensor.Float16(), figures{gaussian: 73.65, peer: 73.65, peerName: "IEEE 754"}),
		plain("bfloat16", qtensor.BFloat16(), figures{gaussian: 55.59, peer: 55.59, peerName: "nearest even"}),
		plain("float8 E4M3", qtensor.Float8E4M3FN().PerAxis(0), figures{}),
		plain("float8 E5M2", qtensor.Float8E5M2().PerAxis(0), figures{}),
		plain("MXFP4", qtensor.MXFP4().PerGroup(0, 32), figures{}),

		integers(4, 16, figures{student: 20.66, trained: 22.8}),
		integers(4, 32, int4),
		integers(4, 64, figures{student: 17.03, trained: 20.6}),
		integers(4, 128, figures{}),
		integers(3, 32, figures{student: 13.05, trained: 15.5}),
		integers(2, 32, figures{student: 7.9, trained: 9.1}),

		table(qtensor.LinearLevels, 4, 32, figures{student: 18.81, peer: q40.peer, peerName: q40.peerName}),
		table(qtensor.NormalFloatLevels, 4, 32, figures{peer: 22.37, peerName: "ggml IQ4_NL"}),
		table(qtensor.NormalFloatLevels, 4, 64, figures{gaussian: 21.3, peer: 20.73, peerName: "NF4, absmax"}),
		table(qtensor.E2M1Levels, 4, 32, figures{}),

		table(qtensor.LearnedLevels, 4, 16, figures{23.75, 22.23, 23.7, 22.93, "ggml Q4_K"}),
		table(qtensor.LearnedLevels, 4, 32, figures{22.55, 20.69, 22.5, 22.37, "ggml IQ4_NL"}),
		table(qtensor.LearnedLevels, 4, 64, figures{0, 19.33, 21.6, 20.73, "NF4, absmax"}),
		table(qtensor.LearnedLevels, 4, 128, figures{}),
		table(qtensor.LearnedLevels, 3, 32, figures{gaussian: 16.3, student: 14.93, trained: 16.2}),
		table(qtensor.LearnedLevels, 2, 32, figures{gaussian: 9.8, student: 8.67, trained: 9.6}),
		table(qtensor.LearnedLevelsNoZero, 4, 32, figures{}),
		table(qtensor.LearnedLevelsNoZero, 3, 32, figures{}),
		table(qtensor.LearnedLevelsNoZero, 2, 32, figures{gaussian: 10.1, student: 8.67, trained: 9.6}),
	}
}

// plain is a scheme without a search.
func plain(name string, scheme qtensor.Scheme, f figures) format {
	return format{name, scheme, false, f}
}

// integers is an exact format with float16 scales.
func integers(bits, size int, f figures) format {
	scheme := qtensor.Symmetric(bits).PerGroup(0, size).WithScales(qtensor.ScaleFloat16)
	return format{fmt.Sprintf("int%d group %d", bits, size), scheme, true, f}
}

// table is a codebook of bits in groups.
func table(levels qtensor.LevelTable, bits, size int, f figures) format {
	scheme := qtensor.Codebook(bits).WithLevels(levels).PerGroup(0, size)
	return format{fmt.Sprintf("codebook%d %v, group %d", bits, levels, size), scheme, true, f}
}
