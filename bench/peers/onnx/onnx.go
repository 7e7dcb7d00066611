// Package onnx writes ONNX models of a few nodes: the fields of onnx.proto that such a model needs, in the
// wire format of protocol buffers (protobuf.dev/programming-guides/encoding).
package onnx

import "encoding/binary"

// DataType is TensorProto.DataType.
type DataType uint64

// The data types of the tensors that models here take and give.
const (
	Float DataType = 1
	Uint8 DataType = 2
	Int8  DataType = 3
	Int32 DataType = 6
)

// Tensor is an input or an output, or with Raw, its elements in row-major order and
// little-endian, a constant.
type Tensor struct {
	Name string
	Type DataType
	Dims []int
	Raw  []byte
}

// Int is an attribute whose value is an integer.
type Int struct {
	Name  string
	Value int
}

// Ints is an attribute whose value is a list of integers.
type Ints struct {
	Name   string
	Values []int
}

// Node applies Op of Domain, where "" is ONNX's own, to named tensors. An input that is left out is "".
type Node struct {
	Domain, Op      string
	Inputs, Outputs []string
	Ints            []Int
	Lists           []Ints
}

// Microsoft is the domain of the operators that ONNX Runtime adds.
const Microsoft = "com.microsoft"

// Model is a graph of nodes in an order of execution.
type Model struct {
	Nodes                      []Node
	Inputs, Outputs, Constants []Tensor
}

const (
	irVersion = 8  // ONNX 1.12
	opset     = 17 // of ONNX 1.12
)

// Marshal returns the bytes of a ModelProto.
func (m Model) Marshal() []byte {
	var size int
	for _, c := range m.Constants {
		size += len(c.Raw)
	}
	graph := make(message, 0, size+4096)
	for _, n := range m.Nodes {
		graph = graph.bytes(1, n.marshal())
	}
	graph = graph.text(2, "peer")
	for _, c := range m.Constants {
		graph = graph.bytes(5, c.constant())
	}
	for _, in := range m.Inputs {
		graph = graph.bytes(11, in.info())
	}
	for _, out := range m.Outputs {
		graph = graph.bytes(12, out.info())
	}
	return message(nil).
		varint(1, irVersion).
		bytes(7, graph).
		bytes(8, message(nil).text(1, "").varint(2, opset)).
		bytes(8, message(nil).text(1, Microsoft).varint(2, 1))
}

// marshal returns the bytes of a NodeProto.
func (n Node) marshal() message {
	var b message
	for _, in := range n.Inputs {
		b = b.text(1, in)
	}
	for _, out := range n.Outputs {
		b = b.text(2, out)
	}
	b = b.text(4, n.Op)
	for _, a := range n.Ints {
		const kindInt = 2 // AttributeProto.AttributeType INT
		b = b.bytes(5, message(nil).text(1, a.Name).varint(3, uint64(int64(a.Value))).varint(20, kindInt))
	}
	for _, a := range n.Lists {
		const kindInts = 7 // AttributeProto.AttributeType INTS
		list := message(nil).text(1, a.Name)
		for _, v := range a.Values {
			list = list.varint(8, uint64(int64(v)))
		}
		b = b.bytes(5, list.varint(20, kindInts))
	}
	return b.text(7, n.Domain)
}

// constant returns the bytes of a TensorProto.
func (t Tensor) constant() message {
	b := make(message, 0, len(t.Raw)+256)
	for _, d := range t.Dims {
		b = b.varint(1, uint64(d))
	}
	return b.varint(2, uint64(t.Type)).text(8, t.Name).bytes(9, t.Raw)
}

// info returns the bytes of a ValueInfoProto.
func (t Tensor) info() message {
	var shape message
	for _, d := range t.Dims {
		shape = shape.bytes(1, message(nil).varint(1, uint64(d)))
	}
	tensor := message(nil).varint(1, uint64(t.Type)).bytes(2, shape)
	return message(nil).text(1, t.Name).bytes(2, message(nil).bytes(1, tensor))
}

// message is the bytes of the fields that were appended to it.
type message []byte

// varint appends a field of an integer.
func (b message) varint(field, v uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(b, field<<3), v)
}

// bytes appends a field of bytes, or of a message.
func (b message) bytes(field uint64, v []byte) message {
	const lengthDelimited = 2
	b = binary.AppendUvarint(b, field<<3|lengthDelimited)
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// text appends a field of a string.
func (b message) text(field uint64, v string) message { return b.bytes(field, []byte(v)) }
