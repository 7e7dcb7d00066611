//go:build !purego

package isa

import "golang.org/x/sys/unix"

// permitTiles asks Linux for the tile data registers, as a process must before its first use of them
// (arch_prctl(2), ARCH_REQ_XCOMP_PERM; XFEATURE_XTILEDATA is 18). A kernel that does not know the request, a
// seccomp filter, or a signal stack too small for tiles refuses it. The permission holds for every thread.
func permitTiles() bool {
	const (
		reqXcompPerm = 0x1023
		xtileData    = 18
	)
	_, _, errno := unix.RawSyscall(unix.SYS_ARCH_PRCTL, reqXcompPerm, xtileData, 0)
	return errno == 0
}
