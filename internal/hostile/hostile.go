// Package hostile calls functions with what they cannot take, for tests.
package hostile

import (
	"errors"
	"math"
	"runtime/debug"
	"slices"
	"testing"

	"gorgonia.org/tensor"
)

// Calls are the calls of a test, none of which may panic.
type Calls struct {
	T         testing.TB
	Sentinels []error // what errors wrap
	Made      int     // how many there were
}

// Refused calls f, which is to return an error that wraps a sentinel.
func (c *Calls) Refused(name string, f func() error) {
	c.T.Helper()
	var err error
	c.Survives(name, func() { err = f() })
	if !slices.ContainsFunc(c.Sentinels, func(target error) bool { return errors.Is(err, target) }) {
		c.T.Errorf("%s: got error %v, want one of this module's", name, err)
	}
}

// Survives calls f, which is not to panic.
func (c *Calls) Survives(name string, f func()) {
	c.T.Helper()
	c.Made++
	defer func() {
		if r := recover(); r != nil {
			c.T.Errorf("%s: panics: %v\n%s", name, r, debug.Stack())
		}
	}()
	f()
}

// Panics calls f, which is documented to panic.
func (c *Calls) Panics(name string, f func()) {
	c.T.Helper()
	c.Made++
	defer func() {
		if recover() == nil {
			c.T.Errorf("%s: does not panic, which its doc says", name)
		}
	}()
	f()
}

// Tensors returns tensors that cannot be read, by what is wrong with them.
func Tensors() map[string]tensor.Tensor {
	claims := func(shape tensor.Shape, strides ...int) *tensor.Dense {
		d := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(make([]float32, 12)))
		d.AP = tensor.MakeAP(shape, strides, 0, 0)
		return d
	}
	return map[string]tensor.Tensor{
		"nil":                        nil,
		"nil Dense":                  (*tensor.Dense)(nil),
		"nil CS":                     (*tensor.CS)(nil),
		"zero Dense":                 new(tensor.Dense),
		"zero CS":                    new(tensor.CS),
		"sparse":                     tensor.CSRFromCoord(tensor.Shape{4, 3}, []int{0}, []int{1}, []float32{1}),
		"masked":                     tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false})),
		"strings":                    tensor.New(tensor.WithShape(2), tensor.WithBacking([]string{"a", "b"})),
		"empty":                      tensor.New(tensor.WithShape(0, 3), tensor.WithBacking([]float32{})),
		"a scalar of booleans":       tensor.New(tensor.FromScalar(true)),
		"a claim of much":            claims(tensor.Shape{math.MaxInt / 4, 3}, 0, 1),
		"a claim that no int counts": claims(tensor.Shape{math.MaxInt/2 + 1, 4}, 0, 0),
		"a negative shape":           claims(tensor.Shape{-4, -3}, 3, 1),
	}
}
