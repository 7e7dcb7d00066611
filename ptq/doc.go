// Package ptq quantizes a float model after it was trained: post-training quantization, as ONNX Runtime's
// quantize_static and quantize_dynamic do it.
//
//	float, _, err := exprgraph.ReadBuild(ctx, build) // or model.Load, of a float model
//	m, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{Activations: model.StaticInt8})
//	err = m.Save(path)
//
// The exports by subject:
//
//   - [Quantize] takes a float model and samples, and returns the quantized model and a [Report]: the scheme
//     of each layer ([LayerReport]), what it has lost, as the SQNR against the float model ([OutputReport]),
//     and what deserves a look ([Warning], by [WarningKind]).
//   - [Config] says how; a [LayerRule] makes exceptions for layers by name. Either has a Range, which turns
//     what was observed of activations into their ranges under StaticInt8: calib.MinMax, Percentile, MSE,
//     Entropy, HistogramL2 or MovingAverageMinMax.
//   - [Sample] is one batch of inputs. Samples show the ranges of activations, and what is lost.
//   - [Pass] and [WeightQuantizer], of a [Weight], are interfaces of stages that a Config may replace, as
//     calib.RangeEstimator is. [ScaleSearch] and [RoundToNearest] are quantizers. [FoldBatchNormalization] is the Pass that runs by default.
//
// A calib.Profile stands in for a calibration: that of a Report serves any number of Configs.
//
// # Which Config
//
// Config{} stays closest to the float model: weights of 8 bits with a scale for each output, and activations
// as good as float32 (model.Fixed24). Activations of 8 bits are faster: model.DynamicInt8, whose ranges each
// run finds, and model.StaticInt8, whose ranges the samples show, which is the fastest where convolutions
// follow each other. Weights of qtensor.Codebook(4).PerGroup(1, 32) take little more than half the bytes
// of 8 bits, and multiply as those do; with 3 and 2 bits they take less still, and lose more.
//
// # What is quantized
//
// Layers are products of activations (…, in) with a constant matrix (in, out), convolutions with constant
// filters, and embeddings, from which rows are taken. A bias, and a Relu that alone reads the result, become
// part of the layer. A product that stays float has its reason in the Report, such as a weight that is
// computed: 2·w, or a slice of w.
//
// All else is computed in float32, but for what lies between layers under StaticInt8: package model's doc
// lists the operations through which activations stay quantized. Add, average pools and functions of one
// value, such as LeakyRelu, are among them because Quantize fake-quantizes their inputs there, each with
// parameters of its own. Report.OnQuantized and Report.Kept say what became of each operation.
//
// # Networks that were trained through fake quantization
//
// A network that was trained through ops.FakeQuantize, FakeQuantizeDynamic or FakeQuantizeLSQ is converted
// without loss. A layer whose weight is fake-quantized gets the quantized values that the op rounds to; a
// batch normalization that is folded into it multiplies its scales. If the input of a layer is
// fake-quantized, the layer quantizes its input with the parameters of that op, under StaticInt8. Between the
// op and the layer may be what gives only numbers that the op leaves as they are: Relu; a Clip to bounds that
// are such numbers, or beyond all; MaxPool, ReduceMax, Slice, Reshape, Transpose and others that move data
// (Node.MovesData); Concat, Min and Max, if all operands are fake-quantized by the same parameters, or
// constants of such numbers.
//
// The layer takes the place of a FakeQuantize that nothing else reads, but behind Relu and Clip. Any other
// FakeQuantize stays an operation: in float32, or on quantized values, as Report.Kept and Report.OnQuantized
// say. The model computes the same in each case. Constants that are fake-quantized and become no layer stay
// what they stand for, and are in Report.Kept.
//
// # Bias correction
//
// Rounding the weights and the input of a layer moves the mean of each of its outputs, which the layers
// behind add up. Quantize moves it back (DFQ, arXiv:1906.04721, section 4.2, on samples):
//
//	b' = b + mean(y_float − y_quantized)
//
// for each output, over all samples and positions. Both y are of the float model's activations and before a
// Relu: what the layers before are off by is for their biases. A layer without a bias gets one; for a MatMul,
// which has none, it is the constant of the Add that follows. A mean is added where it helps: the means a and
// b of two halves of the samples, with n_a and n_b values for each output, have to take more off the squared
// error of each other's half than they add, Σ n_b·(2ab − a²) + n_a·(2ab − b²) > 0 over all outputs; and none
// may be twice the root mean square of y_float or more. In the end, the model with such biases has to be
// nearer to the float model in an output, and further in none, than the model without, over all samples.
// LayerReport.BiasShift and BiasReason say what became of a layer.
//
// Weights and biases that were quantized in training stay as they are, and biases that are computed. So do
// all under Config.KeepBiases.
//
// The eight networks of package zoo, of which three are convolutional, calibrated on 256 samples, gain 3.0 dB
// in the mean with weights of 8 bits, and 6.1 dB with 4 bits in groups of 32 by RoundToNearest, over Fixed24,
// DynamicInt8 and StaticInt8, on samples that Quantize has not seen. On 8 samples they gain 2.6 and 5.8 dB.
// None loses more than 0.05 dB.
//
// # Errors
//
// Docs name the sentinels that an error may wrap: those below, and those of packages qtensor and calib.
// A nil Report is described as an empty one.
package ptq
