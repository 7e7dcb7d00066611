// Package kernel holds the inner loops, over plain slices. The loops in Go are the specification: they say
// what every result is, bit for bit, on every architecture. The assembly beside them equals them; the module
// in _asm writes it, but for that of AMX.
//
// No loop leaves a product to be fused with a sum: an explicit conversion rounds it first, because the
// compiler may otherwise emit a fused multiply-add on some architectures and not on others. Products of float32
// are chains of fused multiply-adds by definition.
package kernel

//go:generate go run -C _asm . -isa avx2 -pkg kernel -out ../avx2_amd64.s -stubs ../avx2_amd64.go
//go:generate go run -C _asm . -isa avx512 -pkg kernel -out ../avx512_amd64.s -stubs ../avx512_amd64.go
//go:generate go run -C _asm . -isa float32-avx2 -pkg kernel -out ../float32_avx2_amd64.s -stubs ../float32_avx2_amd64.go
//go:generate go run -C _asm . -isa float32-avx512 -pkg kernel -out ../float32_avx512_amd64.s -stubs ../float32_avx512_amd64.go
