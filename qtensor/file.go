package qtensor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/half"
	"euryale/internal/safetensors"
	"euryale/internal/strictjson"

	"gorgonia.org/tensor"
)

// File is an open file of tensors, from Open or Read. Its header is in memory; a tensor is read when it is
// asked for. It is safe for concurrent use. A nil File, and the zero one, hold nothing.
type File struct {
	container *safetensors.File
	refs      map[string]tensorRef
	floats    []string
}

// Open opens a file that Save wrote, or any safetensors file, whose float32 and float64 tensors Float then
// reads. It reads and checks the header alone.
//
// On Unix the file is mapped into memory, without a descriptor, until Close or until the File is garbage
// collected. Elsewhere, and where mapping fails, it stays open. It may be renamed, replaced or removed
// meanwhile; if it is truncated or written to in place, the next call that reads a tensor returns ErrChanged.
//
// Errors: ErrFormat for a damaged file, saying where, and for one that is nearly all holes; fs.ErrInvalid for
// anything but a regular file, such as a pipe; those of the file system.
func Open(path string) (*File, error) {
	c, err := safetensors.Open(path)
	if err != nil {
		return nil, fmt.Errorf("qtensor: Open %s: %w", path, err)
	}
	f, err := newFile(c)
	if err != nil {
		return nil, fmt.Errorf("qtensor: Open %s: %w", path, errors.Join(err, c.Close()))
	}
	return f, nil
}

// Read works like Open for the first size bytes of r, which the File reads from as long as it is in use.
// Memory grows with what r gives, not with what a header claims. Errors: ErrFormat for a damaged file, saying
// where; fs.ErrInvalid for a nil r; those of r.
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

// newFile checks that every quantized tensor has its arrays and no others. No two tensors can share one: a
// suffix begins with its only dot.
func newFile(c *safetensors.File) (*File, error) {
	f := &File{container: c}
	if text, ok := c.Text(metaKey); ok {
		var m fileMeta
		if err := strictjson.Unmarshal([]byte(text), &m); err != nil {
			return nil, fmt.Errorf("%w: metadata %q: %w", ErrFormat, metaKey, err)
		}
		if m.Version != fileVersion {
			return nil, fmt.Errorf("%w: metadata %q: got version %d, want %d", ErrFormat, metaKey, m.Version, fileVersion)
		}
		f.refs = m.Quantized
	}
	claimed := map[string]bool{}
	for _, name := range f.Quantized() {
		if err := f.claim(name, claimed); err != nil {
			return nil, fmt.Errorf("quantized %q: %w", name, err)
		}
	}
	for _, name := range c.Names() {
		if claimed[name] {
			continue
		}
		if owner, taken := ownerOf(name, f.refs); taken {
			return nil, fmt.Errorf("%w: %q is no array of the quantized %q, %v", ErrFormat, name, owner, f.refs[owner].Scheme)
		}
		f.floats = append(f.floats, name)
	}
	return f, nil
}

// claim checks the arrays of a quantized tensor against its scheme and shape, and marks their names.
func (f *File) claim(name string, claimed map[string]bool) error {
	ref := f.refs[name]
	b, err := ref.Scheme.blocks(ref.Shape)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	_, hasMin := f.container.Info(name + string(ofMin))
	_, hasMax := f.container.Info(name + string(ofMax))
	ref.arrays = arrays(ref.Scheme, ref.Shape, b, hasMin || hasMax)
	_, bytes := f.container.Info(name + string(ofCodes))
	if _, packed := f.container.Info(name + string(ofPacked)); bytes && !packed && ref.Scheme.hasBytes() {
		ref.arrays[0] = byteArray(ref.Scheme, ref.Shape)
	}
	for _, a := range ref.arrays {
		full := name + string(a.suffix)
		info, ok := f.container.Info(full)
		switch {
		case !ok:
			return fmt.Errorf("%w: %v has no %q", ErrFormat, ref.Scheme, full)
		case info.Dtype != a.dtype || !slices.Equal(info.Shape, a.shape):
			return fmt.Errorf("%w: %q is %v %v, want %v %v", ErrFormat, full, info.Dtype, info.Shape, a.dtype, a.shape)
		}
		claimed[full] = true
	}
	f.refs[name] = ref
	return nil
}

// hasBytes reports whether a file may have values that take less than a byte as bytes.
func (s Scheme) hasBytes() bool {
	return s.Storage().packed() && s.method != int4 && s.method != uint4 && s.method != mxfp4
}

// orEmpty returns f, and the zero File for nil.
func (f *File) orEmpty() *File {
	if f == nil {
		return new(File)
	}
	return f
}

// Close closes the file. Tensors that were read stay valid, and names, schemes and shapes may still be asked
// for; reading another tensor, and a second Close, return os.ErrClosed. For a File from Read, a nil one and
// the zero one, Close does nothing.
func (f *File) Close() error {
	if err := f.orEmpty().container.Close(); err != nil {
		return fmt.Errorf("qtensor: Close: %w", err)
	}
	return nil
}

// Mapped reports whether Open mapped the file into memory. Close does not change what it reports.
func (f *File) Mapped() bool { return f.orEmpty().container.Mapped() }

// Quantized returns the names of the quantized tensors, sorted: those that QTensor, Params and Scheme take.
func (f *File) Quantized() []string { return slices.Sorted(maps.Keys(f.orEmpty().refs)) }

// Floats returns the names of all other tensors, sorted: those that Float and Dtype take.
func (f *File) Floats() []string { return slices.Clone(f.orEmpty().floats) }

// Meta returns a copy of the entries that were saved as Bundle.Meta.
func (f *File) Meta() map[string]string {
	meta := f.orEmpty().container.Metadata()
	delete(meta, metaKey)
	return meta
}

// Scheme returns the scheme and the shape of a quantized tensor. It reads no tensor. Errors: ErrNotFound.
func (f *File) Scheme(name string) (Scheme, tensor.Shape, error) {
	ref, err := f.ref(name)
	if err != nil {
		return Scheme{}, nil, fmt.Errorf("qtensor: File.Scheme %q: %w", name, err)
	}
	return ref.Scheme, slices.Clone(ref.Shape), nil
}

// Params returns the parameters of a quantized tensor, and reads no quantized values. Errors: those of
// QTensor.
func (f *File) Params(name string) (Params, error) {
	ref, err := f.ref(name)
	if err == nil {
		var p Params
		if p, err = f.params(name, ref); err == nil {
			return p, nil
		}
	}
	return Params{}, fmt.Errorf("qtensor: File.Params %q: %w", name, err)
}

// QTensor returns a quantized tensor. Errors: ErrNotFound; ErrFormat for damaged contents; ErrChanged;
// os.ErrClosed; those of the file system.
func (f *File) QTensor(name string) (*QTensor, error) {
	q, err := f.qtensor(name)
	if err != nil {
		return nil, fmt.Errorf("qtensor: File.QTensor %q: %w", name, err)
	}
	return q, nil
}

func (f *File) ref(name string) (tensorRef, error) {
	f = f.orEmpty()
	ref, ok := f.refs[name]
	if !ok {
		return ref, fmt.Errorf("%w: got a name of none of the %d quantized tensors, want one of File.Quantized", ErrNotFound, len(f.refs))
	}
	return ref, nil
}

func (f *File) qtensor(name string) (q *QTensor, err error) {
	err = f.view(name, func(viewed *QTensor) error {
		q = viewed
		switch c := q.codes().(type) {
		case []int8:
			q.store = dense.New(slices.Clone(c), q.store.Shape())
		case []uint8:
			q.store = dense.New(slices.Clone(c), q.store.Shape())
		case []uint16:
			q.store = dense.New(slices.Clone(c), q.store.Shape())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// params reads the arrays of a quantized tensor but for its quantized values.
func (f *File) params(name string, ref tensorRef) (Params, error) {
	p := Params{Scheme: ref.Scheme}
	for _, a := range ref.arrays {
		var err error
		switch full := name + string(a.suffix); a.suffix {
		case ofScale:
			p.Scales, err = f.scales(full, a.dtype)
		case ofMultiplier: // comes after the scales
			p.Multiplier, err = f.multiply(full, p.Scales)
		case ofZeroPoint:
			p.ZeroPoints, err = f.zeroPoints(full)
		case ofOffset:
			p.Offsets, err = load[float32](f, full)
		case ofMin:
			p.Min, err = load[float32](f, full)
		case ofMax:
			p.Max, err = load[float32](f, full)
		case ofLevels:
			p.Levels, err = load[int8](f, full)
		case ofGroups:
			p.GroupMultipliers, err = load[int8](f, full)
		}
		if err != nil {
			return Params{}, err
		}
	}
	b, err := ref.Scheme.blocks(ref.Shape)
	if err == nil {
		p, err = p.check(b)
	}
	if err != nil {
		return Params{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return p, nil
}

// scales reads scales, or the float16 that their multiplier turns into scales.
func (f *File) scales(name string, dtype safetensors.Dtype) ([]float32, error) {
	switch dtype {
	case safetensors.F32:
		return load[float32](f, name)
	case safetensors.F8E8M0:
		exponents, err := load[uint8](f, name)
		if err != nil {
			return nil, err
		}
		return powersOfTwo(exponents)
	}
	codes, err := load[uint16](f, name)
	scales := make([]float32, len(codes))
	for i, c := range codes {
		scales[i] = half.Float16().Decode(c)
	}
	return scales, err
}

// multiply reads the multiplier of float16 scales and applies it to them.
func (f *File) multiply(name string, scales []float32) (float32, error) {
	one, err := load[float32](f, name)
	if err != nil {
		return 0, err
	}
	if one[0] == 0 { // which would stand for another
		return 0, fmt.Errorf("%w: got multiplier 0, want a power of two from 2^-112", ErrFormat)
	}
	for i, s := range scales {
		scales[i] = float32(float64(s) * float64(one[0]))
	}
	return one[0], nil
}

func (f *File) zeroPoints(name string) ([]int32, error) {
	codes, err := load[uint8](f, name)
	zeros := make([]int32, len(codes))
	for i, z := range codes {
		zeros[i] = int32(z)
	}
	return zeros, err
}

// Dtype returns the element type, float32 or float64, and the shape of a float tensor. It reads no tensor.
// Errors: ErrNotFound; ErrDtype for another type; ErrShape for a tensor without elements.
func (f *File) Dtype(name string) (tensor.Dtype, tensor.Shape, error) {
	info, err := f.info(name)
	if err != nil {
		return tensor.Dtype{}, nil, fmt.Errorf("qtensor: File.Dtype %q: %w", name, err)
	}
	return floatTypes[info.Dtype], info.Shape, nil
}

// Float returns a float32 or float64 tensor. Errors: ErrNotFound; ErrDtype for another type; ErrShape for a
// tensor without elements; ErrChanged; os.ErrClosed; those of the file system.
func (f *File) Float(name string) (*tensor.Dense, error) {
	info, err := f.info(name)
	var t *tensor.Dense
	if err == nil {
		if info.Dtype == safetensors.F32 {
			t, err = readFloat[float32](f, info)
		} else {
			t, err = readFloat[float64](f, info)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("qtensor: File.Float %q: %w", name, err)
	}
	return t, nil
}

var floatTypes = map[safetensors.Dtype]tensor.Dtype{safetensors.F32: tensor.Float32, safetensors.F64: tensor.Float64}

// info describes a tensor that Float reads.
func (f *File) info(name string) (safetensors.Info, error) {
	f = f.orEmpty()
	info, ok := f.container.Info(name)
	if _, isFloat := slices.BinarySearch(f.floats, name); !ok || !isFloat {
		return info, fmt.Errorf("%w: got a name of none of the %d other tensors, want one of File.Floats", ErrNotFound, len(f.floats))
	}
	if _, ok := floatTypes[info.Dtype]; !ok {
		return info, fmt.Errorf("%w: got %v, want F32 or F64", ErrDtype, info.Dtype)
	}
	if slices.Contains(info.Shape, 0) {
		return info, fmt.Errorf("%w: got an empty tensor %v, want at least one element", ErrShape, info.Shape)
	}
	return info, nil
}

func readFloat[T any](f *File, info safetensors.Info) (*tensor.Dense, error) {
	data, err := load[T](f, info.Name)
	if err != nil {
		return nil, err
	}
	return dense.New(data, info.Shape), nil
}

// Bundle returns everything in the file. Errors: those of QTensor and Float.
func (f *File) Bundle() (Bundle, error) {
	b := Bundle{Quantized: map[string]*QTensor{}, Float: map[string]*tensor.Dense{}, Meta: f.Meta()}
	var err error
	for _, name := range f.Quantized() {
		if b.Quantized[name], err = f.QTensor(name); err != nil {
			return Bundle{}, err
		}
	}
	for _, name := range f.Floats() {
		if b.Float[name], err = f.Float(name); err != nil {
			return Bundle{}, err
		}
	}
	return b, nil
}

// load reads an array, which the file has, of elements of type T.
func load[T any](f *File, name string) (data []T, err error) {
	info, _ := f.container.Info(name)
	failed := f.container.Load(name, func(raw []byte) {
		data = make([]T, len(raw)/info.Dtype.Size())
		if bytes, ok := asBytes(data); ok {
			copy(bytes, raw)
			return
		}
		_, err = binary.Decode(raw, binary.LittleEndian, data)
	})
	return data, errors.Join(failed, err)
}
