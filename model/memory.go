package model

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sort"

	"euryale/internal/ir"
	"euryale/internal/kernel"
	"euryale/internal/nn"
	"euryale/qtensor"
)

// DefaultMemoryLimit is the memory limit in bytes where WithMemoryLimit sets no other: 16 GiB, or all that an
// int addresses. It bounds the sum of constants, weights, the memory of one run, and the temporary memory of
// packing the largest weight.
const DefaultMemoryLimit int64 = min(16<<30, math.MaxInt)

// ErrMemory reports a model, or a batch of a run, that takes more memory than its limit. For a batch, the
// error names the largest that fits.
var ErrMemory = errors.New("over the memory limit")

// Option changes how New, Load and Read make a model.
type Option func(*Model) error

// WithMemoryLimit sets the memory limit in bytes, in place of DefaultMemoryLimit. Errors: qtensor.ErrParams
// for less than 1.
func WithMemoryLimit(bytes int64) Option {
	return func(m *Model) error {
		if bytes < 1 {
			return fmt.Errorf("%w: got a memory limit of %d bytes, want 1 or more", qtensor.ErrParams, bytes)
		}
		m.limit = min(bytes, math.MaxInt)
		return nil
	}
}

// configured returns a model without a network that has the options.
func configured(opts []Option) (*Model, error) {
	m := &Model{limit: DefaultMemoryLimit, abandoned: make(chan struct{}, maxAbandoned)}
	for _, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: got a nil option, want one that WithMemoryLimit returns", qtensor.ErrParams)
		}
		if err := opt(m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// within returns an error for a file whose tensors by themselves pass the limit.
func (m *Model) within(f *qtensor.File) error {
	bytes := 0.0
	for _, name := range f.Quantized() {
		scheme, shape, err := f.Scheme(name)
		if err != nil {
			return err
		}
		bytes += float64(elementsOf(shape) * float64(scheme.Storage().Bits()) / 8)
	}
	for _, name := range f.Floats() {
		_, shape, err := f.Dtype(name)
		if err != nil {
			return err
		}
		bytes += float64(4 * elementsOf(shape))
	}
	if bytes > float64(m.limit) {
		return fmt.Errorf("%w: got tensors of %.0f bytes, want at most %d: WithMemoryLimit raises it", ErrMemory, bytes, m.limit)
	}
	return nil
}

// elementsOf returns the number of elements of a shape, as float64, which does not overflow.
func elementsOf(shape []int) float64 {
	n := 1.0
	for _, d := range shape {
		n *= float64(d)
	}
	return n
}

// scratchBytes is what a step allocates besides its result: fixed bytes, each for a sample but most at most,
// and thread for each thread.
type scratchBytes struct{ fixed, each, most, thread float64 }

func (r scratchBytes) at(batch float64) float64 {
	return r.fixed + min(float64(batch*r.each), r.most) + float64(float64(runtime.GOMAXPROCS(0))*r.thread)
}

// fits returns an error for a batch over the memory limit.
func (p *plan) fits(batch int, observed bool) error {
	known := &p.fitting[0]
	if observed {
		known = &p.fitting[1]
	}
	if int64(batch) <= known.Load() {
		return nil
	}
	for _, s := range p.buffers {
		if !ir.Fits(s.perBatch, batch) {
			return fmt.Errorf("%w: got a batch of %d, want at most %d", qtensor.ErrShape, batch, ir.MaxRunElements/s.perBatch)
		}
	}
	want := p.memory(batch, observed)
	if want <= float64(p.m.limit) {
		known.Store(int64(batch)) // of many at once, the last to store; the next larger one checks again
		return nil
	}
	most := sort.Search(batch, func(n int) bool { return p.memory(n+1, observed) > float64(p.m.limit) })
	return fmt.Errorf("%w: a batch of %d takes %.0f bytes with constants and weights, want at most %d: batches up to %d fit, and "+
		"WithMemoryLimit raises it", ErrMemory, batch, want, p.m.limit, most)
}

// memory returns how many bytes a run of a batch takes at most, with constants and weights.
func (p *plan) memory(batch int, observed bool) float64 {
	n := float64(batch)
	at := func(s ir.Size) float64 {
		if s.PerBatch() {
			return n * float64(s.Elements())
		}
		return float64(s.Elements())
	}
	bytes := p.resident + p.packing
	for _, id := range p.inputs {
		bytes += float64(4 * at(p.values[id].size))
	}
	for _, id := range p.outputs {
		bytes += float64(4 * at(p.values[id].size))
	}
	for _, s := range p.buffers {
		own := max(n*float64(s.perBatch), float64(s.fixed))
		if !s.quantized {
			own *= 4
		}
		bytes += own
	}
	kernels, layers, turned := 0.0, 0.0, 0.0
	for i := range p.steps {
		s := &p.steps[i]
		if out := p.values[s.out]; observed && (out.quantization != nil || out.ownFloat || out.unread) {
			bytes += float64(4 * at(out.size))
		} else if observed && out.channelsLast {
			turned = max(turned, float64(4*at(out.size)))
		}
		if s.layer != nil {
			layers = max(layers, s.scratch.at(n))
		} else {
			kernels = max(kernels, s.scratch.at(n))
		}
	}
	if p.sample != (work{}) { // threads with samples of their own have calls of their own
		layers *= float64(runtime.GOMAXPROCS(0))
	}
	return bytes + kernels + layers + turned
}

// measureMemory sets the bytes of constants, of weights and of the scratch memory of steps. A model that fits
// no batch is an error.
func (p *plan) measureMemory() error {
	for _, v := range p.values {
		if v.data != nil {
			p.resident += float64(4 * float64(v.size.Elements()))
		}
	}
	for _, key := range p.m.packed.keys() {
		p.resident += key.bytes()
		p.packing = max(p.packing, key.temporary())
	}
	for _, key := range p.m.floats.keys() {
		p.resident += key.bytes()
	}
	if p.m.file == nil {
		seen := map[*weight]bool{}
		for _, l := range p.m.layers {
			if !seen[l.weight] {
				seen[l.weight] = true
				p.resident += bytesOf(l.weight)
			}
		}
	}
	for i := range p.steps {
		p.steps[i].scratch = p.scratchOf(&p.steps[i])
	}
	return p.fits(1, false)
}

// bytesOf returns the bytes of the quantized values and the scales of a weight, at most.
func bytesOf(w *weight) float64 {
	scales := 1.0
	switch axis, ok := w.scheme.Axis(); {
	case w.scheme.GroupSize() > 0:
		scales = float64(w.elements()) / float64(w.scheme.GroupSize())
	case ok:
		scales = float64(w.shape[axis])
	}
	return float64(float64(w.elements())*float64(w.scheme.Storage().Bits())/8) + float64(12*scales)
}

// bytes returns the size of a packed weight: panels of columns, a depth that is padded, and four lists with
// an element for each scale.
func (p packKey) bytes() float64 {
	if p.channels == 0 {
		return bytesOf(p.weight) // an embedding
	}
	columns, groups, depth := p.layout()
	bytes := float64(columns * groups * (float64(depth*float64(p.bits()/8)) + 16))
	if shape := p.weight.shape; p.groups > 1 && !p.depthwise && shape[1] == 1 { // packed as depthwise too
		p.depthwise = true
		bytes += p.bytes()
	}
	return bytes
}

// bits returns what an element of a packed weight takes, with the multiplier of its group.
func (p packKey) bits() float64 {
	const multiplier = 0.5 // one for 16 elements
	switch s := p.weight.scheme; {
	case s.IsFloat():
		return 16
	case s.IsCodebook() && s.Bits() == 2 && p.codes():
		return 2 + multiplier
	case s.IsCodebook() && p.codes():
		return 4 + multiplier
	case nn.MultipliedAs(s).Bits() == 4:
		return 4
	}
	return 8
}

// codes reports whether a weight of a Codebook is packed as codes, and not as what they stand for.
func (p packKey) codes() bool {
	levels, _ := p.weight.scheme.Levels()
	return p.groups == 0 && p.channels == 1 && levels != qtensor.LearnedLevelsNoZero
}

// layout returns the columns of a packed weight, the groups of scales of each, and the depth of a group,
// padded.
func (p packKey) layout() (columns, groups, depth float64) {
	shape, out := p.weight.shape, p.weight.shape[1]
	if p.groups > 0 || p.transB {
		out = shape[0]
	}
	own := int(p.weight.elements()) / out
	if p.depthwise {
		return float64(roundUp(out, kernel.PanelColumns)), 1, float64(roundUp(own, kernel.StepDepth))
	}
	if p.groups > 0 {
		own = max(own, shape[2]*roundUp(shape[1]*shape[3], kernel.StepDepth))
	}
	shared, multiple := own, 64
	if size := nn.MultipliedAs(p.weight.scheme).GroupSize(); size > 0 && size < own {
		shared, multiple = size, kernel.StepDepth
	}
	columns = float64(max(1, p.groups)) * float64(roundUp(out/max(1, p.groups), kernel.PanelColumns))
	return columns, float64((own + shared - 1) / shared), float64(roundUp(shared, multiple))
}

// temporary returns what packing a weight, or reading an embedding, allocates at most besides what stays:
// quantized values that are read from a file that is not mapped, and lists for each scale and of groups of
// channels.
func (p packKey) temporary() float64 {
	if p.channels == 0 {
		return 3 * p.bytes()
	}
	columns, groups, _ := p.layout()
	decoded := 0.0
	if s := p.weight.scheme; s.Scales() == qtensor.ScaleE8M0 || s.IsCodebook() && !p.codes() {
		decoded = 4 * float64(p.weight.elements())
	}
	return decoded + float64(2*bytesOf(p.weight)) + float64(64*columns*groups) + float64(512*float64(p.groups))
}

// roundUp returns the least multiple that is n or more.
func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

const (
	operandBytes  = 4 << 20   // of a block of rows as package gemm has it; at least 64 rows
	imageBytes    = 128 << 20 // of a block of images; at least one
	tileBytes     = 256 << 10 // of the windows and results of a thread
	operandOfByte = 4         // of an operand for each activation, in up to four planes
)

// scratchOf returns what a step allocates besides its result.
func (p *plan) scratchOf(s *step) scratchBytes {
	out, in := p.values[s.out].size, p.values[s.in[0]].size
	all := func(bytes float64, s ir.Size) scratchBytes {
		if s.PerBatch() {
			return scratchBytes{each: bytes * float64(s.Elements()), most: math.Inf(1)}
		}
		return scratchBytes{fixed: bytes * float64(s.Elements())}
	}
	sample := func(s ir.Size) float64 { return elementsOf(s) / -float64(min(-1, s[0])) }
	switch {
	case s.layer != nil && s.node.Op == ir.OpConv:
		return p.scratchOfConv(s, in, out)
	case s.layer != nil:
		columns, row := float64(out[len(out)-1]), float64(operandOfByte*(s.depth+64))
		rows := max(64, float64(operandBytes)/float64(s.depth))
		r := all((row+float64(4*columns))/columns, out)
		r.most = max(operandBytes, float64(64*row)) + float64(rows*4*columns)
		return r
	case s.node.Foreign != nil:
		r := all(8, out)
		for _, id := range s.in {
			own := all(16, p.values[id].size)
			r = scratchBytes{fixed: r.fixed + own.fixed, each: r.each + own.each, most: math.Inf(1)}
		}
		return r
	case s.embedding != nil || s.node.Op == ir.OpGather:
		return all(8, p.values[s.in[len(s.in)-1]].size)
	case s.node.Op == ir.OpBatchNormalization:
		return scratchBytes{fixed: 8 * elementsOf(p.values[s.in[1]].size)}
	case s.node.Op == ir.OpReduceSum || s.node.Op == ir.OpReduceMax:
		return all(4, in)
	case s.op.layer != nil:
		return p.scratchOfFloats(s, in)
	case s.node.Op == ir.OpFakeQuantize && len(in) > 0:
		return scratchBytes{fixed: sample(in), thread: fakeAtOnce}
	case s.op.quantized != nil && s.op.quantized.computes && p.values[s.in[0]].quantization != nil && len(in) > 0:
		return scratchBytes{fixed: 8 * (sample(in) + sample(out))}
	}
	if window := float64(s.node.Windows.Kernel[0]) * float64(s.node.Windows.Kernel[1]); window > 0 {
		return scratchBytes{thread: float64(8*window) + 4*pixelsAtOnce}
	}
	return scratchBytes{}
}

// scratchOfConv returns what a quantized convolution allocates besides its result.
func (p *plan) scratchOfConv(s *step, in, out ir.Size) scratchBytes {
	pads := s.node.Windows.Pads
	image := 4 * float64(in[1]) * float64(in[2]+pads[0]+pads[2]) * float64(in[3]+pads[1]+pads[3])
	thread := float64(tileBytes) + float64(8*image)
	if s.node.Groups > 1 { // all windows of an image at once
		operands, results := float64(operandOfByte*float64(s.depth+64)), float64(4*float64(out[1]))
		thread += float64(float64(out[2]) * float64(out[3]) * (operands + results))
	}
	return scratchBytes{0, image, max(image, imageBytes), thread}
}

// scratchOfFloats returns what a product or a convolution in float32 allocates besides its result: blocks of
// a thread, and a weight that is computed, packed.
func (p *plan) scratchOfFloats(s *step, in ir.Size) (r scratchBytes) {
	w := p.values[s.in[1]].size
	row := 0.0 // of the planes and the results of a convolution
	if s.node.Op == ir.OpConv {
		v := s.node.Windows
		width := float64(in[3] + v.Pads[1] + v.Pads[3])
		row = 4 * width * (float64(w[1]*v.Strides[0]*(1+v.Dilations[0]*(v.Kernel[0]-1)/v.Strides[0])) + float64(w[0]/s.node.Groups))
	}
	r.thread = float64(tileBytes) + 2*row
	if s.channelsLast { // a sample's image and result, transposed
		v := s.node.Windows
		pixels := float64(in[2]+v.Pads[0]+v.Pads[2]) * float64(in[3]+v.Pads[1]+v.Pads[3])
		r.thread += float64(4 * pixels * float64(w[0]+in[1]))
	}
	if s.float == nil {
		r.fixed = 4 * (1 + kernel.PanelColumns/float64(max(1, w[len(w)-1]))) * float64(w.Elements())
		r.each = r.fixed // where the batch is an axis of it
		r.most = math.Inf(1)
	}
	return r
}
