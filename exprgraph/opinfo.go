package exprgraph

import (
	"fmt"
	"reflect"
	"strings"

	"gorgonia.org/gorgonia"
)

// Gorgonia's ops are private types with private fields. Everything that looks into them by reflection is
// here; what is not found there is an answer "no", never a panic.

// kindOf returns the name of the type of one of Gorgonia's own ops, as in "im2colOp", and for other ops "".
func kindOf(op gorgonia.Op) string {
	if op == nil {
		return ""
	}
	t := reflect.TypeOf(op)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != reflect.TypeFor[gorgonia.Node]().PkgPath() {
		return ""
	}
	return t.Name()
}

// describe returns an op as messages name it: its type and what it says of itself.
func describe(op gorgonia.Op) string {
	if op == nil {
		return "none"
	}
	return fmt.Sprintf("%s %v", strings.TrimPrefix(reflect.TypeOf(op).String(), "*"), op)
}

// operandsOf returns the operands of a node, in order. ExprGraph.From has them too, but writes into the
// graph, searches all of it when it is asked for a node for the first time, and after RemoveNode finds
// others.
func operandsOf(n *gorgonia.Node) []*gorgonia.Node {
	f := reflect.ValueOf(n).Elem().FieldByName("children")
	if !f.IsValid() || f.Type() != reflect.TypeFor[gorgonia.Nodes]() {
		return nil
	}
	return settable(f).Interface().(gorgonia.Nodes)
}

func fieldOf(op gorgonia.Op, name string) reflect.Value {
	v := reflect.ValueOf(op)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}

// intsOf returns fields that are integers, flags (0 or 1) or lists of integers, one after the other.
func intsOf(op gorgonia.Op, names ...string) (values []int, ok bool) {
	for _, name := range names {
		switch f := fieldOf(op, name); {
		case !f.IsValid():
			return nil, false
		case f.CanInt():
			values = append(values, int(f.Int()))
		case f.CanUint():
			values = append(values, int(f.Uint()))
		case f.Kind() == reflect.Bool:
			n := 0
			if f.Bool() {
				n = 1
			}
			values = append(values, n)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Int:
			for i := range f.Len() {
				values = append(values, int(f.Index(i).Int()))
			}
		default:
			return nil, false
		}
	}
	return values, true
}

// epsilonOf returns what a normalization adds to the variance.
func epsilonOf(op gorgonia.Op) (epsilon float64, ok bool) {
	f := fieldOf(op, "epsilon")
	if !f.IsValid() || !f.CanFloat() {
		return 0, false
	}
	return f.Float(), true
}
