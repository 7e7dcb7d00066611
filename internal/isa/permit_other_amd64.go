//go:build !linux && !purego

package isa

// permitTiles: tiles have been tried under Linux alone.
func permitTiles() bool { return false }
