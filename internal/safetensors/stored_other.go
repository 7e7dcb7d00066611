//go:build !(linux || darwin || freebsd)

package safetensors

import "os"

// stored returns size: this system does not tell of holes.
func stored(_ *os.File, size, _ int64) int64 { return size }
