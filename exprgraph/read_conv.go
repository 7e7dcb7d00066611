package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// readConv returns the convolution that Conv2d composes, whose last node is p:
//
//	Transpose{0, 3, 1, 2}(Reshape(Reshape(im2col(x)) · Reshape(filter)ᵀ))
//
// and nil where p is something else.
func (r *reader) readConv(p pair, perm []int, operand pair) (*value, error) {
	if !slices.Equal(perm, []int{0, 3, 1, 2}) {
		return nil, nil
	}
	path, err := convPath(operand)
	if path == nil {
		return nil, err
	}
	product, columns, image := path[1], path[3], path[4]
	how, err := product.fixed("āBinaryOperator", "transA", "transB")
	if err != nil || !slices.Equal(how, []int{productMatMul, 0, 1}) {
		return nil, err
	}
	geometry, err := columns.fixed("h", "w", "padH", "padW", "strideH", "strideW", "dilationH", "dilationW")
	if err != nil {
		return nil, err
	}
	operands, err := product.operands()
	if err != nil || len(operands) != 2 {
		return nil, err
	}
	w, err := r.whole(operands[1])
	if err != nil {
		return nil, err
	}
	if w.data == nil {
		return nil, p.fail("filters that are computed, want constants")
	}
	x, err := r.whole(image)
	if err != nil {
		return nil, err
	}
	if len(x.shape) != 4 || len(w.shape) != 2 || size(geometry[:2])*x.shape[1] != w.shape[1] {
		return nil, p.fail("filters of shape %v for a kernel %v over an image of shape %v, want as many channels",
			w.shape, geometry[:2], x.shape)
	}
	// The reshaping on the way is Conv2d's own, not another one that has as many elements.
	filters, patches, area := w.shape[0], columns.shape(), p.shape()
	if !slices.Equal(area, []int{patches[0], filters, patches[1], patches[2]}) ||
		!slices.Equal(path[2].shape(), []int{ir.Batch, patches[3]}) && batches(patches) > 0 {
		return nil, p.fail("shape %v of patches %v, want Conv2d's", area, patches)
	}
	return r.add(ir.Node{
		Op: ir.OpConv, Group: 1, Pads: []int{geometry[2], geometry[3], geometry[2], geometry[3]},
		Strides: geometry[4:6:6], Dilations: geometry[6:8:8],
	}, area, x, r.reshape(w, []int{filters, x.shape[1], geometry[0], geometry[1]})), nil
}

// convPath returns the nodes of a convolution from what is transposed down to the image: Reshape, product,
// Reshape, im2col and the image; nil for other nodes.
func convPath(at pair) ([]pair, error) {
	path := []pair{at}
	for _, kind := range []string{"reshapeOp", "linAlgBinOp", "reshapeOp", "im2colOp"} {
		if at.kind() != kind || kindOf(at.b.Op()) != kind {
			return nil, nil
		}
		operands, err := at.operands()
		if err != nil || len(operands) == 0 {
			return nil, err
		}
		at = operands[0]
		path = append(path, at)
	}
	return path, nil
}

// readPool reads MaxPool2D and AveragePool2D. The latter divides the sum by the width of the image, whatever
// the kernel.
func readPool(r *reader, p pair, operands []pair) (*value, error) {
	g, err := p.fixed("h", "w", "padNorth", "padWest", "padSouth", "padEast", "strideH", "strideW", "explicitPadding")
	if err != nil {
		return nil, err
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	if len(x.shape) != 4 || batches(x.shape[1:]) > 0 {
		return nil, p.fail("of shape %v, want one of images of one size", x.shape)
	}
	pads := g[2:6:6]
	if g[8] != 0 { // four pads were given: Gorgonia has what it calls south and east above and to the left
		pads = []int{g[4], g[5], g[2], g[3]}
	}
	node := ir.Node{Op: ir.OpMaxPool, Kernel: g[:2:2], Pads: pads, Strides: g[6:8:8]}
	if p.kind() == "maxPoolOp" {
		return r.add(node, p.shape(), x), nil
	}
	node.Op, node.CountPad = ir.OpAveragePool, true
	y := r.add(node, p.shape(), x)
	if ratio := float32(x.shape[3]) / float32(g[0]*g[1]); ratio != 1 {
		y = r.add(ir.Node{Op: ir.OpDiv}, y.shape, y, constant(ratio, "scale"))
	}
	return y, nil
}

// readUpsample reads Upsample2D, which repeats pixels.
func readUpsample(r *reader, p pair, operands []pair) (*value, error) {
	stride, err := p.fixed("stride")
	if err != nil {
		return nil, err
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	if len(x.shape) != 4 || batches(x.shape[2:]) > 0 || stride[0] < 0 {
		return nil, p.fail("of shape %v, want one of images of one size", x.shape)
	}
	return r.add(ir.Node{Op: ir.OpResize, Scales: []int{1, 1, stride[0] + 1, stride[0] + 1}}, p.shape(), x), nil
}

func readGlobalPool(r *reader, p pair, operands []pair) (*value, error) {
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	return r.add(ir.Node{Op: ir.OpGlobalAveragePool}, p.shape(), x), nil
}
