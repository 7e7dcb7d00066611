// Package ptq quantizes a float model after it was trained: post-training quantization, as ONNX Runtime's
// quantize_static and quantize_dynamic do it.
//
//	float, _, err := exprgraph.ReadBuild(ctx, build) // or model.Load, of a float model
//	m, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{Activations: model.StaticInt8})
//	err = m.Save(path)
//
// The exports by subject:
//
//   - [Quantize] takes a float model and samples, and returns the quantized model and a [Report]: the scheme of
//     each layer ([LayerReport]), and what it has lost, as the SQNR against the float model ([OutputReport]).
//   - [Config] says how. Its zero value is a good default; a [LayerRule] makes exceptions for layers by name.
//   - [Sample] is one batch of inputs. Samples show the ranges of activations, and what is lost.
//   - [Pass] and [WeightQuantizer] are interfaces of stages that a Config may replace, as calib.RangeEstimator
//     is. A calib.Profile stands in for a calibration: that of a Report serves any number of Configs.
//
// # What is quantized
//
// Layers are products with a constant matrix, also of batches, convolutions, and embeddings, from which rows
// are taken. A bias, and a Relu that alone reads the result, become part of the layer. A product that stays
// float has its reason in the Report: its weight is computed, such as 2·w or a slice of w, or it has none.
//
// All else is computed in float32, but for what lies between layers under StaticInt8: activations stay
// quantized there through Relu, Reshape, Transpose, Concat and max-pooling. What flows into sums of two values
// and into average pools is fake-quantized, with parameters of its own, where they stay quantized then.
// Report.Kept and OnQuantized say what became of each operation.
//
// # Networks that were trained through fake quantization
//
// A network that was trained through ops.FakeQuantize, FakeQuantizeDynamic or FakeQuantizeLSQ is converted
// without loss. A layer whose weight is fake-quantized has the quantized values that the op rounds to; a batch
// normalization that is folded into it multiplies its scales. Where the network fake-quantizes what flows into
// a layer, right before it or before Reshape, Transpose and max-pooling, the layer does that itself, with the
// op's parameters, under StaticInt8. What no layer does stays an operation in float32, or the real values of a
// constant, and is in Report.Kept.
package ptq
