package exprgraph

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Some of Gorgonia's ops keep what they compute, and whether they train, in their own memory: the masks of
// MaxPool2D, the statistics of BatchNorm, the switch of Dropout. A copy of an op can be run, in evaluation,
// while the user's stays as it is.

// copyOf returns a copy of one of Gorgonia's ops, with tensors of its own. Ops of others are returned as they
// are.
func copyOf(op gorgonia.Op) gorgonia.Op {
	v := reflect.ValueOf(op)
	if kindOf(op) == "" || v.Kind() != reflect.Pointer || v.IsNil() {
		return op
	}
	made := reflect.New(v.Type().Elem())
	made.Elem().Set(v.Elem())
	ownTensors(made.Elem())
	return made.Interface().(gorgonia.Op)
}

// ownTensors replaces the tensors in a struct by copies, also those of ops in it.
func ownTensors(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range v.Fields() {
		f = settable(f)
		switch {
		case f.Kind() == reflect.Struct:
			ownTensors(f)
		case f.Kind() != reflect.Pointer && f.Kind() != reflect.Interface || f.IsNil():
		default:
			switch x := f.Interface().(type) {
			case *tensor.Dense:
				f.Set(reflect.ValueOf(x.Clone()))
			case gorgonia.Op:
				f.Set(reflect.ValueOf(copyOf(x)))
			}
		}
	}
}

// settable returns a field of an addressable struct as one that can be read and set, though its name is
// private.
func settable(f reflect.Value) reflect.Value {
	return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem()
}

// unguarded are ops that compute in goroutines of their own, where a panic ends the process, by fields and
// sizes that they do not check. The others of gorgonia v0.9.18 and tensor v0.9.24 that start goroutines do
// not panic there for operands that guard lets through: im2colOp, col2imOp, BatchNormOp, GroupNormOp,
// softmaxOp and softmaxDiffOp.
var unguarded = []string{"ctcLossOp", "ctcLossDiffOp", "batchnormDiffOp", "groupNormDiffOp"}

// guard returns an error for operands of a copied op for which a goroutine would panic: sizes that are not
// those which the op was made for.
func guard(op gorgonia.Op, operands []gorgonia.Value) error {
	kind := kindOf(op)
	if slices.Contains(unguarded, kind) {
		return errors.New("it can panic where no caller recovers, so it is not called")
	}
	if len(operands) == 0 || len(operands[0].Shape()) < 2 {
		return nil
	}
	x := operands[0]
	shape := x.Shape()
	switch kind {
	case "BatchNormOp":
		return holds(op, x.Dtype(), shape[1], "runningMean", "runningVariance", "saveMean", "saveVariance", "alpha", "beta")
	case "GroupNormOp":
		if groups, ok := intsOf(op, "numGroups"); ok {
			return holds(op, x.Dtype(), groups[0]*shape[0], "mean", "rstd")
		}
		return errors.New("has no field numGroups, want that of gorgonia v0.9.18")
	case "col2imOp":
		image, ok := intsOf(op, "unpaddedB", "unpaddedC", "h", "w")
		if !ok || len(shape) != 4 || shape[0] != image[0] || shape[3] != size(image[1:]) {
			return fmt.Errorf("an operand of shape %v, want patches of the image that %v was made for", shape, op)
		}
	}
	return nil
}

// holds returns an error unless an op's own tensors have n elements of a type.
func holds(op gorgonia.Op, dt tensor.Dtype, n int, fields ...string) error {
	for _, name := range fields {
		f := fieldOf(op, name)
		if !f.IsValid() || !f.CanAddr() {
			return fmt.Errorf("has no field %s, want that of gorgonia v0.9.18", name)
		}
		t, _ := reflect.TypeAssert[*tensor.Dense](settable(f))
		if t == nil || t.Dtype() != dt || t.Len() != n {
			return fmt.Errorf("its %s is %v, want %d elements of %v for its operand", name, t, n, dt)
		}
	}
	return nil
}
