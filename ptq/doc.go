// Package ptq turns a float network into a quantized one, after training and without it: post-training
// quantization.
//
//	m, report, err := ptq.Quantize(ctx, build, samples, ptq.Config{Activations: model.StaticInt8})
//
// build makes the float graph for a batch size, as a program does that trains it. The graph is read and not
// changed; one that build makes for the first sample is run, in evaluation, and what was read is held to its
// results. Dense layers, also of batches, and convolutions, with their biases, and the tables of embeddings
// become quantized layers of a model.Model. Between layers under StaticInt8 numbers are kept as codes of a
// byte, through pools and sums; everything else is computed in float32, by Gorgonia itself where model has no
// such operation. Samples show what ranges activations have, and what the result has lost: the Report tells
// it layer by layer.
//
// A graph that was trained through ops.FakeQuantize, FakeQuantizeDynamic or FakeQuantizeLSQ is converted
// without loss: a layer whose weight is fake-quantized has the codes that the op rounds to, and one whose
// input is has the op's parameters, under StaticInt8.
package ptq
