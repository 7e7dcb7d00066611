package ops

import (
	"fmt"

	"euryale/internal/nn"
	"euryale/qtensor"
)

// Weight is a quantized matrix, (in, out), that Pack has laid out for multiplying by it. It is immutable: any
// number of layers, graphs and goroutines may share one. The zero Weight, and a nil one, are qtensor.ErrShape
// wherever a layer is made; their methods return zero values.
type Weight struct{ w *nn.Weight }

// Pack returns a quantized matrix w, of shape (in, out), packed for the kernels. Its scales are per tensor,
// per axis 1, or per group of axis 1: elements that share one lie in one column. For a weight (out, in), such
// as PyTorch's, with scales along axis 0, pack w.T(). Every method will do; floats go with model.Fixed24
// alone. Each call makes a new layout: pack once and share the Weight.
//
// Errors: qtensor.ErrScheme for scales along axis 0; qtensor.ErrShape for another rank, and for a layout of
// more than 2^32 elements, or 2^29 where int has 32 bits. The layout pads in to a multiple of 64, or of 4
// under a scheme per group, and out to a multiple of 16.
func Pack(w *qtensor.QTensor) (*Weight, error) {
	packed, err := nn.Pack(w)
	if err != nil {
		return nil, fmt.Errorf("ops: Pack: %w", err)
	}
	return &Weight{packed}, nil
}

// packed returns the packed weight, nil for the zero Weight.
func (w *Weight) packed() *nn.Weight {
	if w == nil {
		return nil
	}
	return w.w
}

// In returns in, the size of the last axis of x.
func (w *Weight) In() int { return w.packed().In() }

// Out returns out, the size of the last axis of y.
func (w *Weight) Out() int { return w.packed().Out() }

// Scheme returns the scheme of the tensor that was packed.
func (w *Weight) Scheme() qtensor.Scheme { return w.packed().Scheme() }

// Bytes returns the memory that the packed layout takes, padding included.
func (w *Weight) Bytes() int { return w.packed().Bytes() }

// String returns a line with the shape, the scheme and the bytes.
func (w *Weight) String() string { return w.packed().String() }

// Filters are the quantized weights of a convolution, which PackConv2d has laid out for it. They are
// immutable: any number of layers, graphs and goroutines may share them. The zero Filters, and nil ones, are
// qtensor.ErrShape wherever a layer is made; their methods return zero values.
type Filters struct{ f *nn.Filters }

// PackConv2d returns filters w, of shape (out, in/groups, height, width), packed for the kernels. Their
// scales are per tensor, per axis 0, or per group of axis 0. groups is as in PyTorch and ONNX: the in
// channels and the out filters are split into so many groups, and a filter sees the channels of its own
// group. It is 1 for an ordinary convolution, and in for a depthwise one.
//
// Errors: qtensor.ErrScheme for scales along another axis, and for floats; qtensor.ErrShape for
// another rank, for groups that do not divide out, and, for any one group, for a layout of more elements than
// Pack allows.
func PackConv2d(w *qtensor.QTensor, groups int) (*Filters, error) {
	packed, err := nn.PackFilters(w, groups)
	if err != nil {
		return nil, fmt.Errorf("ops: PackConv2d: %w", err)
	}
	return &Filters{packed}, nil
}

// packed returns the packed filters, nil for the zero Filters.
func (f *Filters) packed() *nn.Filters {
	if f == nil {
		return nil
	}
	return f.f
}

// Scheme returns the scheme of the tensor that was packed.
func (f *Filters) Scheme() qtensor.Scheme { return f.packed().Scheme() }

// Bytes returns the memory that the packed layout takes, padding included.
func (f *Filters) Bytes() int { return f.packed().Bytes() }

// String returns a line with the shape, the scheme and the bytes.
func (f *Filters) String() string { return f.packed().String() }
