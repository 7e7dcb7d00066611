package kernel

// The output stage turns tiles of integer sums into float32. A tile is rows×columns, row-major and dense; a
// vector per row has length rows, one per column has length columns, a multiple of 16. Each product and each
// sum is rounded.

// correctGeneric sets c[i][j] −= u[i]·v[j], modulo 2^32.
func correctGeneric(c, u, v []int32) {
	for i, x := range u {
		row := c[i*len(v):][:len(v)]
		for j, y := range v {
			row[j] -= x * y
		}
	}
}

// correctWideGeneric sets d[i][j] −= u[i]·v[j].
func correctWideGeneric(d, u []float64, v []int32) {
	for i, x := range u {
		row := d[i*len(v):][:len(v)]
		for j, y := range v {
			row[j] -= float64(x * float64(y))
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

// scaleGeneric sets s[i][j] += scales[j]·c[i][j], with c rounded to float32.
func scaleGeneric(s []float32, c []int32, scales []float32) {
	n := len(scales)
	for ; len(c) >= n; s, c = s[n:], c[n:] {
		for j, y := range scales {
			s[j] += float32(y * float32(c[j]))
		}
	}
}

// scaleWideGeneric sets s[i][j] += scales[j]·d[i][j].
func scaleWideGeneric(s, d []float64, scales []float32) {
	n := len(scales)
	for ; len(d) >= n; s, d = s[n:], d[n:] {
		for j, y := range scales {
			s[j] += float64(float64(y) * d[j])
		}
	}
}

// offsetGeneric sets s[i][j] += u[i]·v[j].
func offsetGeneric(s, u, v []float32) {
	for i, x := range u {
		row := s[i*len(v):][:len(v)]
		for j, y := range v {
			row[j] += float32(x * y)
		}
	}
}

// offsetWideGeneric sets s[i][j] += u[i]·v[j].
func offsetWideGeneric(s, u []float64, v []float32) {
	for i, x := range u {
		row := s[i*len(v):][:len(v)]
		for j, y := range v {
			row[j] += float64(x * float64(y))
		}
	}
}

// finishGeneric sets dst[i][j] = max(s[i][j]·r[i] + bias[j], floor), with rows of dst stride apart. A NaN
// stays one, and −0 becomes 0.
func finishGeneric(dst []float32, stride int, s, r, bias []float32, floor float32) {
	n := len(bias)
	for i, scale := range r {
		row := dst[i*stride:][:n]
		for j, b := range bias {
			row[j] = max(float32(s[i*n+j]*scale)+b, floor) + 0
		}
	}
}

// finishWideGeneric sets dst[i][j] = max(float32(s[i][j]·r[i]) + bias[j], floor), with rows of dst stride apart.
// A NaN stays one, and −0 becomes 0.
func finishWideGeneric(dst []float32, stride int, s, r []float64, bias []float32, floor float32) {
	n := len(bias)
	for i, scale := range r {
		row := dst[i*stride:][:n]
		for j, b := range bias {
			row[j] = max(float32(s[i*n+j]*scale)+b, floor) + 0
		}
	}
}

// ScaleRounded sets s[i][j] += scales[j]·d[i][j], with the integers d rounded to float32: what Scale does, for
// sums that an int32 does not hold.
func ScaleRounded(s []float32, d []float64, scales []float32) {
	n := len(scales)
	for ; len(d) >= n; s, d = s[n:], d[n:] {
		for j, y := range scales {
			s[j] += float32(y * float32(d[j]))
		}
	}
}
