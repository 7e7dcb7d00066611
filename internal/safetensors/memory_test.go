package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
)

// endless is a reader of head, then of zeros without end.
type endless struct{ head []byte }

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(e.head)) {
		copy(p, e.head[off:])
	}
	return len(p), nil
}

func TestReadLimitsTheHeader(t *testing.T) {
	for _, size := range []int64{1 << 40, math.MaxInt64} {
		head := binary.LittleEndian.AppendUint64(nil, maxHeader+1)
		_, err := Read(endless{head}, size)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "want at most 100000000") {
			t.Errorf("header of %d bytes in %d: got %v, want ErrFormat", maxHeader+1, size, err)
		}
	}
}

func TestLoadLimitsTheTensor(t *testing.T) {
	header := fmt.Sprintf("%-120s", one("U8", "[2147483647,2147483647,2]", "[0,9223372028264841218]"))
	f, err := Read(endless{container(header, 0)}, 128+9223372028264841218)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := load(f, "w"); err == nil || !strings.Contains(err.Error(), `"w": got 9223372028264841218 bytes`) {
		t.Errorf("Load of 2^63 bytes: got %d bytes, %v, want an error", len(data), err)
	}
}

// TestReadAllocatesWhatIsThere checks that a claim of 99 MB of header or 2^40 bytes of
// data in a file of few costs nothing.
func TestReadAllocatesWhatIsThere(t *testing.T) {
	tests := []struct {
		name string
		file []byte
		size int64
	}{
		{"header", binary.LittleEndian.AppendUint64(nil, 99_000_000), 100_000_000},
		{"data", container(one("U8", "[1073741824,1024]", "[0,1099511627776]"), 0), int64(len(one("U8", "[1073741824,1024]", "[0,1099511627776]"))) + 8 + 1<<40},
	}
	for _, test := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(bytes.NewReader(test.file), test.size)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v, want io.ErrUnexpectedEOF", test.name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s: got %d bytes allocated, want at most 2^20", test.name, got)
		}
	}
}
