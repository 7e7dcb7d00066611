// Package qtensor holds quantized tensors: quantized values of 2 to 8 bits, or 16-bit floats, together with
// the scales and zero points that turn them back into float32.
//
// A quantized value q stands for the real value r = s·(q − z), with a scale s and an integer zero point z, as
// in PyTorch and ONNX; under Uniform it stands for r = lo + s·q. Names in the API call q a code:
// QTensor.Codes, FromCodes, Scheme.CodeRange. A Scheme says which mapping, how many bits, and how many
// elements share a scale: the whole tensor, a channel (an index of one axis), or a group within a channel.
//
//	q, err := qtensor.Quantize(x, qtensor.PerChannelSymmetric(8, 1)) // scales from the range of x itself
//	stats, err := q.Compare(x)                                       // what was lost: SQNR, errors, clipping
//	r, err := q.Dequantize(tensor.Float32)
//
// QuantizeWith takes scales that were found beforehand, by calibration (package calib) or NewParams, and
// FromCodes takes quantized values that another tool made.
//
// Quantizing divides in float32, rounds to nearest with ties to even, and saturates:
// q = clamp(RNE(x/s) + z). Every scheme but Uniform represents zero exactly. See Jacob et al.,
// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
// (arXiv:1712.05877) §2 for the affine scheme, and Krishnamoorthi (arXiv:1806.08342) §2 for the
// per-channel ones.
//
// Save writes quantized and float tensors by name to a safetensors file, and Open reads it, bit for bit.
package qtensor
