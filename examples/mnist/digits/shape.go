package digits

import (
	"fmt"
	"slices"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// one is 1 in this package's fixed-point numbers, which have 12 bits after the point.
const one = 1 << 12

// point is a place in fixed point, x to the right and y down.
type point struct{ x, y int64 }

// shape is the closed contours of a glyph as polygons. The middle of the glyph's box is
// at (0, 0); y runs from −one to one.
type shape [][]point

// loadShapes returns, for each digit, its shape in every font.
var loadShapes = sync.OnceValues(func() (shapes [classes][]shape, err error) {
	for _, ttf := range [][]byte{goregular.TTF, gobold.TTF, goitalic.TTF, gomono.TTF, gomonobold.TTF, gomonoitalic.TTF} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			return shapes, err
		}
		for digit := range shapes {
			s, err := loadShape(f, '0'+rune(digit))
			if err != nil {
				return shapes, err
			}
			shapes[digit] = append(shapes[digit], s)
		}
	}
	return shapes, nil
})

// loadShape returns the shape of r in f, its curves cut into lines.
func loadShape(f *sfnt.Font, r rune) (shape, error) {
	glyph, err := f.GlyphIndex(nil, r)
	if err != nil {
		return nil, err
	}
	// At as many pixels per em as the font has units, coordinates are whole units and nothing is rounded.
	segments, err := f.LoadGlyph(nil, glyph, fixed.I(int(f.UnitsPerEm())), nil)
	if err != nil {
		return nil, err
	}
	var s shape
	for _, segment := range segments {
		a, b := at(segment.Args[0]), at(segment.Args[1])
		switch last := len(s) - 1; segment.Op {
		case sfnt.SegmentOpMoveTo:
			s = append(s, []point{a})
		case sfnt.SegmentOpLineTo:
			s[last] = append(s[last], a)
		case sfnt.SegmentOpQuadTo:
			s[last] = appendCurve(s[last], a, b)
		default:
			return nil, fmt.Errorf("glyph %q: got segment of kind %d, want lines and quadratic curves", r, segment.Op)
		}
	}
	return s.normalized(), nil
}

// at converts a place from the font's fixed point, 6 bits after the point, to this package's.
func at(p fixed.Point26_6) point { return point{int64(p.X) << 6, int64(p.Y) << 6} }

// appendCurve appends four points of the quadratic Bézier curve from the last of line through control to end:
// B(t) = (1−t)²·start + 2t(1−t)·control + t²·end at t = k/4. A glyph some 20 pixels high needs no more.
func appendCurve(line []point, control, end point) []point {
	const segments = 4
	start := line[len(line)-1]
	bezier := func(k, a, b, c int64) int64 {
		return ((segments-k)*(segments-k)*a + 2*k*(segments-k)*b + k*k*c) / (segments * segments)
	}
	for k := int64(1); k <= segments; k++ {
		line = append(line, point{bezier(k, start.x, control.x, end.x), bezier(k, start.y, control.y, end.y)})
	}
	return line
}

// normalized returns s moved and scaled, alike in both directions, so that the box around
// it is centred and 2·one high.
func (s shape) normalized() shape {
	all := slices.Concat(s...)
	low, high := all[0], all[0]
	for _, p := range all {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
	}
	height := high.y - low.y
	for _, contour := range s {
		for i, p := range contour {
			contour[i] = point{(2*p.x - low.x - high.x) * one / height, (2*p.y - low.y - high.y) * one / height}
		}
	}
	return s
}
