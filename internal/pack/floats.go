package pack

import "euryale/internal/kernel"

// Floats is a weight k×n of float32, in panels of 16 columns: [panel][k][16], with zeros to fill up the last.
type Floats struct {
	K, N int

	x []float32
}

// FloatsFrom packs float32 of n columns, stored in the given order, with the panels shared by share.
func FloatsFrom(n int, x []float32, o Order, share Share) *Floats {
	w := &Floats{K: o.Depth(), N: n}
	w.Set(x, o, share)
	return w
}

// Set packs other elements of the same order, in memory that is there already.
func (w *Floats) Set(x []float32, o Order, share Share) {
	if size := panels(w.N) * w.K * kernel.PanelColumns; len(w.x) != size {
		w.x = make([]float32, size)
	}
	fillPanels(w.x, w.K, w.N, o, share, func(to []float32, at, n, step, stride int) {
		if step == 1 && stride == 1 {
			copy(to, x[at:][:n])
			return
		}
		for i := range n {
			to[i*step] = x[at+i*stride]
		}
	})
}

// Right returns count panels from panel first on, over depth from begin on.
func (w *Floats) Right(first, count, begin, depth int) kernel.FloatRight {
	const n = kernel.PanelColumns
	size := w.K * n
	return kernel.FloatRight{
		Data: w.x[first*size+begin*n : (first+count)*size], Panels: count, Stride: size,
		Offsets: kernel.OneSegment, Length: depth, Step: n,
	}
}
