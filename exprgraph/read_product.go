package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// Gorgonia's products, by the values of linAlgBinOp's operator.
const (
	productMatMul  = 0
	productMatVec  = 1
	productInner   = 2
	productOuter   = 3
	productBatched = 4
)

// readProduct reads A·B with A, B or both transposed, as what its operands allow: a Gemm for a constant
// matrix on the right, and on the left by (A·B)ᵀ = Bᵀ·Aᵀ, else a MatMul.
func readProduct(r *reader, p pair, operands []pair) (*value, error) {
	params, err := p.fixed("āBinaryOperator", "transA", "transB")
	if err != nil {
		return nil, err
	}
	kind, transA, transB := params[0], params[1] != 0, params[2] != 0
	switch {
	case kind == productInner || kind == productOuter:
		return r.vectors(p, kind, operands)
	case kind != productMatMul && kind != productMatVec && kind != productBatched:
		return nil, p.fail("want a product of matrices, vectors, or batches of matrices")
	}
	a, err := r.factor(p, operands[0], kind == productBatched)
	if err != nil {
		return nil, err
	}
	b, err := r.factor(p, operands[1], kind == productBatched && len(a.shape) > 2)
	if err != nil {
		return nil, err
	}
	if len(a.shape) < 2 || len(b.shape) < 1 || kind != productMatVec && len(b.shape) < 2 {
		return nil, p.fail("operands of shapes %v and %v, want matrices", a.shape, b.shape)
	}
	switch kind {
	case productMatVec:
		return r.matVec(p, a, b, transA)
	case productBatched:
		if shape := p.shape(); len(a.shape) < len(shape) { // one matrix on the left of each
			last := len(shape) - 1
			shape[last], shape[last-1] = shape[last-1], shape[last]
			return r.transposeLast(r.matMul(shape, b, a, !transB, !transA)), nil
		}
		return r.matMul(p.shape(), a, b, transA, transB), nil
	}
	return r.product(p.shape(), a, b, transA, transB), nil
}

// factor returns an operand of a product p: of batches, a constant matrix that is repeated for each is only
// the matrix, and constants that are shaped by the batch follow it.
func (r *reader) factor(p, operand pair, batched bool) (*value, error) {
	v, err := r.read(operand)
	if err != nil {
		return nil, err
	}
	shape := operand.shape()
	matrix := max(0, len(shape)-2)
	if !batched || v.data == nil || len(v.shape) != len(shape) || !slices.Equal(v.shape[matrix:], shape[matrix:]) {
		return r.whole(operand)
	}
	if size(v.shape[:matrix]) == 1 {
		return r.reshape(v, shape[matrix:]), nil
	}
	flat := []int{size(v.shape[:matrix]), size(shape[matrix:])}
	if data, other := collapsed(v.data, flat, 0); other == 0 && v.quantized == nil {
		return &value{base: v.base, shape: shape[matrix:], data: data}, nil
	}
	return r.fit(p, v, slices.Concat(p.shape()[:matrix], shape[matrix:]))
}

// matVec returns A·v, a vector: the one column of a product with a matrix of one column, or the one row of
// vᵀ·Aᵀ.
func (r *reader) matVec(p pair, a, v *value, transA bool) (*value, error) {
	inner, outer := a.shape[1], a.shape[0]
	if transA {
		inner, outer = outer, inner
	}
	shape := p.shape()
	if !slices.Equal(shape, []int{outer}) {
		return nil, p.fail("of shape %v for a matrix of shape %v, want a vector of as many rows", shape, a.shape)
	}
	var y *value
	if a.data != nil {
		y = r.gemm(r.reshape(v, []int{1, inner}), a, !transA, []int{1, outer})
	} else {
		y = r.product([]int{outer, 1}, a, r.reshape(v, []int{inner, 1}), transA, false)
	}
	return r.reshape(y, shape), nil
}

// product transposes a constant where its layer else would add up in another order than Gorgonia, which
// computes A·Bᵀ by dot products and the others by rows.
func (r *reader) product(shape []int, a, b *value, transA, transB bool) *value {
	switch {
	case b.data != nil && a.data == nil:
		if transA {
			a = r.transposeLast(a)
		}
		if transA && transB {
			b, transB = r.transposeLast(b), false
		}
		return r.gemm(a, b, transB, shape)
	case a.data != nil && b.data == nil:
		if !transA && !transB {
			a, transA = r.transposeLast(a), true
		}
		if !transB {
			b = r.transposeLast(b)
		}
		return r.transposeLast(r.gemm(b, a, !transA, []int{shape[1], shape[0]}))
	}
	return r.matMul(shape, a, b, transA, transB)
}

func (r *reader) gemm(x, w *value, transB bool, shape []int) *value {
	return r.add(ir.Node{Op: ir.OpGemm, TransB: transB}, shape, x, w)
}

func (r *reader) matMul(shape []int, a, b *value, transA, transB bool) *value {
	if transA {
		a = r.transposeLast(a)
	}
	if transB {
		b = r.transposeLast(b)
	}
	return r.add(ir.Node{Op: ir.OpMatMul}, shape, a, b)
}

// vectors returns the inner product of two vectors, or the outer one, whose rows are multiples of b.
func (r *reader) vectors(p pair, kind int, operands []pair) (*value, error) {
	a, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	b, err := r.whole(operands[1])
	if err != nil {
		return nil, err
	}
	m, n := merged(a.shape)[0], merged(b.shape)[0]
	if kind == productOuter {
		if m == ir.Batch && n == ir.Batch {
			return nil, p.fail("of shapes %v and %v, want the batch in one of them", a.shape, b.shape)
		}
		y := r.binary(ir.OpMul, []int{m, n}, []*value{r.reshape(a, []int{m, 1}), r.reshape(b, []int{1, n})})
		return r.reshape(y, p.shape()), nil
	}
	if m != n || m == ir.Batch {
		return nil, p.fail("of shapes %v and %v, want as many elements, and no batch", a.shape, b.shape)
	}
	if a.data != nil {
		a, b = b, a
	}
	return r.reshape(r.product([]int{1, 1}, r.reshape(a, []int{1, m}), r.reshape(b, []int{m, 1}), false, false), p.shape()), nil
}
