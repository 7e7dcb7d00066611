package exprgraph

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/internal/graphop"
	"euryale/internal/tensortest"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layouts return a weight with the same elements in another layout.
var layouts = map[string]func(w *tensor.Dense) (*tensor.Dense, error){
	"row-major": func(w *tensor.Dense) (*tensor.Dense, error) { return w.Clone().(*tensor.Dense), nil },
	"column-major": func(w *tensor.Dense) (*tensor.Dense, error) {
		made := tensor.New(tensor.AsFortran(nil), tensor.WithShape(w.Shape()...), tensor.Of(w.Dtype()))
		return made, fill(made, w)
	},
	"transposed view": func(w *tensor.Dense) (*tensor.Dense, error) {
		shape := slices.Clone([]int(w.Shape()))
		slices.Reverse(shape)
		made := tensor.New(tensor.WithShape(shape...), tensor.Of(w.Dtype()))
		if err := made.T(); err != nil {
			return nil, err
		}
		return made, fill(made, w)
	},
	"column slice": func(w *tensor.Dense) (*tensor.Dense, error) { return within(w, w.Dims()-1) },
	"row slice":    func(w *tensor.Dense) (*tensor.Dense, error) { return within(w, 0) },
}

// within returns w as a slice of a bigger tensor, along an axis.
func within(w *tensor.Dense, axis int) (*tensor.Dense, error) {
	shape := w.Shape().Clone()
	if shape[axis] == 1 { // an axis that a slice drops
		return w.Clone().(*tensor.Dense), nil
	}
	shape[axis] += 3
	slices := make([]tensor.Slice, len(shape))
	slices[axis] = gorgonia.S(2, 2+w.Shape()[axis])
	view, err := tensor.New(tensor.WithShape(shape...), tensor.Of(w.Dtype())).Slice(slices...)
	if err != nil {
		return nil, err
	}
	made := view.(*tensor.Dense)
	return made, fill(made, w)
}

// fill sets the elements of to, one by one.
func fill(to, from *tensor.Dense) error {
	for i := range size(from.Shape()) {
		at := coordinates(i, from.Shape())
		x, err := from.At(at...)
		if err != nil {
			return err
		}
		if err := to.SetAt(x, at...); err != nil {
			return err
		}
	}
	return nil
}

// given returns the elements of a graph's inputs, and the same as Gorgonia's values.
func given(t *testing.T, s Graph, dt tensor.Dtype) (x [][]float32, values []*tensor.Dense) {
	t.Helper()
	for i, in := range s.Inputs {
		n := in.Shape().TotalSize()
		if in.Dtype() == tensor.Int {
			whole, list := make([]int, n), make([]float32, n)
			for i := range whole {
				whole[i], list[i] = 7*i%5, float32(7*i%5)
			}
			x, values = append(x, list), append(values, tensor.New(tensor.WithShape(in.Shape()...), tensor.WithBacking(whole)))
			continue
		}
		v := drawnOf(dt, fmt.Sprint("input", i), in.Shape()...)
		list, err := elements(v)
		if err != nil {
			t.Fatal(err)
		}
		x, values = append(x, list), append(values, v)
	}
	return x, values
}

// TestEvaluate compares evaluate with TapeMachine, bit by bit, for every network of the zoo, every layout of
// weights, float32 and float64; and what is read of weights in other layouts to what is read of row-major
// ones.
func TestEvaluate(t *testing.T) {
	nets := map[string]func(*zoo) Graph{}
	for _, c := range networks {
		nets[c.name] = c.net
	}
	for _, c := range called {
		nets["called "+c.name] = c.net
	}
	count, skipped := 0, 0
	for name, net := range nets {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			plain := zoo{dt: dt, weights: map[string]*tensor.Dense{}}
			want := evaluated(t, name, plain.build(net), dt, true)
			first, err := readNetwork(plain.build(net), true)
			if err != nil {
				t.Fatal(err)
			}
			for layout, lay := range layouts {
				z := zoo{dt: dt, weights: map[string]*tensor.Dense{}}
				for key, w := range plain.weights {
					if z.weights[key], err = lay(w); err != nil {
						t.Fatalf("%s, %s of %v: %v", name, layout, w.Shape(), err)
					}
				}
				what := fmt.Sprintf("%s, %v, %s", name, dt, layout)
				if _, err := Build(z.build(net)).at(4); err != nil {
					skipped++ // Gorgonia cannot make the graph
					continue
				}
				count++
				got := evaluated(t, what, z.build(net), dt, false)
				if !slices.EqualFunc(got, want, tensortest.SameBits) {
					t.Errorf("%s: got other outputs than TapeMachine of row-major weights", what)
				}
				n, err := readNetwork(z.build(net), true)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				for key, c := range first.folded.Constants {
					if other := n.folded.Constants[key]; other == nil || !tensortest.SameBits(other.Data, c.Data) ||
						!slices.Equal(other.Shape, c.Shape) {
						t.Errorf("%s: constant %q is read as another than that of row-major weights", what, key)
					}
				}
			}
		}
	}
	t.Logf("%d networks of weights in %d layouts, %d evaluated, %d that Gorgonia cannot make", len(nets), len(layouts),
		count, skipped)
}

// evaluated returns the outputs for a batch of four, by Evaluate, or by a TapeMachine too, which must agree.
func evaluated(t *testing.T, what string, build Build, dt tensor.Dtype, machine bool) [][]float32 {
	t.Helper()
	s, err := build.at(4)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	x, values := given(t, s, dt)
	got, err := evaluate(t.Context(), s, x)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return nil
	}
	if !machine {
		return got
	}
	want, err := run(s, values)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i := range want {
		if !tensortest.SameBits(got[i], want[i].Data) {
			t.Errorf("%s, output %d: got %v, want %v as of TapeMachine", what, i, got[i], want[i].Data)
		}
	}
	return got
}

// rogue is an op of the user's that does something bad.
type rogue struct {
	graphop.Base
	do func(v ...gorgonia.Value) (gorgonia.Value, error)
}

func (rogue) Arity() int    { return 1 }
func (rogue) Type() hm.Type { return hm.NewFnType(hm.TypeVariable('a'), hm.TypeVariable('a')) }

func (rogue) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape), nil
}

func (r rogue) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return r.do(v...) }

// TestEvaluateFails: ops that fail in every way, at every place of a chain, are errors that name them; and
// one that writes into its operand, or keeps it, changes nothing but its result.
func TestEvaluateFails(t *testing.T) {
	failed := errors.New("failed")
	var kept gorgonia.Value
	count := 0
	for _, c := range []struct {
		name string
		do   func(v ...gorgonia.Value) (gorgonia.Value, error)
		want error
		says string
	}{
		{"error", func(...gorgonia.Value) (gorgonia.Value, error) { return nil, failed }, failed, "failed"},
		{"panic", func(...gorgonia.Value) (gorgonia.Value, error) { panic("slipped") }, ErrOp, "panics: slipped"},
		{"panic with an error", func(...gorgonia.Value) (gorgonia.Value, error) { panic(failed) }, ErrOp, "panics: failed"},
		{"nil pointer", func(...gorgonia.Value) (gorgonia.Value, error) {
			return (*zoo)(nil).weights["w"], nil
		}, ErrOp, "nil pointer"},
		{"out of range", func(v ...gorgonia.Value) (gorgonia.Value, error) { return v[len(v)], nil }, ErrOp, "out of range"},
		{"nothing", func(...gorgonia.Value) (gorgonia.Value, error) { return nil, nil }, ErrOp, "no value"},
		{
			"nil tensor", func(...gorgonia.Value) (gorgonia.Value, error) { return (*tensor.Dense)(nil), nil }, ErrOp,
			"nothing was put",
		},
		{
			"empty tensor", func(...gorgonia.Value) (gorgonia.Value, error) { return &tensor.Dense{}, nil }, ErrOp,
			"nothing was put",
		},
		{"bytes", func(...gorgonia.Value) (gorgonia.Value, error) {
			return tensor.New(tensor.WithShape(2), tensor.WithBacking([]int8{1, 2})), nil
		}, ErrOp, "int8"},
		{"another shape", func(...gorgonia.Value) (gorgonia.Value, error) {
			return tensor.New(tensor.WithShape(3, 1, 7), tensor.Of(tensor.Float32)), nil
		}, ErrOp, "got shape (3, 1, 7)"},
		{"writes", func(v ...gorgonia.Value) (gorgonia.Value, error) {
			x := v[0].Data().([]float32)
			y := tensor.New(tensor.WithShape(v[0].Shape()...), tensor.WithBacking(slices.Clone(x)))
			clear(x)
			return y, nil
		}, nil, ""},
		{"keeps", func(v ...gorgonia.Value) (gorgonia.Value, error) {
			if kept != nil {
				clear(kept.Data().([]float32))
			}
			kept = v[0]
			return v[0], nil
		}, nil, ""},
	} {
		for at := range 5 {
			count++
			s := rogueChain(at, c.do)
			x, _ := given(t, s, tensor.Float32)
			before := slices.Clone(x[0])
			got, err := evaluate(t.Context(), s, x)
			if c.want != nil {
				if !errors.Is(err, ErrOp) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) ||
					!strings.Contains(err.Error(), "rogue#") {
					t.Errorf("%s at %d: got %v and error %v, want %v that says %q", c.name, at, got, err, c.want, c.says)
				}
				continue
			}
			if err != nil || !slices.Equal(x[0], before) {
				t.Errorf("%s at %d: got error %v, or another input after it", c.name, at, err)
				continue
			}
			if want := plainChain(t, at); !slices.EqualFunc(got[:2], want, tensortest.SameBits) {
				t.Errorf("%s at %d: got %v, want %v", c.name, at, got, want)
			}
		}
	}
	t.Logf("%d cases", count)
}

// rogueChain returns a graph of five products on each other, with two rogues in the place of one of them, and
// a Tanh beside those.
func rogueChain(at int, do func(v ...gorgonia.Value) (gorgonia.Value, error)) Graph {
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph(), batch: 4}
	x := z.input("x", 4, 4)
	h, side := x, x
	for i := range 5 {
		if i == at {
			side = must(gorgonia.Tanh(h))
			h = must(gorgonia.ApplyOp(rogue{graphop.NewBase("rogue"), do}, h))
			h = must(gorgonia.ApplyOp(rogue{graphop.NewBase("rogue"), do}, h))
			continue
		}
		h = must(gorgonia.Mul(h, z.weight("w0", 4, 4)))
	}
	return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{h, side, must(gorgonia.Add(h, h))}}
}

// plainChain returns what the chain of TestEvaluateFails gives without its rogues at a place, and a Tanh
// there.
func plainChain(t *testing.T, without int) [][]float32 {
	t.Helper()
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph(), batch: 4}
	x := z.input("x", 4, 4)
	h, side := x, node(nil)
	for i := range 5 {
		if i == without {
			side = must(gorgonia.Tanh(h))
		} else {
			h = must(gorgonia.Mul(h, z.weight("w0", 4, 4)))
		}
	}
	s := Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{h, side}}
	in, _ := given(t, s, tensor.Float32)
	y, err := evaluate(t.Context(), s, in)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// TestCopyOf: what ops keep in memory of their own is the same after Evaluate as a machine that trains left
// it.
func TestCopyOf(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		z := zoo{dt: dt, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph(), batch: 4}
		x := z.input("x", 4, 4, 6, 6)
		y := must(gorgonia.GroupNorm(z.norm(x, "n", 1, 1), z.weight("s", 1, 4, 1, 1), z.weight("b", 1, 4, 1, 1), 2, 4, 1e-5))
		y = must(gorgonia.MaxPool2D(y, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		y = must(gorgonia.AveragePool2D(must(gorgonia.Dropout(y, 0.5)), tensor.Shape{2, 2}, []int{0, 0}, []int{1, 1}))
		s := source(x, y)
		_, values := given(t, s, dt)
		if err := gorgonia.Let(x, values[0]); err != nil {
			t.Fatal(err)
		}
		if err := gorgonia.NewTapeMachine(z.g).RunAll(); err != nil {
			t.Fatal(err)
		}
		nodes, err := order(s)
		if err != nil {
			t.Fatal(err)
		}
		state := func() (text []string) {
			for _, n := range nodes {
				if v := reflect.ValueOf(n.Op()); v.Kind() == reflect.Pointer {
					text = append(text, contents(v.Elem()))
				}
			}
			return text
		}
		before := state()
		other := drawnOf(dt, "other", 4, 4, 6, 6)
		in, err := elements(other)
		if err == nil {
			_, err = evaluate(t.Context(), s, [][]float32{in})
		}
		if after := state(); err != nil || !slices.Equal(after, before) {
			t.Errorf("%v: error %v, or ops have other memory after Evaluate:\n%v\nbefore:\n%v", dt, err, after, before)
		}
	}
}

// contents returns a struct as text, its tensors by their elements.
func contents(v reflect.Value) string {
	text := v.Type().Name()
	for f, value := range v.Fields() {
		value = settable(value)
		if t, ok := reflect.TypeAssert[*tensor.Dense](value); ok && t != nil {
			text += fmt.Sprintf(" %s %v", f.Name, t.Data())
		} else if f.Type.Kind() != reflect.Func {
			text += fmt.Sprintf(" %s %v", f.Name, value.Interface())
		}
	}
	return text
}

// TestEvaluateGuards: ops of Gorgonia that would panic in goroutines of their own, on operands that they were
// not made for.
func TestEvaluateGuards(t *testing.T) {
	of := func(f func(z *zoo) (made, other node)) func() (Graph, error) {
		return func() (Graph, error) {
			z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph(), batch: 4}
			made, other := f(&z)
			y, err := gorgonia.ApplyOp(made.Op(), other)
			return Graph{Inputs: gorgonia.Nodes{other}, Outputs: gorgonia.Nodes{y}}, err
		}
	}
	find := func(n node, kind string) node {
		nodes, err := order(Graph{Outputs: gorgonia.Nodes{n}})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range nodes {
			if kindOf(o.Op()) == kind {
				return o
			}
		}
		t.Fatalf("no %s", kind)
		return nil
	}
	cases := map[string]func() (Graph, error){
		"BatchNorm of more channels": of(func(z *zoo) (made, other node) {
			return find(z.norm(z.input("x", 4, 3), "n"), "BatchNormOp"), z.input("y", 4, 5)
		}),
		"BatchNorm of float64": of(func(z *zoo) (made, other node) {
			made = find(z.norm(z.input("x", 4, 3), "n"), "BatchNormOp")
			z.dt = tensor.Float64
			return made, z.input("y", 4, 3)
		}),
		"GroupNorm of more samples": of(func(z *zoo) (made, other node) {
			y := must(gorgonia.GroupNorm(z.input("x", 4, 4, 3, 3), z.weight("s", 1, 4, 1, 1), z.weight("b", 1, 4, 1, 1),
				2, 4, 1e-5))
			return find(y, "GroupNormOp"), z.input("y", 6, 4, 3, 3)
		}),
		"CTCLoss": func() (Graph, error) {
			z := zoo{dt: tensor.Float32, g: gorgonia.NewGraph(), batch: 4}
			probabilities := z.input("x", 5, 2, 4)
			lengths := func(name string, x ...int) node {
				return gorgonia.NewTensor(z.g, tensor.Int, 1, gorgonia.WithName(name), gorgonia.WithShape(len(x)),
					gorgonia.WithValue(tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))))
			}
			targets := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithName("t"), gorgonia.WithShape(2, 2),
				gorgonia.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]int{99, 99, 99, 99}))))
			y, err := gorgonia.CTCLoss(probabilities, targets, lengths("in", 5, 5), lengths("out", 2, 2), gorgonia.ReductionMean)
			return Graph{Inputs: gorgonia.Nodes{probabilities}, Outputs: gorgonia.Nodes{y}}, err
		},
	}
	for name, make := range cases {
		s, err := make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x, _ := given(t, s, s.Inputs[0].Dtype())
		if y, err := evaluate(t.Context(), s, x); !errors.Is(err, ErrOp) {
			t.Errorf("%s: got %v, error %v, want ErrOp", name, y, err)
		}
	}
}

// TestEvaluateRefuses: a context that has ended, inputs that are not the graph's, and graphs that are none.
func TestEvaluateRefuses(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph()}
	x := z.input("x", 2, 3)
	good := source(x, must(gorgonia.Tanh(x)))
	six := make([]float32, 6)
	for _, c := range []struct {
		name   string
		ctx    context.Context
		s      Graph
		inputs [][]float32
		want   error
	}{
		{"ended", ended, good, [][]float32{six}, context.Canceled},
		{"no inputs", t.Context(), good, nil, ErrUnsupported},
		{"too few elements", t.Context(), good, [][]float32{six[:5]}, ErrUnsupported},
		{"no elements", t.Context(), good, [][]float32{nil}, ErrUnsupported},
		{"nil output", t.Context(), source(x, nil), [][]float32{six}, ErrUnsupported},
		{"nil input", t.Context(), source(nil, x), [][]float32{six}, ErrUnsupported},
		{"zero output", t.Context(), source(x, &gorgonia.Node{}), [][]float32{six}, ErrUnsupported},
		{"zero input", t.Context(), source(&gorgonia.Node{}, x), [][]float32{six}, ErrUnsupported},
		{"no value", t.Context(), source(x, must(gorgonia.Add(x, z.input("y", 2, 3)))), [][]float32{six}, ErrUnsupported},
	} {
		if y, err := evaluate(c.ctx, c.s, c.inputs); !errors.Is(err, c.want) || y != nil {
			t.Errorf("%s: got %v, error %v, want %v", c.name, y, err, c.want)
		}
	}
	if y, err := evaluate(t.Context(), source(x, x), [][]float32{six}); err != nil || !slices.Equal(y[0], six) {
		t.Errorf("an input passed on: got %v, error %v", y, err)
	}
}
