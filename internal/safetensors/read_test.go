package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestReadAccepts(t *testing.T) {
	tests := []struct {
		name, header string
		data         int
		want         []string // NAME DTYPE SHAPE BYTES
	}{
		{"nothing", `{}`, 0, nil},
		{"only metadata", `{"__metadata__":{}}`, 0, nil},
		{"white space", "{\n\t\"w\" : {\"dtype\": \"U8\",\r\"shape\": [ 1 ], \"data_offsets\": [0, 1]}}   ", 1, []string{"w U8 [1] 1"}},
		{"fields in another order", `{"w":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}`, 4, []string{"w F32 [] 4"}},
		{"empty name", `{"":{"dtype":"I8","shape":[2,3],"data_offsets":[0,6]}}`, 6, []string{" I8 [2 3] 6"}},
		{"escapes", `{"\u0000\\ud800\"\ud83d\ude00":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1, []string{"\x00\\ud800\"😀 I8 [1] 1"}},
		{"replacement character", `{"` + "\ufffd" + `":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1, []string{"\ufffd I8 [1] 1"}},
		{
			"order of names unlike that of data",
			`{"a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"b":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}}`,
			3,
			[]string{"a U8 [1] 1", "b U16 [1] 2"},
		},
		{
			"empty tensors around a full one",
			`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},` +
				`"c":{"dtype":"F64","shape":[3,0],"data_offsets":[2,2]},"d":{"dtype":"F64","shape":[0,2],"data_offsets":[2,2]},` +
				`"e":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}`,
			2,
			[]string{"a U8 [0] 0", "b U8 [2] 2", "c F64 [3 0] 0", "d F64 [0 2] 0", "e F64 [0] 0"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := container(test.header, test.data)
			f, err := Read(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, name := range f.Names() {
				info, ok := f.Info(name)
				if !ok || info.Name != name {
					t.Errorf("Info(%q): got %v, %v", name, info, ok)
				}
				data, err := load(f, name)
				if err != nil {
					t.Error(err)
				}
				got = append(got, fmt.Sprintf("%s %s %v %d", name, info.Dtype, info.Shape, len(data)))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// failing is a reader that fails from offset ok on; it returns short reads without an error if err is nil.
type failing struct {
	file []byte
	ok   int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= f.ok {
		return copy(p, f.file[off:]), nil
	}
	return 0, f.err
}

func TestReadPassesOnErrors(t *testing.T) {
	broken := errors.New("broken")
	file := sample(t)
	for _, err := range []error{broken, nil, io.EOF} {
		want := err
		if !errors.Is(err, broken) {
			want = io.ErrUnexpectedEOF
		}
		for _, ok := range []int64{0, 7, 8, 9, int64(len(file)) - 1} {
			_, got := Read(failing{file, ok, err}, int64(len(file)))
			if !errors.Is(got, want) || errors.Is(got, ErrFormat) {
				t.Errorf("reader failing at byte %d with %v: got %v, want %v", ok, err, got, want)
			}
		}
	}
	// A reader whose last byte can be read and whose header cannot.
	hole := readerAt(func(p []byte, off int64) (int, error) {
		if off == prefixBytes {
			return 0, broken
		}
		return copy(p, file[off:]), nil
	})
	if _, err := Read(hole, int64(len(file))); !errors.Is(err, broken) {
		t.Errorf("reader failing in the header: got %v, want %v", err, broken)
	}
	if _, err := Read(bytes.NewReader(file), -1); !errors.Is(err, ErrFormat) {
		t.Errorf("size −1: got %v, want ErrFormat", err)
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }

func TestLoadUnknownName(t *testing.T) {
	f := mustRead(t, sample(t))
	for _, name := range []string{"", "Weight", metadataKey} {
		if _, err := load(f, name); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), strconv.Quote(name)) {
			t.Errorf("Load(%q): got %v, want ErrNotFound", name, err)
		}
		if info, ok := f.Info(name); ok {
			t.Errorf("Info(%q): got %v, want none", name, info)
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close of a File from Read: got %v", err)
	}
	if _, err := load(f, "bias"); err != nil {
		t.Errorf("Load after a Close that does nothing: got %v", err)
	}
}

func TestFileIsNotSharedWithCallers(t *testing.T) {
	file := sample(t)
	f := mustRead(t, file)
	info, _ := f.Info("weight")
	info.Shape[0] = 7
	f.Metadata()["scheme"] = "changed"
	data, err := load(f, "weight")
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got, want := contents(t, f), contents(t, mustRead(t, file)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.safetensors")
	file := sample(t)
	if _, err := Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v, want os.ErrNotExist", err)
	}
	if _, err := Open(filepath.Dir(path)); err == nil {
		t.Error("a directory: got no error")
	}
	if err := os.WriteFile(path, file[:len(file)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("a truncated file: got %v, want ErrFormat and the path", err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, f), contents(t, mustRead(t, file)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if len(loadAll(t, f)) != 5 || len(f.Metadata()) != 2 {
					t.Error("concurrent Load: got other tensors or metadata")
				}
			}
		})
	}
	group.Wait()

	// The file loses its last byte, which is that of "bytes".
	if err := os.Truncate(path, int64(len(file))-1); err != nil {
		t.Fatal(err)
	}
	if _, err := load(f, "bytes"); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `"bytes"`) {
		t.Errorf("Load from a file that shrank: got %v, want io.ErrUnexpectedEOF", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := load(f, "weight"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Load after Close: got %v, want os.ErrClosed", err)
	}
}
