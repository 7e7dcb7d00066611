package convert

import (
	"iter"

	"euryale/internal/kernel"
)

// Where lines are short, the tensor is a matrix: a row is a line of every channel, and a group is some rows of Inner
// columns.

// columns reports whether the tensor is taken so.
func (b Blocks) columns() bool {
	return b.Outer > 1 && b.Inner < longLine && b.Size%b.Inner == 0
}

// longLine is from how many elements on a call for each line takes no time beside them.
const longLine = 512

// A panel is what of a matrix lies in the rows begin up to end, of one group, and in some columns. Its rows are taken
// several at a time, as one, where they are short and nothing is between them.
type panel struct{ column, columns, begin, end, group, together int }

// panels calls do for panels that make up a matrix, down before across: the parameters of the groups of a column lie side
// by side.
func (b Blocks) panels(do func(p panel, m *memory)) {
	const most = 1024 // columns that are taken together
	width, size := b.Channels*b.Inner, b.Size/b.Inner
	columns := min(width, kernel.MostColumns)
	together := max(1, most/columns)
	n := b.Outer * width
	rows := max(together, partSize(n, tileSize, 1<<18)/columns)
	if size < rows {
		rows = rows / size * size
	} else if size < 2*rows {
		rows = size
	}
	across, down := (width+columns-1)/columns, (b.Outer+rows-1)/rows
	parts(n, across*down, func(i int) {
		m := memories.Get().(*memory)
		p := panel{column: i / down * columns}
		p.columns = min(columns, width-p.column)
		for begin, stop := i%down*rows, min((i%down+1)*rows, b.Outer); begin < stop; begin = p.end {
			p.begin, p.group = begin, begin/size
			p.end = min(stop, (p.group+1)*size)
			p.together = min(together, p.end-p.begin)
			do(p, m)
		}
		memories.Put(m)
	})
}

// eachColumn calls do for pieces of a matrix: where the piece begins, and its columns and rows, which are stride apart.
// It calls set for its columns first: for so many from one on, the maps of the first of which are at a place among those
// by group and channel, and those of the others each step further.
func (b Blocks) eachColumn(set func(m *memory, column, count, place, step int), do func(m *memory, at, n, stride, rows int)) {
	b.panels(func(p panel, m *memory) {
		for k := range p.together {
			if b.Inner == 1 {
				set(m, k*p.columns, p.columns, p.group*b.Channels+p.column, 1)
				continue
			}
			for j, place := range p.places(b) {
				set(m, k*p.columns+j, 1, place, 0)
			}
		}
		p.eachRows(b, func(at, n, stride, rows int) { do(m, at, n, stride, rows) })
	})
}

// places returns the columns of a panel, each with the place of its block among those by group and channel.
func (p panel) places(b Blocks) iter.Seq2[int, int] {
	return func(yield func(column, place int) bool) {
		place, left := p.group*b.Channels+p.column/b.Inner, b.Inner-p.column%b.Inner
		for j := range p.columns {
			if !yield(j, place) {
				return
			}
			if left--; left == 0 {
				place, left = place+1, b.Inner
			}
		}
	}
}

// eachRows calls do for the rows that are taken together, and for those that are left.
func (p panel) eachRows(b Blocks, do func(at, n, stride, rows int)) {
	width := b.Channels * b.Inner
	whole, at := (p.end-p.begin)/p.together, p.begin*width+p.column
	do(at, p.together*p.columns, p.together*width, whole)
	if left := (p.end - p.begin) % p.together; left > 0 {
		do(at+whole*p.together*width, p.columns, width, left)
	}
}

// addColumns takes a matrix. The ends of a group of all channels lie side by side until all are found.
func (r *ranges) addColumns(src []float32) {
	width := r.Channels * r.Inner
	lows, highs := r.low, r.high
	r.panels(func(p panel, m *memory) {
		// Both have room for a panel, and do not begin at the same place of a page, where a load seems to follow a store.
		low, high := m.from[:p.together*p.columns], m.to[64:][:p.together*p.columns]
		for k := range p.together {
			copy(low[k*p.columns:][:p.columns], src[p.begin*width+p.column:])
		}
		copy(high, low)
		p.eachRows(r.Blocks, func(at, n, stride, rows int) {
			r.note(r.set.MinMaxColumns(low[:n], high[:n], src[at:], stride, rows))
		})
		if whole := r.Inner == 1 && p.begin%r.Size == 0 && (p.end%r.Size == 0 || p.end == r.Outer); !whole {
			r.shared.Lock()
			defer r.shared.Unlock()
		}
		for k := range p.together {
			low, high := low[k*p.columns:][:p.columns], high[k*p.columns:][:p.columns]
			if first := p.group*r.Channels + p.column; r.Inner == 1 {
				r.set.MinMaxColumns(lows[first:][:p.columns], highs[first:][:p.columns], low, 0, 1)
				r.set.MinMaxColumns(lows[first:][:p.columns], highs[first:][:p.columns], high, 0, 1)
				continue
			}
			for j, place := range p.places(r.Blocks) {
				lows[place], highs[place] = min(lows[place], low[j]), max(highs[place], high[j])
			}
		}
	})
	if groups := r.Groups(); groups > 1 {
		r.low, r.high = transposed(lows, groups, r.Channels), transposed(highs, groups, r.Channels)
	}
}
