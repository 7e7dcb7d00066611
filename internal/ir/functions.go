package ir

// elementwise are the operations whose result at an index depends on what their operands have there. Of
// FakeQuantize, which rounds to quantized values, functions begin.
var elementwise = map[string]bool{
	OpRelu: true, OpSigmoid: true, OpTanh: true, OpLeakyRelu: true, OpClip: true, OpAbs: true, OpSign: true,
	OpCeil: true, OpFloor: true, OpSin: true, OpCos: true, OpExp: true, OpLog: true, OpSqrt: true,
	OpReciprocal: true, OpSoftplus: true, OpLog1p: true, OpExpm1: true,

	OpAdd: true, OpSub: true, OpMul: true, OpDiv: true, OpPow: true, OpMin: true, OpMax: true,
	OpGreater: true, OpGreaterOrEqual: true, OpLess: true, OpLessOrEqual: true, OpEqual: true, OpNot: true,
	OpWhere: true, OpCast: true,
}

// Elementwise reports whether the result of an operation at an index depends on what its operands have there.
func Elementwise(op string) bool { return elementwise[op] || op == OpFakeQuantize }

// Clamps reports whether a node is a Relu or a Clip. Quantized values pass through both: rounding to nearest
// is monotone, so that it makes no difference whether a value or its quantized value is clamped.
func Clamps(n *Node) bool { return n.Op == OpRelu || n.Op == OpClip }

// Functions returns of each value that is a function of one other, element by element, that other: what nodes
// make of it and of constants of one element, such as x·sigmoid(x). The functions are the largest; one ends
// where a node that is none reads its value. A node that clamps what nothing else reads is before a function
// and no part of it.
func (x *Index) Functions() map[string]string {
	of := map[string]string{}
	for i := range x.network.Nodes {
		n := &x.network.Nodes[i]
		argument, ok := x.argument(n, of)
		if before := Clamps(n) && x.OnlyConsumer(argument) == n; ok && !before {
			of[n.Output] = argument
		}
	}
	return of
}

// argument returns the value of which a node gives a function, where its inputs are such or constants.
func (x *Index) argument(n *Node, of map[string]string) (argument string, ok bool) {
	if !elementwise[n.Op] {
		return "", false
	}
	for _, in := range n.Inputs {
		if x.repeats(in) {
			continue
		}
		from, known := of[in]
		if !known {
			from = in
		}
		if ok && from != argument || x.network.Constants[from] != nil {
			return "", false
		}
		argument, ok = from, true
	}
	return argument, ok
}

// repeats reports whether a value is a constant of one element.
func (x *Index) repeats(value string) bool {
	c := x.network.Constants[value]
	if c == nil {
		return false
	}
	for _, d := range c.Shape {
		if d != 1 {
			return false
		}
	}
	return true
}
