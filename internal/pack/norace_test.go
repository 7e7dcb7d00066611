//go:build !race

package pack_test

// raceEnabled reports whether the race detector is on: it allocates by itself, and is slow.
const raceEnabled = false
