package pack

import (
	"fmt"

	"euryale/internal/half"
	"euryale/internal/kernel"
	"euryale/internal/minifloat"
)

// Half is a weight k×n of 16-bit floats, in panels of 16 columns: [panel][k][16], with zeros to
// fill up the last. Columns may be multiplied by scales.
type Half struct {
	K, N   int
	Format half.Format
	Scales []float32 // of the columns of all panels; nil where there are none

	codes []uint16
}

// NewHalf packs 16-bit floats [n][k]. A length that is not k·n panics.
func NewHalf(k, n int, codes []uint16, format half.Format) *Half {
	if k < 1 || n < 1 || len(codes) != k*n {
		panic(fmt.Sprintf("pack: NewHalf: got %d codes for %d×%d", len(codes), k, n))
	}
	return HalfFrom(n, codes, ColumnMajor(k), format, Serial)
}

// HalfFrom packs 16-bit floats of n columns, stored in the given order, with the panels shared by share.
func HalfFrom(n int, codes []uint16, o Order, format half.Format, share Share) *Half {
	w := &Half{K: o.Depth(), N: n, Format: format}
	fillHalf(w, codes, o, nil, share)
	return w
}

// MinifloatsFrom works like HalfFrom for floats of 8 bits, which float16 holds exactly, and the scales of the
// columns.
func MinifloatsFrom(codes []uint8, f *minifloat.Format, scales []float32, o Order, share Share) *Half {
	w := &Half{K: o.Depth(), N: len(scales), Format: half.Float16()}
	w.Scales = make([]float32, w.Panels()*kernel.PanelColumns)
	copy(w.Scales, scales)
	var table [256]uint16
	for c, value := range f.Values {
		table[c] = w.Format.Encode(value)
	}
	fillHalf(w, codes, o, &table, share)
	return w
}

// fillHalf packs codes, which are the elements, or what a table turns into them.
func fillHalf[C uint8 | uint16](w *Half, codes []C, o Order, table *[256]uint16, share Share) {
	w.codes = make([]uint16, w.Panels()*w.K*kernel.PanelColumns)
	fillPanels(w.codes, w.K, w.N, o, share, func(to []uint16, at, n, step, stride int) {
		for i := range n {
			c := uint16(codes[at+i*stride])
			if table != nil {
				c = table[uint8(c)]
			}
			to[i*step] = c
		}
	})
}

// Panels returns the number of panels of 16 columns.
func (w *Half) Panels() int { return panels(w.N) }

// Bytes returns the memory that the weight takes.
func (w *Half) Bytes() int { return 2*len(w.codes) + 4*len(w.Scales) }

// Panel returns the elements of panel i, [k][16].
func (w *Half) Panel(i int) []uint16 {
	size := w.K * kernel.PanelColumns
	return w.codes[i*size:][:size]
}

// Right returns count panels from panel first on, over depth from begin on.
func (w *Half) Right(first, count, begin, depth int) kernel.HalfRight {
	const n = kernel.PanelColumns
	size := w.K * n
	return kernel.HalfRight{Data: w.codes[first*size+begin*n:][:(count-1)*size+depth*n], Panels: count, Stride: size, Format: w.Format}
}
