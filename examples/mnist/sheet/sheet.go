// Package sheet draws a contact sheet: a PNG of the images on which a float model and its quantized version
// disagree, each with its label and what either model took it for.
package sheet

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"

	xdraw "golang.org/x/image/draw"
)

// Item is a grey image, Pixels[r·Cols + c] from 0 black to 255 white, with its label and the classes that the
// float model and the quantized one chose. Method names the quantization, as in "int4".
type Item struct {
	Pixels                  []byte
	Rows, Cols              int
	Label, Float, Quantized int
	Method                  string
}

// ErrPixels is wrapped when the pixels of an item are not Rows × Cols, both at least 1.
var ErrPixels = errors.New("pixels do not fill the image")

// A sheet holds the first maxItems items, in rows of up to columns.
const (
	maxItems = 60
	columns  = 10
)

// Lengths, in pixels of the sheet.
const (
	margin    = 36   // around everything
	tile      = 112  // edge of an enlarged image: four times MNIST's 28
	gap       = 22   // between cells
	textWidth = 1200 // at most this much of a title is shown
	nameWidth = 110  // at most this much of a method's name is shown
	minWidth  = 420  // of the space between the margins
)

var (
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink   = color.RGBA{0x1c, 0x20, 0x26, 0xff}
	faint = color.RGBA{0x6a, 0x72, 0x7c, 0xff}
	right = color.RGBA{0x0b, 0x62, 0xb0, 0xff}
	wrong = color.RGBA{0xc2, 0x3b, 0x12, 0xff}
)

// Write writes a PNG: the title, a line that says how many of the items are shown, and up to 60 items in rows
// of up to 10, each enlarged without smoothing above the captions "label 4" and "float 4 → int4 9". A class
// that equals the label is blue, one that does not is red. No items make a sheet that says so. A title or a
// method that is too long is cut and ends in "…". Errors wrap ErrPixels or come from w.
func Write(w io.Writer, title string, items []Item) error {
	for i, item := range items {
		if item.Rows < 1 || item.Cols < 1 || len(item.Pixels)/item.Cols != item.Rows || len(item.Pixels)%item.Cols != 0 {
			return fmt.Errorf("sheet: Write: %w: item %d: got %d pixels, want %d × %d", ErrPixels, i, len(item.Pixels), item.Rows, item.Cols)
		}
	}
	fonts, err := newFonts()
	if err != nil {
		return fmt.Errorf("sheet: Write: %w", err)
	}
	if err := png.Encode(w, compose(fonts, title, items)); err != nil {
		return fmt.Errorf("sheet: Write: %w", err)
	}
	return nil
}

// compose lays out the sheet and draws it.
func compose(fonts *fonts, title string, items []Item) *image.RGBA {
	shown := items[:min(len(items), maxItems)]
	captions := make([][]line, len(shown))
	cell := image.Pt(tile, tile)
	for i, item := range shown {
		captions[i] = caption(fonts, item)
		height := tile
		for _, l := range captions[i] {
			cell.X = max(cell.X, l.width())
			height += l.height()
		}
		cell.Y = max(cell.Y, height)
	}
	head := []line{
		{{fonts.title, ink, shorten(fonts.title, title, textWidth)}},
		{{fonts.text, faint, summary(len(shown), len(items))}},
	}
	body := grid(len(shown), cell)
	width, height := max(body.X, minWidth), body.Y
	for _, l := range head {
		width, height = max(width, l.width()), height+l.height()
	}
	if len(shown) > 0 {
		height += gap
	}

	page := image.NewRGBA(image.Rect(0, 0, width+2*margin, height+2*margin))
	draw.Draw(page, page.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	top := drawLines(page, image.Pt(margin, margin), head) + gap
	for i, item := range shown {
		at := image.Pt(margin+i%columns*(cell.X+gap), top+i/columns*(cell.Y+gap))
		drawTile(page, at, item)
		drawLines(page, at.Add(image.Pt(0, tile)), captions[i])
	}
	return page
}

// grid returns the size of n cells in rows of up to columns.
func grid(n int, cell image.Point) image.Point {
	across, down := min(n, columns), (n+columns-1)/columns
	return image.Pt(max(across*(cell.X+gap)-gap, 0), max(down*(cell.Y+gap)-gap, 0))
}

// summary says how many of how many items are shown.
func summary(shown, all int) string {
	switch {
	case all == 0:
		return "No disagreements: both models chose the same class every time."
	case shown < all:
		return fmt.Sprintf("The first %d of %d disagreements.", shown, all)
	case all == 1:
		return "The only disagreement."
	default:
		return fmt.Sprintf("All %d disagreements.", all)
	}
}

// caption returns the two lines below an item.
func caption(fonts *fonts, item Item) []line {
	class := func(model string, chosen int) text {
		c := wrong
		if chosen == item.Label {
			c = right
		}
		return text{fonts.text, c, fmt.Sprint(model, " ", chosen)}
	}
	return []line{
		{{fonts.text, ink, fmt.Sprint("label ", item.Label)}},
		{
			class("float", item.Float),
			{fonts.text, faint, " → "},
			class(shorten(fonts.text, item.Method, nameWidth), item.Quantized),
		},
	}
}

// drawTile draws the item as large as a square of tile pixels holds, in the middle of
// that square, the rest black.
func drawTile(dst draw.Image, at image.Point, item Item) {
	square := image.Rectangle{at, at.Add(image.Pt(tile, tile))}
	draw.Draw(dst, square, image.Black, image.Point{}, draw.Src)
	longer := max(item.Rows, item.Cols)
	size := image.Pt(max(item.Cols*tile/longer, 1), max(item.Rows*tile/longer, 1))
	corner := at.Add(image.Pt(tile, tile).Sub(size).Div(2))
	src := &image.Gray{Pix: item.Pixels, Stride: item.Cols, Rect: image.Rect(0, 0, item.Cols, item.Rows)}
	xdraw.NearestNeighbor.Scale(dst, image.Rectangle{corner, corner.Add(size)}, src, src.Rect, draw.Src, nil)
}
