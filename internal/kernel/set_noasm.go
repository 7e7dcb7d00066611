//go:build !amd64 || purego

package kernel

import "euryale/internal/isa"

// sets holds the kernels of each tier that this build has.
var sets = map[isa.Tier]*Set{isa.Generic: &generic}
