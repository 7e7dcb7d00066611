package ptq

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"euryale/calib"
	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/internal/graph"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Graph is a float graph with what flows in and out, in order. Weights are the other nodes with a value.
type Graph struct{ Inputs, Outputs gorgonia.Nodes }

// Build makes the float graph for a batch size, which is the first axis of what flows in. Quantize calls it more than
// once, and changes nothing of what it returns.
type Build func(batch int) (Graph, error)

// Sample is values for the inputs by name, float32 or float64, or int where the input is, for any batch size.
type Sample map[string]tensor.Tensor

// ErrSamples reports that there was no sample.
var ErrSamples = errors.New("no samples")

// Quantize returns the network of build with its layers quantized, and what that has cost on the samples, which are walked
// through twice; before, Gorgonia runs the first of them in a graph of its own, to which the network is held as it was read and as
// it is folded: with normalizations, and biases, in the layer before them. Layers are products with a weight, convolutions, and lookups
// of rows in a table; what is around them stays float32, but for what lies between layers under Static: there a byte is kept for each
// number, and what flows into sums between them, and into averages, is rounded to codes of a byte. An operation that model does not
// have is called in Gorgonia, in graphs that build makes for the batches of Run; Kept names it, and Save refuses such a model.
//
// Where the graph fake-quantizes a layer's weight, the layer has the codes that the op rounds to; a batch normalization that is
// folded into it multiplies their scales. Where it fake-quantizes what flows into a layer, right before it or before Reshape,
// Transpose and MaxPool2D, the layer does that itself, under Static. What no layer does stays an operation in float32, or the
// rounded numbers of a constant, and is in Report.Kept. So the float network that the Report compares with has the fake
// quantization too.
//
// Errors: that of ctx; those of build and samples; ErrSamples; ErrMismatch; what of the graph is not understood, by name, among it a
// fake quantization of activations with a scale for each axis, without a code for zero, or by the range of each run;
// qtensor.ErrParams, ErrScheme for a Config that does not go with a layer; ErrValue for a NaN or an infinity.
func Quantize(ctx context.Context, build Build, samples iter.Seq2[Sample, error], cfg Config) (*model.Model, *Report, error) {
	m, r, err := quantize(ctx, build, samples, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("ptq: Quantize: %w", err)
	}
	return m, r, nil
}

func quantize(ctx context.Context, build Build, samples iter.Seq2[Sample, error], cfg Config) (*model.Model, *Report, error) {
	if build == nil || samples == nil {
		return nil, nil, fmt.Errorf("%w: got no build or no samples", qtensor.ErrParams)
	}
	if err := cfg.check(); err != nil {
		return nil, nil, err
	}
	n, err := graph.Read(func(batch int) (graph.Source, error) {
		made, err := build(batch)
		return graph.Source{Inputs: made.Inputs, Outputs: made.Outputs}, err
	})
	if err != nil {
		return nil, nil, err
	}
	float, err := model.New(n.Folded, nil)
	if err != nil {
		return nil, nil, err
	}
	j := &job{ctx: ctx, samples: samples, cfg: cfg, graph: n.Folded, codes: n.Codes, float: float, report: &Report{}}
	if err := j.verify(build, n.Read); err != nil {
		return nil, nil, err
	}
	if err := j.calibrate(); err != nil {
		return nil, nil, err
	}
	if err := j.layers(); err != nil {
		return nil, nil, err
	}
	if err := j.compare(); err != nil {
		return nil, nil, err
	}
	return j.quantized, j.report, nil
}

// job is one Quantize.
type job struct {
	ctx     context.Context
	samples iter.Seq2[Sample, error]
	cfg     Config

	graph            *flow.Graph
	codes            map[string]graph.Codes // of weights that were trained as codes
	float, quantized *model.Model
	seen             map[string]*calib.Histogram // by value: what becomes codes in layers
	made             map[constantCodes]*qtensor.QTensor
	report           *Report
}

// constantCodes is a constant and what it was quantized as; no scheme for codes that it was trained as.
type constantCodes struct {
	weight string
	scheme qtensor.Scheme
}

// walk calls do for every sample.
func (j *job) walk(stage string, do func(Sample) error) error {
	count := 0
	for sample, err := range j.samples {
		if err == nil {
			err = j.ctx.Err()
		}
		if err == nil {
			err = do(sample)
		}
		if err != nil {
			return fmt.Errorf("%s: sample %d: %w", stage, count, err)
		}
		count++
		if j.cfg.Progress != nil {
			j.cfg.Progress(stage, count)
		}
	}
	j.report.Samples = count
	if count == 0 {
		return fmt.Errorf("%s: %w", stage, ErrSamples)
	}
	return j.ctx.Err()
}

// opLookup takes rows of a table: a layer without arithmetic, which takes no activations.
const opLookup = "Gather"

// weightOf returns the name of what a node multiplies by, or takes rows of; "" for others.
func weightOf(n *flow.Node) string {
	switch n.Op {
	case "Gemm", "Conv":
		return n.Inputs[1]
	case opLookup:
		return n.Inputs[0]
	}
	return ""
}

// weight returns the constant that a node multiplies by, or takes rows of, or nil: what makes it a layer.
func (j *job) weight(n *flow.Node) *flow.Tensor {
	w := j.graph.Constants[weightOf(n)]
	if w != nil && len(w.Shape) < 2 { // a scale for each number would be more than the numbers
		return nil
	}
	return w
}

// result returns the value that a layer gives: after the ReLU that may follow it and become part of it.
func (j *job) result(n *flow.Node) string {
	if n.Op == opLookup {
		return n.Output
	}
	for i := range j.graph.Nodes {
		if next := &j.graph.Nodes[i]; next.Op == "Relu" && next.Inputs[0] == n.Output {
			return next.Output
		}
	}
	return n.Output
}

// calibrate looks at what flows into layers, and at what else may become codes.
func (j *job) calibrate() error {
	j.seen = map[string]*calib.Histogram{}
	for i := range j.graph.Nodes {
		if n := &j.graph.Nodes[i]; j.weight(n) != nil && n.Op != opLookup {
			j.seen[j.input(n)] = &calib.Histogram{}
		}
	}
	for _, v := range j.rounding().values {
		if j.seen[v] == nil {
			j.seen[v] = &calib.Histogram{}
		}
	}
	return j.walk("calibrate", func(s Sample) error {
		return j.float.Observe(j.ctx, s, func(name string, x []float32) error {
			if h := j.seen[name]; h != nil {
				h.Observe(x)
			}
			return nil
		})
	})
}

// layers quantizes layers, and reports what became of every node.
func (j *job) layers() (err error) {
	j.made = map[constantCodes]*qtensor.QTensor{}
	layers := map[string]model.Layer{}
	var kept []*flow.Node
	for i := range j.graph.Nodes {
		n := &j.graph.Nodes[i]
		w := j.weight(n)
		if w == nil {
			kept = append(kept, n)
			continue
		}
		r := Layer{Name: n.Name, Op: n.Op, FloatBytes: 4 * len(w.Data), Bytes: 4 * len(w.Data)}
		p := j.cfg.planFor(n.Name)
		if p.float {
			r.Reason = "a rule says so"
		} else if layers[n.Name], err = j.layer(n, w, p, &r); err != nil {
			return fmt.Errorf("layer %q: %w", n.Name, err)
		}
		j.report.Layers = append(j.report.Layers, r)
	}
	absorbed := j.absorbed(layers)
	m, g, err := j.build(without(j.graph, absorbed), layers)
	if err != nil {
		return err
	}
	j.quantized = m
	onCodes := j.onCodes(g)
	for _, n := range kept {
		switch {
		case absorbed[n.Output] != "" || j.partOfLayer(n, layers):
		case onCodes[n.Name]:
			j.report.OnCodes = append(j.report.OnCodes, j.describe(n))
		default:
			j.report.Kept = append(j.report.Kept, j.describe(n))
		}
	}
	for _, name := range j.keptCodes(layers) {
		j.report.Kept = append(j.report.Kept, "FakeQuantize "+name)
	}
	return nil
}

// onCodes returns the nodes that read nothing but codes, by name.
func (j *job) onCodes(g *flow.Graph) map[string]bool {
	on, coded := map[string]bool{}, j.quantized.Coded()
	for _, n := range g.Nodes {
		on[n.Name] = !slices.ContainsFunc(n.Inputs, func(v string) bool { return !slices.Contains(coded, v) })
	}
	return on
}

// describe returns a node as Kept has it.
func (j *job) describe(n *flow.Node) string {
	if c := j.graph.Calls[n.Name]; c != nil {
		return fmt.Sprintf("%s %s (Gorgonia's %s)", n.Op, n.Name, c.What)
	}
	return n.Op + " " + n.Name
}

// partOfLayer reports whether a node is the ReLU of a quantized layer that nothing else reads.
func (j *job) partOfLayer(n *flow.Node, layers map[string]model.Layer) bool {
	if n.Op != "Relu" {
		return false
	}
	readers, layer := 0, false
	for i := range j.graph.Nodes {
		other := &j.graph.Nodes[i]
		if other.Output == n.Inputs[0] {
			_, layer = layers[other.Name]
			layer = layer && other.Op != opLookup
		}
		for _, in := range other.Inputs {
			if in == n.Inputs[0] {
				readers++
			}
		}
	}
	return layer && readers == 1
}

// layer quantizes one.
func (j *job) layer(n *flow.Node, w *flow.Tensor, p plan, r *Layer) (model.Layer, error) {
	axis := 1 // outputs of (in, out)
	if n.Op == "Conv" || n.TransB || n.Op == opLookup {
		axis = 0
	}
	x := dense.New(w.Data, tensor.Shape(w.Shape))
	q, err := j.quantize(n, x, keeping(p.weights, axis))
	if err != nil {
		return model.Layer{}, err
	}
	cost, err := q.Compare(x)
	if err != nil {
		return model.Layer{}, err
	}
	r.Quantized, r.Weights, r.WeightSQNR, r.Bytes = true, q.Scheme().String(), cost.SQNR, q.Bytes()
	if n.Op == opLookup {
		return model.Layer{Weight: q}, nil
	}
	h := j.seen[j.input(n)]
	var params qtensor.Params
	if f := j.fake(n); f != nil {
		p.activations, params = Static, paramsOf(f)
	} else if params, err = j.params(h); err != nil {
		return model.Layer{}, err
	}
	r.Activations, r.Low, r.High, r.Clipped = p.activations, h.Min(), h.Max(), 0
	if p.activations == Static {
		r.Clipped = outside(h, params.Min[0], params.Max[0])
	}
	return model.Layer{Weight: q, Compute: p.activations.compute(params)}, nil
}

// quantize returns the weight of a layer, x, in codes: those that it was trained as, or of the scheme. Products and lookups with one
// constant share them, in the file too, which takes only so many convolutions of a weight.
func (j *job) quantize(n *flow.Node, x tensor.Tensor, s qtensor.Scheme) (*qtensor.QTensor, error) {
	name := weightOf(n)
	q, err := j.codesOf(name)
	if err != nil {
		return nil, err
	}
	key := constantCodes{weight: name}
	if q == nil {
		key.scheme = s
	}
	if old := j.made[key]; old != nil && n.Op != "Conv" {
		return old, nil
	}
	if q == nil {
		q, err = qtensor.Quantize(x, s)
	}
	j.made[key] = q
	return q, err
}

// params returns those of Static.
func (j *job) params(h *calib.Histogram) (qtensor.Params, error) {
	rule := j.cfg.Range
	if rule == nil {
		rule = calib.MinMax()
	}
	scheme := qtensor.Affine(8)
	low, high, err := rule.Range(h, scheme)
	if err != nil {
		return qtensor.Params{}, err
	}
	return qtensor.NewParams(scheme, []float32{low}, []float32{high})
}

// outside returns the fraction of what was seen that is in bins outside of [low, high].
func outside(h *calib.Histogram, low, high float32) float64 {
	var count uint64
	for b := range h.Bins() {
		if b.High <= float64(low) || b.Low > float64(high) {
			count += b.Count
		}
	}
	return float64(count) / float64(h.Count())
}

// compare runs both networks, and reports how far they are apart, at every layer and output.
func (j *job) compare() error {
	off := map[string]*noise{}
	for i := range j.graph.Nodes {
		if n := &j.graph.Nodes[i]; j.weight(n) != nil {
			off[j.result(n)] = &noise{}
		}
	}
	for _, o := range j.graph.Outputs {
		off[o.Name] = &noise{}
	}
	err := j.walk("compare", func(s Sample) error {
		float := map[string][]float32{}
		if err := j.float.Observe(j.ctx, s, func(name string, x []float32) error {
			if off[name] != nil {
				float[name] = slices.Clone(x)
			}
			return nil
		}); err != nil {
			return err
		}
		return j.quantized.Observe(j.ctx, s, func(name string, x []float32) error {
			if n := off[name]; n != nil {
				n.add(float[name], x)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	at := 0
	for i := range j.graph.Nodes {
		if n := &j.graph.Nodes[i]; j.weight(n) != nil {
			j.report.Layers[at].OutputSQNR = off[j.result(n)].sqnr()
			at++
		}
	}
	for i := range j.report.Outputs {
		o := &j.report.Outputs[i]
		o.SQNR = off[o.Name].sqnr()
	}
	return nil
}
