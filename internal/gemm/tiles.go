package gemm

import "euryale/internal/kernel"

// A grid cuts the result into parts, one for each task: so many down the rows and so many across the panels,
// as even as whole tiles allow.
type grid struct{ down, across int }

func (g grid) count() int { return g.down * g.across }

// newGrid cuts so many tiles down and across into about as many parts as are wanted. It splits over columns
// first, since threads share no weights then, and over rows where columns are few.
func newGrid(want, down, across int) grid {
	g := grid{down: 1, across: min(across, want)}
	if g.across < want {
		g.down = min(down, (want+g.across-1)/g.across)
	}
	return g
}

func (p *matrixPlan) grid(parts, rows int) grid {
	return newGrid(parts, p.rowTiles(rows), (p.w.Panels()+p.set.Panels-1)/p.set.Panels)
}

func (p *matrixPlan) rowTiles(rows int) int { return (rows + p.set.Rows - 1) / p.set.Rows }

// blocks returns how many blocks of at most a size there are.
func blocks(n, size int) int { return (n + size - 1) / size }

// share returns where part i of n things in so many even parts begins and ends.
func share(n, parts, i int) (begin, end int) { return i * n / parts, (i + 1) * n / parts }

// A part is the rows and panels of the result that a task has.
type part struct{ firstRow, endRow, firstPanel, endPanel int }

// part returns the part of a task.
func (g grid) part(p *matrixPlan, rows, task int) (r part) {
	firstRow, endRow := share(p.rowTiles(rows), g.down, task/g.across)
	r.firstPanel, r.endPanel = share(p.w.Panels(), g.across, task%g.across)
	r.firstRow, r.endRow = firstRow*p.set.Rows, min(endRow*p.set.Rows, rows)
	return r
}

// A tile is the rows and panels of the result that one call of a kernel makes.
type tile struct {
	row, rows     int
	panel, panels int
	codes         []int8 // of its panels, unless they are multiplied as they are stored
}

func (t tile) columns() int { return t.panels * kernel.PanelColumns }

// column returns the first column.
func (t tile) column() int { return t.panel * kernel.PanelColumns }

// panels returns how many panels tiles of so many rows have at most.
func (p *matrixPlan) panels(rows int) int {
	if rows > p.set.FewRows && !p.looksUp {
		if all := p.w.Panels(); all <= p.set.FewPanels {
			return all
		}
		return p.set.Panels
	}
	most := p.set.Rows * p.set.Panels / rows
	if p.unpacks(rows) {
		most = min(most, max(p.set.Panels, unpackedBytes/p.w.PanelBytes()))
	}
	return most
}

// unpackedBytes is how much of unpacked panels the second cache holds.
const unpackedBytes = 128 << 10

// tiles computes a part of the result, with all panels for so many cached rows, then for the next.
func (b *block) tiles(s *scratch, r part, rows multiplier, cached int) {
	p := b.plan
	s.fit(p.set)
	for begin := r.firstRow; begin < r.endRow; begin += cached {
		end := min(begin+cached, r.endRow)
		most := p.panels(end - begin)
		unpacks := p.unpacks(end - begin)
		if unpacks {
			s.codes = grow(s.codes, most*p.w.PanelBytes())
		}
		for panel, panels := r.firstPanel, 0; panel < r.endPanel; panel += panels {
			if panels = min(most, r.endPanel-panel); r.endPanel-panel == panels+1 {
				panels = (panels + 1) / 2 // a single panel is slow
			}
			t := tile{panel: panel, panels: panels}
			if unpacks || !p.w.Unpacks() {
				t.codes = p.w.Panel(panel, panels, s.codes, p.set)
			}
			for t.row = begin; t.row < end; t.row += t.rows {
				t.rows = rows.limit(p, t.row, min(p.set.Rows*p.set.Panels/panels, end-t.row))
				p.algorithm.tile(b, s, t, rows)
			}
		}
	}
}

// at returns the elements of a list by column for a tile's columns.
func at[T any](list []T, t tile) []T { return list[t.column():][:t.columns()] }
