package qtensor

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"euryale/internal/dense"
	"euryale/internal/safetensors"
	"euryale/internal/strictjson"

	"gorgonia.org/tensor"
)

// File is an open file of tensors, read one at a time. It is safe for any number of goroutines.
type File struct {
	container *safetensors.File
	meta      map[string]string
	refs      map[string]tensorRef
	floats    []string
}

// Open opens a file that Save wrote, or any safetensors file of float tensors. The file stays open until
// Close. Errors: ErrFormat for a damaged file, saying where, and those of the file system.
func Open(path string) (*File, error) {
	c, err := safetensors.Open(path)
	if err != nil {
		return nil, fmt.Errorf("qtensor: Open %s: %w", path, err)
	}
	f, err := newFile(c)
	if err != nil {
		_ = c.Close() // the error that is returned came first
		return nil, fmt.Errorf("qtensor: Open %s: %w", path, err)
	}
	return f, nil
}

// Read reads a file of the given size from r, which is used as long as the File is. Errors: as for Open.
func Read(r io.ReaderAt, size int64) (*File, error) {
	c, err := safetensors.Read(r, size)
	if err != nil {
		return nil, fmt.Errorf("qtensor: Read: %w", err)
	}
	f, err := newFile(c)
	if err != nil {
		return nil, fmt.Errorf("qtensor: Read: %w", err)
	}
	return f, nil
}

// newFile checks that every quantized tensor has all its arrays, and that no two claim one.
func newFile(c *safetensors.File) (*File, error) {
	f := &File{container: c, meta: c.Metadata()}
	if text, ok := f.meta[metaKey]; ok {
		var m fileMeta
		if err := strictjson.Unmarshal([]byte(text), &m); err != nil {
			return nil, fmt.Errorf("%w: metadata %q: %w", ErrFormat, metaKey, err)
		}
		if m.Version != fileVersion {
			return nil, fmt.Errorf("%w: metadata %q: got version %d, want %d", ErrFormat, metaKey, m.Version, fileVersion)
		}
		f.refs = m.Quantized
		delete(f.meta, metaKey)
	}
	claimed := map[string]bool{}
	for _, name := range f.Quantized() {
		if err := f.claim(name, claimed); err != nil {
			return nil, fmt.Errorf("quantized %q: %w", name, err)
		}
	}
	for _, name := range c.Names() {
		if !claimed[name] {
			f.floats = append(f.floats, name)
		}
	}
	return f, nil
}

// claim checks the arrays of a quantized tensor against its scheme and shape, and marks their names.
func (f *File) claim(name string, claimed map[string]bool) error {
	ref := f.refs[name]
	if checkedSize(ref.Shape) < 0 {
		return fmt.Errorf("%w: got shape %v, want sizes whose product an int holds", ErrFormat, ref.Shape)
	}
	b, err := ref.Scheme.blocks(ref.Shape)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	codes, dtype, shape := codeArray(name, ref.Scheme, ref.Shape)
	half, perBlock := ref.Scheme.scales == ScaleFloat16, paramShape(ref.Scheme, b)
	scaleType := safetensors.F32
	if half {
		scaleType = safetensors.F16
	}
	_, hasMin := f.container.Info(name + suffixMin)
	for _, array := range []struct {
		name   string
		dtype  safetensors.Dtype
		shape  []int
		wanted bool
	}{
		{codes, dtype, shape, true},
		{name + suffixScale, scaleType, perBlock, !ref.Scheme.IsHalf()},
		{name + suffixMultiplier, safetensors.F32, []int{1}, half},
		{name + suffixZeroPoint, safetensors.U8, perBlock, ref.Scheme.HasZeroPoint()},
		{name + suffixOffset, safetensors.F32, perBlock, ref.Scheme.HasOffset()},
		{name + suffixMin, safetensors.F32, perBlock, hasMin && !ref.Scheme.IsHalf()},
		{name + suffixMax, safetensors.F32, perBlock, hasMin && !ref.Scheme.IsHalf()},
	} {
		if !array.wanted {
			continue
		}
		info, ok := f.container.Info(array.name)
		switch {
		case !ok:
			return fmt.Errorf("%w: %v has no %q", ErrFormat, ref.Scheme, array.name)
		case claimed[array.name]:
			return fmt.Errorf("%w: %q belongs to two tensors", ErrFormat, array.name)
		case info.Dtype != array.dtype || !slices.Equal(info.Shape, array.shape):
			return fmt.Errorf("%w: %q is %v %v, want %v %v", ErrFormat, array.name, info.Dtype, info.Shape, array.dtype, array.shape)
		}
		claimed[array.name] = true
	}
	return nil
}

// Close closes the file. Tensors that were read stay valid.
func (f *File) Close() error {
	if err := f.container.Close(); err != nil {
		return fmt.Errorf("qtensor: Close: %w", err)
	}
	return nil
}

// Quantized returns the names of the quantized tensors, sorted.
func (f *File) Quantized() []string { return slices.Sorted(maps.Keys(f.refs)) }

// Floats returns the names of all other tensors, sorted.
func (f *File) Floats() []string { return slices.Clone(f.floats) }

// Meta returns a copy of the texts that were saved as Bundle.Meta.
func (f *File) Meta() map[string]string { return maps.Clone(f.meta) }

// QTensor reads a quantized tensor. Errors: ErrFormat for an unknown name or damaged contents, and those of
// the file system.
func (f *File) QTensor(name string) (*QTensor, error) {
	q, err := f.qtensor(name)
	if err != nil {
		return nil, fmt.Errorf("qtensor: File.QTensor %q: %w", name, err)
	}
	return q, nil
}

func (f *File) qtensor(name string) (*QTensor, error) {
	ref, ok := f.refs[name]
	if !ok {
		return nil, fmt.Errorf("%w: no such tensor, want one of %s", ErrFormat, strings.Join(f.Quantized(), ", "))
	}
	p, err := f.params(name, ref.Scheme)
	if err != nil {
		return nil, err
	}
	codes, err := f.codes(name, ref)
	if err != nil {
		return nil, err
	}
	q, err := fromCodes(codes, p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return q, nil
}

// params reads the parameters of a quantized tensor.
func (f *File) params(name string, s Scheme) (p Params, err error) {
	p.Scheme = s
	if s.scales == ScaleFloat16 {
		p.Scales, p.Multiplier, err = f.halfScales(name)
	} else {
		p.Scales, err = load[float32](f, name+suffixScale)
	}
	if err != nil {
		return p, err
	}
	for suffix, list := range map[string]*[]float32{suffixOffset: &p.Offsets, suffixMin: &p.Min, suffixMax: &p.Max} {
		if *list, err = load[float32](f, name+suffix); err != nil {
			return p, err
		}
	}
	zeros, err := load[uint8](f, name+suffixZeroPoint)
	for _, z := range zeros {
		p.ZeroPoints = append(p.ZeroPoints, int32(z))
	}
	return p, err
}

func (f *File) halfScales(name string) (scales []float32, multiplier float32, err error) {
	halves, err := load[uint16](f, name+suffixScale)
	if err != nil {
		return nil, 0, err
	}
	one, err := load[float32](f, name+suffixMultiplier)
	if err != nil {
		return nil, 0, err
	}
	return wholeScales(halves, one[0]), one[0], nil
}

// codes reads the codes, one element each, in the tensor's shape.
func (f *File) codes(name string, ref tensorRef) (*tensor.Dense, error) {
	array, dtype, _ := codeArray(name, ref.Scheme, ref.Shape)
	shape := tensor.Shape(ref.Shape)
	if ref.Scheme.Storage().Bits() == 4 {
		packed, err := load[uint8](f, array)
		if err != nil {
			return nil, err
		}
		codes, err := unpackStored(ref.Scheme, packed, shape.TotalSize())
		if err != nil {
			return nil, err
		}
		return codes, codes.Reshape(shape...)
	}
	switch dtype {
	case safetensors.I8:
		return readArray[int8](f, array, shape)
	case safetensors.U8:
		return readArray[uint8](f, array, shape)
	default:
		return readArray[uint16](f, array, shape)
	}
}

// Float reads a float32 or float64 tensor. Errors: ErrFormat for an unknown name, ErrDtype for another type,
// and those of the file system.
func (f *File) Float(name string) (*tensor.Dense, error) {
	t, err := f.float(name)
	if err != nil {
		return nil, fmt.Errorf("qtensor: File.Float %q: %w", name, err)
	}
	return t, nil
}

func (f *File) float(name string) (*tensor.Dense, error) {
	info, ok := f.container.Info(name)
	if !ok || !slices.Contains(f.floats, name) {
		return nil, fmt.Errorf("%w: no such tensor, want one of %s", ErrFormat, strings.Join(f.floats, ", "))
	}
	switch info.Dtype {
	case safetensors.F32:
		return readArray[float32](f, name, info.Shape)
	case safetensors.F64:
		return readArray[float64](f, name, info.Shape)
	}
	return nil, fmt.Errorf("%w: got %v, want F32 or F64", ErrDtype, info.Dtype)
}

// Bundle reads everything. Errors: those of QTensor and Float.
func (f *File) Bundle() (Bundle, error) {
	b := Bundle{Quantized: map[string]*QTensor{}, Float: map[string]*tensor.Dense{}, Meta: f.Meta()}
	var err error
	for _, name := range f.Quantized() {
		if b.Quantized[name], err = f.QTensor(name); err != nil {
			return Bundle{}, err
		}
	}
	for _, name := range f.floats {
		if b.Float[name], err = f.Float(name); err != nil {
			return Bundle{}, err
		}
	}
	return b, nil
}

func readArray[T any](f *File, name string, shape tensor.Shape) (*tensor.Dense, error) {
	data, err := load[T](f, name)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: got an empty tensor %v, want at least one element", ErrShape, shape)
	}
	return dense.New(data, shape), nil
}

// load reads an array of elements of type T, nil for one that the file lacks.
func load[T any](f *File, name string) ([]T, error) {
	info, ok := f.container.Info(name)
	if !ok {
		return nil, nil
	}
	raw, err := f.container.Load(name)
	if err != nil {
		return nil, err
	}
	data := make([]T, len(raw)/info.Dtype.Size())
	_, err = binary.Decode(raw, binary.LittleEndian, data)
	return data, err
}
