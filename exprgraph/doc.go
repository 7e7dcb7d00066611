// Package exprgraph connects Gorgonia's graphs with models and calibration. Its three functions are
// independent of each other:
//
//   - [ReadBuild] makes a float model of a graph, for ptq.Quantize. Its [Report] says how the model compares
//     with Gorgonia.
//   - [Embed] puts a model into a graph, between Gorgonia's own ops.
//   - [Attach] records the values of nodes while a machine runs a graph, for calibration by hand.
//
// ReadBuild takes a function, a [Build], that makes the [Graph]. Gorgonia fixes shapes when a graph is made:
// ReadBuild makes the graph at two batch sizes, and finds the batch by comparing them.
//
//	build := func(batch int) (exprgraph.Graph, error) {
//		g := gorgonia.NewGraph()
//		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 2), gorgonia.WithName("x"))
//		w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithValue(weight)) // trained
//		y, err := gorgonia.Mul(x, w)
//		return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, err
//	}
//	float, report, err := exprgraph.ReadBuild(ctx, build)                 // a *model.Model
//	outputs, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x}) // nodes by the names of m's outputs
//	c, err := exprgraph.Attach(g, map[string]*gorgonia.Node{"fc1.in": x}) // a *calib.Calibrator
//
// Docs name the sentinels that an error may wrap: those below, and those of packages qtensor, calib and
// model.
package exprgraph
