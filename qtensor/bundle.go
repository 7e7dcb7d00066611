package qtensor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"euryale/internal/convert"
	"euryale/internal/dense"
	"euryale/internal/half"
	"euryale/internal/safetensors"

	"gorgonia.org/tensor"
)

// Bundle is what a file holds, by name: quantized tensors, float32 and float64 tensors, and text.
//
// A file is in the safetensors format, and its arrays are named as in the compressed-tensors format, which
// packs them otherwise. A quantized tensor NAME becomes NAME.weight (I8, U8, F16, BF16, F8_E4M3 or F8_E5M2),
// or NAME.weight_packed (U8, one axis, a stream as Storage describes it) for 2 to 7 bits, and with it
//
//	NAME.weight_scale               F32, F16, or F8_E8M0 for MXFP4; (1), (channels) or (channels, groups)
//	NAME.weight_scale_multiplier    F32, of shape (1): Params.Multiplier, for F16 scales
//	NAME.weight_zero_point          U8, of the shape of the scale, for Affine, PowerOfTwo and UInt4
//	NAME.weight_offset              F32, of the shape of the scale, for Uniform
//	NAME.weight_min, .weight_max    F32, of the shape of the scale, where Params has Min and Max
//	NAME.weight_levels              I8, of shape (2^bits), for Codebook, whose scale is of shape (channels)
//	NAME.weight_group_multiplier    I8, of shape (channels, groups), for Codebook per group
//
// A float tensor is an array of its own name. The metadata has the entries of Meta, and under the key
// "euryale" the scheme and the shape of each quantized tensor, in JSON:
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
	arrays []array
}

// Save writes b to the file at path, which Open reads. It writes a temporary file in the same folder and
// renames it when it is complete: a failed Save leaves an existing file as it was. If the process is killed,
// the temporary file stays until the next Save to the same path. The new file has the mode of the one that it
// replaces, and its owner where the system permits that; a symbolic link is followed.
//
// Errors: those of Write; fs.ErrPermission for a read-only file; fs.ErrInvalid for anything but a regular
// file; those of the file system.
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

// Write writes to w what Save writes to a file. Equal bundles give equal bytes. Errors: ErrDtype, ErrLayout;
// ErrShape for an empty tensor; ErrFormat for a nil tensor, a name that is __metadata__ or not UTF-8, two
// names that would be one array, a header above 100 MB, the key "euryale" in Meta, and more than 65,535 other
// entries; fs.ErrInvalid for a nil w; those of w.
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
		if q == nil || q.valid() != nil {
			return nil, nil, fmt.Errorf("%w: got nil or the zero QTensor for %q, want a tensor", ErrFormat, name)
		}
		refs.Quantized[name] = tensorRef{Scheme: q.params.Scheme, Shape: q.shape}
		list = append(list, q.tensors(name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Float)) {
		if owner, taken := ownerOf(name, refs.Quantized); taken {
			return nil, nil, fmt.Errorf("%w: got a float tensor %q, want another name: this belongs to the quantized %q", ErrFormat, name, owner)
		}
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

// ownerOf returns the quantized tensor one of whose arrays has, or could have, the given name.
func ownerOf(name string, quantized map[string]tensorRef) (owner string, taken bool) {
	for _, s := range []suffix{ofCodes, ofPacked, ofScale, ofMultiplier, ofZeroPoint, ofOffset, ofMin, ofMax, ofLevels, ofGroups} {
		if base, ok := strings.CutSuffix(name, string(s)); ok {
			if _, taken := quantized[base]; taken {
				return base, true
			}
		}
	}
	return "", false
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
		err = fmt.Errorf("%w: got %v, want float32 or float64", ErrDtype, dense.TypeName(d.Dtype()))
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

// appendLE returns the little-endian bytes of a slice of numbers. The slice has elements of a fixed size, so
// there is no error.
func appendLE(data any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(err)
	}
	return b
}

// suffix names an array of a quantized tensor NAME: NAME + suffix.
type suffix string

const (
	ofCodes      suffix = ".weight"
	ofPacked     suffix = ".weight_packed"
	ofScale      suffix = ".weight_scale"
	ofMultiplier suffix = ".weight_scale_multiplier"
	ofZeroPoint  suffix = ".weight_zero_point"
	ofOffset     suffix = ".weight_offset"
	ofMin        suffix = ".weight_min"
	ofMax        suffix = ".weight_max"
	ofLevels     suffix = ".weight_levels"
	ofGroups     suffix = ".weight_group_multiplier"
)

// array is one of the arrays of a quantized tensor.
type array struct {
	suffix suffix
	dtype  safetensors.Dtype
	shape  []int
}

// arrays returns the arrays of a tensor of scheme s with the given shape and blocks, the quantized values
// first. ranged says whether the range that was seen is among them.
func arrays(s Scheme, shape []int, b convert.Blocks, ranged bool) []array {
	list := []array{codeArray(s, shape)}
	if !s.HasScales() {
		return list
	}
	perBlock := []int{b.Count()}
	if s.sharing == perGroup {
		perBlock = []int{b.Channels, b.Groups()}
	}
	add := func(wanted bool, suffix suffix, dtype safetensors.Dtype, shape []int) {
		if wanted {
			list = append(list, array{suffix, dtype, shape})
		}
	}
	if s.IsCodebook() {
		add(true, ofScale, safetensors.F32, []int{b.Channels})
		add(true, ofLevels, safetensors.I8, []int{1 << s.bits})
		add(s.sharing == perGroup, ofGroups, safetensors.I8, perBlock)
		return list
	}
	short := s.scales == ScaleFloat16
	add(s.scales == ScaleFloat32, ofScale, safetensors.F32, perBlock)
	add(s.scales == ScaleE8M0, ofScale, safetensors.F8E8M0, perBlock)
	add(short, ofScale, safetensors.F16, perBlock)
	add(short, ofMultiplier, safetensors.F32, []int{1})
	add(s.HasZeroPoint(), ofZeroPoint, safetensors.U8, perBlock)
	add(s.HasOffset(), ofOffset, safetensors.F32, perBlock)
	add(ranged, ofMin, safetensors.F32, perBlock)
	add(ranged, ofMax, safetensors.F32, perBlock)
	return list
}

func codeArray(s Scheme, shape []int) array {
	if s.Storage().packed() {
		return array{ofPacked, safetensors.U8, []int{s.Storage().bytes(tensor.Shape(shape).TotalSize())}}
	}
	return byteArray(s, shape)
}

// byteArray is codeArray for values that take a byte each, or two.
func byteArray(s Scheme, shape []int) array {
	dtype := map[storageKind]safetensors.Dtype{
		signedInt: safetensors.I8, unsignedInt: safetensors.U8, binary16: safetensors.F16, upperHalf: safetensors.BF16,
		e4m3fn: safetensors.F8E4M3, e5m2: safetensors.F8E5M2,
	}
	return array{ofCodes, dtype[s.method.info().kind], shape}
}

// tensors returns the arrays of q with their contents.
func (q *QTensor) tensors(name string) []safetensors.Tensor {
	var list []safetensors.Tensor
	for _, a := range arrays(q.params.Scheme, q.shape, q.blocks, len(q.params.Min) > 0) {
		list = append(list, safetensors.Tensor{Name: name + string(a.suffix), Dtype: a.dtype, Shape: a.shape, Data: appendLE(q.contents(a))})
	}
	return list
}

// contents returns the elements of an array.
func (q *QTensor) contents(a array) any {
	switch p := q.params; a.suffix {
	case ofScale:
		switch a.dtype {
		case safetensors.F16:
			return float16Scales(p)
		case safetensors.F8E8M0:
			return exponents(p.Scales)
		}
		return p.Scales
	case ofMultiplier:
		return []float32{p.Multiplier}
	case ofZeroPoint:
		zeros := make([]uint8, len(p.ZeroPoints))
		for i, z := range p.ZeroPoints {
			zeros[i] = uint8(z)
		}
		return zeros
	case ofOffset:
		return p.Offsets
	case ofMin:
		return p.Min
	case ofMax:
		return p.Max
	case ofLevels:
		return p.Levels
	case ofGroups:
		return p.GroupMultipliers
	default:
		return dense.Data(q.store)
	}
}

// float16Scales returns the scales as the float16 that Multiplier times them.
func float16Scales(p Params) []uint16 {
	codes := make([]uint16, len(p.Scales))
	for i, s := range p.Scales {
		codes[i] = half.Float16().Encode(float32(float64(s) / float64(p.Multiplier)))
	}
	return codes
}
