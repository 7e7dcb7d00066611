package kernel

// The output stage turns tiles of integer sums into float32. A tile is rows×columns, row-major and dense; a
// vector per row has length rows, one per column has length columns, a multiple of 16. Each product and each
// sum is rounded.

// correctGeneric sets c[i][j] −= u[i]·v[j], modulo 2^32 in integers.
func correctGeneric[T int32 | float64](c, u []T, v []int32) {
	for i, x := range u {
		row := c[i*len(v):][:len(v)]
		for j, y := range v {
			row[j] -= T(x * T(y))
		}
	}
}

// accumulateGeneric sets d[i] += weight·c[i].
func accumulateGeneric(d []float64, c []int32, weight float64) {
	d = d[:len(c)]
	for i, x := range c {
		d[i] += float64(weight * float64(x))
	}
}

// scaleGeneric sets s[i][j] += scales[j]·c[i][j], with c rounded to T.
func scaleGeneric[T float32 | float64, C int32 | float64](s []T, c []C, scales []float32) {
	n := len(scales)
	for ; len(c) >= n; s, c = s[n:], c[n:] {
		for j, y := range scales {
			s[j] += T(T(y) * T(c[j]))
		}
	}
}

// ScaleRounded sets s[i][j] += scales[j]·d[i][j], with the integers d rounded to float32: what Set.Scale does, for
// sums that an int32 does not hold.
func ScaleRounded(s []float32, d []float64, scales []float32) { scaleGeneric(s, d, scales) }

// offsetGeneric sets s[i][j] += u[i]·v[j].
func offsetGeneric[T float32 | float64](s, u []T, v []float32) {
	for i, x := range u {
		row := s[i*len(v):][:len(v)]
		for j, y := range v {
			row[j] += T(x * T(y))
		}
	}
}

// finishGeneric sets dst[i][j] = max(float32(s[i][j]·r[i]) + bias[j], floor), with rows of dst stride apart. A NaN
// stays one, and −0 becomes 0.
func finishGeneric[T float32 | float64](dst []float32, stride int, s, r []T, bias []float32, floor float32) {
	n := len(bias)
	for i, scale := range r {
		row := dst[i*stride:][:n]
		for j, b := range bias {
			row[j] = max(float32(T(s[i*n+j]*scale))+b, floor) + 0
		}
	}
}

// turnGeneric sets dst[j·stride + i] = src[i·n + j] for the given numbers of columns j and rows i.
func turnGeneric[T float32 | uint8](dst []T, stride int, src []T, n, columns, rows int) {
	for j := range columns {
		to := dst[j*stride:][:rows]
		for i := range to {
			to[i] = src[i*n+j]
		}
	}
}
