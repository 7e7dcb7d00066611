// Package ir is a network as data: operations in order, by ONNX's names, on values by name. It is what a
// float graph is read into, what is quantized, run and saved.
package ir

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Batch stands in a shape for the number of samples, which is free.
const Batch = -1

// Value is a value that is given or asked for, float32, with its shape.
type Value struct {
	Name    string `json:"name"`
	Shape   []int  `json:"shape"`             // Batch in at most one place
	Integer bool   `json:"integer,omitempty"` // of an input: whole numbers, for Gather and Reshape alone
}

// Constant is a tensor, row-major and dense.
type Constant struct {
	Shape   []int
	Data    []float32
	Trained *Trained // of which Data are the real values; or nil
}

// Node is one operation: Output = Op(Inputs…). Inputs are outputs of earlier nodes, inputs of the graph or
// constants. The operations and their attributes are those of ONNX where it has them; FakeQuantize is its
// QuantizeLinear and DequantizeLinear in one:
//
//	Gemm                x·w + b for x (m, k), w (k, n), or (n, k) with TransB; b (n) may be left out
//	MatMul              a·b for the last two axes, the others the same or absent in b
//	Conv                x (n, c, h, w), w (filters, c/Group, kh, kw), b (filters) or left out; Strides, Pads, Dilations, Group
//	MaxPool, AveragePool, GlobalAveragePool
//	                    over (h, w) of (n, c, h, w); Kernel, Strides, Pads; padding is −∞, or 0 that counts
//	Relu, Sigmoid, Tanh, LeakyRelu (Alpha)
//	Abs, Sign, Ceil, Floor, Sin, Cos, Exp, Log, Sqrt, Reciprocal, Softplus
//	Softmax, LogSoftmax over Axis
//	FakeQuantize        Scale·(clamp(RNE(x/Scale) + Zero, Low, High) − Zero)
//	Add, Sub, Mul, Div, Pow
//	                    elementwise, axes of size 1 repeated, missing ones first
//	ReduceSum, ReduceMax
//	                    over Axes, which the result does not have
//	Gather              the rows of a constant (n, …) that whole numbers name
//	Slice               from Starts up to Ends in Steps (1 if left out), along Axes
//	Reshape             to Shape, with Batch in at most one place
//	Transpose           Perm
//	Concat              along Axis
type Node struct {
	Op     string   `json:"op"`
	Name   string   `json:"name"` // unique; a layer's key
	Inputs []string `json:"inputs"`
	Output string   `json:"output"`

	TransB    bool    `json:"transB,omitempty"`
	Kernel    []int   `json:"kernel_shape,omitempty"`
	Strides   []int   `json:"strides,omitempty"`
	Pads      []int   `json:"pads,omitempty"` // (height, width), the same on both sides
	Dilations []int   `json:"dilations,omitempty"`
	Group     int     `json:"group,omitempty"`
	Axis      int     `json:"axis,omitempty"`
	Axes      []int   `json:"axes,omitempty"`
	Starts    []int   `json:"starts,omitempty"`
	Ends      []int   `json:"ends,omitempty"`
	Steps     []int   `json:"steps,omitempty"`
	Perm      []int   `json:"perm,omitempty"`
	Shape     []int   `json:"shape,omitempty"`
	Alpha     float32 `json:"alpha,omitempty"`
	Scale     float32 `json:"scale,omitempty"`
	Zero      int32   `json:"zero,omitempty"`
	Low       int32   `json:"low,omitempty"`
	High      int32   `json:"high,omitempty"`
}

// Call is an operation that is code and not data.
type Call struct {
	What  string // of its kind there is
	Shape []int  // of the result, Batch in at most one place
	// Run returns the result for inputs of a batch. It does not keep or change them, is safe for any number
	// of goroutines, and returns the error of ctx where it waits for others and ctx ends.
	Run func(ctx context.Context, batch int, in []Constant) (Constant, error)
}

// Network is a network.
type Network struct {
	Inputs    []Value
	Outputs   []Value
	Nodes     []Node
	Constants map[string]*Constant
	Calls     map[string]*Call // by the names of nodes, whose Op is "Call"
}

// Check reports names that are empty, given twice, used before they are there, or no text, which no file
// holds.
func (g *Network) Check() error {
	if g == nil {
		return errors.New("ir: got no network, want one")
	}
	seen := map[string]bool{}
	add := func(name, what string) error { return take(seen, name, what) }
	for name := range g.Constants {
		if err := add(name, "constant"); err != nil {
			return err
		}
	}
	for _, v := range g.Inputs {
		if err := add(v.Name, "input"); err != nil {
			return err
		}
	}
	names := map[string]bool{}
	for _, n := range g.Nodes {
		if err := take(names, n.Name, "node"); err != nil {
			return err
		}
		for _, in := range n.Inputs {
			if !seen[in] {
				return fmt.Errorf("ir: node %q: there is no input %q before it", n.Name, in)
			}
		}
		if err := add(n.Output, "output of "+n.Name); err != nil {
			return err
		}
	}
	for _, v := range g.Outputs {
		if !seen[v.Name] {
			return fmt.Errorf("ir: there is no output %q", v.Name)
		}
	}
	return nil
}

// take notes a name of something.
func take(taken map[string]bool, name, what string) error {
	switch {
	case name == "":
		return fmt.Errorf("ir: %s %q: got no name, want one for everything", what, name)
	case taken[name]:
		return fmt.Errorf("ir: %s %q: the name is taken, want another", what, name)
	case !utf8.ValidString(name):
		return fmt.Errorf("ir: %s %q: the name is not UTF-8, want text, as a file holds it", what, name)
	}
	taken[name] = true
	return nil
}
