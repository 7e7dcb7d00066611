package safetensors

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"
)

// mapping is a file in memory. Pages are the file's own: what is written to it in place shows here, and behind an end that was
// moved there are none. A file that is replaced by rename keeps its pages for as long as the mapping is there.
type mapping struct {
	file *os.File
	time time.Time // when it was last written to
	lock sync.RWMutex
	data []byte // nil once it was closed
	free runtime.Cleanup
}

// newMapping returns nil where the platform maps no files, or not this one. A mapping that nothing reaches any more is freed.
func newMapping(file *os.File, info os.FileInfo) *mapping {
	data, err := mapFile(file, info.Size())
	if err != nil {
		return nil
	}
	m := &mapping{file: file, time: info.ModTime(), data: data}
	m.free = runtime.AddCleanup(m, func(data []byte) { _ = unmap(data) }, data)
	return m
}

// view calls read with the bytes from begin up to end, for reading until it returns. An error tells that it was given other
// bytes than those of the file that was opened. read does not call view or close again: close waits for it.
func (m *mapping) view(begin, end int64, read func(data []byte)) error {
	m.lock.RLock()
	defer m.lock.RUnlock()
	if m.data == nil {
		return os.ErrClosed
	}
	data := m.data[begin:end:end]
	err := guarded(data, read)
	release(data)
	info, failed := m.file.Stat()
	switch {
	case failed != nil:
		return failed
	case info.Size() < int64(len(m.data)):
		return fmt.Errorf("got a file of %d bytes, want %d: %w", info.Size(), len(m.data), io.ErrUnexpectedEOF)
	case !info.ModTime().Equal(m.time):
		return errors.New("the file was written to since it was opened")
	}
	return err
}

// guarded calls read(data). Where a page cannot be had, and the system sends a signal, it returns an error.
func guarded(data []byte, read func(data []byte)) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		caught := recover()
		fault, ok := caught.(interface{ Addr() uintptr }) // as a runtime.Error has it for a fault
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
		return nil
	}
	m.free.Stop()
	data := m.data
	m.data = nil
	return unmap(data)
}
