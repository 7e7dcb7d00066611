package qtensor

import (
	"strconv"

	"euryale/internal/kernel"
)

// Storage is the type that one quantized value is stored in.
//
// Values of b bits, 2 to 7, are a stream, the least significant bit first: value i has the bits i·b up to
// (i + 1)·b, where bit k is bit k mod 8 of byte k/8. So 8 values take b bytes, and of two 4-bit values in a
// byte the first is in the low half. The last byte is filled up with zeros.
type Storage uint8

const (
	// StorageInt8 is one byte in two's complement.
	StorageInt8 Storage = iota + 1
	// StorageUint8 is one unsigned byte.
	StorageUint8
	// StorageInt4 is 4 bits in two's complement, two to a byte.
	StorageInt4
	// StorageUint4 is 4 unsigned bits, two to a byte.
	StorageUint4
	// StorageFloat16 is an IEEE 754 binary16, two bytes.
	StorageFloat16
	// StorageBFloat16 is a bfloat16, two bytes: the upper half of a binary32.
	StorageBFloat16
	// StorageInt2 is 2 bits in two's complement.
	StorageInt2
	// StorageInt3 is 3 bits in two's complement.
	StorageInt3
	// StorageInt5 is 5 bits in two's complement.
	StorageInt5
	// StorageInt6 is 6 bits in two's complement.
	StorageInt6
	// StorageInt7 is 7 bits in two's complement.
	StorageInt7
	// StorageUint2 is 2 unsigned bits.
	StorageUint2
	// StorageUint3 is 3 unsigned bits.
	StorageUint3
	// StorageUint5 is 5 unsigned bits.
	StorageUint5
	// StorageUint6 is 6 unsigned bits.
	StorageUint6
	// StorageUint7 is 7 unsigned bits.
	StorageUint7
	// StorageFloat8E4M3FN is a float of 4 exponent and 3 mantissa bits, one byte.
	StorageFloat8E4M3FN
	// StorageFloat8E5M2 is a float of 5 exponent and 2 mantissa bits, one byte: the upper half of a float16.
	StorageFloat8E5M2
)

// storageKind is a type but for its bits.
type storageKind uint8

const (
	noKind storageKind = iota
	signedInt
	unsignedInt
	binary16
	upperHalf
	e4m3fn
	e5m2
)

// around returns what comes before and after the bits in the name of the type.
func (k storageKind) around() (prefix, suffix string) {
	names := [...][2]string{
		signedInt: {"int"}, unsignedInt: {"uint"}, binary16: {"float"}, upperHalf: {"bfloat"}, e4m3fn: {"float", "e4m3fn"}, e5m2: {"float", "e5m2"},
	}
	return names[k][0], names[k][1]
}

var storages = [...]struct {
	kind storageKind
	bits int
}{
	StorageInt8:     {signedInt, 8},
	StorageUint8:    {unsignedInt, 8},
	StorageInt4:     {signedInt, 4},
	StorageUint4:    {unsignedInt, 4},
	StorageFloat16:  {binary16, 16},
	StorageBFloat16: {upperHalf, 16},
	StorageInt2:     {signedInt, 2},
	StorageInt3:     {signedInt, 3},
	StorageInt5:     {signedInt, 5},
	StorageInt6:     {signedInt, 6},
	StorageInt7:     {signedInt, 7},
	StorageUint2:    {unsignedInt, 2},
	StorageUint3:    {unsignedInt, 3},
	StorageUint5:    {unsignedInt, 5},
	StorageUint6:    {unsignedInt, 6},
	StorageUint7:    {unsignedInt, 7},

	StorageFloat8E4M3FN: {e4m3fn, 8},
	StorageFloat8E5M2:   {e5m2, 8},
}

// storageOf returns the type of a kind with so many bits; 0 where there is none.
func storageOf(kind storageKind, bits int) Storage {
	for s, info := range storages {
		if kind != noKind && info.kind == kind && info.bits == bits {
			return Storage(s)
		}
	}
	return 0
}

// String returns a name such as "int8", "uint4", "bfloat16" or "float8e5m2"; "none" for 0, "unknown" for what is
// none of the constants.
func (s Storage) String() string {
	switch {
	case s == 0:
		return "none"
	case int(s) >= len(storages):
		return "unknown"
	}
	prefix, suffix := storages[s].kind.around()
	return prefix + strconv.Itoa(storages[s].bits) + suffix
}

// Bits returns the bits that a quantized value takes: 2 to 8 or 16; 0 for what is none of the constants.
func (s Storage) Bits() int {
	if int(s) >= len(storages) {
		return 0
	}
	return storages[s].bits
}

// IsSigned reports whether values are integers in two's complement.
func (s Storage) IsSigned() bool { return int(s) < len(storages) && storages[s].kind == signedInt }

// packed reports whether a value takes less than a byte.
func (s Storage) packed() bool { return s.Bits() > 0 && s.Bits() < 8 }

// bytes returns what n quantized values take.
func (s Storage) bytes(n int) int { return kernel.PackedBytes(n, s.Bits()) }
