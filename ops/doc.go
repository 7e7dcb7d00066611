// Package ops holds Gorgonia ops that compute with quantized weights, so a quantized layer stands in an
// ordinary graph, between Gorgonia's own ops, and ops that round values as quantizing does, for training.
//
//	q, err := qtensor.Quantize(weight, qtensor.PerChannelSymmetric(8, 1)) // weight is (in, out)
//	w, err := ops.Pack(q)                                                 // once, for any number of layers
//	y, err := ops.Linear(x, w, ops.WithBias(bias), ops.WithReLU())        // x and y are *gorgonia.Node
//
// Whole networks are quantized by ptq.Quantize, into models that run without Gorgonia; exprgraph.Embed puts
// such a model into a graph. This package is for single layers.
//
// The exports by subject:
//
//   - [MatMul] and [Linear] multiply by a [Weight], which [Pack] makes of a quantized matrix. [Conv2d] takes
//     [Filters], which [PackConv2d] makes. Both are immutable, and any number of layers, graphs and
//     goroutines may share one.
//   - [WithBias], [WithReLU], [WithActivations] and [WithStaticInt8] are the options of these layers.
//   - [Embedding] looks up rows of a quantized tensor, which needs no packing.
//   - [FakeQuantize] is for training with activations whose range is known, [FakeQuantizeDynamic] with
//     weights, whose range each run finds, and [FakeQuantizeLSQ] with scales that are learned.
//
// # Arithmetic
//
// A layer takes and returns float32 or float64. In between, each row of x becomes integers with one scale, in
// one of the ways that [model.Activations] lists: as block floating point of 24 bits (Fixed24, the default,
// as good as float32) or of 16 (Fixed16), or quantized to 8 bits over its own range (DynamicInt8) or over one
// that a calibration found (WithStaticInt8). The sums of products with integer weights are exact; scales,
// bias and ReLU follow. With weights that are floats, x stays as it is, and a sum is a chain of fused
// multiply-adds in float32. A row of the result depends on that row of x alone, and is the same in every
// batch, on any number of threads and with every instruction set.
//
// # Machines and gradients
//
// The layers and Embedding have no gradient: gorgonia.Grad with respect to what comes before one is an error.
// What comes after it can be trained in a TapeMachine; a LispMachine needs gorgonia.ExecuteFwdOnly, and has
// to be made again for each run. The fake-quantize ops have gradients, in both machines. Two machines may run
// at once if each has a graph of its own.
//
// After training, qtensor.Quantize and Pack take the learned weights, and ptq.Quantize does so for a whole
// graph.
//
// # Errors
//
// Errors wrap the sentinels of package qtensor. A function returns what is wrong with its arguments. What is
// wrong with a value, such as qtensor.ErrValue for NaN in x, comes from RunAll of the machine, whose error
// has to be taken apart before errors.Is finds it:
//
//	var vm interface{ Err() error }
//	for errors.As(err, &vm) {
//		err = vm.Err()
//	}
package ops
