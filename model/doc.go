// Package model runs a network, float or quantized, at any batch size, and keeps it in one file. A program
// that loads and runs a model needs neither Gorgonia nor the code that made the model.
//
//	m, err := model.Load("net.safetensors")                // Save wrote it
//	y, err := m.Run(ctx, map[string]tensor.Tensor{"x": x}) // x is (batch, …), y holds tensors by name
//
// exprgraph.ReadBuild makes a float model of a Gorgonia graph, and ptq.Quantize a quantized model of a float
// one.
//
// The exports by subject:
//
//   - [Model] is what runs. [Load] and [Read] return the one in a file, [New] the one of a [Network]. Run,
//     Observe, ObserveNamed and Time run it; Inputs, Outputs, Shapes, Dims, Layers and String describe it; Save
//     and Write keep it; Close ends it.
//   - [Network] is a network as data, for programs that make models or change them: it has a [Node] for each
//     operation, and [Value], [Constant] and [Dim]. An [Op] is an operation that is code.
//   - [Layer] is a quantized weight in the place of a constant, and [Activations] the way in which the layer
//     represents its activations.
//   - [WithMemoryLimit] bounds what a model and its runs allocate.
//
// # Layers
//
// A layer is a node that multiplies by a constant weight (Gemm, MatMul or Conv), or an embedding, which takes
// rows of a constant (Gather). A quantized layer computes as ops.Linear, ops.Conv2d and ops.Embedding do,
// with the same bits in every batch and on any number of threads. Other nodes compute in float32. A model
// that was saved and loaded computes the same bits.
//
// Between two layers under StaticInt8, a value stays quantized to 8 bits if all that read it quantize it by
// the same parameters. It passes so through MaxPool, Relu, Clip, Slice, Reshape and Concat, and through Add,
// AveragePool, GlobalAveragePool and functions of one value whose inputs are fake-quantized, as ptq.Quantize
// arranges. A function is what elementwise operations make of a value and of constants of one element, such
// as LeakyRelu(x) and x·Sigmoid(x): a table of 256 entries, unless one of them is NaN or infinite. The
// results have the same bits as with float32 values in between. Model.QuantizedValues lists such values.
//
// # Threads
//
// Up to GOMAXPROCS threads share the products of a layer that takes long. Instead, each thread gets samples of
// its own if the batch is large, every product is by constants, which are at most 1 MB in all, and no
// operation combines samples. A run of such a model that takes less than a millisecond, of one sample say, is
// shared layer by layer or left to one thread: the first runs try both, and the rest do what took less, but
// for one of 64. The bits are the same in any case.
//
// Run returns as soon as its ctx ends. If ctx can end (ctx.Done() is not nil), and the run may take more than
// a few milliseconds, calls an Op or is the first of its model, a separate goroutine computes it on a copy of
// the inputs. When ctx ends, that goroutine is abandoned, and stops at the next node or within a layer. While
// a model has eight abandoned goroutines, its next run of this kind waits until one has stopped, or until its
// own ctx ends.
//
// # Memory
//
// A model whose constants, packed weights and workspace for a batch of one take more than
// [DefaultMemoryLimit], or the limit of [WithMemoryLimit], is ErrMemory. So is a run whose batch needs more.
// Both are found before anything of it is allocated.
//
// A workspace holds the values between nodes; a value takes the buffer of one that is not needed any more.
// There are as many workspaces as there were runs at once, each for the largest batch that it met, until the
// garbage collector frees them.
//
// Weights are packed for the kernels when a run first comes to their node: into as many bytes as in the file,
// and the padding of panels of 16 columns. So are float32 constants that products read. Filters that have a
// channel each are 16 columns each, unless their activations are StaticInt8. A model of New or Read keeps the
// quantized values besides, to save them. One of Load keeps them in the file. An embedding is not packed, and
// a run dequantizes only the rows that it takes.
//
// # File
//
// A file is a qtensor.Bundle: float32 constants by name, quantized weights by the name of their node, and the
// network as JSON. model/FORMAT.md in the repository documents all of it, and lists the operations with their
// attributes. Files of other versions are refused.
//
// # Errors
//
// Docs name the sentinels that an error may wrap: those below, and those of package qtensor. Methods of a nil
// Model, and of the zero Model, return qtensor.ErrParams where they return an error; others return nil, and
// String describes no layer.
package model
