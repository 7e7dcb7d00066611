// Package calib finds the ranges that a model's activations have, and turns them into the parameters of any
// quantization scheme.
//
// What was seen and the rule that turns it into a range are two things. A Histogram is what was seen of a
// tensor, in fixed memory and one pass; a Rule makes a range from it; a Profile holds histograms by key, as
// JSON where it is saved. One calibration so serves 8 bits and 4, and profiles of several machines merge into
// exactly the profile that one machine would have made of all samples, in whatever order.
//
// Attach observes the nodes of a Gorgonia graph while a machine runs it; Profile.Observe takes tensors from
// a program without a graph:
//
//	watch, err := calib.Attach(g, map[string]*gorgonia.Node{"fc1.in": x, "fc1.out": h})
//	…                                 // make the machine, run it on the samples
//	profile := watch.Profile()
//	params, err := profile.Params("fc1.in", qtensor.Affine(8), calib.MinMax())
//
// Gorgonia's own names of inner nodes change when a graph is rebuilt: keys are the caller's, and the name of
// a layer's weight followed by ".in" or ".out" is a good one.
package calib
