// Package ops holds Gorgonia ops that compute with quantized weights, so that a quantized layer stands in an
// ordinary graph, between stock ops, in a TapeMachine or a LispMachine.
//
// Pack turns a quantized matrix into a Weight once, and PackConv2d filters into Filters; any number of ops,
// graphs and goroutines may share them. MatMul, Linear and Conv2d are the layers. WithActivations says what
// becomes of the activations on their way through: block floating point that is as good as float32
// (model.Fixed24, the default) or nearly (model.Fixed16), or quantized bytes, with a scale for each row
// (model.DynamicInt8) or one found by calibration (WithStaticInt8). Embedding takes rows of a quantized
// table, without arithmetic.
//
// FakeQuantize, FakeQuantizeDynamic and FakeQuantizeLSQ go into a float graph that is trained: they give the
// numbers that codes stand for, and a gradient, so that a network learns what its quantized form will
// compute. Pack then takes what was learned, and ptq.Quantize does so for a whole graph.
//
// The layers have no gradient. What follows one can be trained in a TapeMachine; a LispMachine wants
// gorgonia.ExecuteFwdOnly, and needs to be made again for each run. Two machines may run at once if each has
// a graph of its own.
package ops
