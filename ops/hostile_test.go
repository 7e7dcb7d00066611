package ops_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"unsafe"

	"euryale/internal/hostile"
	"euryale/internal/tensortest"
	"euryale/ops"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sentinels are what the errors of this module wrap.
var sentinels = []error{
	qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme, qtensor.ErrParams, qtensor.ErrValue,
}

// strangeNodes are nodes that no layer takes, but that a program can make.
func strangeNodes(g *gorgonia.ExprGraph) map[string]*gorgonia.Node {
	matrix := gorgonia.TensorType{Dims: 2, Of: tensor.Float32}
	nodes := map[string]*gorgonia.Node{
		"nil":              nil,
		"zero":             {},
		"constant":         gorgonia.NewConstant(float32(1)),
		"constant matrix":  gorgonia.NewConstant(newTensor(gaussian(1, 12), 4, 3)),
		"statement":        gorgonia.Read(input(g, "read", tensor.Float32, 4, 3), new(gorgonia.Value)),
		"no shape":         gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithName("no shape")),
		"negative":         input(g, "negative", tensor.Float32, -4, 3),
		"empty":            input(g, "empty", tensor.Float32, 0, 0),
		"huge":             input(g, "huge", tensor.Float32, math.MaxInt/4, 3),
		"more than an int": input(g, "overflow", tensor.Float32, math.MaxInt/2+1, 4),
		"scalar":           gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("scalar")),
		"scalar int":       gorgonia.NewScalar(g, tensor.Int, gorgonia.WithName("scalar int")),
		"graph alone":      gorgonia.NewUniqueNode(gorgonia.In(g), gorgonia.WithName("alone"), gorgonia.WithShape(4, 3)),
		"a type variable": gorgonia.NewUniqueNode(gorgonia.In(g), gorgonia.WithType(hm.TypeVariable('a')),
			gorgonia.WithName("a")),
		"a tensor of a type variable": gorgonia.NewUniqueNode(gorgonia.In(g), gorgonia.WithShape(4, 3),
			gorgonia.WithType(gorgonia.TensorType{Dims: 2, Of: hm.TypeVariable('a')}), gorgonia.WithName("b")),
		"a tensor of nothing": gorgonia.NewUniqueNode(gorgonia.In(g), gorgonia.WithShape(4, 3),
			gorgonia.WithType(gorgonia.TensorType{Dims: 2}), gorgonia.WithName("c")),
		"the zero Dtype": gorgonia.NewUniqueNode(gorgonia.In(g), gorgonia.WithType(tensor.Dtype{}), gorgonia.WithName("d")),
		"a function": gorgonia.NewUniqueNode(gorgonia.In(g), gorgonia.WithType(hm.NewFnType(matrix, matrix)),
			gorgonia.WithName("e")),
		"another rank": gorgonia.NewUniqueNode(gorgonia.WithShape(4, 3, 2), gorgonia.In(g), gorgonia.WithType(matrix),
			gorgonia.WithName("f")),
	}
	for i, dt := range []tensor.Dtype{
		tensor.Int, tensor.Int8, tensor.Uint8, tensor.Bool, tensor.String, tensor.Complex64,
		{Type: reflect.TypeFor[struct{}]()},
	} {
		nodes["of "+dt.String()] = input(g, fmt.Sprint("dtype", i), dt, 4, 3)
	}
	return nodes
}

// strangeTensors are tensors that cannot be read, or are not of (4, 3) values.
func strangeTensors() map[string]tensor.Tensor {
	list := hostile.Tensors()
	list["scalar"] = tensor.New(tensor.FromScalar(float32(1)))
	list["scalar of bytes"] = tensor.New(tensor.FromScalar(uint8(1)))
	return list
}

// foreign is memory that the garbage collector does not know as floats.
var foreign [12]float32

// foreignTensor returns a tensor over memory that it does not own.
func foreignTensor() *tensor.Dense {
	return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, 3),
		tensor.FromMemory(uintptr(unsafe.Pointer(&foreign)), unsafe.Sizeof(foreign)))
}

// mustFilters returns gaussian filters of one group, packed.
func mustFilters(t testing.TB, seed uint64, s qtensor.Scheme, out, in, height, width int) *ops.Filters {
	t.Helper()
	q, err := qtensor.Quantize(newTensor(gaussian(seed, out*in*height*width), out, in, height, width), s)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ops.PackConv2d(q, 1)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestNothingPanics calls all that is exported with nil, zeros, and what cannot be.
func TestNothingPanics(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	g := gorgonia.NewGraph()
	w := mustWeight(t, 1, 3, 2)
	embedded := mustQuantize(t, 1, qtensor.Int4(), 5, 4)
	filters := mustFilters(t, 1, qtensor.PerChannelSymmetric(8, 0), 2, 1, 3, 3)
	params, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	scale := gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("s"))
	fine := input(g, "fine", tensor.Float32, 4, 3)
	taken := map[string]bool{"scalar": true}
	for name, x := range strangeNodes(g) {
		for what, f := range map[string]func() (*gorgonia.Node, error){
			"MatMul": func() (*gorgonia.Node, error) { return ops.MatMul(x, w) },
			"Linear": func() (*gorgonia.Node, error) { return ops.Linear(x, w, ops.WithReLU()) },
			"Conv2d": func() (*gorgonia.Node, error) {
				return ops.Conv2d(x, filters, tensor.Shape{3, 3}, nil, nil, nil)
			},
			"FakeQuantize":        func() (*gorgonia.Node, error) { return ops.FakeQuantize(x, params) },
			"FakeQuantizeDynamic": func() (*gorgonia.Node, error) { return ops.FakeQuantizeDynamic(x, qtensor.Symmetric(8)) },
			"FakeQuantizeLSQ":     func() (*gorgonia.Node, error) { return ops.FakeQuantizeLSQ(x, scale, qtensor.Symmetric(8)) },
			"FakeQuantizeLSQ by":  func() (*gorgonia.Node, error) { return ops.FakeQuantizeLSQ(fine, x, qtensor.Symmetric(8)) },
		} {
			if taken[name] || name == "huge" {
				c.Survives(what+" of "+name, func() { _, _ = f() })
				continue
			}
			c.Refused(what+" of "+name, func() error { _, err := f(); return err })
		}
		if name != "scalar int" && name != "of int" {
			c.Refused("Embedding of "+name, func() error { _, err := ops.Embedding(x, embedded); return err })
		}
	}
	for name, f := range receivers() {
		c.Survives(name, f)
	}
	for name, f := range refused(g, fine, w, filters, embedded) {
		c.Refused(name, f)
	}
	for name, b := range strangeTensors() {
		c.Refused("WithBias "+name, func() error { _, err := ops.Linear(fine, w, ops.WithBias(b)); return err })
	}
	t.Logf("%d calls", c.Made)
}

// receivers are methods without an error to return, of nil and zeros.
func receivers() map[string]func() {
	all := map[string]func(){}
	for name, w := range map[string]*ops.Weight{"nil": nil, "zero": {}} {
		all[name+" Weight"] = func() { w.In(); w.Out(); w.Scheme(); w.Bytes(); _ = w.String() }
	}
	for name, f := range map[string]*ops.Filters{"nil": nil, "zero": {}} {
		all[name+" Filters"] = func() { f.Scheme(); f.Bytes(); _ = f.String() }
	}
	return all
}

// refused are calls that are errors.
func refused(g *gorgonia.ExprGraph, x *gorgonia.Node, w *ops.Weight, filters *ops.Filters,
	embedded *qtensor.QTensor,
) map[string]func() error {
	images := input(g, "images", tensor.Float32, 2, 1, 5, 5)
	indices := input(g, "indices", tensor.Int, 3)
	conv := func(f *ops.Filters, kernel tensor.Shape, pad, stride, dilation []int, opts ...ops.LayerOption) func() error {
		return func() error { _, err := ops.Conv2d(images, f, kernel, pad, stride, dilation, opts...); return err }
	}
	linear := func(w *ops.Weight, opts ...ops.LayerOption) func() error {
		return func() error { _, err := ops.Linear(x, w, opts...); return err }
	}
	three := tensor.Shape{3, 3}
	all := map[string]func() error{
		"Pack of nil":                 func() error { _, err := ops.Pack(nil); return err },
		"Pack of zero":                func() error { _, err := ops.Pack(new(qtensor.QTensor)); return err },
		"PackConv2d of nil":           func() error { _, err := ops.PackConv2d(nil, 1); return err },
		"PackConv2d of zero":          func() error { _, err := ops.PackConv2d(new(qtensor.QTensor), 1); return err },
		"Linear with nil weight":      linear(nil),
		"Linear with zero weight":     linear(new(ops.Weight)),
		"Linear with a nil option":    linear(w, nil),
		"Conv2d with nil filters":     conv(nil, three, nil, nil, nil),
		"Conv2d with zero filters":    conv(new(ops.Filters), three, nil, nil, nil),
		"Conv2d with no kernel":       conv(filters, nil, nil, nil, nil),
		"Conv2d with a nil option":    conv(filters, three, nil, nil, nil, nil),
		"Embedding without a weight":  func() error { _, err := ops.Embedding(indices, nil); return err },
		"Embedding of a zero weight":  func() error { _, err := ops.Embedding(indices, new(qtensor.QTensor)); return err },
		"FakeQuantize zero Params":    func() error { _, err := ops.FakeQuantize(x, qtensor.Params{}); return err },
		"FakeQuantize zero Scheme":    func() error { _, err := ops.FakeQuantizeDynamic(x, qtensor.Scheme{}); return err },
		"FakeQuantizeLSQ zero Scheme": func() error { _, err := ops.FakeQuantizeLSQ(x, x, qtensor.Scheme{}); return err },
		"FakeQuantizeLSQ two nils":    func() error { _, err := ops.FakeQuantizeLSQ(nil, nil, qtensor.Symmetric(8)); return err },
	}
	for _, n := range []int{math.MinInt, -1, math.MaxInt} {
		pair := []int{n, n}
		all[fmt.Sprint("PackConv2d of groups ", n)] = func() error { _, err := ops.PackConv2d(embedded, n); return err }
		all[fmt.Sprint("Conv2d pad ", n)] = conv(filters, three, pair, nil, nil)
		all[fmt.Sprint("Conv2d stride ", n)] = conv(filters, three, nil, pair, nil)
		all[fmt.Sprint("Conv2d dilation ", n)] = conv(filters, three, nil, nil, pair)
		all[fmt.Sprint("Conv2d kernel ", n)] = conv(filters, pair, nil, nil, nil)
	}
	return all
}

// replaced returns list with another element at i.
func replaced[T any](list []T, i int, x T) []T {
	list = slices.Clone(list)
	list[i] = x
	return list
}

// sound returns what an op of TestNoOpPanics takes, and whether it is a layer, or an embedding.
func sound(name string) (values []gorgonia.Value, layer bool) {
	x, wide := newTensor(gaussian(1, 12), 4, 3), make([]float64, 50)
	switch name {
	case "linear", "float16":
		return []gorgonia.Value{x}, true
	case "conv2d":
		return []gorgonia.Value{newTensor(wide, 2, 1, 5, 5)}, true
	case "embedding":
		return []gorgonia.Value{newTensor([]int{4, 0, 2}, 3)}, true
	case "fake", "dynamic":
		return []gorgonia.Value{x}, false
	case "lsq":
		return []gorgonia.Value{x, gorgonia.NewF32(0.5)}, false
	case "gradient 0 of fake":
		return []gorgonia.Value{x, x}, false
	}
	return []gorgonia.Value{x, gorgonia.NewF32(0.5), x}, false
}

// others returns ones of the same type as a value and of another shape: an axis more, and one element more or
// less along axis 1.
func others(v gorgonia.Value) (values []gorgonia.Value) {
	shapes := []tensor.Shape{append(tensor.Shape{2}, v.Shape()...), append(v.Shape().Clone(), 2)}
	if v.Shape().Dims() > 1 {
		for _, size := range []int{v.Shape()[1] - 1, v.Shape()[1] + 1} {
			shapes = append(shapes, replaced(v.Shape(), 1, size))
		}
	}
	for _, shape := range shapes {
		values = append(values, tensor.Ones(v.Dtype(), shape...))
	}
	return values
}

// TestNoOpPanics calls the methods of every op as a machine does, with values that are none of theirs: for
// all operands, and for one of them where the others are sound.
func TestNoOpPanics(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	g := gorgonia.NewGraph()
	x, scale := input(g, "x", tensor.Float32, 4, 3), gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("s"))
	params, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]*gorgonia.Node{
		"linear":  mustLinear(t, x, mustWeight(t, 1, 3, 2)),
		"float16": mustLinear(t, x, mustPack(t, mustQuantize(t, 1, qtensor.Float16(), 3, 2))),
		"conv2d": gorgonia.Must(ops.Conv2d(input(g, "im", tensor.Float64, 2, 1, 5, 5),
			mustFilters(t, 1, qtensor.PerChannelSymmetric(8, 0), 2, 1, 3, 3), tensor.Shape{3, 3}, nil, nil, nil)),
		"embedding": gorgonia.Must(ops.Embedding(input(g, "indices", tensor.Int, 3), mustQuantize(t, 1, qtensor.Int4(), 5, 4))),
		"fake":      gorgonia.Must(ops.FakeQuantize(x, params)),
		"dynamic":   gorgonia.Must(ops.FakeQuantizeDynamic(x, qtensor.PerChannelSymmetric(8, 1))),
		"lsq":       gorgonia.Must(ops.FakeQuantizeLSQ(x, scale, qtensor.Symmetric(4))),
	}
	dy := input(g, "dy", tensor.Float32, 4, 3)
	for _, name := range []string{"fake", "lsq"} {
		inputs := gorgonia.Nodes{x, scale}[:made[name].Op().Arity()]
		gradients, err := made[name].Op().(gorgonia.SDOp).SymDiff(inputs, made[name], dy)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range gradients {
			made[fmt.Sprintf("gradient %d of %s", i, name)] = n
		}
	}
	values := map[string]gorgonia.Value{
		"nil F32": (*gorgonia.F32)(nil), "nil F64": (*gorgonia.F64)(nil),
		"nil I": (*gorgonia.I)(nil), "bool": gorgonia.NewB(true),
	}
	for name, v := range strangeTensors() {
		values[name] = v
	}
	call := func(what string, refused bool, f func() error) {
		if refused {
			c.Refused(what, f)
		} else {
			c.Survives(what, func() { _ = f() })
		}
	}
	for name, n := range made {
		op := n.Op()
		c.Survives(name+" describes itself", func() {
			_, _, _, _, _, _ = op.Arity(), op.Type(), op.String(), op.Hashcode(), op.ReturnsPtr(), op.OverwritesInput()
		})
		good, layer := sound(name)
		if _, err := op.Do(good...); err != nil {
			t.Errorf("%s of sound values: %v", name, err)
		}
		shapes := make([]gorgonia.DimSizer, len(good))
		for i, v := range good {
			shapes[i] = v.Shape()
		}
		if _, err := op.InferShape(shapes...); err != nil {
			t.Errorf("%s infers of sound shapes: %v", name, err)
		}
		for at, v := range good {
			infers := func(shape gorgonia.DimSizer, refused bool) {
				call(fmt.Sprintf("%s infers of %v at %d", name, shape, at), refused, func() error {
					_, err := op.InferShape(replaced(shapes, at, shape)...)
					return err
				})
			}
			infers(nil, true)
			infers(append(tensor.Shape{2}, v.Shape()...), true)
			for axis := range v.Shape() {
				for _, size := range []int{-4, math.MinInt, math.MaxInt / 3, math.MaxInt} {
					infers(tensor.Shape(replaced(v.Shape(), axis, size)), layer)
				}
			}
			for what, v := range values {
				c.Survives(fmt.Sprintf("%s of %s at %d", name, what, at), func() { _, _ = op.Do(replaced(good, at, v)...) })
			}
			of := map[tensor.Dtype]tensor.Dtype{
				tensor.Float32: tensor.Float64, tensor.Float64: tensor.Float32, tensor.Int: tensor.Int32,
			}[v.Dtype()]
			c.Refused(fmt.Sprintf("%s of %v at %d", name, of, at), func() error {
				_, err := op.Do(replaced(good, at, gorgonia.Value(tensor.Ones(of, v.Shape()...)))...)
				return err
			})
			for _, v := range others(v) {
				refused := layer || at > 0 && at == len(good)-1 // or a gradient of another shape
				call(fmt.Sprintf("%s of %v at %d", name, v.Shape(), at), refused,
					func() error { _, err := op.Do(replaced(good, at, v)...); return err })
			}
		}
		c.Refused(name+" infers of nothing", func() error { _, err := op.InferShape(); return err })
		c.Refused(name+" of no value", func() error { _, err := op.Do(); return err })
		for _, shape := range []gorgonia.DimSizer{
			nil, tensor.Shape(nil),
			tensor.Shape{-4, 3},
			tensor.Shape{math.MaxInt, math.MaxInt},
			tensor.Shape{0},
		} {
			in := slices.Repeat([]gorgonia.DimSizer{shape}, op.Arity())
			c.Survives(fmt.Sprintf("%s infers of %v", name, shape), func() { _, _ = op.InferShape(in...) })
		}
		for what, v := range values {
			c.Survives(name+" of "+what, func() { _, _ = op.Do(slices.Repeat([]gorgonia.Value{v}, op.Arity())...) })
		}
		c.Survives(name+" differentiates nothing", func() { op.(gorgonia.SDOp).DiffWRT(-1) })
		for _, nodes := range []gorgonia.Nodes{nil, {nil}, {nil, nil}, {{}, {}, {}}} {
			c.Survives(fmt.Sprintf("%s differentiates %d nodes", name, len(nodes)), func() {
				_, _ = op.(gorgonia.SDOp).SymDiff(nodes, nil, nil)
				_, _ = op.(gorgonia.SDOp).SymDiff(nodes, n, dy)
				_ = op.(gorgonia.ADOp).DoDiff(gorgonia.ExecutionContext{}, nodes, nil)
				_ = op.(gorgonia.ADOp).DoDiff(gorgonia.ExecutionContext{}, nodes, n)
			})
		}
	}
	t.Logf("%d calls", c.Made)
}

// TestForeignMemory reads a tensor over memory that is not its own.
func TestForeignMemory(t *testing.T) {
	copy(foreign[:], gaussian(1, 12))
	g := gorgonia.NewGraph()
	op := mustLinear(t, input(g, "x", tensor.Float32, 4, 3), mustWeight(t, 1, 3, 2)).Op()
	if got, want := mustDo(t, op, foreignTensor()), mustDo(t, op, newTensor(gaussian(1, 12), 4, 3)); !tensortest.SameBits(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTransposedWeight: a weight of PyTorch's (out, in) is told from one of another depth, and what to do is
// said.
func TestTransposedWeight(t *testing.T) {
	g := gorgonia.NewGraph()
	tried := 0
	for _, in := range []int{1, 2, 5, 16} {
		for _, out := range []int{3, 7, 17} {
			q := mustQuantize(t, 1, qtensor.PerChannelSymmetric(8, 0), out, in) // as PyTorch has it
			_, err := ops.Pack(q)
			wantError(t, fmt.Sprint("scales by row of ", out, in), err, qtensor.ErrScheme, "w.T()")
			transposed, err := q.T()
			if err != nil {
				t.Fatal(err)
			}
			whole := mustPack(t, mustQuantize(t, 1, qtensor.Symmetric(8), out, in))
			for rank := 1; rank <= 3; rank++ {
				tried++
				shape := append(slices.Repeat([]int{2}, rank-1), in)
				x := input(g, fmt.Sprint("x", in, out, rank), tensor.Float32, shape...)
				_, err = ops.Linear(x, whole)
				wantError(t, fmt.Sprint("Linear of ", in, out), err, qtensor.ErrShape, "w.T()")
				if rank < 3 {
					_, err = ops.MatMul(x, whole)
					wantError(t, fmt.Sprint("MatMul of ", in, out), err, qtensor.ErrShape, "w.T()")
				}
				if _, err := ops.Linear(x, mustPack(t, transposed)); err != nil {
					t.Errorf("w.T() of (%d, %d): %v", out, in, err)
				}
			}
		}
	}
	t.Logf("%d shapes", tried)
}

// TestClaimedLayouts: what would be laid out in more than 2^32 elements is refused before anything is.
func TestClaimedLayouts(t *testing.T) {
	const channels = 1 << 23
	q, err := qtensor.FromCodes(newTensor(make([]int8, channels), channels, 1, 1, 1),
		qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ops.PackConv2d(q, channels)
	wantError(t, "a filter for each of 2^23 channels", err, qtensor.ErrShape, "too big")
	one := mustQuantize(t, 1, qtensor.Symmetric(8), 1, 1<<20)
	packed := mustPack(t, one)
	g := gorgonia.NewGraph()
	for n := 13; n < 60; n++ {
		_, err := ops.Linear(input(g, fmt.Sprint("x", n), tensor.Float64, 1<<min(n, strconv.IntSize-4), 1), packed)
		wantError(t, fmt.Sprintf("2^%d rows times 2^20", n), err, qtensor.ErrShape, "too big")
	}
}
