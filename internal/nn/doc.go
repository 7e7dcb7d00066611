// Package nn has layers on slices: quantized weights, packed once for the kernels, and layers that are
// prepared from them.
//
// Pack makes a Weight of a quantized matrix and PackFilters Filters of those of a convolution. Their Prepare
// settles what is known before a run (arithmetic, bias, ReLU, the sizes of images) and returns a Layer, whose
// Run takes and gives float32 or quantized activations. Weights and layers are immutable: any number of
// goroutines may share them.
package nn
