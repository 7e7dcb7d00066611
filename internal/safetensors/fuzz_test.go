package safetensors

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
)

// FuzzRead checks that a file is refused with ErrFormat, or else loads whole and survives
// being written and read again.
func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte{})
	f.Add(container("{}", 0))
	f.Add(container(one("F32", "[]", "[0,4]"), 4))
	f.Add(container(one("I64", "[0,9223372036854775807]", "[0,0]"), 0))
	f.Add(container(`{"\ud83d\ude00\\u":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}}  `, 2))
	f.Add(container(`{"__metadata__":{"a":"b","c":"\u0000"},"b":{"data_offsets":[2,3],"dtype":"BOOL","shape":[1]},`+
		`"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},"c":{"dtype":"F8_E5M2","shape":[0],"data_offsets":[0,0]}}`, 3))
	f.Fuzz(func(t *testing.T, file []byte) {
		read, err := Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("Read(%q): got %v, want ErrFormat", file, err)
			}
			return
		}
		tensors, metadata := loadAll(t, read), read.Metadata()
		var written bytes.Buffer
		if err := Write(&written, tensors, metadata); err != nil {
			t.Fatalf("Write of what is in %q: %v", file, err)
		}
		again := mustRead(t, written.Bytes())
		if got := loadAll(t, again); !slices.EqualFunc(got, tensors, same) {
			t.Errorf("%q, written and read: got %v, want %v", file, got, tensors)
		}
		if got := again.Metadata(); !maps.Equal(got, metadata) {
			t.Errorf("%q, written and read: got metadata %q, want %q", file, got, metadata)
		}
	})
}
