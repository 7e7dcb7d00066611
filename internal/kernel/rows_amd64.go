//go:build !purego

package kernel

// rowsTile is the arguments of the assembly that moves rows, with strides in bytes.
type rowsTile struct {
	dst, src             *float32
	planes               int
	dstPlane, srcPlane   int
	rows                 int
	dstStride, srcStride int
	columns              int
	before               int // bytes of src in front of column 0, negative where src begins behind it
	last                 int32
	_                    int32
	begin                int32 // the position of column 0 in src: −Step·Left
	_                    int32
}

// moveRowsBy returns a kernel that takes steps of 1 and of 2 by assembly. Loads that a mask leaves out reach beyond src.
func moveRowsBy(byStep [2]asm) func(dst, src []float32, r *Rows) {
	return func(dst, src []float32, r *Rows) {
		if r.Step > len(byStep) || min(r.Planes, r.Rows, r.Columns) < 1 || r.Left >= r.Behind {
			moveRowsGeneric(dst, src, r)
			return
		}
		_ = dst[(r.Planes-1)*r.DstPlane+(r.Rows-1)*r.DstStride:][:r.Columns]
		last := r.Step * (r.Behind - r.Left - 1)
		_ = src[(r.Planes-1)*r.SrcPlane+(r.Rows-1)*r.SrcStride:][:last+1]
		_ = dst[:r.Columns][r.Left:r.Behind]
		t := rowsTile{
			dst: &dst[0], src: &src[0], planes: r.Planes, dstPlane: 4 * r.DstPlane, srcPlane: 4 * r.SrcPlane,
			rows: r.Rows, dstStride: 4 * r.DstStride, srcStride: 4 * r.SrcStride, columns: r.Columns,
			before: -4 * r.Step * r.Left, last: int32(last), begin: int32(-r.Step * r.Left),
		}
		byStep[r.Step-1](hidden(&t))
	}
}
