// Package exprgraph joins models to Gorgonia's graphs: ReadBuild reads a graph into a float model, which
// ptq.Quantize takes, Embed puts a model into a graph, among Gorgonia's own ops, and Attach observes the
// nodes of a graph while a machine runs it.
//
//	float, report, err := exprgraph.ReadBuild(ctx, build)     // compared with Gorgonia
//	outputs, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x})
//	c, err := exprgraph.Attach(g, map[string]*gorgonia.Node{"fc1.in": x, "fc1.out": h})
//
// Gorgonia's own names of inner nodes change when a graph is rebuilt: the keys of Attach are the caller's,
// and the name of a layer's weight followed by ".in" or ".out" is a good one.
package exprgraph
