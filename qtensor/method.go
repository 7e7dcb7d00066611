package qtensor

// method is a mapping between real and quantized values.
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
	codebooks
	float8E4M3FN
	float8E5M2
	mxfp4
)

type methodInfo struct {
	name, title      string // in the text of a Scheme, and among the ten
	minBits, maxBits int
	kind             storageKind
	zeroPoint        bool
}

var methods = [...]methodInfo{
	uniform:    {"uniform", "Uniform", 2, 8, unsignedInt, false},
	symmetric:  {"symmetric", "Symmetric", 2, 8, signedInt, false},
	affine:     {"affine", "Affine", 2, 8, unsignedInt, true},
	powerOfTwo: {"poweroftwo", "PowerOfTwo", 2, 8, unsignedInt, true},
	int4:       {"int4", "Int4", 4, 4, signedInt, false},
	uint4:      {"uint4", "UInt4", 4, 4, unsignedInt, true},
	float16:    {"float16", "Float16", 16, 16, binary16, false},
	bfloat16:   {"bfloat16", "BFloat16", 16, 16, upperHalf, false},
	codebooks:  {"codebook", "Codebook", 2, 4, unsignedInt, false},

	float8E4M3FN: {"float8e4m3fn", "Float8E4M3FN", 8, 8, e4m3fn, false},
	float8E5M2:   {"float8e5m2", "Float8E5M2", 8, 8, e5m2, false},
	mxfp4:        {"mxfp4", "MXFP4", 4, 4, unsignedInt, false},
}

func (m method) info() methodInfo {
	if int(m) >= len(methods) {
		return methodInfo{}
	}
	return methods[m]
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
	// ScaleE8M0 stores scales as the exponent of a power of two, 2^(e − 127), in a byte. It is for MXFP4 alone,
	// which has no others.
	ScaleE8M0
)

// String returns "float32", "float16" or "e8m0"; "unknown" for others.
func (t ScaleType) String() string {
	switch t {
	case ScaleFloat32:
		return "float32"
	case ScaleFloat16:
		return "float16"
	case ScaleE8M0:
		return "e8m0"
	}
	return "unknown"
}

func (t ScaleType) bytes() int {
	switch t {
	case ScaleFloat16:
		return 2
	case ScaleE8M0:
		return 1
	}
	return 4
}
