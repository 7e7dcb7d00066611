package graphop

import (
	"euryale/internal/flow"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
)

// Fake is an op that rounds its first operand to the real values of quantized ones. The operands behind are what it rounds by.
type Fake interface {
	// Quantize returns the first operand, quantized.
	Quantize(operands ...gorgonia.Value) (*qtensor.QTensor, error)
	// Node returns the FakeQuantize of flow that does the same to a first operand of any numbers. An error says why none does.
	Node(behind ...gorgonia.Value) (flow.Node, error)
}
