package safetensors

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"unsafe"
)

// TestCloseWhileLoading closes a file that goroutines read, mapped and not.
func TestCloseWhileLoading(t *testing.T) {
	for _, open := range []func(*testing.T) (*File, string){opened, unmapped} {
		f, _ := open(t)
		closeWhileLoading(t, f)
	}
}

// unmapped works like opened on a system that maps no files.
func unmapped(t *testing.T) (*File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	writeW(t, path, 1)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := openRead(path, file, func(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, path
}

func closeWhileLoading(t *testing.T, f *File) {
	t.Helper()
	want := bytes.Repeat([]byte{1}, sizeOfW)
	var started, done sync.WaitGroup
	for range 8 {
		started.Add(1)
		done.Go(func() {
			for first := true; ; first = false {
				data, err := load(f, "w")
				if first {
					started.Done()
				}
				if err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Errorf("mapped %v: got %v, want os.ErrClosed", f.Mapped(), err)
					}
					return
				}
				if !bytes.Equal(data, want) {
					t.Errorf("mapped %v: got other bytes", f.Mapped())
					return
				}
			}
		})
	}
	started.Wait()
	if err := f.Close(); err != nil {
		t.Errorf("mapped %v: %v", f.Mapped(), err)
	}
	done.Wait()
}

// TestCloseWaits closes a mapped file from within a reading: its bytes are there, and Load
// succeeds, as if Close had come later.
func TestCloseWaits(t *testing.T) {
	f, _ := opened(t)
	if !f.Mapped() {
		t.Skip("there is nothing to wait for")
	}
	closed := make(chan error, 1)
	err := f.Load("w", func(data []byte) {
		lock := &f.source.mapped.lock
		if lock.TryLock() {
			lock.Unlock()
			t.Error("a file is not locked while it is read")
			return
		}
		go func() { closed <- f.Close() }()
		for lock.TryRLock() { // until Close asks for the lock
			lock.RUnlock()
			if len(closed) > 0 {
				t.Error("Close did not wait for a reading")
				return
			}
			runtime.Gosched()
		}
		if n := bytes.Count(data, []byte{1}); n != sizeOfW {
			t.Errorf("got %d bytes of %d while Close waits", n, sizeOfW)
		}
	})
	if err != nil {
		t.Errorf("a reading that began before Close: %v", err)
	}
	if t.Failed() {
		return
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if f.source.mapped.data != nil {
		t.Error("a closed mapping has its bytes")
	}
	for range 2 {
		if _, err := load(f, "w"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Load after Close: got %v, want os.ErrClosed", err)
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Close again: got %v, want os.ErrClosed", err)
		}
	}
}

// TestFreedOnce closes a file, maps another, most likely where the first one was, and
// collects the first: the other stays.
func TestFreedOnce(t *testing.T) {
	if !mapsFiles {
		t.Skip("no file is mapped")
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	writeW(t, path, 1)
	begin := func(f *File) *byte { return unsafe.SliceData(f.source.mapped.data) }
	collected := make(chan struct{})
	var f *File
	func() {
		first, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		runtime.AddCleanup(first.source.mapped, func(c chan struct{}) { close(c) }, collected)
		at := uintptr(unsafe.Pointer(begin(first)))
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if f, err = Open(path); err != nil {
			t.Fatal(err)
		}
		t.Logf("mapped where the first one was: %v", at == uintptr(unsafe.Pointer(begin(f))))
	}()
	for done := false; !done; {
		runtime.GC()
		select {
		case <-collected:
			done = true
		default:
		}
	}
	runtime.GC() // cleanups of one object come in any order
	if data, err := load(f, "w"); err != nil || len(data) != sizeOfW {
		t.Errorf("after another file was collected: got %d bytes, error %v", len(data), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
