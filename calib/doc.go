// Package calib finds the ranges that a model's activations have, and turns them into the parameters of any
// quantization scheme.
//
// What was seen and the rule that turns it into a range are two things. A Histogram is what was seen of a
// tensor, in fixed memory and one pass; a Rule makes a range from it; a Profile holds histograms by key, as
// JSON where it is saved. One calibration so serves 8 bits and 4, and profiles of several machines merge into
// exactly the profile that one machine would have made of all samples, in whatever order.
//
// A Calibrator records the points of a network by key, and Profile.Observe single tensors:
//
//	c, err := calib.NewCalibrator(map[string]tensor.Shape{"fc1.in": {1, 784}})
//	err = c.Observe("fc1.in", x)      // for each sample
//	params, err := c.Profile().Params("fc1.in", qtensor.Affine(8), calib.MinMax())
//
// exprgraph.Attach has the nodes of a Gorgonia graph observed while a machine runs it.
package calib
