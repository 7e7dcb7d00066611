package idx

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// file returns a header of the given words followed by data.
func file(data string, words ...uint32) []byte {
	var b []byte
	for _, word := range words {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return append(b, data...)
}

// compress returns data as a gzip file.
func compress(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	if err = errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

var (
	twoImages = &Images{Count: 2, Rows: 2, Cols: 3, Pixels: []byte("abcdefghijkl")}
	twoFile   = file("abcdefghijkl", imagesMagic, 2, 2, 3)
	labelFile = file("\x00\x09\x04", labelsMagic, 3)
)

func TestImages(t *testing.T) {
	for _, tt := range []struct {
		name string
		file []byte
		want Images
	}{
		{"two", twoFile, *twoImages},
		{"one pixel", file("\xff", imagesMagic, 1, 1, 1), Images{1, 1, 1, []byte{255}}},
		{"none", file("", imagesMagic, 0, 28, 28), Images{0, 28, 28, []byte{}}},
	} {
		for form, data := range map[string][]byte{"plain": tt.file, "gzip": compress(t, tt.file)} {
			got, err := ReadImages(iotest.OneByteReader(bytes.NewReader(data)))
			if err != nil {
				t.Errorf("ReadImages(%s, %s) = %v", tt.name, form, err)
				continue
			}
			if got.Count != tt.want.Count || got.Rows != tt.want.Rows || got.Cols != tt.want.Cols || !bytes.Equal(got.Pixels, tt.want.Pixels) {
				t.Errorf("ReadImages(%s, %s) = %v, want %v", tt.name, form, *got, tt.want)
			}
		}
		var b bytes.Buffer
		if err := WriteImages(&b, &tt.want); err != nil || !bytes.Equal(b.Bytes(), tt.file) {
			t.Errorf("WriteImages(%s) = %x, %v, want %x", tt.name, b.Bytes(), err, tt.file)
		}
	}
	if got := twoImages.Image(1); string(got) != "ghijkl" || cap(got) != 6 {
		t.Errorf("Image(1) = %q of capacity %d, want ghijkl of 6", got, cap(got))
	}
}

func TestLabels(t *testing.T) {
	for _, labels := range []string{"", "\x00", "\x00\x09\x04"} {
		want := file(labels, labelsMagic, uint32(len(labels)))
		var b bytes.Buffer
		if err := WriteLabels(&b, []byte(labels)); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("WriteLabels(%q) = %x, %v, want %x", labels, b.Bytes(), err, want)
		}
		for form, data := range map[string][]byte{"plain": want, "gzip": compress(t, want)} {
			if got, err := ReadLabels(bytes.NewReader(data)); err != nil || string(got) != labels {
				t.Errorf("ReadLabels(%q, %s) = %q, %v", labels, form, got, err)
			}
		}
	}
}

// refusals are files that ReadImages and ReadLabels refuse, with what the error says of
// the place, the value and the demand.
var refusals = []struct {
	name   string
	labels bool
	file   []byte
	say    []string
}{
	{"empty", false, nil, []string{"header at byte 0", "got 0 bytes", "want 16"}},
	{"empty", true, nil, []string{"header at byte 0", "got 0 bytes", "want 8"}},
	{"labels for images", false, labelFile, []string{"byte 0", "got 0x00000801", "want 0x00000803"}},
	{"images for labels", true, twoFile, []string{"byte 0", "got 0x00000803", "want 0x00000801"}},
	{"text", false, []byte("<html>"), []string{"byte 0", "got 0x3c68746d", "want 0x00000803"}},
	{"little endian", false, file("", 0x03080000, 1<<24, 1<<24, 1<<24), []string{"byte 0", "got 0x03080000"}},
	{"no rows", false, file("", imagesMagic, 1, 0, 5), []string{"rows at byte 8", "got 0", "want at least 1"}},
	{"no cols", false, file("", imagesMagic, 1, 5, 0), []string{"cols at byte 12", "got 0", "want at least 1"}},
	{"one image of two", false, twoFile[:16+6], []string{"data at byte 16", "got 6 bytes", "want 12", "[2 2 3]"}},
	{"one pixel short", false, twoFile[:16+11], []string{"data at byte 16", "got 11 bytes", "want 12"}},
	{"one pixel more", false, file("abcdefghijklm", imagesMagic, 2, 2, 3), []string{"trailing bytes at byte 28"}},
	{"pixels of no image", false, file("a", imagesMagic, 0, 2, 3), []string{"trailing bytes at byte 16"}},
	{"one label short", true, labelFile[:8+2], []string{"data at byte 8", "got 2 bytes", "want 3"}},
	{"one label more", true, file("\x01\x02", labelsMagic, 1), []string{"trailing bytes at byte 9"}},
	{"label 10", true, file("\x01\x0a", labelsMagic, 2), []string{"label 1 at byte 9", "got 10", "want 0 to 9"}},
	{"label 255", true, file("\xff", labelsMagic, 1), []string{"label 0 at byte 8", "got 255"}},
	{"largest sizes", false, file("", imagesMagic, math.MaxUint32, math.MaxUint32, math.MaxUint32), []string{"want a size below"}},
	{"product of 2^64", false, file("", imagesMagic, 1<<2, 1<<31, 1<<31), []string{"want a size below"}},
	{"product of 2^63", false, file("", imagesMagic, 1<<1, 1<<31, 1<<31), []string{"want a size below"}},
	{"no images of 2^63", false, file("", imagesMagic, 0, 1<<31+1, math.MaxUint32), []string{"want a size below"}},
	{"product of 2^30", false, file("abc", imagesMagic, 1<<10, 1<<10, 1<<10), []string{"got 3 bytes", "want 1073741824"}},
	{"2^30 labels", true, file("\x01", labelsMagic, 1<<30), []string{"got 1 bytes", "want 1073741824"}},
	{"gzip magic only", false, []byte{0x1f, 0x8b}, []string{"header of the compressed file"}},
	{"gzip of another method", false, append([]byte{0x1f, 0x8b, 7}, make([]byte, 20)...), []string{"header of the compressed file"}},
}

func TestRefusals(t *testing.T) {
	for _, tt := range refusals {
		files := [][]byte{tt.file}
		if !bytes.HasPrefix(tt.file, []byte{0x1f, 0x8b}) {
			files = append(files, compress(t, tt.file))
		}
		for _, data := range files {
			err := readAs(tt.labels, bytes.NewReader(data))
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%s (%x): error is %v, want %v", tt.name, data, err, ErrFormat)
				continue
			}
			for _, part := range tt.say {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s (%x): error is %q, want it to say %q", tt.name, data, err, part)
				}
			}
		}
	}
}

// readAs returns the error of ReadLabels or of ReadImages.
func readAs(labels bool, r io.Reader) (err error) {
	if labels {
		_, err = ReadLabels(r)
	} else {
		_, err = ReadImages(r)
	}
	return err
}

func TestTruncated(t *testing.T) {
	for _, tt := range []struct {
		name   string
		labels bool
		file   []byte
	}{
		{"images", false, twoFile},
		{"labels", true, labelFile},
		{"gzip images", false, compress(t, twoFile)},
		{"gzip labels", true, compress(t, labelFile)},
	} {
		for n := range tt.file {
			if err := readAs(tt.labels, bytes.NewReader(tt.file[:n])); !errors.Is(err, ErrFormat) {
				t.Errorf("%s cut to %d of %d bytes: error is %v, want %v", tt.name, n, len(tt.file), err, ErrFormat)
			}
		}
	}
}

func TestDamagedGzip(t *testing.T) {
	sound := compress(t, twoFile)
	for _, at := range []int{10, len(sound) - 8, len(sound) - 4} { // deflate's first block, the checksum, the length
		damaged := slices.Clone(sound)
		damaged[at] ^= 0x06
		if _, err := ReadImages(bytes.NewReader(damaged)); !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d of %x flipped: error is %v, want %v", at, damaged, err, ErrFormat)
		}
	}
	trailing := append(slices.Clone(sound), "garbage after"...)
	if _, err := ReadImages(bytes.NewReader(trailing)); !errors.Is(err, ErrFormat) {
		t.Errorf("gzip with trailing bytes: error is %v, want %v", err, ErrFormat)
	}
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("disk on fire")
	for n := range twoFile {
		_, err := ReadImages(io.MultiReader(bytes.NewReader(twoFile[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, ErrFormat) {
			t.Errorf("failing after %d bytes: error is %v, want %v alone", n, err, broken)
		}
	}
}

// counter counts the bytes that are read through it.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// TestBomb reads 64 MB of zeros behind a header that announces one pixel, and 16 bytes
// behind one that announces 1 GB.
func TestBomb(t *testing.T) {
	bomb := compress(t, append(file("", imagesMagic, 1, 1, 1), make([]byte, 64<<20)...))
	for _, tt := range []struct {
		name string
		file []byte
		read int
	}{
		{"bomb", bomb, len(bomb) / 4},
		{"huge header", file("0123456789abcdef", imagesMagic, 1<<10, 1<<10, 1<<10), 32},
		{"compressed huge header", compress(t, file("0123456789abcdef", imagesMagic, 1<<10, 1<<10, 1<<10)), 64},
	} {
		src := &counter{r: bytes.NewReader(tt.file)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadImages(src)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error is %v, want %v", tt.name, err, ErrFormat)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s: %d bytes allocated, want at most 1 MB", tt.name, got)
		}
		if src.n > tt.read {
			t.Errorf("%s: %d of %d bytes read, want at most %d", tt.name, src.n, len(tt.file), tt.read)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, tt := range []struct {
		images *Images
		say    string
	}{
		{nil, "nil"},
		{&Images{Count: -1, Rows: 1, Cols: 1}, "count: got -1"},
		{&Images{Count: 1, Rows: 0, Cols: 1}, "rows: got 0"},
		{&Images{Count: 1, Rows: 1, Cols: -5}, "cols: got -5"},
		{&Images{Count: 1, Rows: 2, Cols: 3, Pixels: make([]byte, 5)}, "pixels: got 5 bytes, want 1 × 2 × 3"},
		{&Images{Count: 0, Rows: 2, Cols: 3, Pixels: make([]byte, 6)}, "pixels: got 6 bytes"},
		{&Images{Count: 4, Rows: math.MaxInt32, Cols: math.MaxInt32}, "pixels: got 0 bytes"},
		{&Images{Count: math.MaxInt32, Rows: math.MaxInt32, Cols: math.MaxInt32}, "pixels: got 0 bytes"},
	} {
		var b bytes.Buffer
		if err := WriteImages(&b, tt.images); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.say) || b.Len() != 0 {
			t.Errorf("WriteImages(%v) = %v after %d bytes, want %v that says %q", tt.images, err, b.Len(), ErrFormat, tt.say)
		}
	}
	var b bytes.Buffer
	if err := WriteLabels(&b, []byte{1, 10}); !errors.Is(err, ErrFormat) ||
		!strings.Contains(err.Error(), "label 1 at byte 9: got 10") || b.Len() != 0 {
		t.Errorf("WriteLabels(1, 10) = %v after %d bytes", err, b.Len())
	}
}

// limited fails once n bytes are written.
type limited struct{ n int }

func (l *limited) Write(p []byte) (int, error) {
	if l.n -= len(p); l.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	for _, n := range []int{0, 16} {
		if err := WriteImages(&limited{n}, twoImages); !errors.Is(err, io.ErrShortWrite) || errors.Is(err, ErrFormat) {
			t.Errorf("WriteImages to a writer of %d bytes = %v, want %v alone", n, err, io.ErrShortWrite)
		}
	}
	if err := WriteLabels(&limited{0}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("WriteLabels to a writer of 0 bytes = %v, want %v", err, io.ErrShortWrite)
	}
}
