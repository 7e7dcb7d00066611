package qtensor

import (
	"fmt"
	"slices"

	"euryale/internal/kernel"
)

// DequantizeRows sets row i of dst to row rows[i] of what Dequantize returns, bit for bit: an embedding
// lookup. A row is all elements with one index of axis 0. dst is (len(rows), width), row-major, where width
// is the product of the other axes. Only those rows are dequantized.
//
// Errors, which leave dst as it was: ErrShape for a scalar q and for dst of another length; ErrValue for a
// row that q does not have, naming the first; ErrScheme for the zero QTensor.
func (q *QTensor) DequantizeRows(dst []float32, rows []int) error {
	if err := q.checkRows(dst, rows); err != nil {
		return fmt.Errorf("qtensor: DequantizeRows: %w", err)
	}
	p := q.params
	switch s := p.Storage(); {
	case p.Scheme.minifloat() != nil:
		decodeMinifloatRows(q, dst, rows)
	case p.Scheme.IsCodebook():
		decodeRows(q, dst, rows, q.inBook())
	case s.packed() && s.IsSigned():
		decodeRows(q, dst, rows, inStream[int8](q))
	case s.packed():
		decodeRows(q, dst, rows, inStream[uint8](q))
	case s == StorageInt8:
		decodeRows(q, dst, rows, inBytes(stored[int8](q)))
	case s == StorageUint8:
		decodeRows(q, dst, rows, inBytes(stored[uint8](q)))
	default:
		width, patterns := q.width(), stored[uint16](q)
		for i, row := range rows {
			kernel.Current().Decode(dst[i*width:][:width], patterns[row*width:][:width], floatFormat(p.Scheme))
		}
	}
	return nil
}

// width returns the number of elements for each index of axis 0, which there is.
func (q *QTensor) width() int { return q.Len() / q.shape[0] }

func (q *QTensor) checkRows(dst []float32, rows []int) error {
	if err := q.valid(); err != nil {
		return err
	}
	if len(q.shape) == 0 {
		return fmt.Errorf("%w: got a scalar, want rows", ErrShape)
	}
	count := q.shape[0]
	if width := q.width(); len(dst)/width != len(rows) || len(dst)%width != 0 {
		return fmt.Errorf("%w: got dst of %d and %d rows, want %d for each", ErrShape, len(dst), len(rows), width)
	}
	for i, row := range rows {
		if row < 0 || row >= count {
			return fmt.Errorf("%w: got row %d at %d, want 0 to %d", ErrValue, row, i, count-1)
		}
	}
	return nil
}

// decodeRows sets dst to the given rows of q, dequantized; codes returns those of the elements begin up to
// end.
func decodeRows[C kernel.Code](q *QTensor, dst []float32, rows []int, codes func(begin, end int) []C) {
	width, p := q.width(), &q.params
	blocks, affine := q.blocks, p.affines()
	if p.Scheme.IsCodebook() {
		blocks, affine = q.channels(), p.int8Affines()
	}
	decode := func(dst []float32, src []C, block int) { kernel.Dequantize(dst, src, affine.At(block)) }
	if p.Scheme.HasOffset() {
		grid := p.grids()
		decode = func(dst []float32, src []C, block int) {
			kernel.DequantizeGrid(dst, any(src).([]uint8), grid.At(block))
		}
	}
	for i, row := range rows {
		out, first := dst[i*width:][:width], row*width
		in := codes(first, first+width)
		blocks.Within(first, first+width, func(block, begin, end int) {
			decode(out[begin-first:end-first], in[begin-first:end-first], block)
		})
	}
}

// inBytes returns access to codes of which each takes a byte.
func inBytes[C kernel.Code](codes []C) func(begin, end int) []C {
	return func(begin, end int) []C { return codes[begin:end] }
}

// inStream returns access to codes of less than a byte. A call returns them in a buffer that the next call
// uses again; they may begin and end in the middle of a byte.
func inStream[C kernel.Code](q *QTensor) func(begin, end int) []C {
	const together = 8 // codes that begin with a byte
	var buffer []C
	stream, s := stored[uint8](q), q.params.Storage()
	return func(begin, end int) []C {
		first := begin / together * together
		buffer = slices.Grow(buffer[:0], end-first)[:end-first]
		kernel.UnpackBits(buffer, stream[s.bytes(first):s.bytes(end)], s.Bits())
		return buffer[begin-first:]
	}
}
