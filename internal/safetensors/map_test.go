package safetensors

import (
	"bytes"
	"errors"
	"fmt"
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

// TestChanged changes a file in every way that its size and times tell of, with the time of writing as it was
// and not, mapped and not: what reads it then is refused.
func TestChanged(t *testing.T) {
	cases := 0
	write := func(at int64) func(*os.File) error {
		return func(f *os.File) error { _, err := f.WriteAt([]byte{7}, at); return err }
	}
	grow := func(by int64) func(*os.File) error {
		return func(f *os.File) error {
			info, err := f.Stat()
			return errors.Join(err, f.Truncate(max(0, info.Size()+by)))
		}
	}
	changes := map[string]func(*os.File) error{
		"its first byte": write(0), "its header": write(20), "its data": write(sizeOfW),
		"its last byte": write(sizeOfW + 50), "more": grow(1), "a page more": grow(4096),
		"cut and written again": func(f *os.File) error {
			all, err := os.ReadFile(f.Name())
			err = errors.Join(err, f.Truncate(0))
			_, failed := f.WriteAt(all, 0)
			return errors.Join(err, failed)
		},
	}
	for _, by := range []int64{-1, -4095, -4096, -4097, -100_000, 1 - sizeOfW, -sizeOfW - 100} {
		changes[fmt.Sprint("cut by ", -by)] = grow(by)
	}
	for name, change := range changes {
		for how, open := range map[string]func(*testing.T) (*File, string){"mapped": opened, "not mapped": unmapped} {
			for _, old := range []bool{false, true} {
				if cases++; old && !mapsFiles && !strings.Contains(name, "cut by") && !strings.Contains(name, "more") {
					continue // nothing tells
				}
				f, path := open(t)
				before, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond) // more than the grain of the clock of files
				file, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err == nil {
					err = errors.Join(change(file), file.Close())
				}
				if old {
					err = errors.Join(err, os.Chtimes(path, before.ModTime(), before.ModTime()))
				}
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					_, err = load(f, "w")
					if cut := strings.HasPrefix(name, "cut by"); !errors.Is(err, ErrChanged) ||
						errors.Is(err, io.ErrUnexpectedEOF) != cut || !strings.Contains(fmt.Sprint(err), `"w"`) {
						t.Errorf("%s, %s, time as it was %v: got %v, want ErrChanged, and io.ErrUnexpectedEOF %v", name,
							how, old, err, cut)
					}
				}
			}
		}
	}
	t.Logf("%d changes", cases)
}

// TestMoved has a mapped file under another path than when it was opened, and cut there: its bytes, or an
// error.
func TestMoved(t *testing.T) {
	f, path := opened(t)
	if !f.Mapped() {
		t.Skip("an open file cannot be moved")
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if data, err := load(f, "w"); err != nil || len(data) != sizeOfW {
		t.Errorf("a file that was moved: got %d bytes, %v", len(data), err)
	}
	if err := os.Truncate(path+"2", 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := load(f, "w"); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a file that was moved and cut: got %v, want that a byte cannot be read", err)
	}
}

// TestPathAtOpen opens files by paths that lead elsewhere later, and changes them where they are.
func TestPathAtOpen(t *testing.T) {
	if !mapsFiles {
		t.Skip("no path is used later")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	writeW(t, "w", 1)
	if err := os.Symlink("w", "link"); err != nil {
		t.Fatal(err)
	}
	var files []*File
	for _, path := range []string{"w", "link", "./../" + filepath.Base(dir) + "/link"} {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	time.Sleep(20 * time.Millisecond)
	t.Chdir(t.TempDir())
	writeW(t, "w", 2)
	link := filepath.Join(dir, "link")
	if err := errors.Join(os.Remove(link), os.Symlink("elsewhere", link)); err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if _, err := load(f, "w"); err != nil {
			t.Errorf("file %d: %v", i, err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "w"), 5000); err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if _, err := load(f, "w"); !errors.Is(err, ErrChanged) {
			t.Errorf("file %d: got %v, want ErrChanged", i, err)
		}
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
			if f.source.mapped.lock.TryLock() {
				f.source.mapped.lock.Unlock()
			} else {
				t.Errorf("%s: the mapping stays locked", c.name)
				f.source.mapped.lock.RUnlock()
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
