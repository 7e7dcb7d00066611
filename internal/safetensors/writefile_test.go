package safetensors

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	tensors := []Tensor{filled("w", F32, 3)}
	if err := WriteFile(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := Write(&want, tensors, nil); err != nil {
		t.Fatal(err)
	}
	for name, refused := range map[string]func() error{
		"tensor":   func() error { return WriteFile(path, []Tensor{{"bad", F32, []int{2}, make([]byte, 7)}}, nil) },
		"metadata": func() error { return WriteFile(path, nil, map[string]string{"a": "\xff"}) },
	} {
		if err := refused(); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", name, err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got %q, %v, want the bytes of Write, %q", got, err, want.Bytes())
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("got files %v, %v, want one", list, err)
	}
}
