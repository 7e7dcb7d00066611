package main

import (
	"fmt"
	"math"
	"slices"

	"euryale/bench/limits"
	"euryale/internal/isa"

	"gonum.org/v1/plot/plotter"
)

// frame is the part of the plane that the panels of a chart show.
type frame struct{ left, right, bottom, top float64 }

// frameOf has the points of all rows in it, and the peaks of their kernels.
func frameOf(rows []row, all []limitRow) frame {
	f := frame{left: math.Inf(1), bottom: math.Inf(1)}
	for _, r := range rows {
		f.left, f.right = min(f.left, r.intensity), max(f.right, r.intensity)
		f.bottom, f.top = min(f.bottom, r.GOPS), max(f.top, r.GOPS)
	}
	for _, l := range all {
		if slices.ContainsFunc(rows, l.holds) {
			f.top = max(f.top, l.Rate)
		}
	}
	const margin = 1.8
	return frame{f.left / margin / margin, f.right * margin, f.bottom / margin, f.top * margin} // the roofs of reading are at the left
}

// holds reports whether l is the peak of the instruction that made r.
func (l limitRow) holds(r row) bool {
	return l.Kind == limits.Peak && l.Threads == r.Threads && l.tier != isa.Generic && l.tier.String() == r.Tier
}

// roof is a straight line that no point can be above, but a dashed one is for some points only.
type roof struct {
	label         string
	ends          [2]plotter.XY
	level, dashed bool
}

// roofs returns what is in the frame of the roofs over rows of one tier and count of threads: the peak of
// their instruction, lower where it makes several products for one; other peaks for comparison; and
// reading, whose roof rises by its rate.
func (f frame) roofs(rows []row, all []limitRow) (roofs []roof) {
	level := func(label string, height, right float64, dashed bool) {
		if f.bottom < height && height < f.top {
			ends := [2]plotter.XY{{X: f.left, Y: height}, {X: right, Y: height}}
			roofs = append(roofs, roof{fmt.Sprintf("%s: %.0f GOP/s", label, height), ends, true, dashed})
		}
	}
	highest := f.top
	for _, l := range all {
		switch {
		case l.Threads != rows[0].Threads || l.Kind != limits.Peak:
		case l.holds(rows[0]):
			highest = min(highest, l.Rate)
			level(l.Name, l.Rate, f.right, false)
			for _, planes := range distinct(rows, func(r row) int { return r.planes }) {
				if planes > 1 {
					level(perPlanes(l.Name, planes), l.Rate/float64(planes), f.right, true)
				}
			}
		case l.tier == isa.Generic:
			level(l.Name, l.Rate, math.Pow(f.left, 0.3)*math.Pow(f.right, 0.7), true) // shorter, so that labels keep apart
		}
	}
	for _, l := range all {
		if l.Threads != rows[0].Threads || l.Kind != limits.Reading {
			continue
		}
		if left, right := max(f.left, f.bottom/l.Rate), min(f.right, highest/l.Rate); left < right {
			ends := [2]plotter.XY{{X: left, Y: left * l.Rate}, {X: right, Y: right * l.Rate}}
			roofs = append(roofs, roof{fmt.Sprintf("%s: %.0f GB/s", l.Name, l.Rate), ends, false, false})
		}
	}
	return roofs
}
