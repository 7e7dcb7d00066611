package pack

import "euryale/internal/kernel"

// fillPanels packs a weight k×n of the given order into panels, [panel][k][16], which share shares. place
// sets n elements of to, step apart, to those of the weight from at on, stride apart.
func fillPanels[T any](panels []T, k, n int, o Order, share Share, place func(to []T, at, n, step, stride int)) {
	const width = kernel.PanelColumns
	depth := columnDepth
	if o.byRows() {
		depth = k
	}
	share((n+width-1)/width, func(panel int) {
		columns := min(width, n-panel*width)
		for begin := 0; begin < k; begin += depth {
			end := min(k, begin+depth)
			to := panels[panel*k*width:][:k*width][begin*width:]
			if o.byRows() {
				for p := begin; p < end; p++ {
					at, _ := o.segment(p)
					place(to[(p-begin)*width:], at+panel*width, columns, 1, 1)
				}
				continue
			}
			for j := range columns {
				first := (panel*width + j) * o.Column
				for p, length := begin, 0; p < end; p += length {
					at, rest := o.segment(p)
					length = min(rest, end-p)
					place(to[(p-begin)*width+j:], first+at, length, width, o.Strides[2])
				}
			}
		}
	})
}
