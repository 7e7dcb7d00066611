package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"euryale/internal/safeio"
)

// maxLoad is the largest tensor that Load allocates: what an int counts, and within the
// 2^48 bytes past which make panics.
const maxLoad = min(math.MaxInt, 1<<47)

// Info describes one tensor of a File. Its bytes are those from Begin up to End, counted
// from the start of the file.
type Info struct {
	Name       string
	Dtype      Dtype
	Shape      []int
	Begin, End int64
}

// File is a container whose header has been read and checked; the data is read by Load. A nil File holds
// nothing. Its methods may be called by many goroutines at once.
type File struct {
	r        io.ReaderAt
	source   *source // by Open, or nil
	tensors  map[string]Info
	metadata texts
}

// Read returns the container that is the first size bytes of r, having checked that the header describes
// exactly the bytes that follow it. r is used until the last Load. Errors wrap ErrFormat, or are those of r;
// fs.ErrInvalid for a nil r, safeio.ErrContract for one that panics or breaks the contract of io.ReaderAt.
func Read(r io.ReaderAt, size int64) (*File, error) {
	f, err := read(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: Read: %w", err)
	}
	return f, nil
}

// Open returns the container at path, to be closed by the caller. On Unix it is mapped into memory and takes
// no descriptor, unless that fails: then, and on other systems, it is read, and stays open. Errors: those of
// os.Open and Read; fs.ErrInvalid for anything but a regular file, such as a pipe, which is not waited for;
// ErrFormat for a file above 64 MiB less than a 16th of which is on the disk, where the system tells.
func Open(path string) (*File, error) {
	file, err := safeio.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: Open: %w", err)
	}
	f, err := openRead(path, file, mapFile)
	if err != nil {
		return nil, fmt.Errorf("safetensors: Open: %s: %w", path, errors.Join(err, file.Close()))
	}
	return f, nil
}

// openRead takes over file, unless it fails. mapped maps it.
func openRead(path string, file *os.File, mapped func(*os.File, int64) ([]byte, error)) (*File, error) {
	was, err := stateOf(file) // before anything is read
	if err != nil {
		return nil, err
	}
	if least := was.size()/maxClaim - freeClaim; least > 0 {
		if stored := stored(file, was.size(), least); stored < least {
			return nil, fmt.Errorf("%w: got a file of %d bytes with %d of them on the disk, want at least %d",
				ErrFormat, was.size(), stored, least)
		}
	}
	f, err := read(file, was.size())
	if err != nil {
		return nil, err
	}
	if f.source, err = open(path, file, was, mapped); err != nil {
		return nil, err
	}
	return f, nil
}

// A file that claims more than maxClaim times what is there, and freeClaim, is refused.
const (
	maxClaim  = 16
	freeClaim = 64 << 20
)

func read(r io.ReaderAt, size int64) (*File, error) {
	if size < prefixBytes {
		return nil, fmt.Errorf("%w: byte 0: got a file of %d bytes, want at least %d", ErrFormat, size, prefixBytes)
	}
	prefix, err := safeio.ReadAt(r, 0, prefixBytes)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix)
	if limit := min(maxHeader, size-prefixBytes); n > uint64(limit) {
		return nil, fmt.Errorf("%w: byte 0: got a header of %d bytes, want at most %d", ErrFormat, n, limit)
	}
	if _, err := safeio.ReadAt(r, size-1, 1); err != nil { // an end that is not there is found before the header is read
		return nil, err
	}
	text, err := safeio.ReadAt(r, prefixBytes, int(n))
	if err != nil {
		return nil, err
	}
	f := &File{r: r}
	h, err := parseHeader(text)
	if err == nil {
		f.metadata = h.metadata
		f.tensors, err = locate(h.tensors, prefixBytes+int64(n), size)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f, nil
}

// locate checks that the tensors, which it puts in order, tile the bytes of the file from start up to size,
// and returns them by name.
func locate(list []named, start, size int64) (map[string]Info, error) {
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(slices.Compare(a.Offsets, b.Offsets), cmp.Compare(a.name, b.name))
	})
	tensors := make(map[string]Info, len(list))
	covered := int64(0)
	for _, t := range list {
		err := t.locate(covered, size-start)
		if _, ok := tensors[t.name]; ok {
			err = fmt.Errorf("got key %.80q twice, want it once", t.name)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %.80q: %w", t.name, err)
		}
		covered = t.Offsets[1]
		tensors[t.name] = Info{Name: t.name, Dtype: t.Dtype, Shape: t.Shape, Begin: start + t.Offsets[0], End: start + covered}
	}
	if covered != size-start {
		return nil, fmt.Errorf("byte %d: got %d bytes after the last tensor, want none", start+covered, size-start-covered)
	}
	return tensors, nil
}

// locate checks that the tensor begins where the one before it ends, and ends within the size bytes of data.
func (e entry) locate(covered, size int64) error {
	switch {
	case e.Shape == nil:
		return errors.New("got null for a shape, want an array")
	case len(e.Offsets) != 2:
		return fmt.Errorf("got %d data_offsets, want 2", len(e.Offsets))
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	switch want, err := byteSize(e.Dtype, e.Shape); {
	case err != nil:
		return err
	case end-begin != want:
		return fmt.Errorf("got end − begin = %d − %d = %d bytes, want %d", end, begin, end-begin, want)
	case begin != covered:
		return fmt.Errorf("got begin = %d, want %d, the end of the tensor before", begin, covered)
	case end > size:
		return fmt.Errorf("got end = %d, want at most %d, the bytes of data", end, size)
	}
	return nil
}

// Close closes the file that Open opened, and fails with os.ErrClosed the second time; of a File from Read it
// does nothing.
func (f *File) Close() error {
	if f == nil || f.source == nil {
		return nil
	}
	return f.source.close()
}

// Mapped reports whether the file lies in memory.
func (f *File) Mapped() bool { return f != nil && f.source != nil && f.source.mapped != nil }

// Metadata returns a copy of the free-form texts of the header; it is empty if there are none.
func (f *File) Metadata() map[string]string {
	if f == nil {
		return nil
	}
	metadata := make(map[string]string, len(f.metadata))
	for key, text := range f.metadata {
		metadata[key] = *text
	}
	return metadata
}

// Text returns the text of the metadata under a key, and whether there is one.
func (f *File) Text(key string) (string, bool) {
	if f == nil {
		return "", false
	}
	text, ok := f.metadata[key]
	if !ok {
		return "", false
	}
	return *text, true
}

// Names returns the names of the tensors, sorted.
func (f *File) Names() []string {
	if f == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(f.tensors))
}

// Info returns the description of the tensor called name, and whether there is one.
func (f *File) Info(name string) (Info, bool) {
	if f == nil {
		return Info{}, false
	}
	info, ok := f.tensors[name]
	info.Shape = slices.Clone(info.Shape)
	return info, ok
}

// Load calls read with the bytes of the tensor called name, and reads no others. They are for reading until
// read returns: where the file is mapped they are its own. Errors: ErrNotFound; ErrChanged for a file from
// Open that was cut or written to, with io.ErrUnexpectedEOF if it was cut; os.ErrClosed; those of the reader,
// as Read has them. read may have been called then.
func (f *File) Load(name string, read func(data []byte)) error {
	info, ok := f.Info(name)
	if !ok {
		return fmt.Errorf("safetensors: Load: %w: got %q", ErrNotFound, name)
	}
	var err error
	switch {
	case f.Mapped():
		err = f.source.mapped.view(info.Begin, info.End, read)
	default:
		err = f.copy(info, read)
	}
	if f.source != nil && !errors.Is(err, os.ErrClosed) {
		err = cmp.Or(f.source.changed(), err)
	}
	if err != nil {
		return fmt.Errorf("safetensors: Load: tensor %q: %w", name, err)
	}
	return nil
}

func (f *File) copy(info Info, read func(data []byte)) error {
	size := info.End - info.Begin
	if size > maxLoad {
		return fmt.Errorf("got %d bytes, want at most %d in memory", size, int64(maxLoad))
	}
	data, err := safeio.ReadAt(f.r, info.Begin, int(size))
	if err != nil {
		return err
	}
	read(data)
	return nil
}
