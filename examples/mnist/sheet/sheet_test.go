package sheet

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

// mistake is an item whose left half is white; the float model is right, the quantized one is wrong.
func mistake() Item {
	item := Item{Pixels: make([]byte, 28*28), Rows: 28, Cols: 28, Label: 4, Float: 4, Quantized: 9, Method: "int4"}
	for i := range item.Pixels {
		if i%28 < 14 {
			item.Pixels[i] = 255
		}
	}
	return item
}

// write returns the picture that Write makes.
func write(t *testing.T, title string, items []Item) *image.RGBA {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, title, items); err != nil {
		t.Fatalf("Write(%q, %d items) = %v", title, len(items), err)
	}
	picture, err := png.Decode(&b)
	if err != nil {
		t.Fatalf("Write(%q, %d items): %v", title, len(items), err)
	}
	opaque, ok := picture.(*image.RGBA)
	if !ok {
		t.Fatalf("Write(%q, %d items): picture is a %T, want opaque colours", title, len(items), picture)
	}
	return opaque
}

// count returns how many pixels of m within r are c.
func count(m *image.RGBA, r image.Rectangle, c color.RGBA) (n int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if m.RGBAAt(x, y) == c {
				n++
			}
		}
	}
	return n
}

func TestWrite(t *testing.T) {
	const half = tile * tile / 2 // white of an item and black of an item
	black := color.RGBA{A: 0xff}
	for _, tt := range []struct{ items, across, down int }{
		{0, 0, 0},
		{1, 1, 1},
		{10, 10, 1},
		{11, 10, 2},
		{60, 10, 6},
		{61, 10, 6},
	} {
		items := make([]Item, tt.items)
		for i := range items {
			items[i] = mistake()
		}
		m := write(t, "Digits", items)
		size, shown := m.Bounds().Size(), min(tt.items, maxItems)
		wide := 2*margin + max(tt.across*(tile+gap)-gap, minWidth)
		if size.X != wide {
			t.Errorf("%d items: sheet is %d pixels wide, want %d", tt.items, size.X, wide)
		}
		// The title takes up to 80 pixels, the captions of a row up to 48.
		least := 2*margin + tt.down*(tile+gap)
		if most := least + 80 + tt.down*48; size.Y < least || size.Y > most {
			t.Errorf("%d items: sheet is %d pixels high, want %d to %d", tt.items, size.Y, least, most)
		}
		if got := count(m, m.Bounds(), black); got != shown*half {
			t.Errorf("%d items: %d black pixels, want %d for %d items", tt.items, got, shown*half, shown)
		}
		for name, c := range map[string]color.RGBA{"right": right, "wrong": wrong} {
			if got := count(m, m.Bounds(), c); (got > 0) != (tt.items > 0) {
				t.Errorf("%d items: %d pixels of the colour for %s", tt.items, got, name)
			}
		}
		inner := m.Bounds().Inset(margin)
		if got := count(m, m.Bounds(), paper) - count(m, inner, paper); got != size.X*size.Y-inner.Dx()*inner.Dy() {
			t.Errorf("%d items: the margin is not clean", tt.items)
		}
		head := image.Rect(margin, margin, size.X-margin, margin+40)
		if count(m, head, ink) == 0 {
			t.Errorf("%d items: there is no title", tt.items)
		}
	}
}

func TestTile(t *testing.T) {
	white, black, grey := color.RGBA{255, 255, 255, 255}, color.RGBA{0, 0, 0, 255}, color.RGBA{100, 100, 100, 255}
	for _, tt := range []struct {
		name string
		item Item
		want map[image.Point]color.RGBA
	}{
		{"square", Item{Pixels: []byte{255, 0, 100, 255}, Rows: 2, Cols: 2}, map[image.Point]color.RGBA{
			{0, 0}: white, {tile/2 - 1, tile/2 - 1}: white, {tile / 2, 0}: black,
			{0, tile / 2}: grey, {tile/2 - 1, tile - 1}: grey, {tile - 1, tile - 1}: white,
		}},
		{"wide", Item{Pixels: []byte{255, 100}, Rows: 1, Cols: 2}, map[image.Point]color.RGBA{
			{0, 0}: black, {0, tile/4 - 1}: black, {0, tile / 4}: white, {tile - 1, tile/4*3 - 1}: grey, {tile - 1, tile / 4 * 3}: black,
		}},
		{"larger than a tile", Item{Pixels: bytes.Repeat([]byte{100}, 1000*3), Rows: 1000, Cols: 3}, map[image.Point]color.RGBA{
			{tile/2 - 1, 0}: grey, {tile/2 - 1, tile - 1}: grey, {0, 0}: black, {tile / 2, 0}: black,
		}},
	} {
		at := image.Pt(5, 7)
		m := image.NewRGBA(image.Rect(0, 0, tile+20, tile+20))
		drawTile(m, at, tt.item)
		for p, want := range tt.want {
			if got := m.RGBAAt(at.X+p.X, at.Y+p.Y); got != want {
				t.Errorf("%s: pixel %v of the tile is %v, want %v", tt.name, p, got, want)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, tt := range []struct {
		pixels, rows, cols int
	}{
		{0, 0, 0},
		{4, 2, 3},
		{4, 0, 4},
		{4, 4, 0},
		{4, -2, -2},
		{5, 2, 2},
		{0, math.MaxInt, 2},
		{0, math.MaxInt/2 + 1, 4},
	} {
		items := []Item{mistake(), {Pixels: make([]byte, tt.pixels), Rows: tt.rows, Cols: tt.cols}}
		var b bytes.Buffer
		if err := Write(&b, "", items); !errors.Is(err, ErrPixels) || !strings.Contains(err.Error(), "item 1") || b.Len() != 0 {
			t.Errorf("Write of %d pixels for %d × %d = %v after %d bytes, want %v", tt.pixels, tt.rows, tt.cols, err, b.Len(), ErrPixels)
		}
	}
}

// broken is a writer that fails.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriterFails(t *testing.T) {
	if err := Write(broken{}, "", nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write to a broken writer = %v, want %v", err, io.ErrClosedPipe)
	}
}

func TestText(t *testing.T) {
	fonts, err := newFonts()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		change func(*Item)
		want   string
		colors []color.Color
	}{
		{func(*Item) {}, "label 4|float 4 → int4 9", []color.Color{right, faint, wrong}},
		{func(i *Item) { i.Label = 9 }, "label 9|float 4 → int4 9", []color.Color{wrong, faint, right}},
		{func(i *Item) { i.Label = -1 }, "label -1|float 4 → int4 9", []color.Color{wrong, faint, wrong}},
		{func(i *Item) { i.Method = "int4/g32@1" }, "label 4|float 4 → int4/g32@1 9", []color.Color{right, faint, wrong}},
		{func(i *Item) { i.Method = strings.Repeat("w", 1000) }, "label 4|float 4 → wwwwwwwww… 9", []color.Color{right, faint, wrong}},
	} {
		item := mistake()
		tt.change(&item)
		lines := caption(fonts, item)
		got := lines[0][0].value + "|"
		for i, part := range lines[1] {
			got += part.value
			if part.color != tt.colors[i] {
				t.Errorf("%q: colour of %q is %v, want %v", tt.want, part.value, part.color, tt.colors[i])
			}
		}
		if got != tt.want {
			t.Errorf("caption is %q, want %q", got, tt.want)
		}
	}
	for _, tt := range []struct {
		shown, all int
		want       string
	}{
		{0, 0, "No disagreements"},
		{1, 1, "The only disagreement"},
		{60, 60, "All 60 disagreements"},
		{60, 132, "The first 60 of 132 disagreements"},
	} {
		if got := summary(tt.shown, tt.all); !strings.HasPrefix(got, tt.want) {
			t.Errorf("summary(%d, %d) = %q, want it to start %q", tt.shown, tt.all, got, tt.want)
		}
	}
	long := strings.Repeat("Quantized ", 10_000)
	if got, most := write(t, long, nil).Bounds().Dx(), textWidth+2*margin; got > most {
		t.Errorf("a title of %d letters makes a sheet %d pixels wide, want at most %d", len(long), got, most)
	}
}
