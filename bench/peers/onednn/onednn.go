// Package onednn runs primitives of oneDNN 2 through its C API. Operands are copied into oneDNN's own memory,
// weights into the layout that it likes best; running touches no memory of Go.
package onednn

/*
#cgo CFLAGS: -O2 -fopenmp
#cgo LDFLAGS: -ldnnl -fopenmp
#include <stdlib.h>
#include "peer.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// ErrUnsupported reports an operation that oneDNN has no code for on this processor, or
// under ONEDNN_MAX_CPU_ISA.
var ErrUnsupported = errors.New("unsupported")

// Primitive is an operation with its operands. It belongs to one goroutine at a time.
type Primitive struct {
	p     *C.peer
	count int // elements of the output
}

// Version returns oneDNN's version and the instruction set that it may use.
func Version() string {
	v := C.dnnl_version()
	return fmt.Sprintf("%d.%d.%d, %s", v.major, v.minor, v.patch, isa(C.dnnl_get_effective_cpu_isa()))
}

func isa(i C.dnnl_cpu_isa_t) string {
	names := map[C.dnnl_cpu_isa_t]string{
		C.dnnl_cpu_isa_sse41: "SSE41", C.dnnl_cpu_isa_avx: "AVX", C.dnnl_cpu_isa_avx2: "AVX2",
		C.dnnl_cpu_isa_avx2_vnni: "AVX2_VNNI", C.dnnl_cpu_isa_avx512_core: "AVX512_CORE",
		C.dnnl_cpu_isa_avx512_core_vnni: "AVX512_CORE_VNNI", C.dnnl_cpu_isa_avx512_core_bf16: "AVX512_CORE_BF16",
		C.dnnl_cpu_isa_avx512_core_amx: "AVX512_CORE_AMX",
	}
	if name, known := names[i]; known {
		return name
	}
	return fmt.Sprintf("instruction set %#x", uint32(i))
}

// Size is of a product: x is M×K, w K×N, both row-major.
type Size struct{ M, K, N int }

// MatMulU8S8 makes y[i][j] = scales[j]·Σ x[i][p]·w[p][j] in float32, with sums of 32 bits.
func MatMulU8S8(s Size, x []uint8, w []int8, scales []float32, threads int) (*Primitive, error) {
	if len(scales) != s.N {
		panic(fmt.Sprintf("onednn: MatMulU8S8: got %d scales, want %d", len(scales), s.N))
	}
	return matMul(s, C.dnnl_u8, x, C.dnnl_s8, w, unsafe.SliceData(scales), threads)
}

// MatMulF32 makes y = x·w.
func MatMulF32(s Size, x, w []float32, threads int) (*Primitive, error) {
	return matMul(s, C.dnnl_f32, x, C.dnnl_f32, w, nil, threads)
}

// MatMulBF16 makes y = x·w in float32 for operands in bfloat16.
func MatMulBF16(s Size, x, w []uint16, threads int) (*Primitive, error) {
	return matMul(s, C.dnnl_bf16, x, C.dnnl_bf16, w, nil, threads)
}

func matMul[X, W any](s Size, xType C.dnnl_data_type_t, x []X, wType C.dnnl_data_type_t, w []W, scales *float32,
	threads int,
) (*Primitive, error) {
	if len(x) != s.M*s.K || len(w) != s.K*s.N {
		panic(fmt.Sprintf("onednn: matMul: got %d and %d elements for %+v", len(x), len(w), s))
	}
	p := alloc(s.M * s.N)
	return p.made("matmul", C.peer_matmul(p.p, C.int(threads), C.dnnl_dim_t(s.M), C.dnnl_dim_t(s.K), C.dnnl_dim_t(s.N),
		xType, unsafe.Pointer(unsafe.SliceData(x)), wType, unsafe.Pointer(unsafe.SliceData(w)), (*C.float)(scales)))
}

// Quantize makes q = x/scale + zero, rounded and saturated to uint8.
func Quantize(x []float32, scale float32, zero int32, threads int) (*Primitive, error) {
	p := alloc(len(x))
	return p.made("reorder", C.peer_convert(p.p, C.int(threads), C.dnnl_dim_t(len(x)),
		C.dnnl_f32, unsafe.Pointer(unsafe.SliceData(x)), 0, C.dnnl_u8, C.int32_t(zero), C.float(1/scale)))
}

// Dequantize makes y = scale·(q − zero) in float32.
func Dequantize(q []uint8, scale float32, zero int32, threads int) (*Primitive, error) {
	p := alloc(len(q))
	return p.made("reorder", C.peer_convert(p.p, C.int(threads), C.dnnl_dim_t(len(q)),
		C.dnnl_u8, unsafe.Pointer(unsafe.SliceData(q)), C.int32_t(zero), C.dnnl_f32, 0, C.float(scale)))
}

func alloc(count int) *Primitive {
	return &Primitive{p: (*C.peer)(C.calloc(1, C.sizeof_peer)), count: count}
}

// made returns p, or frees it where it could not be made.
func (p *Primitive) made(what string, status C.dnnl_status_t) (*Primitive, error) {
	err := failure(what, status)
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func failure(what string, status C.dnnl_status_t) error {
	switch status {
	case C.dnnl_success:
		return nil
	case C.dnnl_unimplemented:
		return fmt.Errorf("onednn: %s: %w", what, ErrUnsupported)
	}
	return fmt.Errorf("onednn: %s: got status %d", what, status)
}

// Run executes p once.
func (p *Primitive) Run() error { return failure("execute", C.peer_run(p.p)) }

// Kernel returns oneDNN's name of the code that runs.
func (p *Primitive) Kernel() string { return C.GoString(C.peer_kernel(p.p)) }

// Output returns a copy of what p made, T being its type.
func Output[T float32 | uint8](p *Primitive) []T {
	return append([]T(nil), unsafe.Slice((*T)(C.peer_output(p.p)), p.count)...)
}

// Close frees p.
func (p *Primitive) Close() {
	C.peer_free(p.p)
	C.free(unsafe.Pointer(p.p))
	p.p = nil
}
