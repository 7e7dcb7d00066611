package safeio

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

var errMine = errors.New("mine")

// liar is a reader and a writer of n bytes, whatever it is asked for.
type liar struct {
	n     int
	err   error
	panic any
}

func (l liar) do() (int, error) {
	if l.panic != nil {
		panic(l.panic)
	}
	return l.n, l.err
}
func (l liar) Read([]byte) (int, error)          { return l.do() }
func (l liar) ReadAt([]byte, int64) (int, error) { return l.do() }
func (l liar) Write([]byte) (int, error)         { return l.do() }

// TestLiars asks for 8 bytes, or gives them.
func TestLiars(t *testing.T) {
	var none *bytes.Reader
	ways := map[string]func(l liar) error{
		"ReadAt": func(l liar) error { _, err := ReadAt(l, 0, 8); return err },
		"Reader": func(l liar) error { _, err := io.ReadFull(Reader(l), make([]byte, 8)); return err },
		"Writer": func(l liar) error { _, err := Writer(l).Write(make([]byte, 8)); return err },
	}
	for _, c := range []struct {
		name                   string
		liar                   liar
		readAt, reader, writer error
	}{
		{"right", liar{n: 8}, nil, nil, nil},
		{"its end at once", liar{n: 8, err: io.EOF}, nil, nil, io.EOF},
		{"too many", liar{n: 9}, ErrContract, ErrContract, ErrContract},
		{"far too many", liar{n: 1 << 40 >> (32 - 32*(^uint(0)>>63))}, ErrContract, ErrContract, ErrContract},
		{"negative", liar{n: -1}, ErrContract, ErrContract, ErrContract},
		{"too few without an error", liar{n: 4}, io.ErrUnexpectedEOF, nil, io.ErrShortWrite},
		{"nothing without an error", liar{}, io.ErrUnexpectedEOF, io.ErrNoProgress, io.ErrShortWrite},
		{"an error", liar{n: 3, err: errMine}, errMine, errMine, errMine},
		{"all, and an error", liar{n: 8, err: errMine}, errMine, nil, errMine},
		{"too many, and an error", liar{n: 9, err: errMine}, errMine, errMine, errMine},
		{"a panic", liar{panic: "mine"}, ErrContract, ErrContract, ErrContract},
		{"a panic with an error", liar{panic: errMine}, ErrContract, ErrContract, ErrContract},
	} {
		for name, want := range map[string]error{"ReadAt": c.readAt, "Reader": c.reader, "Writer": c.writer} {
			if err := ways[name](c.liar); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s: %s: got %v, want %v", name, c.name, err, want)
			}
		}
	}
	for name, err := range map[string]error{
		"ReadAt": func() error { _, err := ReadAt(nil, 0, 8); return err }(),
		"Reader": func() error { _, err := Reader(nil).Read(nil); return err }(),
		"Writer": func() error { _, err := Writer(nil).Write(nil); return err }(),
	} {
		if !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: nil: got %v, want fs.ErrInvalid", name, err)
		}
	}
	if _, err := ReadAt(none, 0, 8); !errors.Is(err, ErrContract) {
		t.Errorf("a nil pointer: got %v, want ErrContract", err)
	}
}

// TestReadAt reads more than a step; a reader that ends early has no more allocated for it than it gave, and
// a step.
func TestReadAt(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 5<<20)
	for _, n := range []int{0, 1, step, step + 1, len(text) - 7} {
		if got, err := ReadAt(bytes.NewReader(text), 7, n); err != nil || !bytes.Equal(got, text[7:7+n]) || len(got) != cap(got) {
			t.Errorf("%d bytes: got %d of %d, %v", n, len(got), cap(got), err)
		}
	}
	const claimed = 1 << 40 >> (10 - 10*(^uint(0)>>63)) // an int
	for _, have := range []int{0, 100, step, 2*step + 1} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadAt(bytes.NewReader(text[:have]), 0, claimed)
		runtime.ReadMemStats(&after)
		got, most := after.TotalAlloc-before.TotalAlloc, uint64(4*have+2*step)
		if !errors.Is(err, io.ErrUnexpectedEOF) || got > most {
			t.Errorf("%d bytes of %d: got %v and %d bytes allocated, want io.ErrUnexpectedEOF and at most %d", have,
				claimed, err, got, most)
		}
	}
}

func TestReaderAndWriterWork(t *testing.T) {
	if err := iotest.TestReader(Reader(iotest.OneByteReader(strings.NewReader("text"))), []byte("text")); err != nil {
		t.Error(err)
	}
	var b strings.Builder
	if n, err := io.WriteString(Writer(&b), "text"); n != 4 || err != nil || b.String() != "text" {
		t.Errorf("got %d, %v, %q", n, err, b.String())
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(f); err != nil || string(text) != "text" {
		t.Errorf("got %q, %v", text, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for path, want := range map[string]error{
		dir: fs.ErrInvalid, path + "x": fs.ErrNotExist, "": fs.ErrNotExist,
		os.DevNull: fs.ErrInvalid,
	} {
		if _, err := Open(path); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", path, err, want)
		}
	}
}
