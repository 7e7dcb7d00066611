package ir

// The operations of a network, by ONNX's names. FakeQuantize is QuantizeLinear and DequantizeLinear in one,
// Log1p, Expm1 and Sparsemax are PyTorch's and Gorgonia's, which in operations of ONNX would lose what is
// small, or sort; and Foreign is an operation that is code.
const (
	OpGemm               = "Gemm"
	OpMatMul             = "MatMul"
	OpConv               = "Conv"
	OpBatchNormalization = "BatchNormalization"
	OpMaxPool            = "MaxPool"
	OpAveragePool        = "AveragePool"
	OpGlobalAveragePool  = "GlobalAveragePool"
	OpRelu               = "Relu"
	OpSigmoid            = "Sigmoid"
	OpTanh               = "Tanh"
	OpLeakyRelu          = "LeakyRelu"
	OpClip               = "Clip"
	OpSoftmax            = "Softmax"
	OpLogSoftmax         = "LogSoftmax"
	OpAbs                = "Abs"
	OpSign               = "Sign"
	OpCeil               = "Ceil"
	OpFloor              = "Floor"
	OpSin                = "Sin"
	OpCos                = "Cos"
	OpExp                = "Exp"
	OpLog                = "Log"
	OpSqrt               = "Sqrt"
	OpReciprocal         = "Reciprocal"
	OpSoftplus           = "Softplus"
	OpLog1p              = "Log1p"
	OpExpm1              = "Expm1"
	OpSparsemax          = "Sparsemax"
	OpReduceSum          = "ReduceSum"
	OpReduceMax          = "ReduceMax"
	OpFakeQuantize       = "FakeQuantize"
	OpAdd                = "Add"
	OpSub                = "Sub"
	OpMul                = "Mul"
	OpDiv                = "Div"
	OpMin                = "Min"
	OpMax                = "Max"
	OpGreater            = "Greater"
	OpGreaterOrEqual     = "GreaterOrEqual"
	OpLess               = "Less"
	OpLessOrEqual        = "LessOrEqual"
	OpEqual              = "Equal"
	OpNot                = "Not"
	OpWhere              = "Where"
	OpCast               = "Cast"
	OpPow                = "Pow"
	OpGather             = "Gather"
	OpSlice              = "Slice"
	OpIdentity           = "Identity"
	OpResize             = "Resize"
	OpReshape            = "Reshape"
	OpTranspose          = "Transpose"
	OpConcat             = "Concat"
	OpExpand             = "Expand"
	OpForeign            = "Foreign"
)

// operation is all that is known of an operation but what evaluates it, which package model has.
type operation struct {
	since       int // the version of ONNX's operators that defines it so; 0 for one that ONNX has not
	least, most int // inputs
	attributes  attribute
	typing      typing
	weight      *weight // nil where no operand is one
	movesData   bool    // or takes the largest or smallest of some: quantized values pass through it
	// rule sets what the attributes say for operands of such sizes, and returns the size of the result.
	rule func(r *Resolved, in []Size) (Size, error)
}

// weight is the operand that an operation multiplies by, or takes rows of, and the axis of it along which
// outputs, or rows, lie. With transB that is 0.
type weight struct{ operand, channelAxis int }

// most is how many inputs an operation may have that takes any number.
const most = 1 << 16

// The weights of operations: a matrix (in, out), filters, and rows of an embedding.
var columns, filters, rows = &weight{1, 1}, &weight{1, 0}, &weight{0, 0}

// operations is the table.
var operations = map[string]operation{
	OpGemm:   {13, 2, 3, attrTransB, floats, columns, false, gemmRule},
	OpMatMul: {13, 2, 2, 0, floats, columns, false, matMulRule},
	OpConv:   {11, 2, 3, attrStrides | attrPads | attrDilations | attrGroup, floats, filters, false, convRule},

	OpBatchNormalization: {15, 5, 5, attrEpsilon, floats, nil, false, batchNormRule},

	OpMaxPool:           {12, 1, 1, attrKernelShape | attrStrides | attrPads, floats, nil, true, poolRule},
	OpAveragePool:       {19, 1, 1, attrKernelShape | attrStrides | attrPads | attrCountIncludePad, floats, nil, false, poolRule},
	OpGlobalAveragePool: {1, 1, 1, 0, floats, nil, false, globalPoolRule},

	OpRelu:       {14, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpSigmoid:    {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpTanh:       {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpLeakyRelu:  {16, 1, 1, attrAlpha, floats, nil, false, leakyReluRule},
	OpClip:       {13, 1, 1, attrMin | attrMax, floats, nil, false, clipRule},
	OpSoftmax:    {13, 1, 1, attrAxis, floats, nil, false, softmaxRule},
	OpLogSoftmax: {13, 1, 1, attrAxis, floats, nil, false, softmaxRule},

	OpAbs:        {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpSign:       {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpCeil:       {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpFloor:      {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpSin:        {7, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpCos:        {7, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpExp:        {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpLog:        {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpSqrt:       {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpReciprocal: {13, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpSoftplus:   {1, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpLog1p:      {0, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpExpm1:      {0, 1, 1, 0, floats, nil, false, elementwiseRule},
	OpSparsemax:  {0, 1, 1, attrAxis, floats, nil, false, softmaxRule},

	OpReduceSum: {13, 1, 1, attrAxes | attrKeepDims, floats, nil, false, reduceRule},
	OpReduceMax: {20, 1, 1, attrAxes | attrKeepDims, floats, nil, true, reduceRule},

	OpFakeQuantize: {0, 1, 1, attrScale | attrZeroPoint | attrQuantMin | attrQuantMax, floats, nil, false, fakeQuantizeRule},

	OpAdd: {14, 2, 2, 0, floats, nil, false, broadcastRule},
	OpSub: {14, 2, 2, 0, floats, nil, false, broadcastRule},
	OpMul: {14, 2, 2, 0, floats, nil, false, broadcastRule},
	OpDiv: {14, 2, 2, 0, floats, nil, false, broadcastRule},
	OpPow: {15, 2, 2, 0, floats, nil, false, broadcastRule},
	OpMin: {13, 1, most, 0, floats, nil, true, broadcastRule},
	OpMax: {13, 1, most, 0, floats, nil, true, broadcastRule},

	OpGreater:        {13, 2, 2, 0, compares, nil, false, broadcastRule},
	OpGreaterOrEqual: {16, 2, 2, 0, compares, nil, false, broadcastRule},
	OpLess:           {13, 2, 2, 0, compares, nil, false, broadcastRule},
	OpLessOrEqual:    {16, 2, 2, 0, compares, nil, false, broadcastRule},
	OpEqual:          {19, 2, 2, 0, compares, nil, false, broadcastRule},
	OpNot:            {1, 1, 1, 0, bools, nil, false, elementwiseRule},
	OpWhere:          {16, 3, 3, 0, chooses, nil, false, broadcastRule},
	OpCast:           {21, 1, 1, 0, casts, nil, false, elementwiseRule},

	OpGather:    {13, 2, 2, attrAxis, indexed, rows, false, gatherRule},
	OpSlice:     {13, 1, 1, attrAxes | attrStarts | attrEnds | attrSteps, floats, nil, true, sliceRule},
	OpIdentity:  {21, 1, 1, 0, keeps, nil, true, elementwiseRule},
	OpResize:    {19, 1, 1, attrScales, floats, nil, true, resizeRule},
	OpReshape:   {21, 1, 1, attrShape, keeps, nil, true, reshapeRule},
	OpTranspose: {21, 1, 1, attrPerm, floats, nil, true, transposeRule},
	OpConcat:    {13, 1, most, attrAxis, floats, nil, true, concatRule},
	OpExpand:    {13, 1, 1, attrShape, floats, nil, true, expandRule},

	OpForeign: {0, 1, most, 0, floats, nil, false, foreignRule},
}
