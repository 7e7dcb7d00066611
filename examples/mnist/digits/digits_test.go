package digits

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/idx"
)

// write returns the two files that Write makes.
func write(tb testing.TB, n int, seed uint64) (images, labels []byte) {
	tb.Helper()
	var i, l bytes.Buffer
	if err := Write(&i, &l, n, seed); err != nil {
		tb.Fatalf("Write(%d, %d) = %v", n, seed, err)
	}
	return i.Bytes(), l.Bytes()
}

// read returns the set that Write makes.
func read(tb testing.TB, n int, seed uint64) *idx.Set {
	tb.Helper()
	images, labels := write(tb, n, seed)
	set, err := idx.ReadSet(bytes.NewReader(images), bytes.NewReader(labels))
	if err != nil {
		tb.Fatalf("Write(%d, %d): %v", n, seed, err)
	}
	if m := set.Images; m.Count != n || m.Rows != side || m.Cols != side {
		tb.Fatalf("Write(%d, %d): images are %d × %d × %d", n, seed, m.Count, m.Rows, m.Cols)
	}
	return set
}

func TestLabels(t *testing.T) {
	for _, n := range []int{1, 9, 10, 11, 1000, 1234} {
		labels := read(t, n, 7).Labels
		var counts [classes]int
		for _, label := range labels {
			counts[label]++
		}
		for digit, got := range counts {
			if got != n/classes && got != (n+classes-1)/classes {
				t.Errorf("Write(%d): label %d occurs %d times, want %d rounded down or up", n, digit, got, n/classes)
			}
		}
		if n >= 1000 && slices.Equal(labels[:classes], []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("Write(%d): labels are not in random order", n)
		}
	}
}

// TestImages wants each image to be mostly black, with strokes that are bright, many enough and in the
// middle, and no two images to be the same.
func TestImages(t *testing.T) {
	const n = 1000
	set := read(t, n, 3)
	seen := make(map[string]int, n)
	for i := range n {
		pixels := set.Images.Image(i)
		bright, border := 0, 0
		for at, grey := range pixels {
			if grey < 90 {
				continue
			}
			bright++
			if row, col := at/side, at%side; row == 0 || row == side-1 || col == 0 || col == side-1 {
				border++
			}
		}
		if bright < 15 || bright > side*side/2 {
			t.Errorf("image %d of label %d: %d bright pixels, want 15 to %d", i, set.Labels[i], bright, side*side/2)
		}
		if border > side/2 {
			t.Errorf("image %d of label %d: %d bright pixels on the border, want at most %d", i, set.Labels[i], border, side/2)
		}
		if before, ok := seen[string(pixels)]; ok {
			t.Errorf("image %d is the same as image %d", i, before)
		}
		seen[string(pixels)] = i
	}
}

// TestBytes holds the bytes fixed. The sums are this package's own; they are the same under GOAMD64=v1 and v3
// (which fuses multiplications and additions), GOARCH=386 and GOARCH=wasm, with golang.org/x/image v0.47.0.
func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		n    int
		seed uint64
		want string
	}{
		{1, 0, "1323e1f892f132d9"},
		{100, 1, "0eede65c833dd36d"},
		{1000, math.MaxUint64, "5ee666e061cda47a"},
	} {
		images, labels := write(t, tt.n, tt.seed)
		sum := sha256.Sum256(append(images, labels...))
		if got := fmt.Sprintf("%x", sum[:8]); got != tt.want {
			t.Errorf("Write(%d, %d): SHA-256 starts %s, want %s", tt.n, tt.seed, got, tt.want)
		}
	}
}

func TestSeeds(t *testing.T) {
	images, labels := write(t, 50, 1)
	if i, l := write(t, 50, 1); !bytes.Equal(i, images) || !bytes.Equal(l, labels) {
		t.Error("Write(50, 1) twice: the files differ")
	}
	i, l := write(t, 50, 2)
	if bytes.Equal(i, images) {
		t.Error("Write(50, 1) and Write(50, 2): the images are the same")
	}
	if bytes.Equal(l, labels) {
		t.Error("Write(50, 1) and Write(50, 2): the labels are the same")
	}
}

func TestCount(t *testing.T) {
	for _, n := range []int{0, -1, math.MinInt, maxCount + 1, math.MaxInt} {
		var images, labels bytes.Buffer
		if err := Write(&images, &labels, n, 1); !errors.Is(err, ErrCount) || images.Len()+labels.Len() != 0 {
			t.Errorf("Write(%d) = %v after %d bytes, want %v", n, err, images.Len()+labels.Len(), ErrCount)
		}
	}
}

// broken is a writer that fails.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriterFails(t *testing.T) {
	if err := Write(broken{}, io.Discard, 1, 1); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write to broken images = %v, want %v", err, io.ErrClosedPipe)
	}
	if err := Write(io.Discard, broken{}, 1, 1); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write to broken labels = %v, want %v", err, io.ErrClosedPipe)
	}
}

// TestWarp wants each warp to keep the box around a glyph in order, left of right and top
// above bottom, and near the image.
func TestWarp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		w := newWarp(rng)
		left, right := w.at(point{-one / 2, 0}), w.at(point{one / 2, 0})
		top, bottom := w.at(point{0, -one}), w.at(point{0, one})
		if left.x >= right.x || top.y >= bottom.y {
			t.Errorf("warp %d, %v: left %v, right %v, top %v, bottom %v", i, w, left, right, top, bottom)
		}
		for _, p := range []point{left, right, top, bottom} {
			if min(p.x, p.y) < -2*one || max(p.x, p.y) > (side+2)*one {
				t.Errorf("warp %d, %v: %v is more than 2 pixels outside the image", i, w, p)
			}
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for b.Loop() {
		if err := Write(io.Discard, io.Discard, 100, 1); err != nil {
			b.Fatal(err)
		}
	}
}
