package model

import (
	"fmt"
	"maps"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Shapes returns the shapes of the outputs for shapes of the inputs, by name, as Run gives and takes them. It
// computes nothing. Errors: qtensor.ErrNotFound for a name that is missing or that the model does not have;
// qtensor.ErrShape for shapes that do not go together; ErrMemory.
func (m *Model) Shapes(inputs map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	shapes, err := m.shapes(inputs)
	if err != nil {
		return nil, fmt.Errorf("model: Shapes: %w", err)
	}
	return shapes, nil
}

func (m *Model) shapes(inputs map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	if err := m.made(); err != nil {
		return nil, err
	}
	b := binding{dims: m.graph.Dims}
	for _, v := range m.graph.Inputs {
		shape, ok := inputs[v.Name]
		if !ok {
			return nil, fmt.Errorf("%w: got no input %q", qtensor.ErrNotFound, v.Name)
		}
		if err := b.bind(v, shape); err != nil {
			return nil, fmt.Errorf("input %q: %w", v.Name, err)
		}
	}
	if len(inputs) != len(m.graph.Inputs) {
		return nil, fmt.Errorf("%w: got inputs %q, want %v", qtensor.ErrNotFound, slices.Sorted(maps.Keys(inputs)), m.Inputs())
	}
	p, err := m.planFor(b.sizes(), nil)
	if err != nil {
		return nil, err
	}
	outputs := map[string]tensor.Shape{}
	for _, id := range p.outputs {
		v := &p.values[id]
		if !ir.Fits(v.size.Elements(), b.batch()) {
			return nil, fmt.Errorf("%w: output %q: got a batch of %d, want fewer than %d elements", qtensor.ErrShape, v.name, b.batch(), ir.MaxRunElements)
		}
		outputs[v.name] = make(tensor.Shape, len(v.size))
		v.size.Put(outputs[v.name], b.batch())
	}
	return outputs, nil
}

// binding is the sizes of free dimensions that inputs have.
type binding struct {
	dims []ir.Dim
	all  [ir.MaxDims]int    // 0 where it is not known
	from [ir.MaxDims]string // the inputs that had them first
}

// sizes returns those of the dimensions but the batch.
func (b *binding) sizes() []int { return b.all[1:max(1, len(b.dims))] }

// batch returns the batch, 1 where no input has it.
func (b *binding) batch() int { return max(b.all[0], 1) }

// bind takes the free dimensions of an input from the shape of a tensor, which may lack leading axes of size
// 1.
func (b *binding) bind(v ir.Value, got tensor.Shape) error {
	missing := len(v.Shape) - len(got)
	if missing < 0 {
		return misfit(v, got)
	}
	for i, want := range v.Shape {
		size := 1
		if i >= missing {
			size = got[i-missing]
		}
		if want > 0 || size < 1 {
			if size != want {
				return misfit(v, got)
			}
			continue
		}
		if want == ir.Batch {
			if size%v.Rows() != 0 {
				return fmt.Errorf("%w: got %v, want a multiple of %d along axis %d", qtensor.ErrShape, got, v.Rows(), i)
			}
			size /= v.Rows()
		}
		switch dim := ir.Batch - want; {
		case b.all[dim] == 0:
			b.all[dim], b.from[dim] = size, v.Name
		case b.all[dim] != size:
			return fmt.Errorf("%w: got a %s of %d, want the %d of %q", qtensor.ErrShape, b.name(dim), size, b.all[dim], b.from[dim])
		}
	}
	return nil
}

// misfit returns the error for a shape that is not an input's.
func misfit(v ir.Value, got tensor.Shape) error {
	return fmt.Errorf("%w: got %v, want %v with any size for a negative one", qtensor.ErrShape, got, v.Shape)
}

// name returns that of a free dimension.
func (b *binding) name(dim int) string {
	if dim < len(b.dims) {
		return b.dims[dim].Name
	}
	return batchName
}

// batchName is the name of the batch in a network that does not name it.
const batchName = "batch"
