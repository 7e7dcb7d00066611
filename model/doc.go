// Package model runs a network at any batch size, some of its layers quantized, and keeps it in one file.
//
// Load returns a Model that Save wrote, in a program that need not have the code that made it; what it
// computes is equal bit for bit. Nodes with a Layer multiply by packed weights, as ops.Linear and ops.Conv2d
// do, or take rows of an embedding that stays quantized, as ops.Embedding does; all others are computed in float32.
// Shapes are resolved when a model is made: Run fails for inputs of other shapes, for numbers that are not
// finite where a layer meets them, for whole numbers that name no row, for what Load left in a file that is
// damaged, where an operation of Gorgonia fails, when its context ends, for a batch that takes more memory
// than the limit, and after Close; for nothing else.
//
// Layers under StaticInt8 hand quantized activations of 8 bits to each other where everything that reads a value
// quantizes it by the same parameters: through max-pooling, Relu, Reshape and Concat, and through Add and average
// pools where a FakeQuantize is in front of them, as ptq.Quantize puts it. The bits are those of float32 between
// them. QuantizedValues names such values.
//
// # Threads
//
// Up to GOMAXPROCS threads share the products of a layer. Where every product has quantized weights, 1 MB of them at the most, and no
// operation has to do with more than one sample, Run gives each thread samples of its own instead, if there are enough of them to be worth it.
// The bits are the same either way. A big batch is computed in parts of some milliseconds then.
//
// A run whose context may end is computed by a goroutine of its own if it may take more than some
// milliseconds, or is the first of its model; the caller waits for it or for the context. A goroutine that
// nobody waits for any more ends by itself, at the next node, part of a batch or part of a layer; while eight
// of a model go on, its next such run waits for one of them.
//
// # Memory
//
// Values between nodes lie in the buffers of a workspace; a buffer is used again as soon as nothing reads what was
// in it. Workspaces are kept in a sync.Pool: as many as there were runs at once, each of the size of the largest
// batch it met, until the garbage collector takes them. Constants, weights, and all that a run has for itself take
// DefaultMemoryLimit at most, or what WithMemoryLimit says: a model, or a batch, for which they are more is
// refused before they are allocated.
//
// Weights are packed for the kernels: as many bytes as in a file, and what fills up panels of 16 columns. A model
// that New or Read made keeps the quantized values besides, to save them; one that Load has mapped has them in the
// file. An embedding is not packed: the first run that comes to it reads its quantized values, and no run makes
// float32 of more rows than it takes.
//
// # File
//
// A file is a qtensor.Bundle. Its tensors are float32 constants by name, and quantized weights by the name of their node;
// where that name would belong to a constant, ~ follows it. The rest is JSON under the key "euryale.model" of the metadata:
//
//	{"version": 1,
//	 "inputs":  [{"name": "x", "shape": [-1, 784]}],
//	 "outputs": [{"name": "y", "shape": [-1, 10]}],
//	 "nodes":   [{"op": "Gemm", "name": "fc1", "inputs": ["x", "fc1.w", "fc1.b"], "output": "h", "transB": true}, …],
//	 "layers":  {"fc1": {"weight": "fc1", "compute": "static-int8",
//	                     "activations": {"scheme": "affine8", "scale": 0.0078125, "zero_point": 128}},
//	             "words": {"weight": "words"}}}
//
// A size of -1 is the batch; "integer": true is an input of whole numbers. Nodes are in an order in which they can be computed; op
// and attributes are ONNX's: transB, kernel_shape, strides, pads (height and width, the same on both sides), dilations, group, axis,
// axes, starts, ends, steps, perm, shape, alpha; those of FakeQuantize are scale, zero, low and high. What has its usual value is left
// out. The second input of a node that is in layers, the first of a Gather, names no tensor of its own: nodes with one weight share it.
// compute is fixed24, fixed16, dynamic-int8 or static-int8, which alone has activations; multiplier is there for a scheme
// with float16 scales. A Gather, which has no arithmetic, has neither compute nor activations.
package model
