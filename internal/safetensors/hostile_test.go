package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"euryale/internal/safeio"
)

// liar is a reader of size bytes that begin with head. It misbehaves where a reading reaches past the offset
// from.
type liar struct {
	head []byte
	from int64
	lie  func(p []byte, n int) (int, error)
}

func (l liar) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(l.head)) {
		copy(p, l.head[off:])
	}
	if off+int64(len(p)) > l.from {
		return l.lie(p, len(p))
	}
	return len(p), nil
}

// TestLyingReaders has readers that misbehave in every way at every step of reading a file that claims a
// tensor of 8 GB.
func TestLyingReaders(t *testing.T) {
	const size = int64(8 << 30)
	header := one("U8", fmt.Sprintf("[%d]", size), fmt.Sprintf("[0,%d]", size))
	if int64(^uint(0)>>1) < size {
		t.Skip("no int counts so much")
	}
	head := container(header, 0)
	mine := errors.New("mine")
	lies := []struct {
		name string
		lie  func(p []byte, n int) (int, error)
		want error
	}{
		{"n > len(p)", func(_ []byte, n int) (int, error) { return n + 1, nil }, safeio.ErrContract},
		{"n < 0", func([]byte, int) (int, error) { return -1, nil }, safeio.ErrContract},
		{"n < len(p), nil", func(_ []byte, n int) (int, error) { return n - 1, nil }, io.ErrUnexpectedEOF},
		{"0, nil", func([]byte, int) (int, error) { return 0, nil }, io.ErrUnexpectedEOF},
		{"0, io.EOF", func([]byte, int) (int, error) { return 0, io.EOF }, io.ErrUnexpectedEOF},
		{"an error", func([]byte, int) (int, error) { return 0, mine }, mine},
		{"a panic", func([]byte, int) (int, error) { panic("mine") }, safeio.ErrContract},
		{"a runtime panic", func(p []byte, n int) (int, error) { return int(p[n]), nil }, safeio.ErrContract},
	}
	cases := 0
	for _, l := range lies {
		for name, from := range map[string]int64{
			"prefix": 7, "header": 8 + 10, "end": int64(len(head)),
			"data": int64(len(head)) + 100, "more data": int64(len(head)) + 40<<20,
		} {
			cases++
			last := int64(len(head)) + size - 1
			r := readerAt(func(p []byte, off int64) (int, error) {
				if off == last && from > int64(len(head)) {
					return len(p), nil // the end is said to be there
				}
				return liar{head, from, l.lie}.ReadAt(p, off)
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, err := Read(r, int64(len(head))+size)
			if err == nil {
				_, err = load(f, "w")
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, l.want) || got > 200<<20 {
				t.Errorf("%s in the %s: got %v and %d bytes allocated, want %v and what was there", l.name, name, err,
					got, l.want)
			}
		}
	}
	var none *bytes.Reader
	for want, r := range map[error]io.ReaderAt{fs.ErrInvalid: nil, safeio.ErrContract: none} {
		if _, err := Read(r, 100); !errors.Is(err, want) {
			t.Errorf("a nil reader: got %v, want %v", err, want)
		}
	}
	t.Logf("%d lies", cases)
}

// TestSparse opens files of few bytes and holes, up to 8 GB.
func TestSparse(t *testing.T) {
	for _, c := range []struct {
		size, data int64
		fine       bool
	}{
		{8 << 30, 0, false},
		{8 << 30, 100 << 20, false},
		{2 << 30, 0, false},
		{1 << 30, 1 << 20, true},
		{100 << 20, 0, true},
		{2 << 30, 80 << 20, true},
		{1 << 20, 0, true},
	} {
		if int64(^uint(0)>>1) < c.size {
			continue
		}
		path := filepath.Join(t.TempDir(), "w.safetensors")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		head := container(one("U8", fmt.Sprintf("[%d]", c.size), fmt.Sprintf("[0,%d]", c.size)), int(c.data))
		_, err = f.Write(head)
		if err = errors.Join(err, f.Truncate(int64(len(head))-c.data+c.size)); err != nil {
			t.Skip(err)
		}
		was, err := stateOf(f)
		if err != nil {
			t.Fatal(err)
		}
		if stored(f, was.size(), was.size()) == was.size() && c.size > 1<<20 {
			t.Skip("the file system has no holes, or does not tell")
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		read, err := Open(path)
		if (err == nil) != c.fine || err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes, %d on the disk: got %v, want it fine: %v", c.size, c.data, err, c.fine)
		}
		if err := errors.Join(read.Close(), os.Remove(path)); err != nil {
			t.Error(err)
		}
	}
}

// TestDescriptors opens many files: those that are mapped take no descriptor.
func TestDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell what is open")
	}
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	writeW(t, path, 1)
	before := count()
	var files []*File
	for range 100 {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if got := count(); got > before+10 {
		t.Errorf("100 files take %d descriptors, want none", got-before)
	}
	for _, f := range files {
		if _, err := load(f, "w"); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNilFile calls what there is on a File that is nil, and the zero one.
func TestNilFile(t *testing.T) {
	for _, f := range []*File{nil, {}} {
		if _, ok := f.Info("w"); ok || f.Mapped() || len(f.Names()) > 0 || len(f.Metadata()) > 0 || f.Close() != nil {
			t.Error("a File of nothing has something")
		}
		if err := f.Load("w", nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	for want, w := range map[error]io.Writer{
		fs.ErrInvalid: nil, safeio.ErrContract: (*bytes.Buffer)(nil),
		io.ErrShortWrite: shortWriter(0),
	} {
		if err := Write(w, []Tensor{{Name: "w", Dtype: U8, Shape: []int{2}, Data: []byte{1, 2}}}, nil); !errors.Is(err, want) {
			t.Errorf("%T: got %v, want %v", w, err, want)
		}
	}
	for _, n := range []int{-1, 1 << 30} {
		w := Tensor{Name: "w", Dtype: U8, Shape: []int{5000}, Data: make([]byte, 5000)}
		if err := Write(shortWriter(n), []Tensor{w}, nil); !errors.Is(err, safeio.ErrContract) {
			t.Errorf("a writer of %d bytes: got %v, want ErrContract", n, err)
		}
	}
}

type shortWriter int

func (w shortWriter) Write([]byte) (int, error) { return int(w), nil }
