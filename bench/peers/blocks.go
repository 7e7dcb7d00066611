package main

import (
	"math"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onnx"
)

// blocks is a weight as MatMulNBits has it: r = scale·(q − 2^(bits−1)), with a scale for each block of size
// in depth. What fills up the last block of a column stands for 0.
type blocks struct {
	bits, size, k, n, inColumn int
	codes                      []uint8   // [n][inColumn][size], several to a byte, the first one lowest
	scales                     []float32 // [n][inColumn]
}

// newBlocks returns W in blocks of at most 128: q = round(x/scale) + 2^(bits−1), halves away from 0, saturated,
// by the scale of a block of column j in which extreme is the element of the largest magnitude.
func newBlocks(o *workload.Operands, bits, size int, scale func(j int, extreme float32) float32) *blocks {
	inColumn := (o.K + size - 1) / size
	b := &blocks{
		bits: bits, size: size, k: o.K, n: o.N, inColumn: inColumn,
		codes: make([]uint8, o.N*inColumn*size*bits/8), scales: make([]float32, o.N*inColumn),
	}
	zero := float32(int(1) << (bits - 1))
	for g := range inColumn {
		for j := range o.N {
			var x [128]float32
			var extreme float32
			for i := range min(size, o.K-g*size) {
				if x[i] = o.Scales[j] * float32(o.W[(g*size+i)*o.N+j]); max(x[i], -x[i]) > max(extreme, -extreme) {
					extreme = x[i]
				}
			}
			at := j*inColumn + g
			s := scale(j, extreme)
			b.scales[at] = s
			for i := range size {
				q := zero
				if s != 0 {
					q += float32(math.Round(float64(x[i] / s)))
				}
				code := uint8(min(max(q, 0), 2*zero-1))
				b.codes[(at*size+i)*bits/8] |= code << (i * bits % 8)
			}
		}
	}
	return b
}

// ofColumns quantizes to 8 bits with the scale of the column for every block.
func ofColumns(o *workload.Operands) *blocks {
	return newBlocks(o, 8, 32, func(j int, _ float32) float32 { return o.Scales[j] })
}

// absmax quantizes as ONNX Runtime's own tool does: the extreme of a block becomes −2^(bits−1).
func absmax(bits, size int) func(*workload.Operands) *blocks {
	return func(o *workload.Operands) *blocks {
		return newBlocks(o, bits, size, func(_ int, extreme float32) float32 { return -extreme / float32(int(1)<<(bits-1)) })
	}
}

// column sets w to a column.
func (b *blocks) column(j int, w []float64) {
	zero, mask := 1<<(b.bits-1), uint8(1<<b.bits-1)
	for p := range w {
		at := j*b.inColumn*b.size + p
		q := b.codes[at*b.bits/8] >> (at * b.bits % 8) & mask
		w[p] = float64(b.scales[j*b.inColumn+p/b.size]) * float64(int(q)-zero)
	}
}

// The arithmetic that MatMulNBits may use, as its accuracy_level.
const (
	computeFloat = 1
	computeInt8  = 4
)

// lookUp has MatMulNBits look sums of 2-bit weights up in tables.
var lookUp = [2]string{"mlas.use_lut_gemm", "1"}

// ortBlocks multiplies by blocks, which may be shown aside.
func ortBlocks(name string, of func(*workload.Operands) *blocks, accuracy int, aside bool, config ...[2]string) entrant[*workload.Operands] {
	return func(o *workload.Operands, threads int) (duel.Contender, error) {
		b := of(o)
		c, err := session(o, threads, operator{
			name: name, domain: onnx.Microsoft, op: "MatMulNBits", aside: aside, config: config,
			ints: []onnx.Int{
				{Name: "K", Value: o.K},
				{Name: "N", Value: o.N},
				{Name: "bits", Value: b.bits},
				{Name: "block_size", Value: b.size},
				{Name: "accuracy_level", Value: accuracy},
			},
			constants: []onnx.Tensor{
				constant("w", b.codes, o.N, b.inColumn, b.size*b.bits/8),
				constant("scales", b.scales, o.N, b.inColumn),
			},
		}, o.X, itself)
		c.Own = duel.WeightProduct(o, b.column)
		return c, err
	}
}

// blockPeers returns who multiplies by weights of as many bits in blocks of the same size: for 3 bits nobody.
// Where ours takes the activations as they are, whoever makes them int8 is shown aside.
func blockPeers(f workload.Format, a workload.Arithmetic) []entrant[*workload.Operands] {
	of, aside := absmax(f.Scheme.Bits(), f.Scheme.GroupSize()), a.Bits > 8
	switch f.Scheme.Bits() {
	case 4:
		return []entrant[*workload.Operands]{
			ortBlocks("w4 f32", of, computeFloat, false), ortBlocks("w4 int8", of, computeInt8, aside),
		}
	case 2:
		return []entrant[*workload.Operands]{
			ortBlocks("w2 f32", of, computeFloat, false), ortBlocks("w2 int8", of, computeInt8, aside),
			ortBlocks("w2 table", of, computeInt8, aside, lookUp),
		}
	}
	return nil
}
