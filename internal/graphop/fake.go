package graphop

import (
	"fmt"

	"euryale/internal/flow"

	"gorgonia.org/gorgonia"
)

// Fake is an op of fake quantization: it rounds its first operand to what quantized values represent. The
// operands behind are its scales.
type Fake interface {
	// Quantize returns the first operand, quantized.
	Quantize(operands ...gorgonia.Value) (Codes, error)
	// Node returns the FakeQuantize of flow that does the same to any first operand. An error says why none
	// does.
	Node(behind ...gorgonia.Value) (flow.Node, error)
}

// Codes are a quantized constant. They go through what Read does to a constant on the way to its layer; what
// they cannot go through is an error of Numbers.
type Codes interface {
	fmt.Stringer // how they were made
	// Numbers returns the dequantized values.
	Numbers() ([]float32, error)
	// Reshape returns them in another shape of as many elements.
	Reshape(shape []int) Codes
	// Transpose returns them with axis perm[i] as axis i.
	Transpose(perm []int) Codes
	// Scale returns them with scales that are multiplied along an axis; false where the scheme has no such
	// scales.
	Scale(by []float64, axis int) (Codes, bool)
}
