// Package nn has layers on slices: quantized weights, packed once for the kernels, and layers that are
// prepared from them.
//
// Pack packs a quantized matrix as a Weight, and PackFilters the weights of a convolution as Filters. Their
// Prepare plans what is known before a run (arithmetic, bias, ReLU, the sizes of images) and returns a Layer,
// whose Run takes and gives float32 or quantized activations. Weights and layers are immutable and safe for
// concurrent use.
package nn
