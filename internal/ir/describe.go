package ir

import (
	"maps"
	"slices"
)

// Description is what there is to say of an operation.
type Description struct {
	Name        string
	Since       int    // the version of ONNX's operators that defines it so; 0 for one that ONNX has not
	Least, Most int    // inputs
	Attributes  string // names, separated by commas
	Weight      int    // the input that is a weight, or −1
}

// Describe returns the table of operations, by name.
func Describe() (list []Description) {
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		op := operations[name]
		d := Description{name, op.since, op.least, op.most, op.attributes.String(), -1}
		if op.weight != nil {
			d.Weight = op.weight.operand
		}
		list = append(list, d)
	}
	return list
}
