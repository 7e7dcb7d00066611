// Package model runs a network at any batch size, some of its layers quantized, and keeps it in one file.
//
// Load returns a Model that Save wrote, in a program that need not have the code that made it. The loaded
// model computes the same bits. Nodes with a Layer multiply by packed weights, as ops.Linear and ops.Conv2d
// do, or take rows of an embedding that stays quantized, as ops.Embedding does; all others are computed in
// float32.
//
// Shapes are resolved when a model is made. Run fails for inputs of other shapes, for NaN and infinities that
// reach a layer, for indices of no row, for weights and constants of a damaged file, where an operation of
// Gorgonia fails, when its context ends, for a batch that takes more memory than the limit, and after Close.
// It fails for nothing else.
//
// Layers under StaticInt8 hand quantized activations of 8 bits to each other where everything that reads a
// value quantizes it by the same parameters: through max-pooling, Relu, Reshape and Concat, and through Add
// and average pools where a FakeQuantize is in front of them, as ptq.Quantize puts it. The bits are those of
// float32 between them. QuantizedValues names such values.
//
// # Threads
//
// Up to GOMAXPROCS threads share the products of a layer. Run gives each thread samples of its own instead
// where the batch is large enough to be worth it, every product has quantized weights, all of them are at
// most 1 MB, and no operation combines samples. A large batch is then computed in tasks of some milliseconds.
// The bits are the same either way.
//
// A goroutine of its own computes a run whose context may end, if the run may take more than some
// milliseconds or is the first of its model. The caller waits for it or for the context. A goroutine that
// nobody waits for ends by itself, at the next node, task or tile of a layer. While eight such goroutines of
// a model go on, its next such run waits for one of them to end.
//
// # Memory
//
// Values between nodes lie in the buffers of a workspace; a buffer is used again as soon as nothing reads
// what was in it. Workspaces are kept in a sync.Pool: as many as there were runs at once, each of the size of
// the largest batch it met, until the garbage collector takes them. Constants, weights, and all that a run
// has for itself take DefaultMemoryLimit at most, or what WithMemoryLimit says: a model, or a batch, for
// which they are more is refused before they are allocated.
//
// Weights are packed for the kernels: as many bytes as in a file, and what fills up panels of 16 columns. A
// model that New or Read made keeps the quantized values besides, to save them; one that Load has mapped has
// them in the file. An embedding is not packed: the first run that comes to it reads its quantized values,
// and no run makes float32 of more rows than it takes.
//
// # File
//
// A file is a qtensor.Bundle. Its tensors are float32 constants by name, and quantized weights by the name of
// their node; where a constant has that name, ~ follows it. The rest is JSON under the key "euryale.model" of
// the metadata:
//
//	{"version": 1,
//	 "inputs":  [{"name": "x", "shape": [-1, 784]}],
//	 "outputs": [{"name": "y", "shape": [-1, 10]}],
//	 "nodes":   [{"op": "Gemm", "name": "fc1", "inputs": ["x", "fc1.w", "fc1.b"], "output": "h",
//	              "transB": true}, …],
//	 "layers":  {"fc1": {"weight": "fc1", "compute": "static-int8",
//	                     "activations": {"scheme": "affine8", "scale": 0.0078125, "zero_point": 128}},
//	             "words": {"weight": "words"}}}
//
// In a float model, quantized tensors are constants by name, as they were quantized in training: ptq
// quantizes layers so again. A size of -1 is the batch; "integer": true is an input of whole numbers. Nodes
// are in an order in which they can be computed; op and attributes are ONNX's: transB, kernel_shape, strides,
// pads (height and width, the same on both sides), dilations, group, axis, axes, starts, ends, steps, perm,
// shape, alpha; those of FakeQuantize are scale, zero, low and high. Attributes with their default value are
// left out. A node in layers has no tensor for its weight, which is the second input, the first of a Gather:
// nodes with one weight share it. compute is fixed24, fixed16, dynamic-int8 or static-int8, which alone has
// activations; multiplier is there for a scheme with float16 scales. A Gather, which has no arithmetic, has
// neither compute nor activations.
package model
