package catalogue

import (
	"testing"

	"golang.org/x/sys/unix"
)

// mostMemory is what the calls may have at once, of which the race detector's shadow would take all.
const mostMemory = 6 << 30

// bound makes memory beyond mostMemory an error of the system, which ends the process.
func bound(t *testing.T) {
	if raceDetector {
		return
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: mostMemory, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_AS, &old) })
}
