package ir

import "context"

// Node is one operation: Output = Op(Inputs…). Inputs are outputs of earlier nodes, inputs of the network or
// constants. Operations and attributes have ONNX's names and meaning, and an attribute that is left out has
// ONNX's default. Inputs of ONNX's operations that have to be constants are attributes: axes, starts, ends,
// steps, scales, shape, min and max. The table in operations.go says which attributes an operation has.
type Node struct {
	Op     string   `json:"op"`
	Name   string   `json:"name"` // unique; a layer's key
	Inputs []string `json:"inputs"`
	Output string   `json:"output"`

	TransB    bool     `json:"transB,omitempty"`
	Kernel    []int    `json:"kernel_shape,omitempty"` // height, width
	Strides   []int    `json:"strides,omitempty"`      // height, width; 1
	Pads      []int    `json:"pads,omitempty"`         // top, left, bottom, right; 0
	Dilations []int    `json:"dilations,omitempty"`    // height, width; 1
	Group     int      `json:"group,omitempty"`        // 1
	CountPad  bool     `json:"count_include_pad,omitempty"`
	Axis      *int     `json:"axis,omitempty"` // from the end where negative
	Axes      []int    `json:"axes,omitempty"` // likewise
	KeepDims  *bool    `json:"keepdims,omitempty"`
	Starts    []int    `json:"starts,omitempty"`
	Ends      []int    `json:"ends,omitempty"`
	Steps     []int    `json:"steps,omitempty"`  // 1
	Perm      []int    `json:"perm,omitempty"`   // the axes in reverse
	Scales    []int    `json:"scales,omitempty"` // 1, 1, height, width
	Shape     []int    `json:"shape,omitempty"`
	Alpha     *float32 `json:"alpha,omitempty"`
	Epsilon   *float32 `json:"epsilon,omitempty"`
	Min       *float32 `json:"min,omitempty"` // −∞
	Max       *float32 `json:"max,omitempty"` // ∞

	Scale     float32 `json:"scale,omitempty"`
	ZeroPoint int32   `json:"zero_point,omitempty"`
	QuantMin  int32   `json:"quant_min,omitempty"`
	QuantMax  int32   `json:"quant_max,omitempty"`

	Foreign Op `json:"-"` // of an OpForeign
}

// Op is an operation that is code and not data. No file holds it.
type Op interface {
	// String says what it is, such as "Gorgonia's im2col".
	String() string
	// Shape returns the shape of the result for those of the inputs. A size of −n is n times the batch.
	Shape(in [][]int) ([]int, error)
	// Run returns the result for inputs of a batch. It does not keep or change them, is safe for any number of
	// goroutines, and returns the error of ctx where it waits for others and ctx ends.
	Run(ctx context.Context, batch int, in []Array) (Array, error)
}

// Array is the elements of a value in a run, row-major and dense.
type Array struct {
	Shape []int
	Data  []float32
}

// weight returns which operand is the weight; nil where none is, as of a Gather along another axis than 0.
func (n *Node) weight() *weight {
	if n == nil || n.Op == OpGather && valueOr(n.Axis, 0) != 0 {
		return nil
	}
	return operations[n.Op].weight
}

// Weight returns the name of what a node multiplies by, or takes rows of: its second input, the first of a
// Gather along axis 0. It is "" for other operations, and where there is no such input.
func (n *Node) Weight() string {
	if w := n.weight(); w != nil && w.operand < len(n.Inputs) {
		return n.Inputs[w.operand]
	}
	return ""
}

// ChannelAxis returns the axis of the weight along which the outputs of the operation lie, or the rows of an
// embedding; −1 for an operation without a weight.
func (n *Node) ChannelAxis() int {
	w := n.weight()
	switch {
	case w == nil:
		return -1
	case n.TransB:
		return 0
	}
	return w.channelAxis
}

// MovesData reports whether a node gives elements of what it is given, in another order, or the largest or
// smallest of some: quantized activations of the same parameters pass through it.
func (n *Node) MovesData() bool { return n != nil && operations[n.Op].movesData }
