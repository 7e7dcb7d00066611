package graphop

import (
	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
)

// Fake is an op of fake quantization: it rounds its first operand to what quantized values represent. The
// operands after it are its scales.
type Fake interface {
	// Quantize returns the first operand, quantized.
	Quantize(operands ...gorgonia.Value) (*qtensor.QTensor, error)
	// Node returns the FakeQuantize of a network that does the same to any first operand. An error says why none
	// does.
	Node(behind ...gorgonia.Value) (ir.Node, error)
}
