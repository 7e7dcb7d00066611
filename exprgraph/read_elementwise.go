package exprgraph

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
)

// binaries are a model's operations, by what elemBinOp says of itself.
var binaries = map[string]string{"+ false": ir.OpAdd, "- false": ir.OpSub, "⊙ false": ir.OpMul, "÷ false": ir.OpDiv, "^ false": ir.OpPow}

// comparisons are a model's operations by the first word of that, whose results are 1 and 0, also of those that
// give bool: not equal is not of equal.
var comparisons = map[string]string{
	">": ir.OpGreater, ">=": ir.OpGreaterOrEqual, "<": ir.OpLess, "<=": ir.OpLessOrEqual, "==": ir.OpEqual, "!=": ir.OpEqual,
}

// readBinary reads an elementwise operation on two operands, of which one may be a scalar or repeated along
// axes.
func readBinary(r *reader, p pair, operands []pair) (*value, error) {
	if x, alpha, ok := leakyRelu(p); ok {
		return r.activation(ir.Node{Op: ir.OpLeakyRelu, Alpha: new(alpha)}, x)
	}
	if x, ok := masked(p, ">= true", "> true"); ok {
		return r.activation(ir.Node{Op: ir.OpRelu}, x)
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	if op, ok := binaries[text]; ok {
		return r.pairwise(p, op, operands)
	}
	word, _, _ := strings.Cut(text, " ")
	op, ok := comparisons[word]
	if !ok {
		return nil, p.fail("want one of + − ⊙ ÷ ^, or a comparison")
	}
	y, err := r.pairwise(p, op, operands)
	if err != nil {
		return nil, err
	}
	if word == "!=" {
		y = r.unary(ir.Node{Op: ir.OpNot}, y)
	}
	return r.unary(ir.Node{Op: ir.OpCast}, y), nil
}

// pairwise returns the result of an elementwise operation on two operands, of which one may be repeated.
func (r *reader) pairwise(p pair, op string, operands []pair) (_ *value, err error) {
	if len(operands) != 2 {
		return nil, p.fail("%d operands, want two", len(operands))
	}
	in, shape := make([]*value, 2), p.shape()
	for i, operand := range operands {
		if in[i], err = r.read(operand); err != nil {
			return nil, err
		}
		// A vector and a matrix of one row or column are the same to Gorgonia, but not to a model.
		if declared := operand.shape(); len(declared) > 0 && len(declared) != len(shape) && slices.Equal(declared, in[i].shape) &&
			size(operand.a.Shape()) == size(p.a.Shape()) && batches(shape) < 2 {
			in[i] = r.reshape(in[i], shape)
		}
		if in[i].data != nil {
			if in[i], err = unbatched(operand, in[i], shape); err != nil {
				return nil, err
			}
		}
	}
	for i, x := range in {
		if x.data == nil {
			continue
		}
		small := compact(x)
		if got, ok := broadcast(small.shape, in[1-i].shape); ok && slices.Equal(got, shape) {
			in[i] = small
		}
	}
	if got, ok := broadcast(in[0].shape, in[1].shape); !ok || !slices.Equal(got, shape) {
		return nil, p.fail("of shapes %v and %v, want %v, with no axis repeated in both", in[0].shape, in[1].shape, shape)
	}
	return r.binary(op, shape, in), nil
}

// binary returns the result of an elementwise operation. With a constant it comes before a transposition,
// which then can meet another one and vanish, and the constant the layer that it is the bias of.
func (r *reader) binary(op string, shape []int, in []*value) *value {
	for i, x := range in {
		c := in[1-i]
		if c.data == nil || x.from == nil || x.from.Op != ir.OpTranspose || !slices.Equal(x.shape, shape) {
			continue
		}
		perm, inner := x.from.Perm, x.from.in[0]
		if len(c.shape) > 0 {
			ones := slices.Repeat([]int{1}, len(shape)-len(c.shape))
			c = r.transpose(r.reshape(c, append(ones, c.shape...)), inverse(perm))
		}
		operands := []*value{inner, inner}
		operands[1-i] = c
		return r.transpose(r.add(ir.Node{Op: op}, inner.shape, operands...), perm)
	}
	return r.add(ir.Node{Op: op}, shape, in...)
}

// unary returns the result of an operation on one operand that keeps its shape, before a transposition as
// binary does.
func (r *reader) unary(node ir.Node, x *value) *value {
	if x.from == nil || x.from.Op != ir.OpTranspose {
		return r.add(node, x.shape, x)
	}
	perm, inner := x.from.Perm, x.from.in[0]
	if node.Axis != nil {
		node.Axis = new(perm[*node.Axis])
	}
	return r.transpose(r.add(node, inner.shape, inner), perm)
}

func (p pair) text() (string, error) {
	a, b := fmt.Sprint(p.a.Op()), fmt.Sprint(p.b.Op())
	if a != b {
		return "", p.fail("is %s at another batch size, want the same", b)
	}
	return a, nil
}

func (r *reader) activation(node ir.Node, x pair) (*value, error) {
	v, err := r.whole(x)
	if err != nil {
		return nil, err
	}
	return r.unary(node, v), nil
}

// elementwise returns the operands of an elementwise operation that says one of texts of itself.
func (p pair) elementwise(texts ...string) (operands []pair, ok bool) {
	if p.kind() != "elemBinOp" || kindOf(p.b.Op()) != "elemBinOp" {
		return nil, false
	}
	text, err := p.text()
	if err != nil || !slices.Contains(texts, text) {
		return nil, false
	}
	operands, err = p.operands()
	return operands, err == nil && len(operands) == 2
}

// masked returns the x of x ⊙ (x compared with 0), which is how Rectify is composed.
func masked(p pair, comparisons ...string) (x pair, ok bool) {
	factors, ok := p.elementwise("⊙ false")
	if !ok {
		return pair{}, false
	}
	for i, mask := range factors {
		x := factors[1-i]
		compared, ok := mask.elementwise(comparisons...)
		if !ok || compared[0] != x {
			continue
		}
		if zero, ok := compared[1].scalar(); ok && zero == 0 {
			return x, true
		}
	}
	return pair{}, false
}

// leakyRelu returns x and α of x ⊙ (x ≥ 0) + x ⊙ (x < 0) ⊙ α.
func leakyRelu(p pair) (x pair, alpha float32, ok bool) {
	terms, ok := p.elementwise("+ false")
	if !ok {
		return pair{}, 0, false
	}
	for i, above := range terms {
		x, ok := masked(above, ">= true", "> true")
		if !ok {
			continue
		}
		factors, ok := terms[1-i].elementwise("⊙ false")
		if !ok {
			continue
		}
		for j, below := range factors {
			alpha, known := factors[1-j].scalar()
			if y, ok := masked(below, "< true", "<= true"); ok && known && y == x {
				return x, alpha, true
			}
		}
	}
	return pair{}, 0, false
}

// readBetween reads the larger, or the smaller, of two values: a Clip where one is a constant that repeats one
// number, and an upper bound on a lower one makes a Clip of two.
func readBetween(r *reader, p pair, operands []pair) (*value, error) {
	for i, operand := range operands {
		bound, ok := operand.uniform()
		if !ok {
			continue
		}
		x, err := r.whole(operands[1-i])
		if err != nil {
			return nil, err
		}
		node := ir.Node{Op: ir.OpClip, Min: &bound}
		if p.kind() == "minBetween" {
			node = ir.Node{Op: ir.OpClip, Max: &bound}
			if below := x.from; below != nil && below.Op == ir.OpClip && below.Max == nil && *below.Min <= bound {
				node.Min, x = below.Min, below.in[0]
			}
		}
		return r.unary(node, x), nil
	}
	op := map[string]string{"minBetween": ir.OpMin, "maxBetween": ir.OpMax}[p.kind()]
	return r.pairwise(p, op, operands)
}

// uniform returns the number of a leaf all of whose elements are that, and finite.
func (p pair) uniform() (number float32, ok bool) {
	for i, n := range []*gorgonia.Node{p.a, p.b} {
		if n.Op() != nil && !isConstant(n) {
			return 0, false
		}
		x, err := elements(n.Value())
		if err != nil || len(x) == 0 || i > 0 && x[0] != number || x[0]-x[0] != 0 ||
			slices.ContainsFunc(x, func(v float32) bool { return v != x[0] }) {
			return 0, false
		}
		number = x[0]
	}
	return number, true
}

// unaries are a model's operations on one operand, by what elemUnaryOp says of itself.
var unaries = map[string]string{
	"sigmoid": ir.OpSigmoid, "tanh": ir.OpTanh, "abs": ir.OpAbs, "sign": ir.OpSign, "ceil": ir.OpCeil, "floor": ir.OpFloor,
	"sin": ir.OpSin, "cos": ir.OpCos,
	"exp": ir.OpExp, "ln": ir.OpLog, "sqrt": ir.OpSqrt, "inv": ir.OpReciprocal, "softplus": ir.OpSoftplus,
	"log1p": ir.OpLog1p, "expm1": ir.OpExpm1,
}

// readUnary reads an elementwise operation on one operand.
func readUnary(r *reader, p pair, operands []pair) (*value, error) {
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	if op, ok := unaries[text]; ok {
		return r.unary(ir.Node{Op: op}, x), nil
	}
	switch text {
	case "neg":
		return r.binary(ir.OpMul, x.shape, []*value{x, constant(-1, "minus")}), nil
	case "square":
		return r.binary(ir.OpMul, x.shape, []*value{x, x}), nil
	case "cube":
		return r.binary(ir.OpMul, x.shape, []*value{x, r.binary(ir.OpMul, x.shape, []*value{x, x})}), nil
	case "log2":
		return r.binary(ir.OpDiv, x.shape, []*value{r.unary(ir.Node{Op: ir.OpLog}, x), constant(math.Ln2, "ln2")}), nil
	case "invSqrt":
		return r.unary(ir.Node{Op: ir.OpReciprocal}, r.unary(ir.Node{Op: ir.OpSqrt}, x)), nil
	}
	return nil, p.fail("want a function that a model has")
}
