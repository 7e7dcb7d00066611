package ir

// The operations of a network, by ONNX's names. FakeQuantize is QuantizeLinear and DequantizeLinear in one,
// and Call is an operation that is code.
const (
	OpGemm              = "Gemm"
	OpMatMul            = "MatMul"
	OpConv              = "Conv"
	OpMaxPool           = "MaxPool"
	OpAveragePool       = "AveragePool"
	OpGlobalAveragePool = "GlobalAveragePool"
	OpRelu              = "Relu"
	OpSigmoid           = "Sigmoid"
	OpTanh              = "Tanh"
	OpLeakyRelu         = "LeakyRelu"
	OpSoftmax           = "Softmax"
	OpLogSoftmax        = "LogSoftmax"
	OpAbs               = "Abs"
	OpSign              = "Sign"
	OpCeil              = "Ceil"
	OpFloor             = "Floor"
	OpSin               = "Sin"
	OpCos               = "Cos"
	OpExp               = "Exp"
	OpLog               = "Log"
	OpSqrt              = "Sqrt"
	OpReciprocal        = "Reciprocal"
	OpSoftplus          = "Softplus"
	OpReduceSum         = "ReduceSum"
	OpReduceMax         = "ReduceMax"
	OpFakeQuantize      = "FakeQuantize"
	OpAdd               = "Add"
	OpSub               = "Sub"
	OpMul               = "Mul"
	OpDiv               = "Div"
	OpPow               = "Pow"
	OpGather            = "Gather"
	OpSlice             = "Slice"
	OpReshape           = "Reshape"
	OpTranspose         = "Transpose"
	OpConcat            = "Concat"
	OpCall              = "Call"
)

// Weight returns the name of what a node multiplies by, or takes rows of: its second input, the first of a
// Gather. It is "" for other operations, and where there is no such input.
func (n *Node) Weight() string {
	if n == nil {
		return ""
	}
	at := -1
	switch n.Op {
	case OpGemm, OpMatMul, OpConv:
		at = 1
	case OpGather:
		at = 0
	}
	if at < 0 || at >= len(n.Inputs) {
		return ""
	}
	return n.Inputs[at]
}

// MovesData reports whether a node gives values of what it is given, in another order or the largest of some:
// quantized activations pass through it.
func (n *Node) MovesData() bool {
	return n != nil && (n.Op == OpReshape || n.Op == OpTranspose || n.Op == OpMaxPool)
}
