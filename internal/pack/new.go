package pack

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"euryale/internal/kernel"
)

// Share calls do(part) for every part in 0 … parts − 1, in any order and on any goroutines, and returns when
// all calls have returned.
type Share func(parts int, do func(part int))

// Serial is Share on the caller's goroutine.
func Serial(parts int, do func(part int)) {
	for part := range parts {
		do(part)
	}
}

// Codes are packed some depth at a time of so many panels, which the first cache holds.
const (
	rowPanels   = 16 // of rows: what lies side by side is read together
	rowDepth    = 64
	columnDepth = rowPanels * kernel.PanelColumns
)

// New packs codes [n][k] of so many bits, 2 to 8, as From does.
func New[C kernel.Code](m Matrix, codes []C, bits int) *Matrix {
	if len(codes) != m.K*m.N {
		panic(fmt.Sprintf("pack: New: got %d codes, %d scales for %d×%d", len(codes), len(m.Scales), m.K, m.N))
	}
	return From(m, SourceOf(codes, ColumnMajor(m.K), bits), Serial)
}

// From packs a weight. Unsigned codes are shifted down by half their range, and their zero points with them.
// m.K, N, Group, Scales, Zeros and Offsets, lists of [n][groups], are set by the caller, and Depthwise;
// lengths that do not go together panic.
func From(m Matrix, s Source, share Share) *Matrix {
	if m.K < 1 || m.N < 1 || m.Group < 1 {
		panic(fmt.Sprintf("pack: From: got %d×%d in groups of %d", m.K, m.N, m.Group))
	}
	m.layout(s.Bits)
	blocks := m.N * m.groups
	if s.Depth() != m.K || len(m.Scales) != blocks || m.Zeros != nil && len(m.Zeros) != blocks || m.Offsets != nil && len(m.Offsets) != blocks {
		panic(fmt.Sprintf("pack: From: got %d codes, %d scales, %d zero points and %d offsets for %d×%d in groups of %d",
			s.Depth()*m.N, len(m.Scales), len(m.Zeros), len(m.Offsets), m.K, m.N, m.Group))
	}
	w := &Matrix{
		K: m.K, N: m.N, Group: m.Group, Depthwise: m.Depthwise,
		Scales: byGroup(&m, m.Scales), Zeros: byGroup(&m, m.Zeros), Offsets: byGroup(&m, m.Offsets),
	}
	w.layout(s.Bits)
	w.sums = make([]int32, w.groups*w.Columns())
	if s.Unsigned {
		if w.Zeros == nil {
			w.Zeros = make([]int32, len(w.sums))
		}
		shift := int32(1) << (s.Bits - 1)
		for i := range w.Zeros {
			w.Zeros[i] -= shift // s·(q − z) keeps its value where both move, and so does lo + s·q
		}
	}
	if size := w.panels * w.PanelBytes(); w.packs() {
		w.nibbles = make([]uint8, size/2)
	} else {
		w.codes = make([]int8, size)
	}
	w.fill(&s, nil, share)
	return w
}

// fill packs the codes of a source, which are looked up in a book or have none.
func (w *Matrix) fill(s *Source, look *book, share Share) {
	together, depth := 1, columnDepth
	if s.byRows() {
		together, depth = rowPanels, rowDepth
	}
	share((w.panels+together-1)/together, func(part int) {
		b := block{w: w, s: s, book: look, first: part * together, panels: min(together, w.panels-part*together), depth: depth}
		b.scratch = scratches.Get().(*scratch)
		defer scratches.Put(b.scratch)
		for g := range w.groups {
			begin, end := g*w.Group, min((g+1)*w.Group, w.K)
			for p := begin; p < begin+w.groupDepth; p += depth { // behind the end too, where a short group is filled up
				b.pack(g, p, max(p, min(end, p+depth)))
			}
		}
		if look != nil && look.stored {
			for i := range b.panels {
				look.addUp(w, b.first+i, &b.scratch.weights)
			}
		}
	})
}

// block is panels that are packed together.
type block struct {
	w             *Matrix
	s             *Source
	book          *book // or nil
	first, panels int
	depth         int // that is packed at a time
	scratch       *scratch
}

// scratch is for codes that do not lie as they are read, for those that are not stored as they are, and for
// what those stand for that are looked up.
type scratch struct {
	rows    [rowDepth][rowPanels * kernel.PanelColumns]uint8
	codes   [rowPanels * rowDepth * kernel.PanelColumns]uint8
	weights [columnDepth * kernel.PanelColumns]int8
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// pack packs depth p up to end, which is of group g, with what fills the group up.
func (b *block) pack(g, p, end int) {
	w := b.w
	from := p - g*w.Group
	size := min(b.depth, w.groupDepth-from) * kernel.PanelColumns
	at, stride := b.first*w.PanelBytes()+(g*w.groupDepth+from)*kernel.PanelColumns, w.PanelBytes()
	var to []uint8
	if w.nibbles != nil || b.book != nil {
		to, stride = b.scratch.codes[:b.panels*size], size
		fill(to, b.s.padding)
	} else {
		to = bytesOf(w.codes)[at:]
	}
	if b.s.byRows() {
		b.rows(to, stride, p, end)
	} else {
		b.columns(to, p, end)
	}
	for i := range b.panels {
		codes := to[i*stride:][:size]
		switch {
		case b.book == nil:
		case b.book.stored:
			b.book.store(w, b.first+i, p, codes)
			continue
		default:
			b.book.decode(w, b.first+i, p, w.codes[at+i*w.PanelBytes():][:size], codes)
			continue
		}
		addUp((*[kernel.PanelColumns]int32)(w.sums[((b.first+i)*w.groups+g)*kernel.PanelColumns:]), codes)
		if w.nibbles != nil {
			packNibbles(w.nibbles[(at+i*w.PanelBytes())/2:][:size/2], codes)
		}
	}
}

// rows packs rows into panels so far apart.
func (b *block) rows(to []uint8, stride, p, end int) {
	const n, step = kernel.PanelColumns, kernel.StepDepth
	first, flip, filling := b.first*n, b.s.flip(), b.s.filling()
	columns, rows := min(b.panels*n, b.w.N-first), (end-p+step-1)/step*step
	for i := range rows {
		row := &b.scratch.rows[i]
		if p+i >= end {
			fill(row[:], filling)
			continue
		}
		b.s.row(row[:columns], p+i, first)
		fill(row[columns:], filling)
	}
	for i := range b.panels {
		for r := 0; r < rows; r += step {
			four := (*[step][rowPanels * n]uint8)(b.scratch.rows[r:])
			interleave(to[i*stride+r*n:][:kernel.StepBytes], four, i*n, word*uint64(flip))
		}
	}
}

// word has a one in each of its bytes.
const word = 0x0101010101010101

// interleave sets dst[4·j + i] to element first + j of row i, combined with flip. dst is no pointer, whose
// check for nil would read: a fresh page would fault twice.
func interleave(dst []uint8, rows *[kernel.StepDepth][rowPanels * kernel.PanelColumns]uint8, first int, flip uint64) {
	const odd, upper = 0x00ff00ff00ff00ff, 0x0000ffff0000ffff
	for i := 0; i < kernel.PanelColumns; i += 8 {
		a, b := binary.LittleEndian.Uint64(rows[0][first+i:])^flip, binary.LittleEndian.Uint64(rows[1][first+i:])^flip
		c, d := binary.LittleEndian.Uint64(rows[2][first+i:])^flip, binary.LittleEndian.Uint64(rows[3][first+i:])^flip
		// Squares of 4×4 bytes are transposed, two at a time: bytes between neighbouring rows, then pairs of
		// bytes.
		t := (a>>8 ^ b) & odd
		a, b = a^t<<8, b^t
		t = (c>>8 ^ d) & odd
		c, d = c^t<<8, d^t
		t = (a>>16 ^ c) & upper
		a, c = a^t<<16, c^t
		t = (b>>16 ^ d) & upper
		b, d = b^t<<16, d^t
		to := dst[4*i:][:32]
		binary.LittleEndian.PutUint64(to, a&math.MaxUint32|b<<32)
		binary.LittleEndian.PutUint64(to[8:], c&math.MaxUint32|d<<32)
		binary.LittleEndian.PutUint64(to[16:], a>>32|b>>32<<32)
		binary.LittleEndian.PutUint64(to[24:], c>>32|d>>32<<32)
	}
}

// columns packs the columns of a panel, one after the other.
func (b *block) columns(to []uint8, p, end int) {
	first := b.first * kernel.PanelColumns
	flip := word & math.MaxUint32 * uint32(b.s.flip())
	for j := range min(kernel.PanelColumns, b.w.N-first) {
		to := to[j*kernel.StepDepth:]
		codes := b.s.column(p, first+j, b.scratch.rows[0][:end-p])
		for ; len(codes) >= kernel.StepDepth; codes = codes[kernel.StepDepth:] {
			binary.LittleEndian.PutUint32(to, binary.LittleEndian.Uint32(codes)^flip)
			to = to[min(kernel.StepBytes, len(to)):]
		}
		for i, c := range codes {
			to[i] = c ^ uint8(flip)
		}
	}
}

// addUp adds the codes of steps to sums of their columns.
func addUp(sums *[kernel.PanelColumns]int32, codes []uint8) {
	const even = 0x00ff00ff00ff00ff
	for i := 0; i < kernel.StepBytes; i += 8 {
		sum, steps := uint64(0), 0 // of pairs of bytes that count from −128, less than 2^16 each
		for at := i; at < len(codes); at += kernel.StepBytes {
			x := binary.LittleEndian.Uint64(codes[at:]) ^ word<<7
			sum += x&even + x>>8&even
			steps++
		}
		low := int32(kernel.StepDepth * steps << 7)
		sums[i/4] += int32(sum&0xffff+sum>>16&0xffff) - low
		sums[i/4+1] += int32(sum>>32&0xffff+sum>>48) - low
	}
}

// packNibbles works like kernel.PackPanels.
func packNibbles(dst, src []uint8) {
	const low = 0x0f * word
	const step = kernel.StepBytes
	for ; len(src) >= 2*step; dst, src = dst[step:], src[2*step:] {
		for i := 0; i < step; i += 8 {
			a, b := binary.LittleEndian.Uint64(src[i:]), binary.LittleEndian.Uint64(src[i+step:])
			binary.LittleEndian.PutUint64(dst[i:], (a^8*word)&low|(b^8*word)&low<<4)
		}
	}
}

// byGroup lays out a list of [n][groups] as [panel][group][16]; nil for nil.
func byGroup[T float32 | int32](w *Matrix, list []T) []T {
	if list == nil {
		return nil
	}
	const n = kernel.PanelColumns
	out := make([]T, w.groups*w.Columns())
	for j := range w.N {
		for g := range w.groups {
			out[(j/n*w.groups+g)*n+j%n] = list[j*w.groups+g]
		}
	}
	return out
}

// bytesOf returns elements of a byte as bytes, in the same memory.
func bytesOf[C kernel.Code](x []C) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
