package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"strings"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// section adds results of one kind.
type section func(d *digest)

var sections = []section{
	products, variants, activations, doubles, betweenCodes, convolutions, embeddings, networks,
	tensors, files, ranges,
}

// digest collects lines.
type digest struct {
	lines lines
	err   error
}

func digestOf(sections []section) (lines, error) {
	d := &digest{lines: lines{}}
	for _, s := range sections {
		s(d)
	}
	return d.lines, d.err
}

// add adds the line of a result: of values, or of err where it is one. A key that is there already is an
// error of digestOf.
func (d *digest) add(key string, err error, values ...any) {
	if _, ok := d.lines[key]; ok && d.err == nil {
		d.err = fmt.Errorf("key %q comes twice", key)
	}
	if err != nil {
		values = []any{"error " + sentinels(err)}
	}
	h := sha256.New()
	for _, v := range values {
		write(h, v)
	}
	d.lines[key] = fmt.Sprintf("%x", h.Sum(nil))
}

// write writes the number of bytes of a value, and its bytes: integers and floats are little-endian, an int
// has 64 bits, and a NaN those of one NaN.
func write(h hash.Hash, v any) {
	var data []byte
	switch v := v.(type) {
	case *tensor.Dense:
		write(h, []int(v.Shape()))
		write(h, v.Data())
		return
	case string:
		data = []byte(v)
	case int:
		data = binary.LittleEndian.AppendUint64(nil, uint64(v))
	case []int:
		for _, n := range v {
			data = binary.LittleEndian.AppendUint64(data, uint64(n))
		}
	case float32:
		data = binary.LittleEndian.AppendUint32(nil, bits32(v))
	case []float32:
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, bits32(x))
		}
	case float64:
		data = binary.LittleEndian.AppendUint64(nil, bits64(v))
	case []float64:
		for _, x := range v {
			data = binary.LittleEndian.AppendUint64(data, bits64(x))
		}
	default: // integers and floats of a fixed size, and slices of them
		var err error
		if data, err = binary.Append(nil, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(data))))
	h.Write(data)
}

func bits32(x float32) uint32 {
	if math.IsNaN(float64(x)) {
		return 0x7fc00000
	}
	return math.Float32bits(x)
}

func bits64(x float64) uint64 {
	if math.IsNaN(x) {
		return 0x7ff8000000000000
	}
	return math.Float64bits(x)
}

// sentinels returns the names of the errors that err wraps. The errors of Gorgonia's machines have theirs
// behind Err.
func sentinels(err error) string {
	var behind interface{ Err() error }
	if errors.As(err, &behind) {
		err = behind.Err()
	}
	var names []string
	for _, s := range []struct {
		name string
		err  error
	}{
		{"ErrShape", qtensor.ErrShape},
		{"ErrDtype", qtensor.ErrDtype},
		{"ErrLayout", qtensor.ErrLayout},
		{"ErrScheme", qtensor.ErrScheme},
		{"ErrParams", qtensor.ErrParams},
		{"ErrValue", qtensor.ErrValue},
		{"ErrFormat", qtensor.ErrFormat},
		{"ErrNotFound", qtensor.ErrNotFound},
		{"ErrEmpty", calib.ErrEmpty},
		{"ErrKey", calib.ErrKey},
		{"ErrNode", exprgraph.ErrNode},
		{"ErrOption", calib.ErrOption},
		{"ErrProfile", calib.ErrProfile},
		{"ErrForeign", model.ErrForeign},
		{"ErrMismatch", exprgraph.ErrMismatch},
		{"ErrSamples", ptq.ErrSamples},
	} {
		if errors.Is(err, s.err) {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, " ")
}
