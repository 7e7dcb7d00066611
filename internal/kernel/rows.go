package kernel

// Rows are rows of planes that are copied to others: Planes planes, DstPlane and SrcPlane elements apart, of
// Rows rows, DstStride and SrcStride elements apart, of Columns columns. Column j is 0 below Left and from
// Behind on, and the element Step·(j − Left) of the row of src between them.
type Rows struct {
	Planes, DstPlane, SrcPlane int
	Rows, DstStride, SrcStride int
	Columns                    int
	Left, Behind, Step         int
}

// moveRowsGeneric copies rows from src to dst.
func moveRowsGeneric(dst, src []float32, r *Rows) {
	for i := range r.Planes * r.Rows {
		plane, row := i/r.Rows, i%r.Rows
		to := dst[plane*r.DstPlane+row*r.DstStride:][:r.Columns]
		clear(to[:r.Left])
		clear(to[r.Behind:])
		for j := range to[r.Left:r.Behind] {
			to[r.Left+j] = src[plane*r.SrcPlane+row*r.SrcStride+r.Step*j]
		}
	}
}
