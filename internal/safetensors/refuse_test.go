package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

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

func TestReadRefusesDimensionsAboveInt(t *testing.T) {
	file := container(one("U8", "[0,2147483648]", "[0,0]"), 0)
	_, err := Read(bytes.NewReader(file), int64(len(file)))
	if fits := strconv.IntSize == 64; fits != (err == nil) {
		t.Errorf("dimension of 2^31 where int has %d bits: got %v", strconv.IntSize, err)
	}
}
