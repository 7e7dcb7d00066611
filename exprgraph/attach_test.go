package exprgraph

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// net is Rectify(x·w + b)·v, with a cost for training.
type net struct {
	g                               *gorgonia.ExprGraph
	x, w, b, pre, act, v, out, cost *gorgonia.Node
	lone                            *gorgonia.Node // a scalar input that nothing reads
}

const batch, in, hidden, outputs = 5, 7, 6, 3

func newNet(dt tensor.Dtype) *net {
	n := &net{g: gorgonia.NewGraph()}
	parameter := func(name string, seed uint64, shape ...int) *gorgonia.Node {
		values := gaussians(seed, tensor.Shape(shape).TotalSize(), 1)
		return gorgonia.NewTensor(n.g, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name),
			gorgonia.WithValue(tensorOf(dt, values, shape...)))
	}
	n.x = gorgonia.NewMatrix(n.g, dt, gorgonia.WithShape(batch, in), gorgonia.WithName("x"))
	n.lone = parameter("lone", 4)
	n.w, n.b, n.v = parameter("w", 1, in, hidden), parameter("b", 2, hidden), parameter("v", 3, hidden, outputs)
	n.pre = gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(n.x, n.w)), n.b, nil, []byte{0}))
	n.act = gorgonia.Must(gorgonia.Rectify(n.pre))
	n.out = gorgonia.Must(gorgonia.Mul(n.act, n.v))
	n.cost = gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(n.out))))
	return n
}

func tensorOf(dt tensor.Dtype, values []float32, shape ...int) *tensor.Dense {
	if dt == tensor.Float64 {
		return denseOf(tensortest.Float64s(values), shape...)
	}
	return denseOf(slices.Clone(values), shape...)
}

func (n *net) points() map[string]*gorgonia.Node {
	return map[string]*gorgonia.Node{
		"x": n.x, "w": n.w, "b": n.b, "pre": n.pre, "act": n.act, "out": n.out,
		"cost": n.cost, "x again": n.x, "lone": n.lone,
	}
}

// machines run a graph forward once.
var machines = map[string]func(g *gorgonia.ExprGraph) error{
	"tape": func(g *gorgonia.ExprGraph) error { return runAndClose(gorgonia.NewTapeMachine(g, gorgonia.EvalMode())) },
	"lisp": func(g *gorgonia.ExprGraph) error {
		return runAndClose(gorgonia.NewLispMachine(g, gorgonia.ExecuteFwdOnly(), gorgonia.EvalMode()))
	},
	"traced tape": func(g *gorgonia.ExprGraph) error {
		return runAndClose(gorgonia.NewTapeMachine(g, gorgonia.TraceExec(), gorgonia.WithNaNWatch(), gorgonia.WithInfWatch()))
	},
	"training tape": func(g *gorgonia.ExprGraph) error {
		return runAndClose(gorgonia.NewTapeMachine(g, gorgonia.BindDualValues()))
	},
	"training lisp": func(g *gorgonia.ExprGraph) error { return runAndClose(gorgonia.NewLispMachine(g)) },
}

func runAndClose(vm gorgonia.VM) error {
	return errors.Join(vm.RunAll(), vm.Close())
}

// wideOf returns a copy of v's elements as float64.
func wideOf(t *testing.T, v gorgonia.Value) []float64 {
	t.Helper()
	switch data := v.Data().(type) {
	case []float32:
		return tensortest.Float64s(data)
	case []float64:
		return slices.Clone(data)
	case float32:
		return []float64{float64(data)}
	case float64:
		return []float64{data}
	}
	t.Fatalf("got a value of type %T", v)
	return nil
}

func equalBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

// TestAttachSeesAndChangesNothing: a graph's values have the same bits with observers as without, and the
// observers see what gorgonia.Read shows, which copies.
func TestAttachSeesAndChangesNothing(t *testing.T) {
	for name, run := range machines {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprint(name, " ", dt), func(t *testing.T) {
				plain, observed := newNet(dt), newNet(dt)
				read := make(map[string]*gorgonia.Value)
				for key, n := range plain.points() {
					if key != "cost" { // a training LispMachine would not start from it
						read[key] = new(gorgonia.Value)
						gorgonia.Read(n, read[key])
					}
				}
				calibrator, err := Attach(observed.g, observed.points())
				if err != nil {
					t.Fatal(err)
				}
				want := make(map[string][]float32)
				for i := range 3 {
					x := gaussians(uint64(10+i), batch*in, 2)
					var results [2][]float64
					for k, n := range []*net{plain, observed} {
						input := tensorOf(dt, x, batch, in)
						if err := gorgonia.Let(n.x, input); err != nil {
							t.Fatal(err)
						}
						if err := run(n.g); err != nil {
							t.Fatal(err)
						}
						if got := wideOf(t, input); !equalBits(got, tensortest.Float64s(x)) {
							t.Fatalf("run %d: got input %v after it, want it unchanged", i, got)
						}
						results[k] = append(wideOf(t, n.out.Value()), wideOf(t, n.cost.Value())...)
					}
					if !equalBits(results[0], results[1]) {
						t.Fatalf("run %d: got outputs %v, want %v", i, results[1], results[0])
					}
					for key, v := range read {
						for _, v := range wideOf(t, *v) {
							want[key] = append(want[key], float32(v))
						}
					}
					want["cost"] = append(want["cost"], float32(wideOf(t, plain.cost.Value())[0]))
				}
				profile := calibrator.Profile()
				for key := range observed.points() {
					got, err := profile.Histogram(key)
					if w := histogramOf(want[key]); err != nil || !reflect.DeepEqual(got, w) {
						t.Errorf("%s: got %v values in [%v, %v], %v, want %v in [%v, %v]", key, got.Count(), got.Min(), got.Max(),
							err, w.Count(), w.Min(), w.Max())
					}
				}
			})
		}
	}
}

// TapeMachine lets Rectify overwrite its input: after a run Value shows no negative number where there were.
func TestAttachSeesWhatIsOverwritten(t *testing.T) {
	lowest := func(observe bool) float32 {
		n := newNet(tensor.Float32)
		calibrator := new(calib.Calibrator)
		if observe {
			var err error
			if calibrator, err = Attach(n.g, map[string]*gorgonia.Node{"pre": n.pre}); err != nil {
				t.Fatal(err)
			}
		}
		if err := gorgonia.Let(n.x, denseOf(gaussians(1, batch*in, 2), batch, in)); err != nil {
			t.Fatal(err)
		}
		if err := machines["tape"](n.g); err != nil {
			t.Fatal(err)
		}
		if !observe {
			return slices.Min(n.pre.Value().Data().([]float32))
		}
		h, err := calibrator.Profile().Histogram("pre")
		if err != nil {
			t.Fatal(err)
		}
		return h.Min()
	}
	if got := lowest(false); got < 0 {
		t.Errorf("Value: got minimum %v: this test needs an input that is overwritten", got)
	}
	if got := lowest(true); got >= 0 {
		t.Errorf("observer: got minimum %v, want a negative one", got)
	}
}

// The same, where what is overwritten is a reshaped, sliced or passed on form of the node, or what the node
// is such a form of. LispMachine overwrites nothing.
func TestAttachSeesWhatIsOverwrittenThroughAliases(t *testing.T) {
	type form func(n *gorgonia.Node) (*gorgonia.Node, error)
	reshape := func(shape ...int) form {
		return func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Reshape(n, shape) }
	}
	for name, f := range map[string]form{
		"reshaped":       reshape(4, 3),
		"reshaped twice": func(n *gorgonia.Node) (*gorgonia.Node, error) { return reshape(12)(gorgonia.Must(reshape(4, 3)(n))) },
		"sliced":         func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(n, gorgonia.S(0, 1)) },
		"columns":        func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Slice(n, nil, gorgonia.S(0, 3)) },
		"dropped out":    func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Dropout(n, 0.5) },
		"concatenated":   func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Concat(0, n) },
		"passed on":      func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.ApplyOp(gorgonia.Iop{}, n) },
		"transposed":     func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Transpose(n, 1, 0) },
	} {
		for _, where := range []string{"before", "behind", "beside", "input"} {
			t.Run(name+" "+where, func(t *testing.T) {
				seen := make(map[string]string)
				for _, machine := range []string{"tape", "lisp"} {
					g := gorgonia.NewGraph()
					x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 6), gorgonia.WithName("x"))
					twice := gorgonia.Must(gorgonia.Add(x, x))
					var observed, overwritten *gorgonia.Node
					switch where {
					case "before":
						observed, overwritten = twice, gorgonia.Must(f(twice))
					case "behind":
						observed, overwritten = gorgonia.Must(f(twice)), twice
					case "beside":
						observed, overwritten = gorgonia.Must(f(twice)), gorgonia.Must(reshape(12, 1)(twice))
					case "input":
						observed, overwritten = x, gorgonia.Must(f(x))
					}
					gorgonia.Must(gorgonia.Rectify(overwritten))
					calibrator, err := Attach(g, map[string]*gorgonia.Node{"n": observed})
					if err != nil {
						t.Fatal(err)
					}
					if err := gorgonia.Let(x, denseOf(gaussians(1, 12, 1), 2, 6)); err != nil {
						t.Fatal(err)
					}
					if err := machines[machine](g); err != nil {
						t.Fatal(err)
					}
					seen[machine] = text(t, calibrator.Profile())
				}
				if seen["tape"] != seen["lisp"] {
					t.Errorf("got %s from TapeMachine, want %s", seen["tape"], seen["lisp"])
				}
			})
		}
	}
}

func TestAttachPerChannel(t *testing.T) {
	n := newNet(tensor.Float64)
	points := map[string]*gorgonia.Node{"x": n.x, "pre": n.pre, "act": n.act}
	calibrator, err := Attach(n.g, points, calib.PerChannel(1), calib.PerChannel(0, "act"))
	if err != nil {
		t.Fatal(err)
	}
	want := new(calib.Profile)
	var pre, act gorgonia.Value
	gorgonia.Read(n.pre, &pre)
	gorgonia.Read(n.act, &act)
	for i := range 3 {
		x := tensorOf(tensor.Float64, gaussians(uint64(i), batch*in, 1), batch, in)
		if err := gorgonia.Let(n.x, x); err != nil {
			t.Fatal(err)
		}
		if err := machines["tape"](n.g); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(want.ObserveAxis("x", 1, x), want.ObserveAxis("pre", 1, pre.(tensor.Tensor)),
			want.ObserveAxis("act", 0, act.(tensor.Tensor)))
		if err != nil {
			t.Fatal(err)
		}
	}
	sameProfile(t, calibrator.Profile(), want)
}

func TestAttachOfAnyRank(t *testing.T) {
	for rank := range 6 {
		for name, run := range machines {
			if name == "training lisp" {
				continue // wants a scalar cost
			}
			shape := slices.Repeat(tensor.Shape{2}, rank)
			g := gorgonia.NewGraph()
			x := gorgonia.NewTensor(g, tensor.Float32, rank, gorgonia.WithShape(shape...), gorgonia.WithName("x"))
			y := gorgonia.Must(gorgonia.Neg(x))
			calibrator, err := Attach(g, map[string]*gorgonia.Node{"x": x, "y": y})
			if err != nil {
				t.Fatalf("rank %d: %v", rank, err)
			}
			values := gaussians(uint64(rank), 1<<rank, 1)
			var input any = denseOf(slices.Clone(values), shape...)
			if rank == 0 {
				input = values[0]
			}
			if err := gorgonia.Let(x, input); err != nil {
				t.Fatal(err)
			}
			if err := run(g); err != nil {
				t.Fatalf("rank %d, %s: %v", rank, name, err)
			}
			negated := slices.Clone(values)
			for i := range negated {
				negated[i] = -negated[i]
			}
			for key, want := range map[string][]float32{"x": values, "y": negated} {
				if h, err := calibrator.Profile().Histogram(key); err != nil || !reflect.DeepEqual(h, histogramOf(want)) {
					t.Errorf("rank %d, %s: %s: got %+v, %v, want the histogram of %v", rank, name, key, h, err, want)
				}
			}
		}
	}
}

func TestAttachToViews(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(4, 5), gorgonia.WithName("x"))
	columns := gorgonia.Must(gorgonia.Slice(x, nil, gorgonia.S(1, 3)))
	transposed := gorgonia.Must(gorgonia.Transpose(columns, 1, 0))
	calibrator, err := Attach(g, map[string]*gorgonia.Node{"columns": columns, "transposed": transposed},
		calib.PerChannel(1, "columns"), calib.PerChannel(0, "transposed"))
	if err != nil {
		t.Fatal(err)
	}
	values := gaussians(1, 20, 1)
	if err := gorgonia.Let(x, denseOf(values, 4, 5)); err != nil {
		t.Fatal(err)
	}
	if err := machines["tape"](g); err != nil {
		t.Fatal(err)
	}
	var want []*calib.Histogram
	for c := 1; c < 3; c++ {
		want = append(want, histogramOf([]float32{values[c], values[5+c], values[10+c], values[15+c]}))
	}
	for _, key := range []string{"columns", "transposed"} {
		if _, got, err := calibrator.Profile().Channels(key); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", key, got, err, want)
		}
	}
}

func TestAttachErrors(t *testing.T) {
	n, other := newNet(tensor.Float32), newNet(tensor.Float32)
	labels := gorgonia.NewVector(n.g, tensor.Int, gorgonia.WithShape(3), gorgonia.WithName("labels"))
	scalar := gorgonia.NewScalar(n.g, tensor.Float64, gorgonia.WithName("s"))
	statement := gorgonia.Read(n.out, new(gorgonia.Value))
	for _, c := range []struct {
		name string
		key  string
		node *gorgonia.Node
		opts []calib.CalibratorOption
		want error
	}{
		{"no key", "", n.act, nil, calib.ErrKey},
		{"no text", "\xff", n.act, nil, calib.ErrKey},
		{"nil", "k", nil, nil, ErrNode},
		{"another graph", "k", other.act, nil, ErrNode},
		{"no graph", "k", gorgonia.NewConstant(float32(1)), nil, ErrNode},
		{"int", "k", labels, nil, qtensor.ErrDtype},
		{"statement", "k", statement, nil, qtensor.ErrDtype},
		{"axis past rank", "k", n.act, []calib.CalibratorOption{calib.PerChannel(2)}, qtensor.ErrShape},
		{"axis past rank of one", "k", n.b, []calib.CalibratorOption{calib.PerChannel(1, "k")}, qtensor.ErrShape},
		{"axis of a scalar", "k", scalar, []calib.CalibratorOption{calib.PerChannel(0)}, qtensor.ErrShape},
		{"axis below 0", "k", n.act, []calib.CalibratorOption{calib.PerChannel(-1)}, qtensor.ErrShape},
		{"axis below 0 of one", "k", n.act, []calib.CalibratorOption{calib.PerChannel(-1, "k"), calib.PerChannel(0)}, qtensor.ErrShape},
		{"key of an option", "k", n.act, []calib.CalibratorOption{calib.PerChannel(0, "k", "q")}, calib.ErrKey},
		{"constant 0", "k", n.act, []calib.CalibratorOption{calib.WithMovingAverage(0)}, calib.ErrOption},
		{"constant NaN", "k", n.act, []calib.CalibratorOption{calib.WithMovingAverage(math.NaN())}, calib.ErrOption},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(n.g.AllNodes())
			points := map[string]*gorgonia.Node{c.key: c.node, "a": n.x, "z": n.x}
			calibrator, err := Attach(n.g, points, c.opts...)
			if !errors.Is(err, c.want) || calibrator != nil || !strings.HasPrefix(fmt.Sprint(err), "exprgraph: Attach: ") {
				t.Errorf("got %v, %v, want %v", calibrator, err, c.want)
			}
			if after := len(n.g.AllNodes()); after != before {
				t.Errorf("got %d nodes after an error, want %d", after, before)
			}
		})
	}
	if _, err := Attach(nil, map[string]*gorgonia.Node{"k": n.act}); !errors.Is(err, ErrNode) {
		t.Errorf("no graph: got error %v, want ErrNode", err)
	}
	if _, err := Attach(n.g, map[string]*gorgonia.Node{"k": other.act}); !strings.Contains(fmt.Sprint(err), `key "k"`) {
		t.Errorf("got error %v, want it to name the key", err)
	}
}

func TestAttachNothing(t *testing.T) {
	calibrator, err := Attach(gorgonia.NewGraph(), nil)
	if err != nil || len(calibrator.Profile().Keys()) != 0 {
		t.Errorf("got %v, %v, want nothing", calibrator.Profile().Keys(), err)
	}
}
