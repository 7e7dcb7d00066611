package model

import (
	"slices"
	"sync"
	"sync/atomic"

	"euryale/internal/ir"
)

// Model is a network that runs at any batch size. It is immutable but for Close, and safe for any number of
// goroutines. New, Load and Read return one.
type Model struct {
	graph     ir.Network          // its constants are those that are read
	constants map[string]constant // that nodes name, also those that layers replace
	layers    map[string]layer    // by node
	packed    packed[packKey]
	floats    packed[floatKey]
	plan      *plan         // for the sizes that free dimensions state
	plans     planCache     // for others
	copies    sync.Pool     // of *[]float32: inputs of runs that may be abandoned
	abandoned chan struct{} // holds one for each goroutine of a run that nobody waits for

	limit int64        // of memory; 0 for the zero Model
	file  func() error // closes the file of weights and constants; or nil
	using atomic.Int64 // the number of runs and saves; closed is added after Close
}

// constant is a tensor of float32.
type constant struct {
	shape    []int
	elements int                       // that data has; anyElements for what a file has
	data     func() ([]float32, error) // nil for one that layers replace
}

// anyElements is how many elements a file has for a constant: as many as the shape says.
const anyElements = -1

// Type is the type of the elements of an input or an output. Between nodes there are bools too, which
// comparisons give.
//
//	type Type uint8
//	func (t Type) String() string // the name in a file, such as "float32"
//	func (t Type) MarshalText() ([]byte, error)
//	func (t *Type) UnmarshalText(text []byte) error
type Type = ir.Type

const (
	// Float32 is the type of real numbers.
	Float32 = ir.Float32
	// Int64 is the type of integers, such as indices of rows.
	Int64 = ir.Int64
)

// ValueInfo describes an input or an output. In Shape, −1 is the batch, −2 the second of Model.Dims, and so
// on.
type ValueInfo struct {
	Name  string
	Shape []int
	Type  Type
	// Multiple is how many indices of axis −1 of an input each sample has, such as 5 where (batch·5, 6) is
	// given; else 1. It is 0 of an output.
	Multiple int
}

// QuantizedValues returns the names of the values that stay quantized to 8 bits between layers under
// StaticInt8, in the order in which they are computed.
func (m *Model) QuantizedValues() (names []string) {
	if m == nil || m.plan == nil {
		return nil
	}
	for _, v := range m.plan.values {
		if v.quantization != nil {
			names = append(names, v.name)
		}
	}
	return names
}

// Dims returns the free dimensions, those whose size each run chooses: the batch first.
func (m *Model) Dims() []Dim {
	if m == nil || m.plan == nil {
		return nil
	}
	if len(m.graph.Dims) == 0 {
		return []Dim{{Name: batchName}}
	}
	return slices.Clone(m.graph.Dims)
}

// Inputs describes what Run takes.
func (m *Model) Inputs() (list []ValueInfo) {
	if m == nil || m.plan == nil {
		return nil
	}
	for _, v := range m.graph.Inputs {
		list = append(list, ValueInfo{v.Name, slices.Clone(v.Shape), v.Type, v.Rows()})
	}
	return list
}

// Outputs describes what Run returns. In these shapes, −1 is any multiple of the batch. If dimensions besides
// the batch are free, a Shape is the one that the Network declares, or nil. Shapes returns the shapes for
// given inputs.
func (m *Model) Outputs() (list []ValueInfo) {
	if m == nil || m.plan == nil {
		return nil
	}
	for _, v := range m.graph.Outputs {
		list = append(list, ValueInfo{v.Name, slices.Clone(v.Shape), v.Type, 0})
	}
	return list
}

// extraDims returns how many dimensions are free besides the batch.
func (m *Model) extraDims() int { return max(0, len(m.graph.Dims)-1) }
