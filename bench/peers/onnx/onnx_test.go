package onnx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWireFormat(t *testing.T) {
	for _, c := range []struct {
		name string
		got  message
		want []byte
	}{
		// The examples of protobuf.dev/programming-guides/encoding.
		{"varint 150", message(nil).varint(1, 150), []byte{0x08, 0x96, 0x01}},
		{"text testing", message(nil).text(2, "testing"), []byte("\x12\x07testing")},
		{"embedded message", message(nil).bytes(3, message(nil).varint(1, 150)), []byte{0x1a, 0x03, 0x08, 0x96, 0x01}},
		{"a field number of two bytes", message(nil).varint(20, 2), []byte{0xa0, 0x01, 0x02}},
		{"empty text", message(nil).text(1, ""), []byte{0x0a, 0x00}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: got % x, want % x", c.name, []byte(c.got), c.want)
		}
	}
}

// TestMarshal reads a model back, field by field, by the numbers of onnx.proto.
func TestMarshal(t *testing.T) {
	raw := bytes.Repeat([]byte{7, 0x80}, 3*100)
	m := Model{
		Nodes: []Node{{
			Domain: Microsoft, Op: "MatMulNBits",
			Inputs: []string{"x", "w", "", "z"}, Outputs: []string{"y"},
			Ints: []Int{{"K", 300}, {"least", -1}}, Lists: []Ints{{"pads", []int{2, 0, 300}}},
		}},
		Inputs:    []Tensor{{Name: "x", Type: Float, Dims: []int{2, 300}}},
		Outputs:   []Tensor{{Name: "y", Type: Int32, Dims: []int{2, 2}}},
		Constants: []Tensor{{Name: "w", Type: Uint8, Dims: []int{300, 2}, Raw: raw}, {Name: "z", Type: Int8, Raw: []byte{1}}},
	}
	model := m.Marshal()
	for _, c := range []struct {
		path string
		want []string
	}{
		{"1", []string{"8"}},
		{"8.1", []string{"", "com.microsoft"}},
		{"8.2", []string{"17", "1"}},
		{"7.1.1", []string{"x", "w", "", "z"}},
		{"7.1.2", []string{"y"}},
		{"7.1.4", []string{"MatMulNBits"}},
		{"7.1.5.1", []string{"K", "least", "pads"}},
		{"7.1.5.3", []string{"300", "18446744073709551615"}},
		{"7.1.5.8", []string{"2", "0", "300"}},
		{"7.1.5.20", []string{"2", "2", "7"}},
		{"7.1.7", []string{"com.microsoft"}},
		{"7.2", []string{"peer"}},
		{"7.5.1", []string{"300", "2"}},
		{"7.5.2", []string{"2", "3"}},
		{"7.5.8", []string{"w", "z"}},
		{"7.5.9", []string{string(raw), "\x01"}},
		{"7.11.1", []string{"x"}},
		{"7.11.2.1.1", []string{"1"}},
		{"7.11.2.1.2.1.1", []string{"2", "300"}},
		{"7.12.1", []string{"y"}},
		{"7.12.2.1.1", []string{"6"}},
		{"7.12.2.1.2.1.1", []string{"2", "2"}},
	} {
		got, err := fields(model, strings.Split(c.path, "."))
		if err != nil {
			t.Errorf("field %s: %v", c.path, err)
		} else if !slices.Equal(got, c.want) {
			t.Errorf("field %s: got %q, want %q", c.path, got, c.want)
		}
	}
}

// fields returns what the fields at path hold: integers in decimal, bytes as they are.
func fields(b []byte, path []string) ([]string, error) {
	var found []string
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		v, n2 := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || n2 <= 0 {
			return nil, fmt.Errorf("bad varint in % x", b)
		}
		b = b[n+n2:]
		value := fmt.Sprint(v)
		switch key & 7 {
		case 0:
		case 2:
			if v > uint64(len(b)) {
				return nil, fmt.Errorf("got a length of %d of %d bytes", v, len(b))
			}
			value, b = string(b[:v]), b[v:]
		default:
			return nil, fmt.Errorf("got wire type %d, want 0 or 2", key&7)
		}
		switch {
		case fmt.Sprint(key>>3) != path[0]:
		case len(path) == 1:
			found = append(found, value)
		default:
			inner, err := fields([]byte(value), path[1:])
			if err != nil {
				return nil, err
			}
			found = append(found, inner...)
		}
	}
	return found, nil
}
