package ptq

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"euryale/calib"
	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/internal/noise"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Quantize returns a float model with its layers quantized, and what that has cost on the samples. The float
// model is one of exprgraph.ReadBuild, or any other: it stays as it is. The samples are walked twice: to
// their end to calibrate, and to their end to compare. Both walks have to give the same.
//
// Layers are products with a constant matrix, also of batches, convolutions, and lookups of rows in a table;
// what is around them stays float32, but for what lies between layers under StaticInt8: there a byte is kept
// for each number, and what flows into sums between them, and into averages, is rounded to codes of a byte. A
// product that stays float has its reason in the Report: its weight is computed, such as 2·w or a slice of w,
// or it has none. A call of Gorgonia's op stays one; Kept names it, and Save refuses such a model.
//
// Where a layer's weight was quantized in training, the layer has it so; a batch normalization that is folded
// into it multiplies its scales. Where the network fake-quantizes what flows into a layer, right before it or
// before Reshape, Transpose and MaxPool2D, the layer does that itself, under StaticInt8. What no layer does
// stays an operation in float32, or the rounded numbers of a constant, and is in Report.Kept. So the float
// model that the Report compares with has the fake quantization too.
//
// samples, Progress and Range are called in the caller's goroutine, where a panic of theirs goes up to the
// caller.
//
// Errors: that of ctx, which is looked at before each sample and node; those of samples; qtensor.ErrParams
// for a nil ctx, model or samples, and a model that is quantized; os.ErrClosed for one that is closed;
// ErrSamples, ErrWalk; ErrNothingQuantized; qtensor.ErrParams for a LayerRule whose Pattern is malformed or
// matches no layer; ErrParams, ErrScheme for a Config that does not go with a layer; of a sample, with its
// number, ErrNotFound for an input that is missing or that the network does not have, ErrShape, ErrDtype and
// ErrLayout for what an input is, ErrValue for NaN, for an infinity, and for a whole number without a row;
// ErrValue also for a weight, and for what flows into a layer, with NaN or an infinity.
func Quantize(
	ctx context.Context, float *model.Model, samples iter.Seq2[Sample, error], cfg Config,
) (*model.Model, *Report, error) {
	m, r, err := quantize(ctx, float, samples, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("ptq: Quantize: %w", err)
	}
	return m, r, nil
}

func quantize(
	ctx context.Context, float *model.Model, samples iter.Seq2[Sample, error], cfg Config,
) (*model.Model, *Report, error) {
	switch {
	case ctx == nil:
		return nil, nil, fmt.Errorf("%w: got no ctx, want context.Background() or another", qtensor.ErrParams)
	case float == nil:
		return nil, nil, fmt.Errorf("%w: got no model, want a float model", qtensor.ErrParams)
	case samples == nil:
		return nil, nil, fmt.Errorf("%w: got no samples, want some", qtensor.ErrParams)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, nil, err
	}
	g, err := float.Network()
	if err != nil {
		return nil, nil, err
	}
	j := &job{
		ctx: ctx, samples: finite(samples, float.Inputs()), cfg: cfg, graph: g, net: indexed(g),
		float: float, report: &Report{},
	}
	for _, o := range g.Outputs {
		j.report.Outputs = append(j.report.Outputs, OutputReport{Name: o.Name})
	}
	for _, step := range []func() error{j.plan, j.calibrate, j.layers, j.compare} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	return j.quantized, j.report, nil
}

// job is one Quantize.
type job struct {
	ctx     context.Context
	samples iter.Seq2[Sample, error]
	cfg     Config

	graph            *ir.Network
	net              *network // of graph
	products         []*product
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

// calibrate looks at what flows into layers, and at what else may become codes.
func (j *job) calibrate() error {
	j.seen = map[string]*calib.Histogram{}
	flows := map[string]bool{} // into layers
	for _, p := range j.products {
		if v := j.net.input(p.Node); p.layer() && p.Op != ir.OpGather {
			j.seen[v], flows[v] = &calib.Histogram{}, true
		}
	}
	for _, v := range j.rounding().values {
		if j.seen[v] == nil {
			j.seen[v] = &calib.Histogram{}
		}
	}
	return j.walk("calibrate", func(s Sample) error {
		return j.float.Observe(j.ctx, s, func(name string, x []float32) error {
			h := j.seen[name]
			if h == nil {
				return nil
			}
			if h.Observe(x); flows[name] && h.NonFinite() > 0 {
				return fmt.Errorf("value %q: %w: got NaN or an infinity, want finite numbers for a layer", name, qtensor.ErrValue)
			}
			return nil
		})
	})
}

// layers quantizes layers, and reports what became of every node.
func (j *job) layers() (err error) {
	j.made = map[constantCodes]*qtensor.QTensor{}
	layers, isProduct := map[string]model.Layer{}, map[string]bool{}
	for _, p := range j.products {
		r := LayerReport{Name: p.Name, Op: p.Op, Reason: p.reason}
		if p.weight != nil {
			r.FloatBytes, r.Bytes = 4*len(p.weight.Data), 4*len(p.weight.Data)
		}
		if p.layer() {
			if layers[p.Name], err = j.layer(p, &r); err != nil {
				return fmt.Errorf("layer %q: %w", p.Name, err)
			}
		}
		isProduct[p.Name] = true
		j.report.Layers = append(j.report.Layers, r)
	}
	absorbed := j.net.absorbed(layers)
	m, g, err := j.build(without(j.graph, absorbed), layers)
	if err != nil {
		return err
	}
	j.quantized = m
	onCodes := j.onCodes(g)
	for i := range j.graph.Nodes {
		n := &j.graph.Nodes[i]
		switch {
		case isProduct[n.Name] || absorbed[n.Output] != "" || j.partOfLayer(n, layers):
		case onCodes[n.Name]:
			j.report.OnQuantized = append(j.report.OnQuantized, j.describe(n))
		default:
			j.report.Kept = append(j.report.Kept, j.describe(n))
		}
	}
	for _, name := range j.keptCodes() {
		j.report.Kept = append(j.report.Kept, "FakeQuantize "+name)
	}
	return nil
}

// onCodes returns the nodes that read nothing but codes, by name.
func (j *job) onCodes(g *ir.Network) map[string]bool {
	on, coded := map[string]bool{}, setOf(j.quantized.QuantizedValues())
	for _, n := range g.Nodes {
		on[n.Name] = !slices.ContainsFunc(n.Inputs, func(v string) bool { return !coded[v] })
	}
	return on
}

// describe returns a node as Kept has it.
func (j *job) describe(n *ir.Node) string {
	if n.Foreign != nil {
		return fmt.Sprintf("%s %s (%v)", n.Op, n.Name, n.Foreign)
	}
	return n.Op + " " + n.Name
}

// partOfLayer reports whether a node is the ReLU of a quantized layer that nothing else reads.
func (j *job) partOfLayer(n *ir.Node, layers map[string]model.Layer) bool {
	maker := j.net.makers[n.Inputs[0]]
	if n.Op != ir.OpRelu || maker == nil || maker.Op == ir.OpGather {
		return false
	}
	_, layer := layers[maker.Name]
	return layer && len(j.net.readers[maker.Output]) == 1 && !j.net.outputs[maker.Output]
}

// layer quantizes one.
func (j *job) layer(p *product, r *LayerReport) (model.Layer, error) {
	x := dense.New(p.weight.Data, tensor.Shape(p.weight.Shape))
	q, err := j.quantize(p, x, keeping(p.weights, p.axis()))
	if err != nil {
		return model.Layer{}, err
	}
	cost, err := q.Compare(x)
	if err != nil {
		return model.Layer{}, err
	}
	r.Quantized, r.Weights, r.WeightSQNR, r.Bytes = true, q.Scheme().String(), cost.SQNR, q.Bytes()
	if p.Op == ir.OpGather {
		return model.Layer{Weight: q}, nil
	}
	h := j.seen[j.net.input(p.Node)]
	r.Activations, r.Low, r.High = p.activations, h.Min(), h.Max()
	var params qtensor.Params
	if f := j.net.fake(p.Node); f != nil {
		r.Activations, params = model.StaticInt8, paramsOf(f)
	} else if r.Activations == model.StaticInt8 {
		if params, err = j.params(h); err != nil {
			return model.Layer{}, err
		}
	}
	if r.Activations == model.StaticInt8 {
		r.Clipped = outside(h, params.Min[0], params.Max[0])
	}
	return model.Layer{Weight: q, Activations: r.Activations, Params: params}, nil
}

// quantize returns the weight of a layer, x, in codes: those that it was trained as, or of the scheme.
// Products and lookups with one constant share them, in the file too, which takes only so many convolutions
// of a weight.
func (j *job) quantize(p *product, x tensor.Tensor, s qtensor.Scheme) (*qtensor.QTensor, error) {
	name := p.Weight()
	q, err := j.trained(name)
	if err != nil {
		return nil, err
	}
	key := constantCodes{weight: name}
	if q == nil {
		key.scheme = s
	}
	if old := j.made[key]; old != nil && p.Op != ir.OpConv {
		return old, nil
	}
	if q == nil {
		q, err = qtensor.Quantize(x, s)
	}
	j.made[key] = q
	return q, err
}

// params returns those of StaticInt8.
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
	off := map[string]*noise.Noise{}
	for _, p := range j.products {
		off[p.result] = &noise.Noise{}
	}
	for _, o := range j.graph.Outputs {
		off[o.Name] = &noise.Noise{}
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
				n.Add(float[name], x)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for i, p := range j.products {
		j.report.Layers[i].OutputSQNR = off[p.result].SQNR()
	}
	for i := range j.report.Outputs {
		o := &j.report.Outputs[i]
		o.SQNR = off[o.Name].SQNR()
	}
	return nil
}
