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
)

// maxLoad is the largest tensor that Load allocates: what an int counts, and within the 2^48 bytes past which make panics.
const maxLoad = min(math.MaxInt, 1<<47)

// Info describes one tensor of a File. Its bytes are those from Begin up to End, counted from the start of the file.
type Info struct {
	Name       string
	Dtype      Dtype
	Shape      []int
	Begin, End int64
}

// File is a container whose header has been read and checked; the data is read by Load.
// Its methods may be called by many goroutines at once.
type File struct {
	r        io.ReaderAt
	file     *os.File // that Open opened, or nil
	mapped   *mapping // or nil
	tensors  map[string]Info
	metadata map[string]string
}

// Read returns the container that is the first size bytes of r, having checked that the header describes exactly the
// bytes that follow it. r is used until the last Load. Errors wrap ErrFormat, or are those of r.
func Read(r io.ReaderAt, size int64) (*File, error) {
	f, err := read(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: Read: %w", err)
	}
	return f, nil
}

// Open returns the container at path, to be closed by the caller. On Unix it is mapped into memory, unless that fails: then, and
// on other systems, it is read. It fails as os.Open and Read do.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: Open: %w", err)
	}
	f, err := openRead(file)
	if err != nil {
		return nil, fmt.Errorf("safetensors: Open: %s: %w", path, errors.Join(err, file.Close()))
	}
	return f, nil
}

func openRead(file *os.File) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	f, err := read(file, info.Size())
	if err != nil {
		return nil, err
	}
	f.file, f.mapped = file, newMapping(file, info)
	return f, nil
}

func read(r io.ReaderAt, size int64) (*File, error) {
	if size < prefixBytes {
		return nil, fmt.Errorf("%w: byte 0: got a file of %d bytes, want at least %d", ErrFormat, size, prefixBytes)
	}
	var prefix [prefixBytes]byte
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if limit := min(maxHeader, size-prefixBytes); n > uint64(limit) {
		return nil, fmt.Errorf("%w: byte 0: got a header of %d bytes, want at most %d", ErrFormat, n, limit)
	}
	// With the last byte there, what is allocated here and by Load is bounded by what r holds, not by what size claims.
	var last [1]byte
	if err := readAt(r, last[:], size-1); err != nil {
		return nil, err
	}
	header := make([]byte, n)
	if err := readAt(r, header, prefixBytes); err != nil {
		return nil, err
	}
	f := &File{r: r}
	entries, metadata, err := parseHeader(header)
	if err == nil {
		f.metadata = metadata
		f.tensors, err = locate(entries, prefixBytes+int64(n), size)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return f, nil
}

// locate checks that the tensors tile the bytes of the file from start up to size, and returns them by name.
func locate(entries map[string]entry, start, size int64) (map[string]Info, error) {
	byOffset := slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		return cmp.Or(slices.Compare(entries[a].Offsets, entries[b].Offsets), cmp.Compare(a, b))
	})
	tensors := make(map[string]Info, len(entries))
	covered := int64(0)
	for _, name := range byOffset {
		e := entries[name]
		begin, end := e.Offsets[0], e.Offsets[1]
		want, err := byteSize(e.Dtype, e.Shape)
		switch {
		case err != nil:
		case end-begin != want:
			err = fmt.Errorf("got end − begin = %d − %d = %d bytes, want %d", end, begin, end-begin, want)
		case begin != covered:
			err = fmt.Errorf("got begin = %d, want %d, the end of the tensor before", begin, covered)
		case end > size-start:
			err = fmt.Errorf("got end = %d, want at most %d, the bytes of data", end, size-start)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %.80q: %w", name, err)
		}
		covered = end
		tensors[name] = Info{Name: name, Dtype: e.Dtype, Shape: e.Shape, Begin: start + begin, End: start + end}
	}
	if covered != size-start {
		return nil, fmt.Errorf("byte %d: got %d bytes after the last tensor, want none", start+covered, size-start-covered)
	}
	return tensors, nil
}

// Close closes the file that Open opened; of a File from Read it does nothing.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	var err error
	if f.mapped != nil {
		err = f.mapped.close()
	}
	return errors.Join(err, f.file.Close())
}

// Mapped reports whether the file lies in memory.
func (f *File) Mapped() bool { return f.mapped != nil }

// Metadata returns a copy of the free-form texts of the header; it is empty if there are none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Names returns the names of the tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Info returns the description of the tensor called name, and whether there is one.
func (f *File) Info(name string) (Info, bool) {
	info, ok := f.tensors[name]
	info.Shape = slices.Clone(info.Shape)
	return info, ok
}

// Load calls read with the bytes of the tensor called name, and reads no others. They are for reading until read returns: where
// the file is mapped they are its own. It fails with ErrNotFound, with io.ErrUnexpectedEOF if the file has become shorter, with
// an error if a mapped one was written to, or as the reader does; read may have been called then.
func (f *File) Load(name string, read func(data []byte)) error {
	info, ok := f.tensors[name]
	if !ok {
		return fmt.Errorf("safetensors: Load: %w: got %q", ErrNotFound, name)
	}
	var err error
	if f.mapped != nil {
		err = f.mapped.view(info.Begin, info.End, read)
	} else {
		err = f.copy(info, read)
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
	data := make([]byte, size)
	if err := readAt(f.r, data, info.Begin); err != nil {
		return err
	}
	read(data)
	return nil
}

// readAt fills buf from offset off of r.
func readAt(r io.ReaderAt, buf []byte, off int64) error {
	if len(buf) == 0 {
		return nil
	}
	n, err := r.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("byte %d: got %d bytes, want %d: %w", off, n, len(buf), err)
}
