// Package exprgraph joins models and calibration to Gorgonia's graphs: Attach observes the nodes of a graph while
// a machine runs it, and Embed puts a model into a graph, among stock ops.
//
//	c, err := exprgraph.Attach(g, map[string]*gorgonia.Node{"fc1.in": x, "fc1.out": h})
//	…                                 // make the machine, run it on the samples
//	params, err := c.Profile().Params("fc1.in", qtensor.Affine(8), calib.MinMax())
//
// Gorgonia's own names of inner nodes change when a graph is rebuilt: keys are the caller's, and the name of a
// layer's weight followed by ".in" or ".out" is a good one.
package exprgraph
