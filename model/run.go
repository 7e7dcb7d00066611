package model

import (
	"context"
	"fmt"
	"time"

	"euryale/internal/ir"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// workspace is the memory of one run. Later runs use it again.
type workspace struct {
	buffers        []storage
	values         []array
	in             []array // of a step
	floats         copies
	turned         []float32 // images that are observed
	scratch        scratch
	batch          int
	singleThreaded bool // layers are not shared with other threads
}

// storage is the memory of a buffer: float32, or quantized values.
type storage struct {
	x []float32
	q []uint8
}

// Run returns the outputs for the inputs, by name. Outputs are float32 and belong to the caller. Inputs are
// float32, or float64, which is rounded to float32; those of Type Int64 are int, int32 or int64, of
// magnitudes up to 2^24. They may have any layout, and Run does not change them. An axis of −1 in Inputs is
// the batch, of the same size in all inputs. Leading axes of size 1 may be left out, as slices of tensors
// drop them.
//
// Read an output by Float32s of its *tensor.Dense. Its Data is safe only while the tensor itself is still
// referred to (by runtime.KeepAlive, say): tensor v0.9.24 does not keep the memory alive by itself.
//
// When ctx ends, Run returns ctx's error without waiting for a node, and the inputs are the caller's again.
// The package doc says under Threads how. Methods of ctx are called in the caller's goroutine alone.
//
// Errors:
//
//   - ctx's; qtensor.ErrParams for a nil ctx; os.ErrClosed after Close; ErrMemory.
//   - qtensor.ErrNotFound for a name that is missing or that the model does not have; qtensor.ErrShape,
//     qtensor.ErrDtype and qtensor.ErrLayout for an input.
//   - qtensor.ErrValue for NaN and infinities that reach a quantized layer, or a FakeQuantize whose result is
//     kept quantized for one, and for an index of no row.
//   - For a model of Load, those of reading a weight or a constant: qtensor.ErrFormat, qtensor.ErrChanged,
//     and the file's.
//   - Those of an Op.
func (m *Model) Run(ctx context.Context, in map[string]tensor.Tensor) (map[string]tensor.Tensor, error) {
	out := map[string]tensor.Tensor{}
	err := m.run(ctx, in, observer{}, out)
	if err != nil {
		return nil, fmt.Errorf("model: Run: %w", err)
	}
	return out, nil
}

// Timing is how long a node took.
type Timing struct {
	Node, Op string
	Took     time.Duration
}

// Time runs the model and returns how long each node took, in the order of nodes. The time of a Relu that
// became part of a layer is the layer's. Errors: those of Run.
func (m *Model) Time(ctx context.Context, in map[string]tensor.Tensor) ([]Timing, error) {
	var list []Timing
	took := func(s *step, d time.Duration) { list = append(list, Timing{s.node.Name, s.node.Op, d}) }
	if err := m.run(ctx, in, observer{took: took}, nil); err != nil {
		return nil, fmt.Errorf("model: Time: %w", err)
	}
	return list, nil
}

// observer is the functions that a run calls; each may be nil.
type observer struct {
	observe func(name string, x []float32) error // in the caller's goroutine
	names   []string                             // that observe is called with; nil for all
	begin   func(s *step)                        // in the goroutine that computes
	took    func(s *step, d time.Duration)       // likewise
}

// begin returns the channel that is closed when the context ends, and the context's error where it has ended.
func begin(ctx context.Context) (<-chan struct{}, error) {
	if ctx == nil {
		return nil, fmt.Errorf("%w: got a nil context, want context.Background() or another", qtensor.ErrParams)
	}
	return ctx.Done(), ctx.Err()
}

// ended returns the error of a context that has ended.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Canceled
}

// workspace returns memory for a run.
func (p *plan) workspace() (*workspace, error) {
	if ws, _ := p.workspaces.Get().(*workspace); ws != nil {
		return ws, nil
	}
	ws := &workspace{buffers: make([]storage, len(p.buffers)), values: make([]array, len(p.values))}
	ws.floats.lent = make([][]float32, len(p.values))
	for i, v := range p.values {
		ws.values[i].shape = make([]int, len(v.size))
		if v.data == nil || v.packed {
			continue
		}
		var err error
		if ws.values[i].x, err = v.data(); err != nil {
			return nil, fmt.Errorf("constant %q: %w", v.name, err)
		}
	}
	return ws, nil
}

// reshape gives every value its shape and memory for a batch.
func (p *plan) reshape(ws *workspace, batch int) {
	for i, s := range p.buffers {
		if s.quantized {
			ws.buffers[i].q = grow(ws.buffers[i].q, s.at(batch))
		} else {
			ws.buffers[i].x = grow(ws.buffers[i].x, s.at(batch))
		}
	}
	for i, v := range p.values {
		y := &ws.values[i]
		v.size.Put(y.shape, batch)
		y.quantization = v.quantization
		switch n := v.size.At(batch); {
		case v.from >= 0:
			y.x, y.q = ws.values[v.from].x, ws.values[v.from].q
		case v.buffer < 0: // the caller's, a constant, or unread
		case v.quantization == nil:
			y.x = ws.buffers[v.buffer].x[:n]
		default:
			y.x, y.q = nil, ws.buffers[v.buffer].q[:n]
		}
	}
}

// do computes a step: in float32, on quantized values, or both.
func (e *execution) do(ws *workspace, s *step) error {
	y := ws.values[s.out]
	switch {
	case s.done && e.fused(s.in[0]):
		return nil
	case s.layer != nil:
		return e.doLayer(ws, y, ws.values[s.in[0]], s)
	case s.float != nil:
		return e.doFloat(y, ws.values[s.in[0]], s, ws.singleThreaded)
	case s.embedding != nil:
		return doEmbedding(y, ws.values[s.in[0]], s, &ws.scratch)
	case s.node.Foreign != nil:
		return doForeign(e.ctx, ws, y, s)
	}
	floats := ws.values[s.in[0]].x != nil && e.p.haveFloats(ws, s.operands()) // of quantized values too where the result is observed
	if y.x != nil && floats && s.op.kernel != nil {
		s.share(y, ws.arrays(s.operands()), &ws.scratch, ws.singleThreaded)
	}
	if (y.q != nil || !floats) && s.op.quantized.kernel != nil {
		s.op.quantized.kernel(s.node, y, ws.arrays(s.in), &ws.scratch)
	}
	err := ws.scratch.err
	ws.scratch.err = nil
	return err
}

// arrays returns values, until the next call.
func (ws *workspace) arrays(ids []int) []array {
	ws.in = ws.in[:0]
	for _, id := range ids {
		ws.in = append(ws.in, ws.values[id])
	}
	return ws.in
}

// doForeign computes a node that is code.
func doForeign(ctx context.Context, ws *workspace, y array, s *step) error {
	in := make([]ir.Array, len(s.in))
	for i, id := range s.in {
		in[i] = ir.Array{Shape: ws.values[id].shape, Data: ws.values[id].x}
	}
	out, err := s.node.Foreign.Run(ctx, ws.batch, in)
	if err != nil {
		return fmt.Errorf("%v: %w", s.node.Foreign, err)
	}
	if len(out.Data) != len(y.x) {
		return fmt.Errorf("%v: %w: got shape %v, want %v", s.node.Foreign, qtensor.ErrShape, out.Shape, y.shape)
	}
	copy(y.x, out.Data)
	return nil
}

func (e *execution) doLayer(ws *workspace, y, x array, s *step) error {
	layer, err := s.layer()
	if err != nil {
		return err
	}
	l := layer.shared
	if ws.singleThreaded {
		l = layer.singleThreaded
	}
	from, samples := nn.Operand{Float: x.x, Stop: e.stop}, len(x.x)/layer.sample
	if x.q != nil {
		from, samples = nn.Operand{Quantized: x.q, Params: e.p.values[s.in[0]].quantization.params, Stop: e.stop}, len(x.q)/layer.sample
	}
	if y.x != nil {
		if err := l.Run(nn.Operand{Float: y.x}, from, samples); err != nil {
			return err
		}
	}
	if y.q == nil {
		return nil
	}
	if len(y.x) > 0 { // whose quantized values are those that the layer gives
		quantizeFloats(s.node, y, []array{{x: y.x}}, &ws.scratch)
		err := ws.scratch.err
		if ws.scratch.err = nil; err == nil {
			return nil
		}
	}
	return l.Run(nn.Operand{Quantized: y.q, Params: e.p.values[s.out].quantization.params}, from, samples)
}
