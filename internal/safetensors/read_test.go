package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// container returns a file of the given header and of data zero bytes.
func container(header string, data int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(file, header...)
	return append(file, make([]byte, data)...)
}

// one returns a header of one tensor "w".
func one(dtype, shape, offsets string) string {
	return fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
}

func TestReadRefuses(t *testing.T) {
	const entry = `{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`
	prefix := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), "{}"...) }
	tests := []struct {
		name string
		file []byte
		want []string // substrings of the error
	}{
		{"empty file", nil, []string{"byte 0", "got a file of 0 bytes", "at least 8"}},
		{"seven bytes", make([]byte, 7), []string{"byte 0", "got a file of 7 bytes"}},
		{"header longer than the file", prefix(3), []string{"byte 0", "got a header of 3 bytes", "at most 2"}},
		{"header of 2^63", prefix(1 << 63), []string{"byte 0", "got a header of 9223372036854775808 bytes"}},
		{"header of 2^64 − 8", prefix(math.MaxUint64 - 7), []string{"byte 0", "at most 2"}},
		{"no header", container("", 0), []string{"byte 8", `got ""`, "'{'"}},
		{"leading space", container(" {}", 0), []string{"byte 8", `got " "`}},
		{"byte order mark", container("\ufeff{}", 0), []string{"byte 8"}},
		{"array", container("[]", 0), []string{"byte 8", `got "["`}},
		{"not UTF-8", container("{\"a\xff\":"+entry+"}", 1), []string{"byte 11", `\xff`, "UTF-8"}},
		{"UTF-8 of a surrogate", container("{\"\xed\xa0\x80\":"+entry+"}", 1), []string{"byte 10", "UTF-8"}},
		{"high surrogate alone", container(`{"\ud800":`+entry+`}`, 1), []string{"byte 10", "ud800"}},
		{"low surrogate alone", container(`{"\\\udc00":`+entry+`}`, 1), []string{"byte 12", "udc00"}},
		{"surrogate, then a letter", container(`{"\ud800\u0041":`+entry+`}`, 1), []string{"byte 10", "ud800"}},
		{"bad escape", container(`{"\uzzzz":`+entry+`}`, 1), []string{"byte 12", "'z'", "want JSON"}},
		{"cut escape", container(`{"\u00`, 0), []string{"byte 13", "want JSON"}},
		{"control character in a name", container("{\"a\nb\":"+entry+"}", 1), []string{"byte 11", `'\n'`, "want JSON"}},
		{"cut object", container(`{"w":{"dtype":"U8"`, 0), []string{"byte 25", "unexpected end", "want JSON"}},
		{"brace alone", container(`{`, 0), []string{"byte 8", "unexpected end", "want JSON"}},
		{"wrong brace", container(`{]`, 0), []string{"byte 9", "want JSON"}},
		{"number as a key", container(`{1:2}`, 0), []string{"byte 9", "want JSON"}},
		{"trailing comma", container(`{"w":`+entry+`,}`, 1), []string{"byte 61", "want JSON"}},
		{"missing comma", container(`{"a":`+entry+` "b":`+entry+`}`, 1), []string{"byte 61", "want JSON"}},
		{"comment", container(`{/**/}`, 0), []string{"byte 9", "want JSON"}},
		{"second object", container(`{}{}`, 0), []string{"byte 10", "'{' after", "want JSON"}},
		{"newline after the object", container("{} \n ", 0), []string{"byte 11", `got "\n"`}},
		{"zero bytes after the object", container("{}\x00\x00", 0), []string{"byte 10", "after", "want JSON"}},
		{"deep nesting", container(`{"w":`+strings.Repeat("[", 1<<20), 0), []string{"byte 10012", "depth", "want JSON"}},
		{"deep nesting of objects", container(strings.Repeat(`{"w":`, 1<<20), 0), []string{"byte 50008", "depth", "want JSON"}},
		{
			"deep nesting in a shape", container(`{"w":{"shape":`+strings.Repeat("[", 1<<20), 0),
			[]string{"byte 10020", "depth", "want JSON"},
		},

		{"tensor named twice", container(`{"w":`+entry+`,"w":`+entry+`}`, 1), []string{`key "w" twice`}},
		{"tensor named twice by escape", container(`{"w":`+entry+`,"\u0077":`+entry+`}`, 1), []string{`key "w" twice`}},
		{"two dtypes", container(`{"w":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), []string{`"w"`, `"dtype" twice`}},
		{"two shapes", container(`{"w":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}`, 1), []string{`"w"`, `"shape" twice`}},
		{"two offsets", container(`{"w":{"data_offsets":[0,1],"data_offsets":[0,1]}}`, 1), []string{`"w"`, `"data_offsets" twice`}},
		{"two metadata", container(`{"__metadata__":{},"__metadata__":{}}`, 0), []string{`"__metadata__" twice`}},
		{"metadata key twice", container(`{"__metadata__":{"a":"1","a":"1"}}`, 0), []string{`"__metadata__"`, `"a" twice`}},
		{"metadata is text", container(`{"__metadata__":"a"}`, 0), []string{`"__metadata__"`, "byte 24", "want an object"}},
		{"metadata is null", container(`{"__metadata__":null}`, 0), []string{`"__metadata__"`, "got \"null", "want an object"}},
		{
			"metadata holds a number", container(`{"__metadata__":{"a":1}}`, 0),
			[]string{`"__metadata__"`, `"a"`, `got "1`, "want a string"},
		},
		{"metadata holds null", container(`{"__metadata__":{"a":null}}`, 0), []string{"want a string"}},
		{
			"metadata holds an object", container(`{"__metadata__":{"a":{}}}`, 0),
			[]string{`"__metadata__"`, `got "{`, "want a string"},
		},

		{"entry is null", container(`{"w":null}`, 0), []string{`"w"`, `got "null`, "want an object"}},
		{
			"unknown field", container(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":0}}`, 1),
			[]string{`"w"`, `got unknown field "x"`},
		},
		{
			"field in capitals", container(`{"w":{"DTYPE":"U8","shape":[1],"data_offsets":[0,1]}}`, 1),
			[]string{`"w"`, `got unknown field "DTYPE"`},
		},
		{"no dtype", container(`{"w":{"shape":[1],"data_offsets":[0,1]}}`, 1), []string{`"w"`, `without "dtype"`}},
		{"no shape", container(`{"w":{"dtype":"U8","data_offsets":[0,1]}}`, 1), []string{`"w"`, `without "shape"`}},
		{"no offsets", container(`{"w":{"dtype":"U8","shape":[1]}}`, 1), []string{`"w"`, `without "data_offsets"`}},
		{"one offset", container(one("U8", "[1]", "[1]"), 1), []string{`"w"`, "1 data_offsets"}},
		{"three offsets", container(one("U8", "[1]", "[0,1,1]"), 1), []string{`"w"`, "3 data_offsets"}},
		{"unknown dtype", container(one("F12", "[1]", "[0,1]"), 1), []string{`"w"`, `got dtype "F12"`}},
		{"dtype in small letters", container(one("f32", "[1]", "[0,4]"), 4), []string{`"w"`, `got dtype "f32"`}},
		{"dtype is a number", container(`{"w":{"dtype":8}}`, 0), []string{`"w"`, `got "8`, "want a string"}},
		{"shape is null", container(one("U8", "null", "[0,1]"), 1), []string{`"w"`, "got null for a shape"}},
		{"shape is an object", container(one("U8", "{}", "[0,1]"), 1), []string{`"w"`, `got "{`, "want an array"}},
		{"shape holds text", container(one("U8", `["1"]`, "[0,1]"), 1), []string{`"w"`, `got "\"1`, "want int"}},
		{"negative dimension", container(one("U8", "[-1]", "[0,1]"), 1), []string{`"w"`, "= -1, want 0 or more"}},
		{"negative zero", container(one("U8", "[-0]", "[0,0]"), 0), []string{`"w"`, `got "-0"`}},
		{"two negative dimensions", container(one("U8", "[-1,-1]", "[0,1]"), 1), []string{`"w"`, "= -1, want 0 or more"}},
		{"fractional dimension", container(one("U8", "[1.0]", "[0,1]"), 1), []string{`"w"`, `got "1.0"`}},
		{"exponent in a dimension", container(one("U8", "[1e0]", "[0,1]"), 1), []string{`"w"`, `got "1e0"`}},
		{"leading zero", container(one("U8", "[01]", "[0,1]"), 1), []string{"byte 37", "want JSON"}},
		{
			"dimension of 2^63", container(one("U8", "[9223372036854775808]", "[0,1]"), 1),
			[]string{`"w"`, `got "9223372036854775808"`},
		},
		{
			"dimension of 2^64 + 1", container(one("U8", "[18446744073709551617]", "[0,1]"), 1),
			[]string{`"w"`, `got "18446744073709551617"`},
		},
		{"negative begin", container(one("U8", "[2]", "[-1,1]"), 1), []string{`"w"`, "got begin = -1, want 0"}},
		{"fractional end", container(one("U8", "[1]", "[0,1.5]"), 1), []string{`"w"`, `got "1.5"`}},
		{
			"end of 2^64", container(one("U8", "[1]", "[0,18446744073709551616]"), 1),
			[]string{`"w"`, `got "18446744073709551616"`},
		},

		{"size 2^32 · 2^32", container(one("U8", "[65536,65536,65536,65536]", "[0,0]"), 0), []string{`"w"`, "dimension 3", "below 2^63"}},
		{"size 2^63 by the dtype", container(one("F64", "[1048576,1048576,1048576]", "[0,0]"), 0), []string{`"w"`, "dimension 2", "below 2^63"}},
		{"overflow before a zero dimension", container(one("F64", "[2147483647,2147483647,0]", "[0,0]"), 0), []string{`"w"`, "dimension 1"}},
		{"overflow after a zero dimension", container(one("F64", "[0,2147483647,2147483647]", "[0,0]"), 0), []string{`"w"`, "dimension 2"}},
		{"size above the offsets", container(one("F32", "[2]", "[0,4]"), 4), []string{`"w"`, "= 4 bytes, want 8"}},
		{"size below the offsets", container(one("U8", "[]", "[0,4]"), 4), []string{`"w"`, "= 4 bytes, want 1"}},
		{"end before begin", container(one("U8", "[1]", "[1,0]"), 1), []string{`"w"`, "= -1 bytes, want 1"}},
		{"begin far past the end", container(one("U8", "[1]", "[9223372036854775806,9223372036854775807]"), 1), []string{`"w"`, "got begin = 9223372036854775806, want 0"}},
		{"end past the file", container(one("U8", "[3]", "[0,3]"), 2), []string{`"w"`, "got end = 3, want at most 2"}},
		{"first begin not 0", container(one("U8", "[1]", "[1,2]"), 2), []string{`"w"`, "got begin = 1, want 0"}},
		{"hole", container(`{"a":`+entry+`,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), []string{`"b"`, "got begin = 2, want 1"}},
		{"overlap", container(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), []string{`"b"`, "got begin = 1, want 2"}},
		{"same bytes twice", container(`{"a":`+entry+`,"b":`+entry+`}`, 1), []string{`"b"`, "got begin = 0, want 1"}},
		{"empty tensor inside another", container(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, 2), []string{`"b"`, "got begin = 1, want 2"}},
		{"trailing bytes", container(one("U8", "[1]", "[0,1]"), 3), []string{"got 2 bytes after the last tensor"}},
		{"data without tensors", container(`{}`, 1), []string{"byte 10", "got 1 bytes after the last tensor"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(test.file), int64(len(test.file)))
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("Read: got %v, want ErrFormat", err)
			}
			for _, part := range append(test.want, "safetensors: Read: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Read: got error %q, want %q in it", err, part)
				}
			}
			if len(err.Error()) > 1000 {
				t.Errorf("Read: got an error of %d bytes, want a short one", len(err.Error()))
			}
		})
	}
}

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

// sample returns a small file with everything in it, and no escapes.
func sample(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	err := Write(&b, []Tensor{
		{"weight", F32, []int{2, 3}, bytes.Repeat([]byte{1, 2, 3}, 8)},
		{"bias", F16, []int{3}, []byte{4, 5, 6, 7, 8, 9}},
		{"scale", F64, nil, []byte{0, 1, 2, 3, 4, 5, 6, 7}},
		{"none", I64, []int{0, 4}, nil},
		{"bytes", I8, []int{3}, []byte{0xff, 0, 0x7f}},
	}, map[string]string{"größe": "αβγ", "scheme": "int8"})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadRefusesEveryTruncation(t *testing.T) {
	file := sample(t)
	for n := range file {
		if _, err := Read(bytes.NewReader(file[:n]), int64(n)); !errors.Is(err, ErrFormat) {
			t.Errorf("first %d of %d bytes: got %v, want ErrFormat", n, len(file), err)
		}
		if _, err := Read(bytes.NewReader(file[:n]), int64(len(file))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("first %d bytes, said to be %d: got %v, want io.ErrUnexpectedEOF", n, len(file), err)
		}
	}
}

// TestReadSeesEveryBitFlip checks that a flip of one bit is refused or shows in what is read.
func TestReadSeesEveryBitFlip(t *testing.T) {
	file := sample(t)
	start := prefixBytes + binary.LittleEndian.Uint64(file)
	want := contents(t, mustRead(t, file))
	for i := range file {
		for bit := range 8 {
			flipped := slices.Clone(file)
			flipped[i] ^= 1 << bit
			f, err := Read(bytes.NewReader(flipped), int64(len(flipped)))
			switch {
			case uint64(i) >= start && err != nil:
				t.Errorf("byte %d bit %d, in the data: got %v, want it read", i, bit, err)
			case i < prefixBytes && err == nil:
				t.Errorf("byte %d bit %d, in the length: got it read, want ErrFormat", i, bit)
			case err != nil && !errors.Is(err, ErrFormat):
				t.Errorf("byte %d bit %d: got %v, want ErrFormat", i, bit, err)
			case err == nil && contents(t, f) == want:
				t.Errorf("byte %d bit %d: got the same tensors and metadata, want others", i, bit)
			}
		}
	}
}

// load returns a copy of the bytes of a tensor.
func load(f *File, name string) (data []byte, err error) {
	err = f.Load(name, func(own []byte) { data = bytes.Clone(own) })
	return data, err
}

// loadAll returns the tensors of f, by name.
func loadAll(t testing.TB, f *File) []Tensor {
	t.Helper()
	var tensors []Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		data, err := load(f, name)
		if err != nil {
			t.Error(err)
		}
		tensors = append(tensors, Tensor{name, info.Dtype, info.Shape, data})
	}
	return tensors
}

// contents returns all that a file tells, as text.
func contents(t testing.TB, f *File) string {
	t.Helper()
	text := fmt.Sprintf("%q\n", f.Metadata())
	for _, tensor := range loadAll(t, f) {
		text += fmt.Sprintf("%q %s %v %x\n", tensor.Name, tensor.Dtype, tensor.Shape, tensor.Data)
	}
	return text
}

// mustRead returns the container in file.
func mustRead(t testing.TB, file []byte) *File {
	t.Helper()
	f, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// endless is a reader of head, then of zeros without end.
type endless struct{ head []byte }

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(e.head)) {
		copy(p, e.head[off:])
	}
	return len(p), nil
}

func TestReadLimitsTheHeader(t *testing.T) {
	for _, size := range []int64{1 << 40, math.MaxInt64} {
		head := binary.LittleEndian.AppendUint64(nil, maxHeader+1)
		_, err := Read(endless{head}, size)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "want at most 100000000") {
			t.Errorf("header of %d bytes in %d: got %v, want ErrFormat", maxHeader+1, size, err)
		}
	}
}

func TestLoadLimitsTheTensor(t *testing.T) {
	header := fmt.Sprintf("%-120s", one("U8", "[2147483647,2147483647,2]", "[0,9223372028264841218]"))
	f, err := Read(endless{container(header, 0)}, 128+9223372028264841218)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := load(f, "w"); err == nil || !strings.Contains(err.Error(), `"w": got 9223372028264841218 bytes`) {
		t.Errorf("Load of 2^63 bytes: got %d bytes, %v, want an error", len(data), err)
	}
}

func TestReadRefusesDimensionsAboveInt(t *testing.T) {
	file := container(one("U8", "[0,2147483648]", "[0,0]"), 0)
	_, err := Read(bytes.NewReader(file), int64(len(file)))
	if fits := strconv.IntSize == 64; fits != (err == nil) {
		t.Errorf("dimension of 2^31 where int has %d bits: got %v", strconv.IntSize, err)
	}
}

// TestReadAllocatesWhatIsThere checks that a claim of 99 MB of header or 2^40 bytes of
// data in a file of few costs nothing.
func TestReadAllocatesWhatIsThere(t *testing.T) {
	tests := []struct {
		name string
		file []byte
		size int64
	}{
		{"header", binary.LittleEndian.AppendUint64(nil, 99_000_000), 100_000_000},
		{"data", container(one("U8", "[1073741824,1024]", "[0,1099511627776]"), 0), int64(len(one("U8", "[1073741824,1024]", "[0,1099511627776]"))) + 8 + 1<<40},
	}
	for _, test := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(bytes.NewReader(test.file), test.size)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v, want io.ErrUnexpectedEOF", test.name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s: got %d bytes allocated, want at most 2^20", test.name, got)
		}
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
