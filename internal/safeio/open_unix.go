//go:build unix

package safeio

import "golang.org/x/sys/unix"

// nonblock has an opening of a pipe return at once.
const nonblock = unix.O_NONBLOCK
