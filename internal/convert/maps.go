package convert

import (
	"unsafe"

	"euryale/internal/kernel"
)

// Affines are the maps of blocks, by block. Codes are unsigned where there are zero points; else they are signed, zero
// points are 0, and a negative scale goes with a Low that is one less: it is there for the code that no other has.
type Affines struct {
	Scales    []float32
	Zeros     []int32
	Low, High int32
	Full      bool // Low is one less in every block, as under a negative scale in any case
}

// At returns the map of a block.
func (a *Affines) At(block int) kernel.Affine {
	m := kernel.Affine{Scale: a.Scales[block], Low: a.Low, High: a.High}
	switch {
	case len(a.Zeros) > 0:
		m.Zero = a.Zeros[block]
	case m.Scale < 0 || a.Full:
		m.Low--
	}
	return m
}

// set gives columns their maps, as eachColumn asks for them.
func (a *Affines) set(m *memory, column, count, place, step int) {
	switch {
	case step == 0:
		for i := range count {
			m.columns.Set(column+i, a.At(place))
		}
	case len(a.Zeros) > 0:
		m.columns.SetUnsigned(column, a.Scales[place:][:count], a.Zeros[place:], a.Low, a.High)
	case a.Full:
		m.columns.SetSigned(column, a.Scales[place:][:count], a.Low-1, a.Low-1, a.High)
	default:
		m.columns.SetSigned(column, a.Scales[place:][:count], a.Low, a.Low-1, a.High)
	}
}

// byGroup returns the maps of a matrix with those of one group of all columns side by side.
func (a *Affines) byGroup(b Blocks) *Affines {
	groups := b.Groups()
	if groups == 1 {
		return a
	}
	return &Affines{transposed(a.Scales, b.Channels, groups), transposed(a.Zeros, b.Channels, groups), a.Low, a.High, a.Full}
}

// Grids are the grids of blocks, by block.
type Grids struct {
	Scales, Offsets []float32
	High            int32
}

// At returns the grid of a block.
func (g *Grids) At(block int) kernel.Grid {
	return kernel.Grid{Scale: g.Scales[block], Offset: g.Offsets[block], High: g.High}
}

// set does what that of Affines does.
func (g *Grids) set(m *memory, column, count, place, step int) {
	for i := range count {
		m.grids.Set(column+i, g.At(place+i*step))
	}
}

// byGroup does what that of Affines does.
func (g *Grids) byGroup(b Blocks) *Grids {
	groups := b.Groups()
	if groups == 1 {
		return g
	}
	return &Grids{transposed(g.Scales, b.Channels, groups), transposed(g.Offsets, b.Channels, groups), g.High}
}

// transposed returns x, (rows, columns), as (columns, rows).
func transposed[T float32 | int32](x []T, rows, columns int) []T {
	if len(x) == 0 {
		return nil
	}
	y := make([]T, len(x))
	from, to := asFloats(x), asFloats(y) // of any bits, which are moved alone
	Share(columns, func(begin, end int) {
		kernel.Transpose(to[begin*rows:], rows, from[begin:], columns, end-begin, rows)
	})
	return y
}

// asFloats returns x as float32 of the same bits.
func asFloats[T float32 | int32](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
