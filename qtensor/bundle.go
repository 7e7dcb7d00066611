package qtensor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/half"
	"euryale/internal/kernel"
	"euryale/internal/safetensors"

	"gorgonia.org/tensor"
)

// Bundle is what a file holds: quantized tensors, float32 and float64 tensors, and text, by name.
//
// A file is in the safetensors format, with the tensor names that other tools read. A quantized tensor NAME
// becomes NAME.weight (I8, U8, F16, BF16) or, for two codes a byte, NAME.weight_packed (U8, one
// dimension, the first code of a pair in the low half), with
//
//	NAME.weight_scale               F32 or F16, of shape (1), (kept) or (kept, groups)
//	NAME.weight_scale_multiplier    F32, (1), for F16 scales, which it multiplies
//	NAME.weight_zero_point          U8, as the scale, for Affine, PowerOfTwo and UInt4
//	NAME.weight_offset              F32, as the scale, for Uniform
//	NAME.weight_min, .weight_max    F32, as the scale, if the range is known
//
// A float tensor keeps its name. The scheme and shape of each quantized tensor are JSON under the key
// "euryale" of the file's metadata, beside the entries of Meta:
//
//	{"version": 1, "quantized": {"NAME": {"scheme": "int4/g32@1/f16", "shape": [784, 512]}}}
type Bundle struct {
	Quantized map[string]*QTensor
	Float     map[string]*tensor.Dense
	Meta      map[string]string
}

// metaKey is the key of the metadata that tells how to read the rest; Meta cannot have it.
const metaKey = "euryale"

const fileVersion = 1

type fileMeta struct {
	Version   int                  `json:"version"`
	Quantized map[string]tensorRef `json:"quantized"`
}

type tensorRef struct {
	Scheme Scheme `json:"scheme"`
	Shape  []int  `json:"shape"`
}

// Save writes b to a file, all or nothing: the bytes go to a temporary file in the same folder, which takes
// the name of the file when it is complete. A failed Save leaves an existing file as it was. Errors:
// those of Write, and of the file system.
func Save(path string, b Bundle) error {
	tensors, meta, err := b.tensors()
	if err == nil {
		err = safetensors.WriteFile(path, tensors, meta)
	}
	if err != nil {
		return fmt.Errorf("qtensor: Save %s: %w", path, err)
	}
	return nil
}

// Write writes the bytes of a file that holds b; equal bundles give equal bytes. Errors: ErrDtype, ErrLayout;
// ErrShape for an empty tensor; ErrFormat for names that collide or are not UTF-8, for a nil tensor and for
// "euryale" in Meta.
func Write(w io.Writer, b Bundle) error {
	tensors, meta, err := b.tensors()
	if err == nil {
		err = safetensors.Write(w, tensors, meta)
	}
	if err != nil {
		return fmt.Errorf("qtensor: Write: %w", err)
	}
	return nil
}

// tensors returns the contents of the file.
func (b Bundle) tensors() ([]safetensors.Tensor, map[string]string, error) {
	if _, taken := b.Meta[metaKey]; taken {
		return nil, nil, fmt.Errorf("%w: got Meta[%q], want that key free for the schemes", ErrFormat, metaKey)
	}
	var list []safetensors.Tensor
	refs := fileMeta{Version: fileVersion, Quantized: map[string]tensorRef{}}
	for _, name := range slices.Sorted(maps.Keys(b.Quantized)) {
		q := b.Quantized[name]
		if q == nil {
			return nil, nil, fmt.Errorf("%w: got nil for %q, want a tensor", ErrFormat, name)
		}
		refs.Quantized[name] = tensorRef{q.params.Scheme, q.shape}
		list = append(list, q.tensors(name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Float)) {
		t, err := floatTensor(name, b.Float[name])
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", name, err)
		}
		list = append(list, t)
	}
	text, err := json.Marshal(refs)
	if err != nil {
		return nil, nil, err
	}
	meta := map[string]string{metaKey: string(text)}
	maps.Copy(meta, b.Meta)
	return list, meta, nil
}

func floatTensor(name string, d *tensor.Dense) (safetensors.Tensor, error) {
	t := safetensors.Tensor{Name: name}
	if d == nil {
		return t, fmt.Errorf("%w: got nil, want a tensor", ErrFormat)
	}
	t.Shape = d.Shape()
	if d.Shape().TotalSize() == 0 {
		return t, fmt.Errorf("%w: got an empty tensor %v, want at least one element", ErrShape, d.Shape())
	}
	var err error
	switch d.Dtype() {
	case tensor.Float32:
		t.Dtype = safetensors.F32
		t.Data, err = littleEndian[float32](d)
	case tensor.Float64:
		t.Dtype = safetensors.F64
		t.Data, err = littleEndian[float64](d)
	default:
		err = fmt.Errorf("%w: got %v, want float32 or float64", ErrDtype, d.Dtype())
	}
	return t, err
}

func littleEndian[T any](d *tensor.Dense) ([]byte, error) {
	data, err := dense.Slice[T](d)
	if err != nil {
		return nil, err
	}
	return appendLE(data), nil
}

// appendLE returns the bytes of fixed-size values. Such a slice always has some, so there is no error.
func appendLE(data any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(err)
	}
	return b
}

// The names of the arrays of one quantized tensor.
const (
	suffixCodes      = ".weight"
	suffixPacked     = ".weight_packed"
	suffixScale      = ".weight_scale"
	suffixMultiplier = ".weight_scale_multiplier"
	suffixZeroPoint  = ".weight_zero_point"
	suffixOffset     = ".weight_offset"
	suffixMin        = ".weight_min"
	suffixMax        = ".weight_max"
)

// codeArray returns name, type and shape of the array that holds the codes.
func codeArray(name string, s Scheme, shape []int) (string, safetensors.Dtype, []int) {
	switch s.Storage() {
	case Int8:
		return name + suffixCodes, safetensors.I8, shape
	case Uint8:
		return name + suffixCodes, safetensors.U8, shape
	case Half:
		return name + suffixCodes, safetensors.F16, shape
	case BHalf:
		return name + suffixCodes, safetensors.BF16, shape
	default:
		n := tensor.Shape(shape).TotalSize()
		return name + suffixPacked, safetensors.U8, []int{n/2 + n%2}
	}
}

// paramShape returns the shape of the arrays that have one entry for each block.
func paramShape(s Scheme, b blocks) []int {
	if s.sharing == perGroup {
		return []int{b.kept, b.groups()}
	}
	return []int{b.count()}
}

// tensors returns the arrays of q.
func (q *QTensor) tensors(name string) []safetensors.Tensor {
	codes, dtype, shape := codeArray(name, q.params.Scheme, q.shape)
	list := []safetensors.Tensor{{Name: codes, Dtype: dtype, Shape: shape, Data: appendLE(q.store.Data())}}
	shape = paramShape(q.params.Scheme, q.blocks)
	add := func(suffix string, dtype safetensors.Dtype, shape []int, n int, data any) {
		if n > 0 {
			list = append(list, safetensors.Tensor{Name: name + suffix, Dtype: dtype, Shape: shape, Data: appendLE(data)})
		}
	}
	p := q.params
	if p.Scheme.scales == ScaleFloat16 {
		add(suffixScale, safetensors.F16, shape, len(p.Scales), halfScales(p))
		add(suffixMultiplier, safetensors.F32, []int{1}, 1, []float32{p.Multiplier})
	} else {
		add(suffixScale, safetensors.F32, shape, len(p.Scales), p.Scales)
	}
	zeros := make([]uint8, len(p.ZeroPoints))
	for i, z := range p.ZeroPoints {
		zeros[i] = uint8(z)
	}
	add(suffixZeroPoint, safetensors.U8, shape, len(zeros), zeros)
	add(suffixOffset, safetensors.F32, shape, len(p.Offsets), p.Offsets)
	add(suffixMin, safetensors.F32, shape, len(p.Min), p.Min)
	add(suffixMax, safetensors.F32, shape, len(p.Max), p.Max)
	return list
}

// halfScales returns the scales as the float16 that Multiplier times them.
func halfScales(p Params) []uint16 {
	codes := make([]uint16, len(p.Scales))
	for i, s := range p.Scales {
		codes[i] = half.Float16().Encode(float32(float64(s) / float64(p.Multiplier)))
	}
	return codes
}

// wholeScales undoes halfScales.
func wholeScales(codes []uint16, multiplier float32) []float32 {
	scales := make([]float32, len(codes))
	for i, c := range codes {
		scales[i] = float32(float64(half.Float16().Decode(c)) * float64(multiplier))
	}
	return scales
}

// unpackStored returns n codes of a packed array; the half byte behind an odd last one is zero.
func unpackStored(s Scheme, packed []uint8, n int) (*tensor.Dense, error) {
	if n%2 == 1 && packed[n/2]>>4 != 0 {
		return nil, fmt.Errorf("%w: got half byte %d behind the last code, want 0", ErrFormat, packed[n/2]>>4)
	}
	if s.signed() {
		codes := make([]int8, n)
		kernel.UnpackInt4(codes, packed)
		return dense.New(codes, tensor.Shape{n}), nil
	}
	codes := make([]uint8, n)
	kernel.UnpackUint4(codes, packed)
	return dense.New(codes, tensor.Shape{n}), nil
}

// checkedSize returns the product of a shape, or −1 where it has a negative or passes what an int holds.
func checkedSize(shape []int) int {
	size := 1
	for _, n := range shape {
		if n < 0 || n > 0 && size > math.MaxInt/n {
			return -1
		}
		size *= n
	}
	return size
}
