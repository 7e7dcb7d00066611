package sheet

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// fonts are the faces of a sheet. A face is not safe to share between goroutines, so that
// each sheet has its own.
type fonts struct{ title, text font.Face }

func newFonts() (*fonts, error) {
	title, err := newFace(gobold.TTF, 24)
	if err != nil {
		return nil, err
	}
	text, err := newFace(goregular.TTF, 14)
	if err != nil {
		return nil, err
	}
	return &fonts{title, text}, nil
}

// newFace returns a font at a size in pixels.
func newFace(ttf []byte, size float64) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72})
}

// text is a string in one face and colour.
type text struct {
	face  font.Face
	color color.Color
	value string
}

// line is texts side by side.
type line []text

// width returns how many pixels the line is wide, rounded up.
func (l line) width() int {
	var sum fixed.Int26_6
	for _, t := range l {
		sum += font.MeasureString(t.face, t.value)
	}
	return sum.Ceil()
}

// height returns how many pixels the line takes: five quarters of its highest face.
func (l line) height() int {
	var highest fixed.Int26_6
	for _, t := range l {
		highest = max(highest, t.face.Metrics().Height)
	}
	return (highest * 5 / 4).Ceil()
}

// drawLines draws lines below each other from the top left corner at, and returns the y below the last one.
func drawLines(dst draw.Image, at image.Point, lines []line) (below int) {
	for _, l := range lines {
		at.Y += l.height()
		pen := font.Drawer{Dst: dst, Dot: fixed.P(at.X, at.Y)}
		for _, t := range l {
			pen.Face, pen.Src = t.face, image.NewUniform(t.color)
			pen.Dot.Y = fixed.I(at.Y) - t.face.Metrics().Descent
			pen.DrawString(t.value)
		}
	}
	return at.Y
}

// shorten returns s if it is at most width pixels wide, or else as many of its first
// letters as are with "…" behind them.
func shorten(face font.Face, s string, width int) string {
	if font.MeasureString(face, s).Ceil() <= width {
		return s
	}
	end := 0
	for i := range s {
		if font.MeasureString(face, s[:i]+"…").Ceil() > width {
			break
		}
		end = i
	}
	return s[:end] + "…"
}
