// Package ir is a network as data, and the one table of operations: what ONNX calls them, which attributes
// they have, which shapes they give, which operand is a weight. A float graph is read into a Network, which
// is quantized, run and saved.
package ir

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"euryale/qtensor"
)

// Opset is the version of ONNX's operators whose meaning operations have.
const Opset = 21

// Network is a network: nodes in an order in which they can be computed.
type Network struct {
	// Dims are the free dimensions. Size −1 in a shape is the first, −2 the second, and so on. The first is
	// the batch: samples along it are independent of each other. No Dims are the batch alone.
	Dims      []Dim
	Inputs    []Value
	Outputs   []Value
	Nodes     []Node
	Constants map[string]*Constant
}

// Batch stands in a shape for the number of samples, which is free.
const Batch = -1

// Dim is a free dimension.
type Dim struct {
	Name string `json:"name"`
	// Size is one that a network is checked at when it is made. The batch, which is checked at any, has none.
	Size int `json:"size,omitempty"`
}

// Value is an input or an output with its shape.
type Value struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`          // negative for free dimensions
	Type  Type   `json:"type,omitempty"` // of the elements
	// Multiple is how many indices of an input's axis −1 each sample has; 0 is 1.
	Multiple int `json:"multiple,omitempty"`
}

// Rows returns Multiple, 1 where it is left out.
func (v Value) Rows() int { return max(v.Multiple, 1) }

// InputSize returns the size of an input, with sizes for the free dimensions but the batch. Errors:
// qtensor.ErrShape.
func InputSize(v Value, sizes []int) (Size, error) {
	shape, err := Bind(v.Shape, sizes)
	if err != nil {
		return nil, err
	}
	s, err := SizeOf(shape)
	if err != nil || v.Multiple == 0 {
		return s, err
	}
	axis := slices.Index(s, Batch)
	if v.Multiple < 1 || v.Multiple > MaxElements || axis < 0 {
		return nil, fmt.Errorf("%w: got multiple %d for %v, want one from 1 to %d, of an axis that is the batch", qtensor.ErrShape,
			v.Multiple, v.Shape, MaxElements)
	}
	s[axis] = -v.Multiple
	return s, s.check()
}

// Type is that of elements.
type Type uint8

const (
	// Float32 is the type of real numbers.
	Float32 Type = iota
	// Int64 is the type of whole numbers, such as indices.
	Int64
	// Bool is the type of what comparisons give: 0 for false, 1 for true.
	Bool
)

var typeNames = []string{"float32", "int64", "bool"}

// String returns ONNX's name.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// MarshalText returns the name. Errors: ErrNetwork for no type.
func (t Type) MarshalText() ([]byte, error) {
	if int(t) >= len(typeNames) {
		return nil, fmt.Errorf("%w: got %v, want one of %q", ErrNetwork, t, typeNames)
	}
	return []byte(t.String()), nil
}

// UnmarshalText sets t to the type of a name. Errors: ErrNetwork for no name of a type.
func (t *Type) UnmarshalText(text []byte) error {
	for i, name := range typeNames {
		if name == string(text) {
			*t = Type(i)
			return nil
		}
	}
	return fmt.Errorf("%w: got type %.40q, want one of %q", ErrNetwork, text, typeNames)
}

// Constant is a tensor of float32, row-major and dense.
type Constant struct {
	Shape   []int
	Data    []float32
	Trained *Trained // of which Data are the real values; or nil
}

// ErrNetwork reports a network that is none: names, types and dimensions.
var ErrNetwork = errors.New("no network")

// MaxDims bounds the free dimensions of a network.
const MaxDims = 8

// Check reports dimensions without a name or a size, and names that are empty, given twice, used before they
// are there, or no text, which no file holds. Errors: ErrNetwork.
func (g *Network) Check() error {
	if g == nil {
		return fmt.Errorf("%w: got nil, want a network", ErrNetwork)
	}
	if err := g.checkDims(); err != nil {
		return err
	}
	values := taken{}
	for name := range g.Constants {
		if err := values.take(name, "constant"); err != nil {
			return err
		}
	}
	for _, v := range g.Inputs {
		if err := values.take(v.Name, "input"); err != nil {
			return err
		}
	}
	nodes := taken{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if err := nodes.take(n.Name, "node"); err != nil {
			return err
		}
		for _, in := range n.Inputs {
			if !values[in] {
				return fmt.Errorf("%w: node %q: there is no input %q before it", ErrNetwork, n.Name, in)
			}
		}
		if err := values.take(n.Output, "output of "+n.Name); err != nil {
			return err
		}
	}
	for _, v := range g.Outputs {
		if v.Multiple != 0 {
			return fmt.Errorf("%w: output %q: got multiple %d, want it of inputs alone", ErrNetwork, v.Name, v.Multiple)
		}
		if !values[v.Name] {
			return fmt.Errorf("%w: there is no output %q", ErrNetwork, v.Name)
		}
	}
	return nil
}

func (g *Network) checkDims() error {
	names := taken{}
	if len(g.Dims) > MaxDims {
		return fmt.Errorf("%w: got %d free dimensions, want at most %d", ErrNetwork, len(g.Dims), MaxDims)
	}
	for i, d := range g.Dims {
		if err := names.take(d.Name, "dimension"); err != nil {
			return err
		}
		if (i == 0) != (d.Size == 0) || d.Size < 0 || d.Size > MaxElements {
			return fmt.Errorf("%w: dimension %q: got size %d, want none for the batch, which is the first, and from 1 to %d for others",
				ErrNetwork, d.Name, d.Size, MaxElements)
		}
	}
	return nil
}

// taken are names that are used.
type taken map[string]bool

// take notes a name of something.
func (t taken) take(name, what string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: %s %q: got no name, want one for everything", ErrNetwork, what, name)
	case t[name]:
		return fmt.Errorf("%w: %s %q: the name is taken, want another", ErrNetwork, what, name)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %s %q: the name is not UTF-8, want text, as a file holds it", ErrNetwork, what, name)
	}
	t[name] = true
	return nil
}
