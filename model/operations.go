package model

import (
	"euryale/internal/ir"

	"github.com/chewxy/math32"
)

// evaluator is what evaluates an operation.
type evaluator struct {
	// kernel sets y, which overlaps no input; nil where the result is the first input, perhaps in another
	// shape or of another type.
	kernel func(n *ir.Resolved, y array, in []array, s *scratch)
	// layer returns what prepares the layer for quantized weights, whose rows are NHWC images of so many
	// channels; nil where the operation does not multiply by a weight.
	layer     func(n *ir.Resolved, q *quantizedLayer, channels int) func() (*prepared, error)
	quantized *quantizedOp // on quantized activations; or nil
}

// array is a value in a run.
type array struct {
	x            []float32
	q            []uint8       // quantized values; x is nil then, unless all values are observed
	quantization *quantization // of q; nil for float32
	shape        []int
}

// evaluators evaluate the operations of package ir but Foreign, which has code of its own.
var evaluators = map[string]evaluator{
	ir.OpGemm:   {multiplyAdd, gemmLayer, nil},
	ir.OpMatMul: {matMul, gemmLayer, nil},
	ir.OpConv:   {conv, convLayer, nil},

	ir.OpBatchNormalization: {batchNormalize, nil, nil},

	ir.OpMaxPool:           {maxPool, nil, &quantizedMaxPool},
	ir.OpAveragePool:       {averagePool, nil, &quantizedAverage},
	ir.OpGlobalAveragePool: {averagePool, nil, &quantizedAverage},

	ir.OpRelu:       {relu, nil, &quantizedClamp},
	ir.OpSigmoid:    {each(sigmoid), nil, nil},
	ir.OpTanh:       {each(tanh), nil, nil},
	ir.OpLeakyRelu:  {leakyRelu, nil, nil},
	ir.OpClip:       {clip, nil, &quantizedClamp},
	ir.OpSoftmax:    {softmax, nil, nil},
	ir.OpLogSoftmax: {logSoftmax, nil, nil},

	ir.OpAbs:        {each(abs), nil, nil},
	ir.OpSign:       {elementwise(sign), nil, nil},
	ir.OpCeil:       {each(ceil), nil, nil},
	ir.OpFloor:      {each(floor), nil, nil},
	ir.OpSin:        {elementwise(math32.Sin), nil, nil},
	ir.OpCos:        {elementwise(math32.Cos), nil, nil},
	ir.OpExp:        {each(exp), nil, nil},
	ir.OpLog:        {each(log), nil, nil},
	ir.OpSqrt:       {each(sqrt), nil, nil},
	ir.OpReciprocal: {reciprocal, nil, nil},
	ir.OpSoftplus:   {each(softplus), nil, nil},
	ir.OpLog1p:      {elementwise(math32.Log1p), nil, nil},
	ir.OpExpm1:      {elementwise(math32.Expm1), nil, nil},
	ir.OpSparsemax:  {sparsemax, nil, nil},

	ir.OpReduceSum: {reduceSum, nil, nil},
	ir.OpReduceMax: {reduceMax, nil, nil},

	ir.OpFakeQuantize: {fakeQuantize, nil, &quantizedFake},

	ir.OpAdd: {binary(plus), nil, &quantizedAdd},
	ir.OpSub: {binary(minus), nil, nil},
	ir.OpMul: {binary(times), nil, nil},
	ir.OpDiv: {binary(over), nil, nil},
	ir.OpPow: {binary(power), nil, nil},
	ir.OpMin: {variadic(smaller), nil, nil},
	ir.OpMax: {variadic(larger), nil, nil},

	ir.OpGreater:        {swapped(less), nil, nil},
	ir.OpGreaterOrEqual: {swapped(lessOrEqual), nil, nil},
	ir.OpLess:           {binary(less), nil, nil},
	ir.OpLessOrEqual:    {binary(lessOrEqual), nil, nil},
	ir.OpEqual:          {binary(equal), nil, nil},
	ir.OpNot:            {not, nil, nil},
	ir.OpWhere:          {where, nil, nil},
	ir.OpCast:           {nil, nil, nil},

	ir.OpGather:    {gather, nil, nil},
	ir.OpSlice:     {slice, nil, &quantizedSlice},
	ir.OpIdentity:  {nil, nil, &quantizedIdentity},
	ir.OpResize:    {resize, nil, &quantizedResize},
	ir.OpReshape:   {nil, nil, &quantizedReshape},
	ir.OpTranspose: {transpose, nil, nil},
	ir.OpConcat:    {concat, nil, &quantizedConcat},
	ir.OpExpand:    {expand, nil, nil},
}
