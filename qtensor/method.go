package qtensor

// method is a mapping between numbers and codes. The ten names are these eight, two of them also per
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
	uniform:    {"uniform", "Uniform", 2, 8, Uint8, false},
	symmetric:  {"symmetric", "Symmetric", 2, 8, Int8, false},
	affine:     {"affine", "Affine", 2, 8, Uint8, true},
	powerOfTwo: {"poweroftwo", "PowerOfTwo", 2, 8, Uint8, true},
	int4:       {"int4", "Int4", 4, 4, PackedInt4, false},
	uint4:      {"uint4", "UInt4", 4, 4, PackedUint4, true},
	float16:    {"float16", "Float16", 16, 16, Half, false},
	bfloat16:   {"bfloat16", "BFloat16", 16, 16, BHalf, false},
}

func (m method) info() methodInfo {
	if int(m) >= len(methods) {
		return methodInfo{}
	}
	return methods[m]
}

// Storage is what a code is stored as.
type Storage uint8

const (
	// Int8 is one signed byte.
	Int8 Storage = iota + 1
	// Uint8 is one unsigned byte.
	Uint8
	// PackedInt4 is half a byte in two's complement, the first code of a pair in the low half.
	PackedInt4
	// PackedUint4 is half a byte, the first code of a pair in the low half.
	PackedUint4
	// Half is the two bytes of an IEEE 754 binary16.
	Half
	// BHalf is the two bytes of a bfloat16.
	BHalf
)

var storages = [...]struct {
	name string
	bits int
}{
	0:           {"none", 0},
	Int8:        {"int8", 8},
	Uint8:       {"uint8", 8},
	PackedInt4:  {"int4", 4},
	PackedUint4: {"uint4", 4},
	Half:        {"float16", 16},
	BHalf:       {"bfloat16", 16},
}

// String returns "int8", "uint8", "int4", "uint4", "float16" or "bfloat16"; "none" for 0, "unknown" for
// others.
func (s Storage) String() string {
	if int(s) >= len(storages) {
		return "unknown"
	}
	return storages[s].name
}

// Bits returns the bits that a code takes: 4, 8 or 16; 0 for what is none of the constants.
func (s Storage) Bits() int {
	if int(s) >= len(storages) {
		return 0
	}
	return storages[s].bits
}

// bytes returns what n codes take.
func (s Storage) bytes(n int) int {
	return n/2*(s.Bits()/4) + n%2*((s.Bits()+7)/8)
}

// ScaleType is what a scale is stored as. A scale is rounded to it before codes are chosen, so what is
// stored, dequantized and multiplied is one number.
type ScaleType uint8

const (
	// ScaleFloat32 stores scales as float32.
	ScaleFloat32 ScaleType = iota
	// ScaleFloat16 stores scales as float16 beside one power of two for the tensor, Params.Multiplier.
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
