package ptq

import (
	"slices"

	"euryale/internal/flow"
	"euryale/model"
	"euryale/qtensor"
)

// Between layers under Static, what flows into a sum is rounded to codes of a byte where the model then keeps it as such, and the sum
// too; likewise what flows into an average. So a residual block, and the pool behind it, take and give a byte for each number.

// rounding is what may be rounded to codes before ops that are no layers.
type rounding struct {
	readers map[string][]string // of a value: the nodes that read it as codes
	sums    map[string][]string // of a value: those of its readers' results that have to become codes too
	values  []string            // in the order in which they are computed
}

// rounding returns what sums of two values and averages read; nothing where no layer is Static by the Config, or where the graph says
// itself what is rounded.
func (j *job) rounding() rounding {
	r := rounding{readers: map[string][]string{}, sums: map[string][]string{}}
	if !j.cfg.static() || slices.ContainsFunc(j.graph.Nodes, func(n flow.Node) bool { return n.Op == "FakeQuantize" }) {
		return r
	}
	made := map[string]bool{}
	for _, n := range j.graph.Nodes {
		made[n.Output] = true
		average := n.Op == "AveragePool" || n.Op == "GlobalAveragePool"
		if n.Op != "Add" && !average || slices.ContainsFunc(n.Inputs, func(in string) bool { return !made[in] }) {
			continue
		}
		for _, in := range n.Inputs {
			if r.readers[in] == nil {
				r.values = append(r.values, in)
			}
			r.readers[in] = append(r.readers[in], n.Name)
			if !average {
				r.sums[in] = append(r.sums[in], n.Output)
			}
		}
	}
	return r
}

// static reports whether any layer may be so.
func (c Config) static() bool {
	return c.Activations == Static || slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.Activations == Static && !r.Float })
}

// build makes the model of the graph, with as much rounded as leaves codes between its layers.
func (j *job) build(g *flow.Graph, layers map[string]model.Layer) (*model.Model, *flow.Graph, error) {
	rounding := j.rounding()
	fakes := map[string]flow.Node{}
	for _, v := range rounding.values {
		p, err := j.params(j.seen[v])
		if err != nil {
			return nil, nil, err
		}
		fakes[v] = fakeOf(free(g, v+"~codes"), v, p)
	}
	for {
		rounded := rounding.in(g, fakes)
		m, err := model.New(rounded, layers)
		if err != nil {
			return nil, nil, err
		}
		before, coded := len(fakes), m.Coded()
		for v, f := range fakes {
			if !slices.Contains(coded, f.Output) || slices.ContainsFunc(rounding.sums[v], func(sum string) bool { return !slices.Contains(coded, sum) }) {
				delete(fakes, v)
			}
		}
		if len(fakes) == before {
			return m, rounded, nil
		}
	}
}

// free returns the name, or one like it that neither a node nor a value has.
func free(g *flow.Graph, name string) string {
	for g.Constants[name] != nil ||
		slices.ContainsFunc(g.Inputs, func(v flow.Value) bool { return v.Name == name }) ||
		slices.ContainsFunc(g.Nodes, func(n flow.Node) bool { return n.Name == name || n.Output == name }) {
		name += "~"
	}
	return name
}

// fakeOf returns a FakeQuantize of parameters for a tensor.
func fakeOf(name, in string, p qtensor.Params) flow.Node {
	low, high := p.Scheme.CodeRange()
	f := flow.Node{Op: "FakeQuantize", Name: name, Inputs: []string{in}, Output: name, Scale: p.Scales[0], Low: low, High: high}
	if p.Scheme.HasZeroPoint() {
		f.Zero = p.ZeroPoints[0]
	}
	return f
}

// in returns g with the fakes behind the values that they read, for those readers all of whose inputs have one.
func (r rounding) in(g *flow.Graph, fakes map[string]flow.Node) *flow.Graph {
	rounded := *g
	rounded.Nodes = nil
	for _, n := range g.Nodes {
		if !slices.ContainsFunc(n.Inputs, func(v string) bool {
			_, ok := fakes[v]
			return !ok || !slices.Contains(r.readers[v], n.Name)
		}) {
			n.Inputs = slices.Clone(n.Inputs)
			for i, v := range n.Inputs {
				n.Inputs[i] = fakes[v].Output
			}
		}
		rounded.Nodes = append(rounded.Nodes, n)
		if f, ok := fakes[n.Output]; ok {
			rounded.Nodes = append(rounded.Nodes, f)
		}
	}
	return &rounded
}
