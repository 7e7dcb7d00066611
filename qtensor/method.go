package qtensor

// method is a mapping between real and quantized values. The ten names are these eight, two of them also per
// channel.
type method uint8

const (
	noMethod method = iota
	uniform
	symmetric
	affine
	powerOfTwo
	int4
	uint4
	float16
	bfloat16
)

type methodInfo struct {
	name, title      string // in the text of a Scheme, and among the ten
	minBits, maxBits int
	storage          Storage
	zeroPoint        bool
}

var methods = [...]methodInfo{
	uniform:    {"uniform", "Uniform", 2, 8, StorageUint8, false},
	symmetric:  {"symmetric", "Symmetric", 2, 8, StorageInt8, false},
	affine:     {"affine", "Affine", 2, 8, StorageUint8, true},
	powerOfTwo: {"poweroftwo", "PowerOfTwo", 2, 8, StorageUint8, true},
	int4:       {"int4", "Int4", 4, 4, StorageInt4, false},
	uint4:      {"uint4", "UInt4", 4, 4, StorageUint4, true},
	float16:    {"float16", "Float16", 16, 16, StorageFloat16, false},
	bfloat16:   {"bfloat16", "BFloat16", 16, 16, StorageBFloat16, false},
}

func (m method) info() methodInfo {
	if int(m) >= len(methods) {
		return methodInfo{}
	}
	return methods[m]
}

// Storage is the type that one quantized value is stored in.
type Storage uint8

const (
	// StorageInt8 is one byte in two's complement.
	StorageInt8 Storage = iota + 1
	// StorageUint8 is one unsigned byte.
	StorageUint8
	// StorageInt4 is 4 bits in two's complement, two to a byte, the first in the low nibble.
	StorageInt4
	// StorageUint4 is 4 bits, two to a byte, the first in the low nibble.
	StorageUint4
	// StorageFloat16 is an IEEE 754 binary16, two bytes.
	StorageFloat16
	// StorageBFloat16 is a bfloat16, two bytes: the upper half of a binary32.
	StorageBFloat16
)

var storages = [...]struct {
	name string
	bits int
}{
	0:               {"none", 0},
	StorageInt8:     {"int8", 8},
	StorageUint8:    {"uint8", 8},
	StorageInt4:     {"int4", 4},
	StorageUint4:    {"uint4", 4},
	StorageFloat16:  {"float16", 16},
	StorageBFloat16: {"bfloat16", 16},
}

// String returns "int8", "uint8", "int4", "uint4", "float16" or "bfloat16"; "none" for 0, "unknown" for
// others.
func (s Storage) String() string {
	if int(s) >= len(storages) {
		return "unknown"
	}
	return storages[s].name
}

// Bits returns the bits that a quantized value takes: 4, 8 or 16; 0 for what is none of the constants.
func (s Storage) Bits() int {
	if int(s) >= len(storages) {
		return 0
	}
	return storages[s].bits
}

// bytes returns what n quantized values take.
func (s Storage) bytes(n int) int {
	return n/2*(s.Bits()/4) + n%2*((s.Bits()+7)/8)
}

// ScaleType is the type that scales are stored in. A scale is rounded to it before anything is quantized with
// it, so a file, Dequantize and the layers of package ops all have the same scale.
type ScaleType uint8

const (
	// ScaleFloat32 stores scales as float32. It is the default.
	ScaleFloat32 ScaleType = iota
	// ScaleFloat16 stores scales as float16, each times Params.Multiplier, a power of two for the whole
	// tensor.
	ScaleFloat16
)

// String returns "float32" or "float16"; "unknown" for others.
func (t ScaleType) String() string {
	switch t {
	case ScaleFloat32:
		return "float32"
	case ScaleFloat16:
		return "float16"
	}
	return "unknown"
}

func (t ScaleType) bytes() int {
	if t == ScaleFloat16 {
		return 2
	}
	return 4
}
