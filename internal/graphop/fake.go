package graphop

import (
	"fmt"

	"euryale/internal/flow"

	"gorgonia.org/gorgonia"
)

// Fake is an op that rounds its first operand to numbers that codes stand for. The operands behind are what it rounds by.
type Fake interface {
	// Quantize returns the first operand in codes.
	Quantize(operands ...gorgonia.Value) (Codes, error)
	// Node returns the FakeQuantize of flow that does the same to a first operand of any numbers. An error says why none does.
	Node(behind ...gorgonia.Value) (flow.Node, error)
}

// Codes are a constant as it was quantized. They go through what Read does to a constant on the way to its layer; what they
// cannot go through is an error of whoever asks for them at last.
type Codes interface {
	fmt.Stringer // how they were made
	// Numbers returns what they stand for.
	Numbers() ([]float32, error)
	// Reshape returns them in another shape of as many elements.
	Reshape(shape []int) Codes
	// Transpose returns them with axis perm[i] as axis i.
	Transpose(perm []int) Codes
	// Scale returns the same codes for numbers that are multiplied, along an axis; false where no scales do that.
	Scale(by []float64, axis int) (Codes, bool)
}
