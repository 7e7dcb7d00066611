package safetensors

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

var mapsFiles = slices.Contains([]string{"linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly"}, runtime.GOOS)

// opened returns a file of a tensor "w" of many pages, and its path.
func opened(t *testing.T) (f *File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "w.safetensors")
	writeW(t, path, 1)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, path
}

const sizeOfW = 1 << 20

// writeW writes a file of a tensor "w" that is all one byte.
func writeW(t *testing.T, path string, value byte) {
	t.Helper()
	w := Tensor{Name: "w", Dtype: U8, Shape: []int{sizeOfW}, Data: bytes.Repeat([]byte{value}, sizeOfW)}
	if err := WriteFile(path, []Tensor{w}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestReplaced gives the path another file by rename, and removes it: the file that was opened stays.
func TestReplaced(t *testing.T) {
	f, path := opened(t)
	if f.Mapped() != mapsFiles {
		t.Errorf("on %s a file is mapped: %v, want %v", runtime.GOOS, f.Mapped(), mapsFiles)
	}
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be replaced")
	}
	writeW(t, path, 2)
	for range 2 { // the second time when its pages were released
		data, err := load(f, "w")
		if want := bytes.Repeat([]byte{1}, sizeOfW); err != nil || !bytes.Equal(data, want) {
			t.Errorf("a file that was replaced: got %d bytes, error %v, want what was opened", len(data), err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTruncated cuts the file to every part of its last pages, and to nothing.
func TestTruncated(t *testing.T) {
	for _, left := range []int64{-1, -4095, -4096, -4097, -100_000, 1 - sizeOfW, -sizeOfW - 100} {
		f, path := opened(t)
		info, err := os.Stat(path)
		if err == nil {
			err = os.Truncate(path, max(0, info.Size()+left))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := load(f, "w"); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `"w"`) {
			t.Errorf("%d bytes: got %v, want io.ErrUnexpectedEOF", left, err)
		}
	}
}

// TestWrittenTo changes a file that is mapped.
func TestWrittenTo(t *testing.T) {
	f, path := opened(t)
	if !f.Mapped() {
		t.Skip("a file that is not mapped gives what it holds")
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteAt([]byte{7}, sizeOfW)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)); err != nil { // whatever the clock's grain is
		t.Fatal(err)
	}
	if _, err := load(f, "w"); err == nil || !strings.Contains(err.Error(), "written to") {
		t.Errorf("got %v, want that the file was written to", err)
	}
}

// TestPanics leaves panics that are not the file's.
func TestPanics(t *testing.T) {
	f, _ := opened(t)
	for _, c := range []struct {
		name string
		read func([]byte)
	}{
		{"a value", func([]byte) { panic("mine") }},
		{"an index", func(data []byte) { data[0] = data[len(data)-1+runtime.NumCPU()] }},
		{"a nil pointer", func([]byte) { *(*int)(nil) = 1 }},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic", c.name)
				}
			}()
			_ = f.Load("w", c.read)
		}()
		if f.Mapped() {
			if f.mapped.lock.TryLock() {
				f.mapped.lock.Unlock()
			} else {
				t.Errorf("%s: the mapping stays locked", c.name)
				f.mapped.lock.RUnlock()
			}
		}
	}
	if _, err := load(f, "w"); err != nil {
		t.Errorf("after panics: %v", err)
	}
	if debug.SetPanicOnFault(false) {
		t.Error("Load leaves faults to be panics")
	}
}

// TestFreed drops a file without Close, and closes one: neither stays mapped.
func TestFreed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell what is mapped")
	}
	mapped := func(path string) bool {
		list, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Skip(err)
		}
		return strings.Contains(string(list), path)
	}
	f, path := opened(t)
	if !mapped(path) {
		t.Errorf("%s is open and not mapped", path)
	}
	if err := f.Close(); err != nil || mapped(path) {
		t.Errorf("a closed file is mapped: %v, error %v", mapped(path), err)
	}
	path = filepath.Join(t.TempDir(), "dropped.safetensors")
	writeW(t, path, 1)
	func() {
		f, err := Open(path)
		if err != nil || !mapped(path) {
			t.Errorf("%s: mapped %v, error %v", path, mapped(path), err)
		}
		_, _ = load(f, "w")
	}()
	for end := time.Now().Add(10 * time.Second); mapped(path); time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatal("a file that nothing refers to stays mapped")
		}
	}
}
