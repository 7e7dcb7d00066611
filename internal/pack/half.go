package pack

import (
	"fmt"

	"euryale/internal/half"
	"euryale/internal/kernel"
)

// Half is a weight of 16-bit floating-point numbers, in panels of 16 columns: [panel][k][16], with zeros to fill up
// the last.
type Half struct {
	K, N   int
	Format half.Format

	codes []uint16
}

// NewHalf packs numbers [n][k]. A length that does not go with k and n panics.
func NewHalf(k, n int, codes []uint16, format half.Format) *Half {
	if k < 1 || n < 1 || len(codes) != k*n {
		panic(fmt.Sprintf("pack: NewHalf: got %d codes for %d×%d", len(codes), k, n))
	}
	w := &Half{K: k, N: n, Format: format}
	w.codes = make([]uint16, w.Panels()*k*kernel.PanelColumns)
	for j := range n {
		for p, c := range codes[j*k:][:k] {
			w.codes[(j/kernel.PanelColumns*k+p)*kernel.PanelColumns+j%kernel.PanelColumns] = c
		}
	}
	return w
}

// Panels returns the number of panels of 16 columns.
func (w *Half) Panels() int { return panels(w.N) }

// Bytes returns the memory that the weight takes.
func (w *Half) Bytes() int { return 2 * len(w.codes) }

// Panel returns the numbers of a panel, [k][16].
func (w *Half) Panel(i int) []uint16 {
	size := w.K * kernel.PanelColumns
	return w.codes[i*size:][:size]
}
