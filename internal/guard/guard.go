// Package guard gives tests memory between inaccessible pages, so that a read or a write outside a slice
// faults where it happens. That is so on Linux; on other systems the memory is ordinary.
//
// A fault ends the program, or panics under debug.SetPanicOnFault.
package guard

import (
	"testing"
	"unsafe"
)

// Memory is whole pages of zeros, with an inaccessible page before and one after them.
type Memory []byte

// New returns at least n bytes, one page or more, which are freed when the test ends.
func New(t testing.TB, n int) Memory {
	t.Helper()
	return pages(t, n)
}

// Element is a type whose size divides that of a page, and which holds no pointer.
type Element interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// Before returns the first n elements of m: an inaccessible page is right before them.
func Before[T Element](m Memory, n int) []T { return cast[T](m[:n*size[T]()]) }

// After returns the last n elements of m: an inaccessible page is right after them.
func After[T Element](m Memory, n int) []T { return cast[T](m[len(m)-n*size[T]():]) }

func size[T Element]() int { return int(unsafe.Sizeof(*new(T))) }

func cast[T Element](m Memory) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), len(m)/size[T]())
}
