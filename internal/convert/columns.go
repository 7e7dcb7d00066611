package convert

import "euryale/internal/kernel"

// columns reports whether neighbours in a row are in different channels.
func (b Blocks) columns() bool { return b.Outer > 1 && b.Inner == 1 }

// A panel is what of a matrix lies in the rows begin up to end, of one group, and in some columns. Its rows are taken
// several at a time, as one, where they are short and nothing is between them.
type panel struct{ column, columns, begin, end, group, together int }

// panels calls do for panels that make up a matrix, down before across: the parameters of the groups of a column lie side
// by side.
func (b Blocks) panels(do func(p panel, m *memory)) {
	const most = 256 // columns that are taken together
	columns := min(b.Channels, kernel.MostColumns)
	together := max(1, most/columns)
	n := b.Outer * b.Channels
	rows := max(together, partSize(n, tileSize, 1<<18)/columns)
	if b.Size < rows {
		rows = rows / b.Size * b.Size
	} else if b.Size < 2*rows {
		rows = b.Size
	}
	across, down := (b.Channels+columns-1)/columns, (b.Outer+rows-1)/rows
	parts(n, across*down, func(i int) {
		m := memories.Get().(*memory)
		p := panel{column: i / down * columns}
		p.columns = min(columns, b.Channels-p.column)
		for begin, stop := i%down*rows, min((i%down+1)*rows, b.Outer); begin < stop; begin = p.end {
			p.begin, p.group = begin, begin/b.Size
			p.end = min(stop, (p.group+1)*b.Size)
			p.together = min(together, p.end-p.begin)
			do(p, m)
		}
		memories.Put(m)
	})
}

// eachColumn calls do for pieces of a matrix: where the piece begins, its maps, and its columns and rows, which are stride
// apart.
func (b Blocks) eachColumn(do func(at int, c *kernel.Columns, n, stride, rows int), of func(block int) kernel.Affine) {
	groups := b.Groups()
	b.panels(func(p panel, m *memory) {
		for j := range p.columns {
			a := of((p.column+j)*groups + p.group)
			for k := range p.together {
				m.columns.Set(k*p.columns+j, a)
			}
		}
		p.eachRows(b, func(at, n, stride, rows int) { do(at, &m.columns, n, stride, rows) })
	})
}

// eachRows calls do for the rows that are taken together, and for those that are left.
func (p panel) eachRows(b Blocks, do func(at, n, stride, rows int)) {
	whole, at := (p.end-p.begin)/p.together, p.begin*b.Channels+p.column
	do(at, p.together*p.columns, p.together*b.Channels, whole)
	if left := (p.end - p.begin) % p.together; left > 0 {
		do(at+whole*p.together*b.Channels, p.columns, b.Channels, left)
	}
}

// addColumns takes a matrix.
func (r *ranges) addColumns(src []float32) {
	groups := r.Groups()
	r.panels(func(p panel, m *memory) {
		// Both have room for a panel, and do not begin at the same place of a page, where a load seems to follow a store.
		low, high := m.from[:p.together*p.columns], m.to[64:][:p.together*p.columns]
		for j := range low {
			low[j], high[j] = src[p.begin*r.Channels+p.column+j%p.columns]+0, src[p.begin*r.Channels+p.column+j%p.columns]+0
		}
		p.eachRows(r.Blocks, func(at, n, stride, rows int) {
			r.note(r.set.MinMaxColumns(low[:n], high[:n], src[at:], stride, rows))
		})
		if whole := p.begin%r.Size == 0 && (p.end%r.Size == 0 || p.end == r.Outer); !whole {
			r.shared.Lock()
			defer r.shared.Unlock()
		}
		for j := range low {
			block := (p.column+j%p.columns)*groups + p.group
			r.low[block], r.high[block] = min(r.low[block], low[j]), max(r.high[block], high[j])
		}
	})
}
