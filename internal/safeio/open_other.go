//go:build !unix

package safeio

// nonblock is for systems whose files have pipes among them.
const nonblock = 0
