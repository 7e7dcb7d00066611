package convert

// Mask sets dst[i] = src[i] where low ≤ x[i] ≤ high of its block, and 0 elsewhere.
func Mask[T float32 | float64](dst, src []T, x []float32, b Blocks, low, high []float32) {
	if b = b.simplified(); b.columns() && b.Inner == 1 {
		maskColumns(dst, src, x, b, low, high)
		return
	}
	Share(len(x), func(begin, end int) {
		b.Within(begin, end, func(block, begin, end int) {
			least, most := low[block], high[block]
			dst, src := dst[begin:end], src[begin:end]
			for i, v := range x[begin:end] {
				var d T
				if v >= least && v <= most {
					d = src[i]
				}
				dst[i] = d
			}
		})
	})
}

// maskColumns works like Mask where neighbours are in different channels: the ends of a row lie side by side.
func maskColumns[T float32 | float64](dst, src []T, x []float32, b Blocks, low, high []float32) {
	groups := b.Groups()
	low, high = transposed(low, b.Channels, groups), transposed(high, b.Channels, groups)
	Share(len(x), func(begin, end int) {
		for begin < end {
			row, channel := begin/b.Channels, begin%b.Channels
			stop := min(begin+b.Channels-channel, end)
			first := row/b.Size*b.Channels + channel
			dst, src, x := dst[begin:stop], src[begin:stop], x[begin:stop]
			low, high := low[first:][:len(x)], high[first:][:len(x)]
			for i, v := range x {
				var d T
				if v >= low[i] && v <= high[i] {
					d = src[i]
				}
				dst[i] = d
			}
			begin = stop
		}
	})
}
