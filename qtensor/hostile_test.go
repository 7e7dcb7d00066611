package qtensor

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestNilFile calls what there is on a File that is nil, and the zero one.
func TestNilFile(t *testing.T) {
	for _, f := range []*File{nil, {}} {
		b, err := f.Bundle()
		if f.Mapped() || len(f.Quantized())+len(f.Floats())+len(f.Meta())+len(b.Float)+len(b.Quantized) > 0 || f.Close() != nil || err != nil {
			t.Errorf("a File of nothing has something, or error %v", err)
		}
		_, _, ofScheme := f.Scheme("w")
		_, ofParams := f.Params("w")
		_, ofQTensor := f.QTensor("w")
		_, _, ofDtype := f.Dtype("w")
		_, ofFloat := f.Float("w")
		for what, err := range map[string]error{
			"Scheme": ofScheme, "Params": ofParams, "QTensor": ofQTensor,
			"Dtype": ofDtype, "Float": ofFloat,
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", what, err)
			}
		}
	}
	if _, err := Read(nil, 100); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Read of a nil reader: got %v, want fs.ErrInvalid", err)
	}
	if _, err := Read((*bytes.Reader)(nil), 100); err == nil {
		t.Error("Read of a nil *bytes.Reader: got no error")
	}
	if err := Write(nil, Bundle{}); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Write to a nil writer: got %v, want fs.ErrInvalid", err)
	}
	if err := Write((*bytes.Buffer)(nil), Bundle{}); err == nil {
		t.Error("Write to a nil *bytes.Buffer: got no error")
	}
}

// TestChanged writes to a file that is open, and cuts it, its time as it was.
func TestChanged(t *testing.T) {
	for _, cut := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "model")
		if err := Save(path, testBundle(t)); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Mapped() && !cut {
			continue // the system may have no time of change
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		data, err := os.ReadFile(path)
		if cut {
			data = data[:len(data)-1]
		}
		if err = errors.Join(err, os.WriteFile(path, data, 0o666), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
			t.Fatal(err)
		}
		for _, name := range f.Quantized() {
			if _, err := f.QTensor(name); !errors.Is(err, ErrChanged) || errors.Is(err, io.ErrUnexpectedEOF) != cut {
				t.Errorf("%s, cut %v: got %v, want ErrChanged", name, cut, err)
			}
		}
		for _, name := range f.Floats() {
			if _, err := f.Float(name); !errors.Is(err, ErrChanged) {
				t.Errorf("%s, cut %v: got %v, want ErrChanged", name, cut, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
