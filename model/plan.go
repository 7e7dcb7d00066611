package model

import (
	"sync"
	"sync/atomic"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// plan is a model for sizes of its free dimensions but the batch: shapes, prepared layers, and memory. It is
// immutable but for its workspaces and its pace.
type plan struct {
	m           *Model
	values      []value
	steps       []step
	inputs      []int
	outputs     []int
	buffers     []buffer
	sampleBytes float64   // of values between nodes
	sample      work      // of a sample by itself, where a batch may be split
	perSample   work      // of each sample of a batch
	fixed       work      // of values that are the same for any batch
	foreign     bool      // whether a step is code
	workspaces  sync.Pool // of *workspace
	pace        pace
	ready       atomic.Bool // all weights are packed and all constants read

	fitting  [2]atomic.Int64 // batches known to be within the limit; [1] where all values are observed
	resident float64         // bytes of constants and weights
	packing  float64         // temporary bytes of packing the largest weight; a run packs one at a time
}

// value is an input, a constant or the result of a step.
type value struct {
	name         string
	size         ir.Size
	dtype        ir.Type
	data         func() ([]float32, error) // of a constant; nil for others
	packed       bool                      // of a constant: that only products read it, which have it packed
	from         int                       // the value that it shares memory with; −1 for memory of its own
	root         int                       // the value whose memory it shares in the end
	ownFloat     bool                      // that it shares quantized values alone, and is other float32
	buffer       int                       // that it has for its own; −1 for inputs, constants and what is unread
	unread       bool                      // that it is computed only where all values are observed
	last         int                       // the last step that reads its own memory
	floats       int                       // the value whose float32 it shares where it is observed
	quantization *quantization             // nil for float32
	channelsLast bool                      // of images in float32
}

// operand is the value as a node reads it.
func (v *value) operand() ir.Operand {
	return ir.Operand{Size: v.size, Type: v.dtype, Constant: v.data != nil}
}

// step is a node that is computed.
type step struct {
	node         *ir.Resolved
	op           evaluator // but for a Foreign, which has code
	in           []int
	out          int
	layer        func() (*prepared, error)        // of a quantized layer: packs the weight when first called
	quantized    *quantizedLayer                  // of a quantized layer, while the plan is made
	function     *function                        // of a function of a quantized value, which alone is in
	float        func() (floatLayers, error)      // of a product by constants in float32: packs them when first called
	fused        bool                             // it has the Relu that alone reads its result, unless values are observed
	done         bool                             // it is that Relu
	channelsLast bool                             // it is a convolution that multiplies channels by vectors
	embedding    func() (*qtensor.QTensor, error) // of an embedding: reads the weight when first called
	depth        int                              // of a layer or a product by constants: products that are summed for a result
	weights      int64                            // likewise: bytes
	scratch      scratchBytes
}

// operands returns the values that the node reads in float32.
func (s *step) operands() []int {
	if s.function != nil {
		return s.function.operands
	}
	return s.in
}

// root returns the value whose memory a value is in.
func (p *plan) root(id int) *value { return &p.values[p.values[id].root] }
