package safetensors

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"euryale/internal/safeio"
)

// Tensor is a tensor to be written. Data holds Π Shape[i] · Dtype.Size() bytes, row-major and little-endian;
// a nil Shape is that of a scalar.
type Tensor struct {
	Name  string
	Dtype Dtype
	Shape []int
	Data  []byte
}

// Write writes the tensors and metadata to w. The bytes depend on the arguments alone, not on the order
// of tensors: data is laid out by falling size of Dtype, then by name, and the header is padded to a
// multiple of 8 bytes, so that each tensor starts at a multiple of its Dtype's size. Data is written from
// where it is, without a copy of the whole.
//
// It fails with ErrFormat, before the first byte, for: names that are duplicate, not UTF-8 or "__metadata__";
// metadata that is not UTF-8, or more than 65,536 texts of it; an unknown Dtype; a negative dimension; a
// Shape whose size overflows or is not that of Data; a header above 100 MB. Other errors are those of w,
// after which what it holds is not a container; fs.ErrInvalid for a nil w.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	l, err := plan(tensors, metadata)
	if err == nil {
		err = l.write(w)
	}
	if err != nil {
		return fmt.Errorf("safetensors: Write: %w", err)
	}
	return nil
}

// layout is a container ready to be written.
type layout struct {
	header  string   // with its length and padding
	tensors []Tensor // in the order of their data
}

func (l layout) write(w io.Writer) error {
	b := bufio.NewWriter(safeio.Writer(w)) // keeps its first error for Flush
	_, _ = b.WriteString(l.header)
	for _, t := range l.tensors {
		_, _ = b.Write(t.Data)
	}
	return b.Flush()
}

// plan checks the tensors and metadata, puts the tensors in order and describes them in a header.
func plan(tensors []Tensor, metadata map[string]string) (layout, error) {
	var fields []string
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if value := metadata[key]; !utf8.ValidString(key) || !utf8.ValidString(value) {
			return layout{}, fmt.Errorf("%w: metadata %.80q: got %.80q, want both in UTF-8", ErrFormat, key, value)
		}
	}
	if len(metadata) > maxTexts {
		return layout{}, fmt.Errorf("%w: got %d texts of metadata, want at most %d", ErrFormat, len(metadata), maxTexts)
	}
	if len(metadata) > 0 {
		fields = append(fields, field(metadataKey, metadata))
	}
	tensors = slices.SortedFunc(slices.Values(tensors), func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.Dtype.Size(), a.Dtype.Size()), cmp.Compare(a.Name, b.Name))
	})
	taken := map[string]bool{metadataKey: true}
	begin := int64(0)
	for _, t := range tensors {
		if err := t.check(taken); err != nil {
			return layout{}, fmt.Errorf("%w: tensor %.80q: %w", ErrFormat, t.Name, err)
		}
		taken[t.Name] = true
		end := begin + int64(len(t.Data))
		shape := append([]int{}, t.Shape...) // not nil, which JSON calls null
		fields = append(fields, field(t.Name, entry{t.Dtype, shape, []int64{begin, end}}))
		begin = end
	}
	header := "{" + strings.Join(fields, ",") + "}"
	header += strings.Repeat(" ", -len(header)&7)
	if len(header) > maxHeader {
		return layout{}, fmt.Errorf("%w: got a header of %d bytes, want at most %d", ErrFormat, len(header), maxHeader)
	}
	prefix := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return layout{string(prefix) + header, tensors}, nil
}

// check returns why t cannot stand beside tensors of the names taken.
func (t Tensor) check(taken map[string]bool) error {
	size, err := byteSize(t.Dtype, t.Shape)
	switch {
	case err != nil:
		return err
	case int64(len(t.Data)) != size:
		return fmt.Errorf("got %d bytes of data, want %d for %s of shape %v", len(t.Data), size, t.Dtype, t.Shape)
	case !utf8.ValidString(t.Name):
		return errors.New("got a name that is not UTF-8")
	case taken[t.Name]:
		return errors.New("got a name that is reserved or taken, want another")
	}
	return nil
}

// field returns "key":value in JSON, with the keys of a map sorted.
func field(key string, value any) string {
	k, errKey := json.Marshal(key)
	v, errValue := json.Marshal(value)
	if err := cmp.Or(errKey, errValue); err != nil {
		panic(err) // strings, and maps and structs of strings and integers, always have a JSON form
	}
	return string(k) + ":" + string(v)
}
