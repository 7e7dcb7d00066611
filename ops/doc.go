// Package ops holds Gorgonia ops that compute with quantized weights, so that a quantized layer stands in an
// ordinary graph, between Gorgonia's own ops, in a TapeMachine or a LispMachine.
//
//	w, err := qtensor.Quantize(weight, qtensor.PerChannelSymmetric(8, 1)) // weight is (in, out)
//	packed, err := ops.Pack(w)
//	y, err := ops.Linear(x, packed, ops.WithBias(bias), ops.WithReLU())   // x and y are *gorgonia.Node
//
// Pack lays out a quantized matrix for the kernels, as a Weight, and PackConv2d those of a convolution, as
// Filters; both are immutable, and any number of ops, graphs and goroutines may share one. MatMul, Linear and
// Conv2d are the layers. Their activations come and go as float32 or float64; WithActivations says how they
// are represented in between: as block floating point of 24 bits, as good as float32 (model.Fixed24, the
// default), or of 16 bits (model.Fixed16), or quantized to 8 bits, over the range of each row
// (model.DynamicInt8) or over one that a calibration found (WithStaticInt8). Embedding looks up rows of a
// quantized weight.
//
// FakeQuantize, FakeQuantizeDynamic and FakeQuantizeLSQ are for quantization-aware training: they stand in
// the float graph, round its values to those that quantized values represent, and pass the gradient through.
// Pack then takes the weights that were learned, and ptq.Quantize does so for a whole graph.
//
// The layers have no gradient. What follows one can be trained in a TapeMachine; a LispMachine wants
// gorgonia.ExecuteFwdOnly, and needs to be made again for each run. Two machines may run at once if each has
// a graph of its own.
//
// An error of an op when the graph runs, such as qtensor.ErrValue for NaN in its input, is inside of the
// error that a machine's RunAll returns, where errors.Is finds it once it is taken out:
//
//	var vm interface{ Err() error }
//	for errors.As(err, &vm) {
//		err = vm.Err()
//	}
package ops
