package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
