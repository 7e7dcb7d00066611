package ir

import (
	"fmt"

	"euryale/qtensor"
)

// typing is what types an operation takes and gives.
type typing uint8

const (
	floats   typing = iota // float32 for float32
	keeps                  // the type of its operands, which is one
	indexed                // the type of its first operand; the second is whole numbers
	compares               // bool, for two of float32 or two of whole numbers
	bools                  // bool for bool
	chooses                // float32; the first operand is bool
	casts                  // float32 for any
)

// wants returns the type that operand i has to have, of an operation whose first has the type of.
func (t typing) wants(i int, of Type) Type {
	switch {
	case t == keeps || t == casts || t == compares && of != Bool:
		return of
	case t == indexed && i == 1:
		return Int64
	case t == bools || t == chooses && i == 0:
		return Bool
	}
	return Float32
}

// of returns the type of the result. Elements of a constant that are whole numbers are checked where they are
// used.
func (t typing) of(in []Operand) (Type, error) {
	first := in[0].Type
	for i, x := range in {
		if want := t.wants(i, first); x.Type != want && (want != Int64 || !x.Constant) {
			return first, fmt.Errorf("%w: input %d is %v, want %v", qtensor.ErrDtype, i, x.Type, want)
		}
	}
	switch t {
	case compares, bools:
		return Bool, nil
	case floats, chooses, casts:
		return Float32, nil
	}
	return first, nil
}
