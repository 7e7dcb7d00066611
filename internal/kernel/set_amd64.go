//go:build !purego

package kernel

import "euryale/internal/isa"

// sets holds the kernels of each tier that this build has.
var sets = map[isa.Tier]*Set{
	isa.Generic:    &generic,
	isa.AVX2:       avx2Set,
	isa.AVX512VNNI: avx512Set,
	isa.AMX:        amxSet,
}
