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
// A file is a qtensor.Bundle: float32 constants by name, quantized weights by the name of their node, and the
// network as JSON. FORMAT.md beside this file says all of it, and lists the operations with their attributes.
// Files of other versions are refused.
package model
