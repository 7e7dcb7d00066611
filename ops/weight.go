package ops

import (
	"fmt"

	"euryale/internal/nn"
	"euryale/qtensor"
)

// Weight is a quantized matrix, (in, out), packed for multiplying by it. It is immutable: any number of ops,
// graphs and goroutines may share one. The zero Weight, and a nil one, are qtensor.ErrShape wherever a layer
// is made, and give zeros elsewhere.
type Weight struct{ w *nn.Weight }

// Pack returns w, of shape (in, out), packed for the kernels. w is quantized per tensor, per axis 1 or in
// groups of axis 1: elements of a column share a scale, all or a group of them. The transpose of a weight
// (out, in), such as PyTorch's, is w.T(). Each call makes a new layout; pack once and share the Weight.
//
// Errors: qtensor.ErrShape for another rank, and for a layout of more than 2^32 elements, 2^29 where int has
// 32 bits: in is padded to a multiple of 4, or of 64 without groups, and out to one of 16. qtensor.ErrScheme
// for scales along axis 0.
func Pack(w *qtensor.QTensor) (*Weight, error) {
	packed, err := nn.Pack(w)
	if err != nil {
		return nil, fmt.Errorf("ops: Pack: %w", err)
	}
	return &Weight{packed}, nil
}

// packed returns what layers are made of, nil for the zero Weight.
func (w *Weight) packed() *nn.Weight {
	if w == nil {
		return nil
	}
	return w.w
}

// In returns the size of the last axis of x.
func (w *Weight) In() int { return w.packed().In() }

// Out returns the size of the last axis of y.
func (w *Weight) Out() int { return w.packed().Out() }

// Scheme returns the scheme of the tensor that was packed.
func (w *Weight) Scheme() qtensor.Scheme { return w.packed().Scheme() }

// Bytes returns the memory that the packed layout takes.
func (w *Weight) Bytes() int { return w.packed().Bytes() }

// String describes the weight in a line.
func (w *Weight) String() string { return w.packed().String() }

// Filters are the quantized weights of a convolution, packed for it. They are immutable: any number of ops,
// graphs and goroutines may share them. The zero Filters, and nil, are qtensor.ErrShape wherever a layer is
// made, and give zeros elsewhere.
type Filters struct{ f *nn.Filters }

// PackConv2d returns filters w, of shape (out, in/groups, height, width), packed for the kernels. w is
// quantized per tensor, per axis 0 or in groups of axis 0. groups is as in PyTorch and ONNX: the in channels
// and the out filters are split into so many groups, and a filter sees the channels of its own group. It is 1
// for an ordinary convolution, and in for a depthwise one.
//
// Errors: qtensor.ErrShape for another rank, for groups that do not divide out, and for a layout of more
// elements than Pack allows, for each group; qtensor.ErrScheme for scales along another axis, and for 16-bit
// floats.
func PackConv2d(w *qtensor.QTensor, groups int) (*Filters, error) {
	packed, err := nn.PackFilters(w, groups)
	if err != nil {
		return nil, fmt.Errorf("ops: PackConv2d: %w", err)
	}
	return &Filters{packed}, nil
}

// packed returns what layers are made of, nil for the zero Filters.
func (f *Filters) packed() *nn.Filters {
	if f == nil {
		return nil
	}
	return f.f
}

// Scheme returns the scheme of the tensor that was packed.
func (f *Filters) Scheme() qtensor.Scheme { return f.packed().Scheme() }

// Bytes returns the memory that the packed layout takes.
func (f *Filters) Bytes() int { return f.packed().Bytes() }

// String describes the filters in a line.
func (f *Filters) String() string { return f.packed().String() }
