// Package exprgraph connects Gorgonia's graphs with models and calibration:
//
//   - [Read] makes a float model of nodes of a graph, for ptq.Quantize. Its [Report] says how the model
//     compares with Gorgonia. [ReadBuild] makes one of a function that makes graphs.
//   - [Embed] puts a model into a graph, between Gorgonia's own ops.
//   - [Attach] records the values of nodes while a machine runs a graph, for calibration by hand.
//
// They are independent of each other:
//
//	float, report, err := exprgraph.Read(ctx, gorgonia.Nodes{x}, gorgonia.Nodes{y}) // a *model.Model
//	outputs, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x})           // nodes by name
//	c, err := exprgraph.Attach(g, map[string]*gorgonia.Node{"fc1.in": x})           // a *calib.Calibrator
//
// # Which of the two
//
// Gorgonia fixes shapes when a graph is made. Read takes the graph that was trained, and follows the batch
// from the inputs through the shape of every node. ReadBuild takes a function, a [Build], that makes the
// [Graph] for a batch size; it makes the graph at two sizes, and takes as the batch what differs. It is for
// graphs in which the sizes of one graph do not tell: Read names the node then. A Build that ignores its
// argument gives a model of one fixed batch.
//
// Docs name the sentinels that an error may wrap: those below, and those of packages qtensor, calib and
// model.
package exprgraph
