package idx

import (
	"bytes"
	"io"
	"testing"
)

func FuzzReadImages(f *testing.F) {
	seed(f, false, twoFile)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ReadImages(bytes.NewReader(data))
		if err != nil {
			return
		}
		for i := range m.Count {
			if got := len(m.Image(i)); got != m.Rows*m.Cols {
				t.Fatalf("ReadImages(%x): image %d has %d pixels, want %d × %d", data, i, got, m.Rows, m.Cols)
			}
		}
		var b bytes.Buffer
		if err := WriteImages(&b, m); err != nil {
			t.Fatalf("ReadImages(%x) is accepted, WriteImages fails: %v", data, err)
		}
		checkSame(t, data, b.Bytes())
	})
}

func FuzzReadLabels(f *testing.F) {
	seed(f, true, labelFile)
	f.Fuzz(func(t *testing.T, data []byte) {
		labels, err := ReadLabels(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteLabels(&b, labels); err != nil {
			t.Fatalf("ReadLabels(%x) is accepted, WriteLabels fails: %v", data, err)
		}
		checkSame(t, data, b.Bytes())
	})
}

// seed adds the sound file, plain and compressed, and every refusal.
func seed(f *testing.F, labels bool, sound []byte) {
	f.Add(sound)
	f.Add(compress(f, sound))
	for _, refusal := range refusals {
		if refusal.labels == labels {
			f.Add(refusal.file)
			f.Add(compress(f, refusal.file))
		}
	}
}

// checkSame wants what was written to be what was read, decompressed.
func checkSame(t *testing.T, read, written []byte) {
	t.Helper()
	src, err := decompress(bytes.NewReader(read))
	if err != nil {
		t.Fatalf("%x is accepted but does not decompress: %v", read, err)
	}
	want, err := io.ReadAll(src)
	if err != nil || !bytes.Equal(written, want) {
		t.Fatalf("%x is written back as %x, want %x (%v)", read, written, want, err)
	}
}
