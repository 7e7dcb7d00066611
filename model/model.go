package model

import (
	"slices"
	"sync"
	"sync/atomic"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// Model is a network that runs at any batch size. It is immutable but for Close, and safe for any number of
// goroutines. New, Load and Read return one. Methods of a nil Model and of the zero Model return
// qtensor.ErrParams where they return an error; others return nil, and String describes no layer.
type Model struct {
	graph      ir.Network       // its constants are those that are read
	layers     map[string]layer // by node
	values     []value
	steps      []step
	inputs     []int
	outputs    []int
	buffers    []buffer
	sample     work          // of a sample by itself, where a batch may be split
	perSample  work          // of each sample of a batch
	fixed      work          // of values that are the same for any batch
	calls      bool          // whether a step is a call
	workspaces sync.Pool     // of *workspace
	copies     sync.Pool     // of *[]float32: inputs of runs that may be abandoned
	abandoned  chan struct{} // holds one for each goroutine of a run that nobody waits for
	ready      atomic.Bool   // all weights are packed and all constants read

	limit    int64           // of memory; 0 for the zero Model
	fitting  [2]atomic.Int64 // batches known to be within the limit; [1] where all values are observed
	resident float64         // bytes of constants and weights
	packing  float64         // temporary bytes of packing the largest weight; a run packs one at a time

	file  func() error // closes the file of weights and constants; or nil
	using atomic.Int64 // the number of runs and saves; closed is added after Close
}

// ValueInfo describes an input or an output. Shape has −1 for the batch.
type ValueInfo struct {
	Name    string
	Shape   []int
	Integer bool // whether an input takes whole numbers, such as indices
}

// value is an input, a constant or the result of a step.
type value struct {
	name         string
	size         size
	data         func() ([]float32, error) // of a constant; nil for others
	from         int                       // the value that it shares memory with; −1 for memory of its own
	root         int                       // the value whose memory it shares in the end
	ownFloat     bool                      // that it shares quantized values alone, and is other float32
	buffer       int                       // that it has for its own; −1 for inputs and constants
	last         int                       // the last step that reads its own memory
	quantization *quantization             // nil for float32
	integer      bool                      // of an input: whole numbers
}

// step is a node that is computed.
type step struct {
	node      *node
	op        operation
	in        []int
	out       int
	layer     func() (*prepared, error)        // of a quantized layer: packs the weight when first called
	quantized *quantizedLayer                  // of a quantized layer, while the model is built
	embedding func() (*qtensor.QTensor, error) // of an embedding: reads the weight when first called
	call      *ir.Call                         // in place of op
	depth     int                              // of a layer: products that are summed for a result
	weights   int64                            // of a layer: bytes
	scratch   scratchBytes
}

// root returns the value whose memory a value is in.
func (m *Model) root(id int) *value { return &m.values[m.values[id].root] }

// QuantizedValues returns the names of the values that are kept as quantized activations of 8 bits, in the
// order in which they are computed.
func (m *Model) QuantizedValues() (names []string) {
	if m == nil {
		return nil
	}
	for _, v := range m.values {
		if v.quantization != nil {
			names = append(names, v.name)
		}
	}
	return names
}

// Inputs describes what Run takes.
func (m *Model) Inputs() []ValueInfo {
	if m == nil {
		return nil
	}
	return m.infos(m.inputs)
}

// Outputs describes what Run returns. A size −n is n times the batch.
func (m *Model) Outputs() []ValueInfo {
	if m == nil {
		return nil
	}
	return m.infos(m.outputs)
}

func (m *Model) infos(ids []int) (list []ValueInfo) {
	for _, id := range ids {
		list = append(list, ValueInfo{m.values[id].name, slices.Clone(m.values[id].size), m.values[id].integer})
	}
	return list
}
