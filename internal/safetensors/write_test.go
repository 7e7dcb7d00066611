package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var dtypes = slices.Sorted(maps.Keys(sizes))

// filled returns a tensor whose bytes count up.
func filled(name string, d Dtype, shape ...int) Tensor {
	size := d.Size()
	for _, dim := range shape {
		size *= dim
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i + len(name))
	}
	return Tensor{name, d, shape, data}
}

func TestRoundTrip(t *testing.T) {
	shapes := [][]int{nil, {}, {1}, {7}, {0}, {3, 0, 2}, {2, 3}, {1, 2, 3, 1}}
	for _, d := range dtypes {
		t.Run(string(d), func(t *testing.T) {
			var want []Tensor
			for i, shape := range shapes {
				want = append(want, filled(string(rune('a'+i)), d, shape...))
			}
			for _, metadata := range []map[string]string{nil, {}, {"": ""}, {"größe": "αβγ 😀", "</script>": "\x00\"\\\n\u2028"}} {
				var file bytes.Buffer
				if err := Write(&file, want, metadata); err != nil {
					t.Fatal(err)
				}
				f := mustRead(t, file.Bytes())
				if got := f.Metadata(); !maps.Equal(got, metadata) {
					t.Errorf("metadata: got %q, want %q", got, metadata)
				}
				if got := loadAll(t, f); !slices.EqualFunc(got, want, same) {
					t.Errorf("tensors: got %v, want %v", got, want)
				}
			}
		})
	}
}

func same(a, b Tensor) bool {
	return a.Name == b.Name && a.Dtype == b.Dtype && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Data, b.Data)
}

func TestSize(t *testing.T) {
	for d, want := range map[Dtype]int{BOOL: 1, F8E4M3: 1, F8E5M2: 1, U8: 1, I16: 2, BF16: 2, F32: 4, U64: 8, "": 0, "F128": 0} {
		if got := d.Size(); got != want {
			t.Errorf("Dtype(%q).Size(): got %d, want %d", string(d), got, want)
		}
	}
}

// TestWriteBytes spells out one file, so that neither the layout nor the JSON can drift.
func TestWriteBytes(t *testing.T) {
	var file bytes.Buffer
	err := Write(&file, []Tensor{
		{"b", U8, []int{2}, []byte{1, 2}},
		{"c", F32, nil, []byte{3, 4, 5, 6}},
		{"a", I8, []int{0}, nil},
	}, map[string]string{"y": "2", "x": "1"})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"x":"1","y":"2"},"c":{"dtype":"F32","shape":[],"data_offsets":[0,4]},` +
		`"a":{"dtype":"I8","shape":[0],"data_offsets":[4,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`
	want := "\xc0\x00\x00\x00\x00\x00\x00\x00" + header + strings.Repeat(" ", 0xc0-len(header)) + "\x03\x04\x05\x06\x01\x02"
	if got := file.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWriteIsDeterministicAndAligned(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	metadata := map[string]string{}
	var tensors []Tensor
	for i, d := range slices.Concat(dtypes, dtypes, dtypes) {
		name := strings.Repeat("x", i%5) + string(rune('A'+i))
		tensors = append(tensors, filled(name, d, rng.IntN(4), 1+rng.IntN(9)))
		metadata[name] = string(d)
	}
	var first []byte
	for range 20 {
		rng.Shuffle(len(tensors), func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
		given := slices.Clone(tensors)
		var file bytes.Buffer
		if err := Write(&file, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(tensors, given, same) {
			t.Error("Write changed the order of its argument")
		}
		if first == nil {
			first = file.Bytes()
		} else if !bytes.Equal(file.Bytes(), first) {
			t.Errorf("got %q, want %q", file.Bytes(), first)
		}
	}
	if n := binary.LittleEndian.Uint64(first); n%8 != 0 {
		t.Errorf("header: got %d bytes, want a multiple of 8", n)
	}
	f := mustRead(t, first)
	for _, name := range f.Names() {
		if info, _ := f.Info(name); info.Begin%int64(info.Dtype.Size()) != 0 {
			t.Errorf("%s %s: got begin %d, want a multiple of %d", name, info.Dtype, info.Begin, info.Dtype.Size())
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	ok := Tensor{"ok", U8, []int{1}, []byte{1}}
	tests := []struct {
		name     string
		tensor   Tensor
		metadata map[string]string
		want     string
	}{
		{"taken name", Tensor{"ok", F32, []int{1}, make([]byte, 4)}, nil, `"ok": got a name that is reserved or taken`},
		{"reserved name", Tensor{"__metadata__", U8, []int{1}, []byte{1}}, nil, `"__metadata__": got a name that is reserved`},
		{"name not UTF-8", Tensor{"a\xff", U8, []int{1}, []byte{1}}, nil, `"a\xff": got a name that is not UTF-8`},
		{"no dtype", Tensor{"w", "", []int{1}, []byte{1}}, nil, `"w": got dtype ""`},
		{"unknown dtype", Tensor{"w", "I4", []int{1}, []byte{1}}, nil, `"w": got dtype "I4"`},
		{"negative dimension", Tensor{"w", U8, []int{1, -1}, nil}, nil, `"w": got dimension 1 = -1`},
		{"two negative dimensions", Tensor{"w", U8, []int{-1, -1}, []byte{1}}, nil, `"w": got dimension 0 = -1`},
		{"negative and zero", Tensor{"w", U8, []int{0, -1}, nil}, nil, `"w": got dimension 1 = -1`},
		{"overflow", Tensor{"w", F64, []int{math.MaxInt32, math.MaxInt32}, nil}, nil, `"w": got 17179869176 · 2147483647 bytes up to dimension 1`},
		{"overflow of 128 bits", Tensor{"w", F64, slices.Repeat([]int{1 << 30}, 5), nil}, nil, `"w": got`},
		{"short data", Tensor{"w", F32, []int{2}, make([]byte, 7)}, nil, `"w": got 7 bytes of data, want 8 for F32 of shape [2]`},
		{"long data", Tensor{"w", F32, []int{2}, make([]byte, 9)}, nil, `"w": got 9 bytes`},
		{"data of an empty tensor", Tensor{"w", F32, []int{0}, make([]byte, 4)}, nil, `"w": got 4 bytes of data, want 0`},
		{"no data of a scalar", Tensor{"w", F32, nil, nil}, nil, `"w": got 0 bytes of data, want 4`},
		{"metadata key not UTF-8", filled("w", U8), map[string]string{"a\xff": "b"}, `metadata "a\xff"`},
		{"metadata not UTF-8", filled("w", U8), map[string]string{"a": "\xed\xa0\x80"}, `metadata "a": got "\xed\xa0\x80"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var file bytes.Buffer
			err := Write(&file, []Tensor{ok, test.tensor}, test.metadata)
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrFormat and %q", err, test.want)
			}
			if file.Len() > 0 {
				t.Errorf("got %d bytes written, want none", file.Len())
			}
		})
	}
}

func TestWriteLimitsTheHeader(t *testing.T) {
	if testing.Short() {
		t.Skip("needs some 500 MB")
	}
	const around = `{"__metadata__":{"a":""}}`
	for _, over := range []int{0, 1} {
		text := strings.Repeat("x", maxHeader-len(around)+over)
		err := Write(io.Discard, nil, map[string]string{"a": text})
		if refused := errors.Is(err, ErrFormat); refused != (over > 0) {
			t.Errorf("header of %d bytes: got %v", maxHeader+over, err)
		}
	}
}

// limited fails with errFull after n bytes.
type limited struct{ n int }

var errFull = errors.New("full")

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.n)
	l.n -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWritePassesOnErrors(t *testing.T) {
	tensors := []Tensor{filled("a", F32, 10000), filled("b", U8, 5)}
	var file bytes.Buffer
	if err := Write(&file, tensors, nil); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < file.Len(); n += 97 {
		if err := Write(&limited{n}, tensors, nil); !errors.Is(err, errFull) || errors.Is(err, ErrFormat) {
			t.Errorf("room for %d of %d bytes: got %v, want %v", n, file.Len(), err, errFull)
		}
	}
	if err := Write(&limited{file.Len()}, tensors, nil); err != nil {
		t.Errorf("room for all: got %v", err)
	}
}
