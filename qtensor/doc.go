// Package qtensor holds quantized tensors: codes of 2 to 8 bits, or 16-bit floating-point numbers, in dense
// gorgonia tensors together with the parameters that turn them back into float32.
//
// Every integer scheme but Uniform is r = s·(q − z) with a scale s and an integer zero point z; Uniform is
// r = lo + s·q. A Scheme says which mapping, how many bits, and how many elements share a scale: a tensor,
// an index of an axis, or a group. Quantize takes the scale from the range of the data, QuantizeWith takes
// it from parameters that a calibration found, FromCodes takes codes as they are.
//
// Quantizing divides in float32, rounds to nearest with ties to even, and saturates:
// q = clamp(RNE(x/s) + z). Zero has a code in every scheme but Uniform. See Jacob et al.,
// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
// (arXiv:1712.05877) §2 for the affine scheme, and Krishnamoorthi (arXiv:1806.08342) §2 for the
// per-channel ones.
//
// Save writes quantized and float tensors by name to a safetensors file, and Open reads it, bit for bit.
package qtensor
