// Package qtensor quantizes tensors of gorgonia.org/tensor to integers of 2 to 8 bits, to floats of 4, 8
// or 16, or to codes of a table, measures what that cost, and keeps the results in safetensors files.
//
//	q, err := qtensor.Quantize(w, qtensor.PerChannelSymmetric(8, 1)) // w is (in, out): a scale per column
//	stats, err := q.Compare(w)                                       // SQNR, errors, clipping
//	r, err := q.Dequantize(tensor.Float32)
//	err = qtensor.Save("w.safetensors", qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"fc1": q}})
//
// The exports by subject:
//
//   - [Scheme] says how to quantize: by which method ([Symmetric], [Affine], [Uniform], [PowerOfTwo], [Int4],
//     [UInt4], [Float16], [BFloat16], [Float8E4M3FN], [Float8E5M2], [MXFP4], [Codebook]), and with one scale
//     per tensor, per channel ([Scheme.PerAxis]) or per group ([Scheme.PerGroup]). [Storage] and [ScaleType]
//     are the types of what it stores, [LevelTable] is where the levels of a Codebook come from.
//   - [Params] holds scales, zero points and offsets. [NewParams] computes them from ranges, package calib
//     from samples.
//   - [QTensor] is a quantized tensor. [Quantize] makes one over the range of its input, [QuantizeWith] one
//     with given Params, and [FromCodes] one of integers that another tool made. [WithSearch] has Quantize
//     look for the parameters with the least squared error, as a [Search] says.
//   - [Stats], which [QTensor.Compare] returns, is what quantizing cost.
//   - [File], which [Open] returns, reads what [Save] wrote of a [Bundle].
//
// # Equations
//
// Quantizing x gives the integer q = clamp(RNE(x/s) + z), which stands for the real value r = s·(q − z), as
// in PyTorch and ONNX: s is the scale, z the zero point, an integer, and 0 for a method without one. RNE
// rounds to the nearest integer, ties to even. clamp saturates to qmin … qmax, which [Scheme.CodeRange]
// returns. Uniform has a real offset, lo, in place of z: q = clamp(RNE((x − lo)/s)) and r = lo + s·q. Every
// method but Uniform, and but a Codebook with LearnedLevelsNoZero, represents 0 exactly. Under a Codebook q
// stands for w8, an int8 that is looked up, and r = S·w8. Under Float8E4M3FN, Float8E5M2 and MXFP4, q is the pattern of the
// float of 8 or 4 bits that is nearest to x/s, ties to even, and r is s times that float. Names of the API
// call a quantized value a code: QTensor.Codes, FromCodes, Scheme.CodeRange.
//
// A block is the elements that share s, z and lo: the whole tensor; a channel, which is all elements with one
// index of the channel axis; or a group of elements within a channel.
//
// Sources: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
// Inference" (arXiv:1712.05877) §2 for Affine; Krishnamoorthi (arXiv:1806.08342) §2 for scales per channel.
//
// # Shapes
//
// Quantize takes any shape. What computes with a matrix (packages ops and model) takes it as (in, out), with
// channel axis 1; PyTorch's is (out, in), with channel axis 0, and [QTensor.T] transposes it without
// quantizing again. Filters of a convolution are (out, in/groups, height, width), with channel axis 0, as
// PyTorch and ONNX have them.
//
// # Errors
//
// Docs name the sentinels that an error may wrap, and the sentinels below say what they report. NaN and
// infinities are ErrValue, and never quantized. Nothing panics: a panic of an io.Writer or io.ReaderAt that
// is passed in, or an impossible count from it, becomes an error too.
package qtensor
