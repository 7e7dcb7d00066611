package model

import (
	"slices"
	"sync"

	"euryale/internal/flow"
)

// Model is a network that runs at any batch size. It is immutable, and safe for any number of goroutines.
type Model struct {
	graph   flow.Graph       // its constants are those that are read
	layers  map[string]Layer // by node
	values  []value
	steps   []step
	inputs  []int
	outputs []int
	slots   []slot
	arenas  sync.Pool // of *arena
}

// Info describes an input or an output. Shape has −1 for the batch.
type Info struct {
	Name    string
	Shape   []int
	Integer bool // of an input: whole numbers
}

// value is what a name stands for.
type value struct {
	name    string
	size    size
	data    []float32 // of a constant
	root    int       // the value whose memory this is
	slot    int       // of the root: where in an arena its memory is; −1 for inputs and constants
	last    int       // of the root: the last step that reads it
	integer bool      // of an input: whole numbers
	coded   *coded    // nil for float32
}

// step is a node that is computed.
type step struct {
	node      *flow.Node
	op        operation
	in        []int
	out       int
	layer     *prepared  // or nil
	call      *flow.Call // in place of op
	quantized *quantized // what layer is made of, while the model is built
}

// Inputs describes what Run takes.
func (m *Model) Inputs() []Info { return m.infos(m.inputs) }

// Outputs describes what Run returns. A size −n is n times the batch.
func (m *Model) Outputs() []Info { return m.infos(m.outputs) }

func (m *Model) infos(ids []int) (list []Info) {
	for _, id := range ids {
		list = append(list, Info{m.values[id].name, slices.Clone(m.values[id].size), m.values[id].integer})
	}
	return list
}
