package main

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"euryale/internal/atomicfile"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// formats are the files that a chart can be drawn into, by the end of their name.
var formats = map[string]func(w, h vg.Length) vg.CanvasWriterTo{
	".png": func(w, h vg.Length) vg.CanvasWriterTo {
		return vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(144))}
	},
	".svg": func(w, h vg.Length) vg.CanvasWriterTo { return vgsvg.New(w, h) },
}

const (
	panelWidth  = 15 * vg.Centimeter
	panelHeight = 12 * vg.Centimeter
	legendWidth = 5 * vg.Centimeter
)

// errNoPoints reports rows with nothing to draw.
var errNoPoints = errors.New("no products to draw")

// writeChart draws a roofline chart into a file: a panel for each tier, above one another, and for each
// count of threads, beside one another.
func (r report) writeChart(file string) error {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row row) bool { return row.intensity == 0 })
	if len(rows) == 0 {
		return fmt.Errorf("chart: %w: got %d rows, want one of a product at least", errNoPoints, len(r.Rows))
	}
	tiers, threads := distinct(rows, func(r row) string { return r.Tier }), distinct(rows, func(r row) int { return r.Threads })
	frame := frameOf(rows, r.Limits)
	panels := make([][]*plot.Plot, len(tiers))
	for i, tier := range tiers {
		for _, n := range threads {
			p := frame.panel(fmt.Sprintf("%s, threads %d", tier, n))
			mine := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.Tier != tier || r.Threads != n })
			p.Add(plotter.NewGrid())
			for _, roof := range frame.roofs(mine, r.Limits) {
				p.Add(roof)
			}
			for _, row := range mine {
				p.Add(&plotter.Scatter{XYs: plotter.XYs{{X: row.intensity, Y: row.GOPS}}, GlyphStyle: styleOf(row.Work)})
			}
			panels[i] = append(panels[i], p)
		}
	}
	canvas := formats[filepath.Ext(file)](vg.Length(len(threads))*panelWidth+legendWidth, vg.Length(len(tiers))*panelHeight)
	whole := draw.New(canvas)
	tiles := draw.Tiles{
		Rows: len(tiers), Cols: len(threads), PadX: vg.Centimeter / 2, PadY: vg.Centimeter / 2,
		PadTop: vg.Millimeter, PadRight: vg.Millimeter,
	}
	for i, row := range panels {
		for j, p := range row {
			p.Draw(tiles.At(draw.Crop(whole, 0, -legendWidth, 0, 0), j, i))
		}
	}
	legend := plot.NewLegend()
	legend.TextStyle.Font = font.From(labelFont, 10)
	legend.Top, legend.Left, legend.Padding = true, true, vg.Millimeter
	for _, work := range distinct(rows, func(r row) string { return r.Work }) {
		legend.Add(work, &plotter.Scatter{GlyphStyle: styleOf(work)})
	}
	legend.Draw(draw.Crop(whole, whole.Max.X-legendWidth+vg.Millimeter, 0, 0, -vg.Centimeter))
	return atomicfile.Write(file, func(w io.Writer) error {
		_, err := canvas.WriteTo(w)
		return err
	})
}

// distinct returns the values of f in the order of their first row.
func distinct[T comparable](rows []row, f func(row) T) (list []T) {
	for _, r := range rows {
		if v := f(r); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func (f frame) panel(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font = font.From(labelFont, style.Font.Size)
	}
	p.X.Label.Text, p.Y.Label.Text = "operations / byte", "GOP/s" // a longer one, on a logarithmic axis, takes room at the right
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = f.left, f.right, f.bottom, f.top
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(4, 1), ticks(10, 1, 2, 5)
	return p
}

// ticks marks each step times each power of base.
func ticks(base float64, steps ...float64) plot.Ticker {
	return plot.TickerFunc(func(low, high float64) (marks []plot.Tick) {
		for power := math.Floor(math.Log(low) / math.Log(base)); math.Pow(base, power) <= high; power++ {
			for _, step := range steps {
				if v := step * math.Pow(base, power); low <= v && v <= high {
					marks = append(marks, plot.Tick{Value: v, Label: fmt.Sprintf("%.4g", v)})
				}
			}
		}
		return marks
	})
}

// colours are those of the arithmetics, by the end of a work's name: told apart by every eye (M.
// Okabe and K. Ito, Color Universal Design).
var colours = map[string]color.RGBA{
	"dynamic": {0, 114, 178, 255},
	"static":  {86, 180, 233, 255},
	"fixed24": {213, 94, 0, 255},
	"fixed16": {230, 159, 0, 255},
}

// glyphs are those of weights of few bits, by what the name of a work begins with.
var glyphs = map[string]draw.GlyphDrawer{"int4": draw.PyramidGlyph{}, "int3": draw.TriangleGlyph{}, "int2": draw.BoxGlyph{}}

// styleOf returns how the points of a work look: a colour for its arithmetic, or black,
// and a shape for the bits of its weight.
func styleOf(work string) draw.GlyphStyle {
	style := draw.GlyphStyle{Color: color.Black, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	if c, there := colours[work[strings.LastIndex(work, "-")+1:]]; there {
		style.Color = c
	}
	if g, there := glyphs[work[:min(4, len(work))]]; there {
		style.Shape = g
	}
	return style
}

// Plot draws the roof, with its label at the right above a level one and along another.
func (r roof) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	from, to := vg.Point{X: x(r.ends[0].X), Y: y(r.ends[0].Y)}, vg.Point{X: x(r.ends[1].X), Y: y(r.ends[1].Y)}
	angle := math.Atan2(float64(to.Y-from.Y), float64(to.X-from.X))
	style := text.Style{
		Color: color.Gray{96}, Font: font.From(labelFont, 9), Handler: plot.DefaultTextHandler,
		XAlign: draw.XRight, YAlign: draw.YBottom, Rotation: angle,
	}
	if length := vg.Length(math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y))); length < style.Width(r.label) {
		return // a corner of the frame
	}
	line := draw.LineStyle{Color: style.Color, Width: vg.Points(1)}
	if r.dashed {
		line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	c.StrokeLine2(line, from.X, from.Y, to.X, to.Y)
	const gap = 2 // points between label and line
	sin, cos := math.Sincos(angle)
	c.FillText(style, to.Add(vg.Point{X: vg.Points(-2*gap*cos - gap*sin), Y: vg.Points(-2*gap*sin + gap*cos)}), r.label)
}

// labelFont is that of everything in a chart.
var labelFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
