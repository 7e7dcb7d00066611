//go:build !purego

package kernel

// Assembly for the output stage in one walk, with strides in bytes; that of a fixed point is for a number of planes.
type (
	directAsm     func(dst *float32, stride int, c, u, v *int32, scales, r, bias *float32, floor float32, rows, columns int)
	directWideAsm func(dst *float32, stride int, c *int32, base float64, u *float64, v *int32, scales *float32, r *float64, bias *float32, floor float32, rows, columns int)
)

// directBy returns Set.Direct by assembly.
func directBy(asm directAsm) func(dst []float32, stride int, c, u, v []int32, scales, r, bias []float32, floor float32) {
	return func(dst []float32, stride int, c, u, v []int32, scales, r, bias []float32, floor float32) {
		rows, columns := len(u), len(v)
		checkDirect(dst, stride, c, rows, columns, 1, len(r), len(scales), len(bias))
		asm(&dst[0], 4*stride, &c[0], &u[0], &v[0], &scales[0], &r[0], &bias[0], floor, rows, columns)
	}
}

// directWideBy returns Set.DirectWide by assembly for 1 plane, 2 planes and so on.
func directWideBy(asm ...directWideAsm) func(dst []float32, stride int, c []int32, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32) {
	return func(dst []float32, stride int, c []int32, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32) {
		rows, columns := len(u), len(v)
		checkDirect(dst, stride, c, rows, columns, planes, len(r), len(scales), len(bias))
		asm[planes-1](&dst[0], 4*stride, &c[0], base, &u[0], &v[0], &scales[0], &r[0], &bias[0], floor, rows, columns)
	}
}

// checkDirect panics where lengths do not go together, a bug of the caller.
func checkDirect(dst []float32, stride int, c []int32, rows, columns, planes, r, scales, bias int) {
	if r < rows || scales < columns || bias < columns || len(c) < planes*rows*columns || len(dst) < (rows-1)*stride+columns {
		panic("kernel: Direct: lengths do not go together")
	}
}
