package ir_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// TestTable compares the names of operations with the table.
func TestTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "operations.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var named, listed []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.ValueSpec); ok && len(s.Values) == 1 {
			if text, ok := s.Values[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
				name, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				named = append(named, name)
			}
		}
		return true
	})
	for _, d := range ir.Describe() {
		listed = append(listed, d.Name)
		if d.Since > ir.Opset || d.Since < 0 || d.Least < 1 || d.Most < d.Least || d.Weight >= d.Least {
			t.Errorf("%+v is no row of opset %d", d, ir.Opset)
		}
	}
	if slices.Sort(named); !slices.Equal(named, listed) {
		t.Errorf("constants name %q, and the table %q", named, listed)
	}
}

// sizes returns operands of float32.
func sizes(list ...ir.Size) (in []ir.Operand) {
	for _, s := range list {
		in = append(in, ir.Operand{Size: s})
	}
	return in
}

// TestDefaults resolves nodes that leave their attributes out.
func TestDefaults(t *testing.T) {
	image, matrix := ir.Size{-1, 4, 8, 6}, ir.Size{-1, 3}
	for _, c := range []struct {
		node ir.Node
		in   []ir.Operand
		out  ir.Size
		ok   func(r *ir.Resolved) bool
	}{
		{ir.Node{Op: ir.OpConv}, sizes(image, ir.Size{2, 4, 3, 3}), ir.Size{-1, 2, 6, 4}, func(r *ir.Resolved) bool {
			return r.Groups == 1 && r.Windows == ir.Windows{Kernel: [2]int{3, 3}, Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}}
		}},
		{ir.Node{Op: ir.OpConv, Pads: []int{0, 1, 2, 3}}, sizes(image, ir.Size{2, 4, 3, 3}), ir.Size{-1, 2, 8, 8}, func(r *ir.Resolved) bool {
			return r.Windows.Pads == [4]int{0, 1, 2, 3}
		}},
		{ir.Node{Op: ir.OpLeakyRelu}, sizes(matrix), matrix, func(r *ir.Resolved) bool { return r.Alpha == 0.01 }},
		{ir.Node{Op: ir.OpLeakyRelu, Alpha: new(float32(0))}, sizes(matrix), matrix, func(r *ir.Resolved) bool { return r.Alpha == 0 }},
		{ir.Node{Op: ir.OpSoftmax}, sizes(image), image, func(r *ir.Resolved) bool { return r.Axis == 3 && r.Along(3) && !r.Along(0) }},
		{ir.Node{Op: ir.OpSoftmax, Axis: new(0)}, sizes(image), image, func(r *ir.Resolved) bool { return r.Axis == 0 && r.Along(0) }},
		{ir.Node{Op: ir.OpTranspose}, sizes(image), ir.Size{6, 8, 4, -1}, func(r *ir.Resolved) bool { return slices.Equal(r.Perm, []int{3, 2, 1, 0}) }},
		{ir.Node{Op: ir.OpReduceSum, Axes: []int{-1, 1}}, sizes(image), ir.Size{-1, 1, 8, 1}, func(r *ir.Resolved) bool { return slices.Equal(r.Axes, []int{1, 3}) }},
		{ir.Node{Op: ir.OpReduceSum}, sizes(ir.Size{2, 3}), ir.Size{1, 1}, func(r *ir.Resolved) bool { return slices.Equal(r.Axes, []int{0, 1}) }},
		{ir.Node{Op: ir.OpReduceMax, KeepDims: new(false)}, sizes(ir.Size{2, 3}), nil, func(*ir.Resolved) bool { return true }},
		{ir.Node{Op: ir.OpSlice, Axes: []int{-1}, Starts: []int{-2}, Ends: []int{math.MaxInt}}, sizes(image), ir.Size{-1, 4, 8, 2}, func(r *ir.Resolved) bool {
			return r.Axis == 3 && r.Slice == ir.Slice{Start: 4, End: 6, Step: 1}
		}},
		{ir.Node{Op: ir.OpReshape, Shape: []int{0, -1}}, sizes(image), ir.Size{-1, 192}, func(*ir.Resolved) bool { return true }},
		{ir.Node{Op: ir.OpReshape, Shape: []int{-1, 24}}, sizes(image), ir.Size{-8, 24}, func(*ir.Resolved) bool { return true }},
	} {
		r, out, err := ir.Resolve(&c.node, c.in)
		if err != nil || !slices.Equal(out.Size, c.out) || !c.ok(r) {
			t.Errorf("%+v: got %+v of %v, %v, want %v", c.node, r, out.Size, err, c.out)
		}
	}
}

// TestTypes gives operations whole numbers where they take real ones, and the reverse.
func TestTypes(t *testing.T) {
	whole, real := ir.Operand{Size: ir.Size{-1, 3}, Type: ir.Int64}, ir.Operand{Size: ir.Size{-1, 3}}
	embedding := ir.Operand{Size: ir.Size{9, 4}, Constant: true}
	truth := ir.Operand{Size: ir.Size{-1, 3}, Type: ir.Bool}
	for _, c := range []struct {
		node ir.Node
		in   []ir.Operand
		want ir.Type
		err  error
	}{
		{ir.Node{Op: ir.OpGreater}, []ir.Operand{real, real}, ir.Bool, nil},
		{ir.Node{Op: ir.OpEqual}, []ir.Operand{whole, whole}, ir.Bool, nil},
		{ir.Node{Op: ir.OpLess}, []ir.Operand{whole, real}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpLess}, []ir.Operand{truth, truth}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpNot}, []ir.Operand{truth}, ir.Bool, nil},
		{ir.Node{Op: ir.OpNot}, []ir.Operand{real}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpWhere}, []ir.Operand{truth, real, real}, ir.Float32, nil},
		{ir.Node{Op: ir.OpWhere}, []ir.Operand{real, real, real}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpWhere}, []ir.Operand{truth, real, truth}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpMul}, []ir.Operand{truth, real}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpCast}, []ir.Operand{truth}, ir.Float32, nil},
		{ir.Node{Op: ir.OpCast}, []ir.Operand{whole}, ir.Float32, nil},
		{ir.Node{Op: ir.OpReshape, Shape: []int{3, -1}}, []ir.Operand{truth}, ir.Bool, nil},
		{ir.Node{Op: ir.OpRelu}, []ir.Operand{whole}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpAdd}, []ir.Operand{real, whole}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpReshape, Shape: []int{3, -1}}, []ir.Operand{whole}, ir.Int64, nil},
		{ir.Node{Op: ir.OpReshape, Shape: []int{3, -1}}, []ir.Operand{real}, ir.Float32, nil},
		{ir.Node{Op: ir.OpGather}, []ir.Operand{embedding, whole}, ir.Float32, nil},
		{ir.Node{Op: ir.OpGather}, []ir.Operand{embedding, real}, 0, qtensor.ErrDtype},
		{ir.Node{Op: ir.OpGather}, []ir.Operand{embedding, {Size: ir.Size{2}, Constant: true}}, ir.Float32, nil},
	} {
		_, out, err := ir.Resolve(&c.node, c.in)
		if !errors.Is(err, c.err) || err == nil && out.Type != c.want {
			t.Errorf("%s of %v: got %v, %v, want %v, %v", c.node.Op, c.in, out.Type, err, c.want, c.err)
		}
	}
	for _, of := range []ir.Type{ir.Float32, ir.Int64, ir.Bool} {
		text, err := of.MarshalText()
		var back ir.Type
		if err != nil || back.UnmarshalText(text) != nil || back != of {
			t.Errorf("%v: got %s, %v, and %v of it", of, text, err, back)
		}
	}
	var none ir.Type
	if _, err := ir.Type(9).MarshalText(); !errors.Is(err, ir.ErrNetwork) || !errors.Is(none.UnmarshalText([]byte("int7")), ir.ErrNetwork) {
		t.Errorf("no type: got error %v", err)
	}
}

// TestEveryAttribute gives each operation each attribute: those that it has not are refused.
func TestEveryAttribute(t *testing.T) {
	fields := map[string]int{} // by the names of attributes
	of := reflect.TypeFor[ir.Node]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	tried := 0
	for _, d := range ir.Describe() {
		own := map[string]bool{}
		for name := range strings.SplitSeq(d.Attributes, ", ") {
			own[name] = true
			if _, ok := fields[name]; !ok && name != "" {
				t.Errorf("%s: the attribute %q is no field of a node", d.Name, name)
			}
		}
		for name, i := range fields {
			switch name {
			case "op", "name", "inputs", "output", "-":
				continue
			}
			n := ir.Node{Op: d.Name}
			setOne(reflect.ValueOf(&n).Elem().Field(i))
			in := make([]ir.Operand, d.Least)
			_, _, err := ir.Resolve(&n, in)
			refused := errors.Is(err, qtensor.ErrParams) && strings.Contains(err.Error(), "got attributes")
			if tried++; refused == own[name] {
				t.Errorf("%s with %s: got error %v", d.Name, name, err)
			}
		}
	}
	t.Logf("%d attributes", tried)
}

// setOne sets an attribute to something that is not its default.
func setOne(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32:
		v.SetFloat(1)
	default:
		v.SetInt(1)
	}
}

// TestBind gives free dimensions sizes, and asks for those that are not there.
func TestBind(t *testing.T) {
	shape := []int{-1, 3, -2, -3}
	got, err := ir.Bind(shape, []int{7, 8})
	if err != nil || !slices.Equal(got, []int{-1, 3, 7, 8}) || shape[2] != -2 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []int{-4, math.MinInt} {
		if got, err := ir.Bind([]int{-1, bad}, []int{7, 8}); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%d: got %v, %v, want ErrShape", bad, got, err)
		}
	}
}
