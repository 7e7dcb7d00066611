//go:build !purego

package kernel

import "euryale/internal/isa"

// The kernels of AVX-512 with VNNI: products of bytes, and the output stage of most weights. The rest, which takes
// little of the time, is AVX2's.

var avx512Set = func() Set {
	s := avx2Set
	s.Tier, s.Wide = isa.AVX512VNNI, false
	s.Rows, s.Panels = 6*len(multiplyVNNITable), len(multiplyVNNITable[0])
	s.Rate = 400e9
	s.Multiply = multiplyInVNNI
	s.Direct = directBy(directAVX512)
	s.DirectWide = directWideBy(directWide1AVX512, directWide2AVX512, directWide3AVX512)
	return s
}()

var multiplyVNNITable = [...][3]func(c *int32, a *uint8, lda int, b *int8, ldb, steps int){
	{multiplyU8R1P1VNNI, multiplyU8R1P2VNNI, multiplyU8R1P3VNNI},
	{multiplyU8R2P1VNNI, multiplyU8R2P2VNNI, multiplyU8R2P3VNNI},
	{multiplyU8R3P1VNNI, multiplyU8R3P2VNNI, multiplyU8R3P3VNNI},
	{multiplyU8R4P1VNNI, multiplyU8R4P2VNNI, multiplyU8R4P3VNNI},
	{multiplyU8R5P1VNNI, multiplyU8R5P2VNNI, multiplyU8R5P3VNNI},
	{multiplyU8R6P1VNNI, multiplyU8R6P2VNNI, multiplyU8R6P3VNNI},
	{multiplyU8R7P1VNNI, multiplyU8R7P2VNNI, multiplyU8R7P3VNNI},
	{multiplyU8R8P1VNNI, multiplyU8R8P2VNNI, multiplyU8R8P3VNNI},
}

// multiplyInVNNI takes any number of rows, as many at a time as there are registers for.
func multiplyInVNNI(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	const most = len(multiplyVNNITable)
	checkMultiply(c, a, lda, b, ldb, steps, rows, panels)
	for ; rows > most; rows -= most {
		multiplyVNNITable[most-1][panels-1](&c[0], &a[0], lda, &b[0], ldb, steps)
		c, a = c[most*panels*PanelColumns:], a[most*lda:]
	}
	multiplyVNNITable[rows-1][panels-1](&c[0], &a[0], lda, &b[0], ldb, steps)
}

// checkMultiply panics where lengths of byte operands do not go together, a bug of the caller.
func checkMultiply(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	if steps < 1 || rows < 1 || panels < 1 || len(c) < rows*panels*PanelColumns || len(a) < (rows-1)*lda+steps*StepDepth || len(b) < (panels-1)*ldb+steps*StepBytes {
		panic("kernel: Multiply: lengths do not go together")
	}
}
