package guard

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func pages(t testing.TB, n int) Memory {
	t.Helper()
	page := os.Getpagesize()
	n = (max(n, 1) + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, n+2*page, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatalf("guard: New: mapping %d bytes: %v", n, err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			t.Errorf("guard: New: unmapping %d bytes: %v", n, err)
		}
	})
	m := all[page : page+n : page+n]
	if err := unix.Mprotect(m, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		t.Fatalf("guard: New: giving access to %d bytes: %v", n, err)
	}
	return m
}
