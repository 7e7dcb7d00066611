package model

import (
	"fmt"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"

	"github.com/chewxy/math32"
)

// operation is all that is known of an op.
type operation struct {
	least, most int      // inputs
	attributes  []string // that it has, by ONNX's names
	// shape returns that of the result, for attributes and inputs that it checks.
	shape func(n *node, in []size) (size, error)
	// kernel sets y, which overlaps no input; nil where the result is the first input in another shape.
	kernel func(n *node, y array, in []array, s *scratch)
	// layer returns what prepares the layer for quantized weights, whose rows are NHWC images of so many
	// channels; nil where the op has no weight.
	layer     func(n *node, q *quantizedLayer, channels int) func() (*prepared, error)
	quantized *quantizedOp // or nil
}

// node is a node with the attributes that its shape rule resolves.
type node struct {
	*ir.Node
	axis    int     // Axis, counted from the first
	windows windows // of a convolution or a pool
}

// array is a value in a run.
type array struct {
	x            []float32
	q            []uint8       // quantized values; x is nil then, unless all values are observed
	quantization *quantization // of q; nil for float32
	shape        []int
}

// operations is every op by name.
var operations = map[string]operation{
	ir.OpGemm:   {2, 3, []string{"transB"}, gemmShape, multiplyAdd, gemmLayer, nil},
	ir.OpMatMul: {2, 2, nil, matMulShape, matMul, gemmLayer, nil},
	ir.OpConv:   {2, 3, []string{"strides", "pads", "dilations", "group"}, convShape, conv, convLayer, nil},

	ir.OpMaxPool:           {1, 1, []string{"kernel_shape", "strides", "pads"}, poolShape, maxPool, nil, &quantizedMaxPool},
	ir.OpAveragePool:       {1, 1, []string{"kernel_shape", "strides", "pads"}, poolShape, averagePool, nil, &quantizedAverage},
	ir.OpGlobalAveragePool: {1, 1, nil, globalPoolShape, averagePool, nil, &quantizedAverage},

	ir.OpRelu:       {1, 1, nil, sameShape, relu, nil, &quantizedRelu},
	ir.OpSigmoid:    {1, 1, nil, sameShape, elementwise(sigmoid), nil, nil},
	ir.OpTanh:       {1, 1, nil, sameShape, elementwise(math32.Tanh), nil, nil},
	ir.OpLeakyRelu:  {1, 1, []string{"alpha"}, sameShape, leakyRelu, nil, nil},
	ir.OpSoftmax:    {1, 1, []string{"axis"}, softmaxShape, softmax, nil, nil},
	ir.OpLogSoftmax: {1, 1, []string{"axis"}, softmaxShape, logSoftmax, nil, nil},

	ir.OpAbs:        {1, 1, nil, sameShape, elementwise(math32.Abs), nil, nil},
	ir.OpSign:       {1, 1, nil, sameShape, elementwise(sign), nil, nil},
	ir.OpCeil:       {1, 1, nil, sameShape, elementwise(math32.Ceil), nil, nil},
	ir.OpFloor:      {1, 1, nil, sameShape, elementwise(math32.Floor), nil, nil},
	ir.OpSin:        {1, 1, nil, sameShape, elementwise(math32.Sin), nil, nil},
	ir.OpCos:        {1, 1, nil, sameShape, elementwise(math32.Cos), nil, nil},
	ir.OpExp:        {1, 1, nil, sameShape, elementwise(math32.Exp), nil, nil},
	ir.OpLog:        {1, 1, nil, sameShape, elementwise(math32.Log), nil, nil},
	ir.OpSqrt:       {1, 1, nil, sameShape, elementwise(math32.Sqrt), nil, nil},
	ir.OpReciprocal: {1, 1, nil, sameShape, elementwise(reciprocal), nil, nil},
	ir.OpSoftplus:   {1, 1, nil, sameShape, elementwise(softplus), nil, nil},

	ir.OpReduceSum: {1, 1, []string{"axes"}, reduceShape, reduceSum, nil, nil},
	ir.OpReduceMax: {1, 1, []string{"axes"}, reduceShape, reduceMax, nil, nil},

	ir.OpFakeQuantize: {1, 1, []string{"scale", "zero", "low", "high"}, fakeShape, fakeQuantize, nil, &quantizedFake},

	ir.OpAdd: {2, 2, nil, broadcastShape, binary(add), nil, &quantizedAdd},
	ir.OpSub: {2, 2, nil, broadcastShape, binary(sub), nil, nil},
	ir.OpMul: {2, 2, nil, broadcastShape, binary(mul), nil, nil},
	ir.OpDiv: {2, 2, nil, broadcastShape, binary(div), nil, nil},
	ir.OpPow: {2, 2, nil, broadcastShape, binary(pow), nil, nil},

	ir.OpGather:    {2, 2, nil, gatherShape, gather, nil, nil},
	ir.OpSlice:     {1, 1, []string{"axes", "starts", "ends", "steps"}, sliceShape, slice, nil, nil},
	ir.OpReshape:   {1, 1, []string{"shape"}, reshapeShape, nil, nil, &quantizedReshape},
	ir.OpTranspose: {1, 1, []string{"perm"}, transposeShape, transpose, nil, nil},
	ir.OpConcat:    {1, 1 << 16, []string{"axis"}, concatShape, concat, nil, &quantizedConcat},
}

// find returns the op of a node whose inputs are as many as it takes, and whose attributes it has.
func find(n *ir.Node) (operation, error) {
	op, ok := operations[n.Op]
	if !ok {
		return op, fmt.Errorf("%w: got op %.80q, want one of those that a model has", qtensor.ErrParams, n.Op)
	}
	if len(n.Inputs) < op.least || len(n.Inputs) > op.most {
		want := fmt.Sprint(op.least)
		if op.most > op.least {
			want += fmt.Sprint(" to ", op.most)
		}
		return op, fmt.Errorf("%w: got %d inputs, want %s", qtensor.ErrParams, len(n.Inputs), want)
	}
	for _, a := range []struct {
		name  string
		given bool
	}{
		{"transB", n.TransB},
		{"kernel_shape", n.Kernel != nil},
		{"strides", n.Strides != nil},
		{"pads", n.Pads != nil},
		{"dilations", n.Dilations != nil},
		{"group", n.Group != 0},
		{"axis", n.Axis != 0},
		{"axes", n.Axes != nil},
		{"starts", n.Starts != nil},
		{"ends", n.Ends != nil},
		{"steps", n.Steps != nil},
		{"perm", n.Perm != nil},
		{"shape", n.Shape != nil},
		{"alpha", n.Alpha != 0},
		{"scale", n.Scale != 0},
		{"zero", n.Zero != 0},
		{"low", n.Low != 0},
		{"high", n.High != 0},
	} {
		if a.given && !slices.Contains(op.attributes, a.name) {
			return op, fmt.Errorf("%w: got attribute %s, want none but those of the op, %q", qtensor.ErrParams, a.name,
				op.attributes)
		}
	}
	return op, nil
}
