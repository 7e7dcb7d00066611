package ops

import (
	"fmt"

	"euryale/internal/ir"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
)

// What a graph that was trained through fake quantization becomes when it is read: both ops are a
// graphop.Fake.

// Quantize returns the quantized values that a run rounds x to.
func (f *fakeQuantize) Quantize(operands ...gorgonia.Value) (*qtensor.QTensor, error) {
	return f.quantize(operands)
}

// Quantize returns the quantized values that a run rounds x to with scales s.
func (l *lsq) Quantize(operands ...gorgonia.Value) (*qtensor.QTensor, error) {
	return l.quantize(operands)
}

// Node returns the node that rounds every x as f does.
func (f *fakeQuantize) Node(...gorgonia.Value) (ir.Node, error) {
	if f.params == nil {
		return ir.Node{}, fmt.Errorf("%w: a range that each run finds for itself, want one that stays, as FakeQuantize has it", qtensor.ErrParams)
	}
	return fakeNode(*f.params)
}

// Node returns the node that rounds every x as l does by the scale that follows x.
func (l *lsq) Node(rest ...gorgonia.Value) (ir.Node, error) {
	if len(rest) != 1 {
		return ir.Node{}, fmt.Errorf("%w: got %d operands after x, want 1", qtensor.ErrShape, len(rest))
	}
	_, scales, err := l.scales(rest[0])
	if err != nil {
		return ir.Node{}, fmt.Errorf("scale: %w", err)
	}
	return fakeNode(qtensor.Params{Scheme: l.scheme, Scales: scales})
}

// fakeNode returns the node of parameters that StaticInt8 takes.
func fakeNode(p qtensor.Params) (ir.Node, error) {
	if _, err := nn.StaticParams(p); err != nil {
		return ir.Node{}, err
	}
	n := ir.Node{Op: ir.OpFakeQuantize, Scale: p.Scales[0]}
	n.QuantMin, n.QuantMax = p.Scheme.CodeRange()
	if p.Scheme.HasZeroPoint() {
		n.ZeroPoint = p.ZeroPoints[0]
	}
	return n, nil
}
