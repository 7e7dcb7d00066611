// Package calib records the ranges of a model's activations on samples, and turns them into the quantization
// parameters of any scheme.
//
// Observing and estimating are separate. A Histogram counts the values of a tensor, in one pass and fixed
// memory; a Profile holds histograms by key, and is saved as JSON; a RangeEstimator makes a range of a
// histogram. So one calibration serves 8 bits and 4, and profiles of several machines merge into exactly the
// profile that one machine would have made of all samples, in whatever order.
//
// A Calibrator records the points of a network by key; Profile.Observe records a single tensor:
//
//	c, err := calib.NewCalibrator(map[string]tensor.Shape{"fc1.in": {1, 784}})
//	err = c.Observe("fc1.in", x) // for each sample
//	params, err := c.Profile().Params("fc1.in", qtensor.Affine(8), calib.MinMax())
//
// exprgraph.Attach has the nodes of a Gorgonia graph observed while a machine runs it.
package calib
