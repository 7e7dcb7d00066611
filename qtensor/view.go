package qtensor

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"unsafe"

	"euryale/internal/borrow"
	"euryale/internal/dense"

	"gorgonia.org/tensor"
)

// view calls use with a quantized tensor whose quantized values are the file's own, for reading until use
// returns.
func (f *File) view(name string, use func(q *QTensor) error) error {
	ref, err := f.ref(name)
	if err != nil {
		return err
	}
	q := &QTensor{shape: ref.Shape}
	if q.params, err = f.params(name, ref); err != nil {
		return err
	}
	if q.blocks, err = ref.Scheme.blocks(ref.Shape); err != nil {
		return err
	}
	var failed error
	err = f.container.Load(name+string(ref.arrays[0].suffix), func(raw []byte) {
		if q.store, failed = storeOf(raw, ref); failed == nil {
			failed = use(q)
		}
	})
	return cmp.Or(err, failed)
}

// storeOf returns the quantized values in raw, as QTensor has them.
func storeOf(raw []byte, ref tensorRef) (*tensor.Dense, error) {
	s := ref.Scheme.Storage()
	switch {
	case ref.arrays[0].suffix == ofPacked:
		used := tensor.Shape(ref.Shape).TotalSize() * s.Bits() % 8
		if last := raw[len(raw)-1] >> used; used > 0 && last != 0 {
			return nil, fmt.Errorf("%w: got bits %b after the last code, want zeros", ErrFormat, last)
		}
		return dense.New(raw, tensor.Shape{len(raw)}), nil
	case s.IsSigned():
		return checked(unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)), ref)
	case s.Bits() == 16:
		return checked(wordsOf(raw), ref)
	default:
		return checked(raw, ref)
	}
}

func checked[T int8 | uint8 | uint16](codes []T, ref tensorRef) (*tensor.Dense, error) {
	if err := checkCodes(ref.Scheme, codes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if s := ref.Scheme.Storage(); s.packed() {
		return packed(codes, s), nil
	}
	return dense.New(codes, ref.Shape), nil
}

// wordsOf returns little-endian words: in the same memory where the machine reads them there.
func wordsOf(raw []byte) []uint16 {
	at := unsafe.Pointer(unsafe.SliceData(raw))
	if uintptr(at)%2 == 0 && binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return unsafe.Slice((*uint16)(at), len(raw)/2)
	}
	words := make([]uint16, len(raw)/2)
	for i := range words {
		words[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return words
}

// codes returns the quantized values as they are stored: []int8, []uint8, which is a stream where a value takes
// less than a byte, or []uint16.
func (q *QTensor) codes() any {
	switch s := q.params.Storage(); {
	case s == StorageInt8:
		return stored[int8](q)
	case s.Bits() == 16:
		return stored[uint16](q)
	default:
		return stored[uint8](q)
	}
}

func init() {
	borrow.Provide(
		func(q any) any { return q.(*QTensor).codes() },
		func(file any, name string, use func(q any) error) error {
			if err := file.(*File).view(name, func(q *QTensor) error { return use(q) }); err != nil {
				return fmt.Errorf("qtensor: File.QTensor %q: %w", name, err)
			}
			return nil
		},
	)
}
