package pack

import (
	"fmt"

	"euryale/internal/half"
	"euryale/internal/kernel"
)

// Half is a weight k×n of 16-bit floats, in panels of 16 columns: [panel][k][16], with zeros to
// fill up the last.
type Half struct {
	K, N   int
	Format half.Format

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
	w.codes = make([]uint16, w.Panels()*w.K*kernel.PanelColumns)
	depth := columnDepth
	if o.byRows() {
		depth = w.K
	}
	share(w.Panels(), func(panel int) {
		columns := min(kernel.PanelColumns, n-panel*kernel.PanelColumns)
		for begin := 0; begin < w.K; begin += depth {
			end := min(w.K, begin+depth)
			to := w.Panel(panel)[begin*kernel.PanelColumns:]
			if o.byRows() {
				for p := begin; p < end; p++ {
					at, _ := o.segment(p)
					copy(to[(p-begin)*kernel.PanelColumns:], codes[at+panel*kernel.PanelColumns:][:columns])
				}
				continue
			}
			for j := range columns {
				first := (panel*kernel.PanelColumns + j) * o.Column
				for p, length := begin, 0; p < end; p += length {
					at, rest := o.segment(p)
					length = min(rest, end-p)
					from, to := codes[first+at:], to[(p-begin)*kernel.PanelColumns+j:]
					for i := range length {
						to[i*kernel.PanelColumns] = from[i*o.Strides[2]]
					}
				}
			}
		}
	})
	return w
}

// Panels returns the number of panels of 16 columns.
func (w *Half) Panels() int { return panels(w.N) }

// Bytes returns the memory that the weight takes.
func (w *Half) Bytes() int { return 2 * len(w.codes) }

// Panel returns the elements of panel i, [k][16].
func (w *Half) Panel(i int) []uint16 {
	size := w.K * kernel.PanelColumns
	return w.codes[i*size:][:size]
}
