package safetensors

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"unsafe"
)

// mapping is a file in memory. Pages are the file's own: what is written to it in place shows here,
// and behind an end that was moved there are none. A file that is replaced by rename keeps its
// pages for as long as the mapping is there.
type mapping struct {
	lock sync.RWMutex
	data []byte // nil once it was closed
	free runtime.Cleanup
}

// newMapping takes over data of mapFile. A mapping that nothing reaches any more is freed.
func newMapping(data []byte) *mapping {
	m := &mapping{data: data}
	m.free = runtime.AddCleanup(m, func(data []byte) { _ = unmap(data) }, data)
	return m
}

// view calls read with the bytes from begin up to end, for reading until it returns. read does not call view
// or close again: close waits for it. An error tells that there were no such bytes.
func (m *mapping) view(begin, end int64, read func(data []byte)) error {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.data == nil {
		return os.ErrClosed
	}
	data := m.data[begin:end:end]
	defer release(data)
	return guarded(data, read)
}

// guarded calls read(data). Where a page cannot be had, and the system sends a signal, it returns an error,
// also where read panics with another goroutine's fault.
func guarded(data []byte, read func(data []byte)) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		caught := recover()
		var fault interface { // a runtime.Error of a fault
			error
			Addr() uintptr
		}
		failed, ok := caught.(error)
		ok = ok && errors.As(failed, &fault)
		if begin := uintptr(unsafe.Pointer(unsafe.SliceData(data))); ok && fault.Addr()-begin < uintptr(len(data)) {
			err = fmt.Errorf("byte %d of the tensor cannot be read", fault.Addr()-begin)
		} else if caught != nil {
			panic(caught)
		}
	}()
	read(data)
	return nil
}

// close frees the mapping, when nothing reads it any more.
func (m *mapping) close() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.data == nil {
		return os.ErrClosed
	}
	m.free.Stop()
	data := m.data
	m.data = nil
	return unmap(data)
}
