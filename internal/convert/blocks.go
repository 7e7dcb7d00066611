package convert

// Blocks says which elements of a tensor share parameters. The tensor is (Outer, Channels, Inner) in row-major order;
// the elements that share a channel, its row of Outer·Inner elements in order, are cut into groups of Size, the last
// of which may be shorter. A block is a group of a channel. Blocks are ordered [channel][group].
type Blocks struct {
	Outer, Channels, Inner int
	Size                   int
}

// One returns the block of n elements.
func One(n int) Blocks { return Blocks{Outer: 1, Channels: 1, Inner: n, Size: n} }

// PerAxis returns the blocks of a tensor of the given shape, with at least one element, for the channels of an axis.
// A channel is one block where size is 0, and is cut into groups of size otherwise.
func PerAxis(shape []int, axis, size int) Blocks {
	b := Blocks{Outer: 1, Channels: shape[axis], Inner: 1}
	for _, n := range shape[:axis] {
		b.Outer *= n
	}
	for _, n := range shape[axis+1:] {
		b.Inner *= n
	}
	b.Size = b.row()
	if size > 0 {
		b.Size = min(b.Size, size)
	}
	return b
}

// row returns the number of elements of a channel.
func (b Blocks) row() int { return b.Outer * b.Inner }

// Groups returns the number of groups of a channel.
func (b Blocks) Groups() int { return (b.row()-1)/b.Size + 1 }

// Count returns the number of blocks.
func (b Blocks) Count() int { return b.Channels * b.Groups() }

// simplified returns blocks of the same elements and numbers with longer lines, where there are such.
func (b Blocks) simplified() Blocks {
	switch {
	case b.Outer == 1 && b.Inner%b.Size == 0:
		return Blocks{Outer: 1, Channels: 1, Inner: b.Channels * b.Inner, Size: b.Size}
	case b.Channels == 1:
		return Blocks{Outer: 1, Channels: 1, Inner: b.row(), Size: b.Size}
	}
	return b
}

// Within cuts the elements from begin up to end of a slice in row-major order where the block changes, and calls do
// with the block and the range of each segment.
func (b Blocks) Within(begin, end int, do func(block, begin, end int)) {
	b.runs(begin, end, func(block, count, begin, end int) {
		size := (end - begin) / count
		for i := range count {
			do(block+i, begin+i*size, begin+(i+1)*size)
		}
	})
}

// runs cuts the elements from begin up to end of a slice in row-major order into runs, and calls do with the first block
// and the range of each: a number of whole blocks of Size, or a part of one.
func (b Blocks) runs(begin, end int, do func(block, count, begin, end int)) {
	groups := b.Groups()
	for begin < end {
		line, i := begin/b.Inner, begin%b.Inner // line is (outer, channel)
		stop := min(begin+b.Inner-i, end)
		b.cut(line%b.Channels*groups, line/b.Channels*b.Inner+i, begin, stop, do)
		begin = stop
	}
}

// cut cuts elements of one channel, of which the first block is given and the place in its row, into runs.
func (b Blocks) cut(first, at, begin, end int, do func(block, count, begin, end int)) {
	block := first + at/b.Size
	for left := b.Size - at%b.Size; begin < end; left = b.Size {
		count, stop := 1, min(begin+left, end)
		if left == b.Size && stop < end {
			count = (end - begin) / b.Size
			stop = begin + count*b.Size
		}
		do(block, count, begin, stop)
		begin = stop
		block += count
	}
}
