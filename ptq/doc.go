// Package ptq turns a float model into a quantized one, after training and without it: post-training
// quantization.
//
//	float, _, err := exprgraph.ReadBuild(ctx, build) // or model.Load, of a float model
//	m, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{Activations: model.StaticInt8})
//
// Dense layers, also of batches, and convolutions, with their biases, and the tables of embeddings become
// quantized layers of a model.Model. Between layers under StaticInt8 activations are kept as bytes, through
// pools and sums; everything else is computed in float32, by Gorgonia itself where the float model calls it.
// Samples show what ranges activations have, and what the result has lost: the Report tells it layer by
// layer.
//
// A graph that was trained through ops.FakeQuantize, FakeQuantizeDynamic or FakeQuantizeLSQ is converted
// without loss: a layer whose weight is fake-quantized has the quantized values that the op rounds to, and
// one whose input is has the op's parameters, under StaticInt8.
package ptq
