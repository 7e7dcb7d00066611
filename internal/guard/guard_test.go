package guard_test

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"

	"euryale/internal/guard"
)

func TestSlices(t *testing.T) {
	page := os.Getpagesize()
	for _, n := range []int{0, 1, 7, page/4 - 1, page / 4, page/4 + 1} {
		m := guard.New(t, 4*n)
		first, last := guard.Before[float32](m, n), guard.After[float32](m, n)
		if len(m)%page != 0 || len(m) < 4*n || len(first) != n || len(last) != n {
			t.Fatalf("%d elements: got %d bytes, slices of %d and %d", n, len(m), len(first), len(last))
		}
		for i := range n {
			first[i], last[i] = 1, 1
		}
		if runtime.GOOS != "linux" || n == 0 {
			continue
		}
		const size = unsafe.Sizeof(first[0])
		outside := map[string]unsafe.Pointer{
			"before the first": unsafe.Add(unsafe.Pointer(&first[0]), -int(size)),
			"after the last":   unsafe.Add(unsafe.Pointer(&last[n-1]), size),
		}
		for name, p := range outside {
			if !faults(func() { read = *(*float32)(p) }) {
				t.Errorf("%d elements: reading %s one does not fault", n, name)
			}
			if !faults(func() { *(*float32)(p) = 1 }) {
				t.Errorf("%d elements: writing %s one does not fault", n, name)
			}
		}
		if faults(func() { read = first[0] + last[n-1] }) {
			t.Errorf("%d elements: reading them faults", n)
		}
	}
}

var read float32 // keeps reads alive

func faults(access func()) (faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { faulted = recover() != nil }()
	access()
	return false
}
