package calib

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"euryale/internal/graph"
	"euryale/internal/hostile"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var sentinels = []error{
	ErrEmpty, ErrKey, ErrNode, ErrOption, ErrProfile,
	qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme, qtensor.ErrParams, qtensor.ErrValue,
}

// TestNothingPanics calls all that is exported with nil, zeros, and what cannot be.
func TestNothingPanics(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	tensors := hostile.Tensors()
	delete(tensors, "empty") // which is seen, as nothing
	for name, x := range tensors {
		p := new(Profile)
		c.Refused("Observe "+name, func() error { return p.Observe("k", x) })
		c.Refused("ObserveAxis "+name, func() error { return p.ObserveAxis("k", 0, x) })
		if len(p.Keys()) > 0 {
			t.Errorf("%s: got keys %v after errors", name, p.Keys())
		}
	}
	x := denseOf(make([]float32, 12), 4, 3)
	for _, axis := range []int{math.MinInt, -1, 2, math.MaxInt} {
		c.Refused(fmt.Sprint("ObserveAxis ", axis), func() error { return new(Profile).ObserveAxis("k", axis, x) })
	}
	for name, p := range map[string]*Profile{"nil": nil, "zero": {}} {
		c.Survives(name+" Profile", func() {
			if p.Keys() != nil {
				t.Errorf("%s: got keys %v", name, p.Keys())
			}
		})
		c.Refused(name+" Histogram", func() error { _, err := p.Histogram("k"); return err })
		c.Refused(name+" Channels", func() error { _, _, err := p.Channels("k"); return err })
		c.Refused(name+" Params", func() error { _, err := p.Params("k", qtensor.Affine(8), MinMax()); return err })
		c.Survives(name+" Merge of nil", func() { _ = p.Merge(nil) })
	}
	c.Refused("nil Observe", func() error { return (*Profile)(nil).Observe("k", x) })
	c.Refused("nil ObserveAxis", func() error { return (*Profile)(nil).ObserveAxis("k", 0, x) })
	c.Refused("nil Merge", func() error { return (*Profile)(nil).Merge(new(Profile)) })
	c.Refused("a nil rule", func() error {
		_, err := profileOf(t, "k", perTensor, []float32{1}, 1).Params("k", qtensor.Affine(8), nil)
		return err
	})
	c.Refused("the zero Scheme", func() error {
		_, err := profileOf(t, "k", perTensor, []float32{1}, 1).Params("k", qtensor.Scheme{}, MinMax())
		return err
	})
	for name, w := range map[string]*Watch{"nil": nil, "zero": {}} {
		c.Survives(name+" Watch", func() {
			w.Reset()
			if keys := w.Profile().Keys(); len(keys) > 0 {
				t.Errorf("%s: got keys %v", name, keys)
			}
		})
		c.Refused(name+" Watch.MovingAverage", func() error { _, err := w.MovingAverage("k", qtensor.Affine(8)); return err })
	}
	for name, h := range map[string]*Histogram{"nil": nil, "zero": {}} {
		c.Survives(name+" Histogram", func() {
			for range h.Bins() {
				t.Errorf("%s: has bins", name)
			}
			if h.Count()+h.NonFinite() != 0 || h.Min() != 0 || h.Max() != 0 {
				t.Errorf("%s: %v is not empty", name, h)
			}
			h.Merge(nil)
		})
		c.Refused(name+" MinMax", func() error { _, _, err := MinMax().Range(h, qtensor.Scheme{}); return err })
		c.Refused(name+" UnmarshalJSON", func() error { return h.UnmarshalJSON(nil) })
	}
	c.Survives("merging nil", func() { new(Histogram).Merge(nil); new(Histogram).Observe(nil); new(MovingAverage).Observe(nil) })
	c.Panics("nil Histogram.Observe", func() { (*Histogram)(nil).Observe([]float32{1}) })
	c.Panics("nil Histogram.Merge", func() { (*Histogram)(nil).Merge(histogramOf([]float32{1})) })
	c.Panics("nil Histogram.MarshalJSON", func() { _, _ = (*Histogram)(nil).MarshalJSON() })
	c.Panics("nil MovingAverage.Observe", func() { (*MovingAverage)(nil).Observe([]float32{1}) })
	for name, m := range map[string]*MovingAverage{"nil": nil, "zero": {}} {
		c.Refused(name+" MovingAverage", func() error { _, _, err := m.Range(); return err })
	}
	for _, constant := range []float64{0, -1, math.NaN(), math.Inf(1), 1.5} {
		c.Refused(fmt.Sprint("NewMovingAverage ", constant), func() error { _, err := NewMovingAverage(constant); return err })
	}
	t.Logf("%d calls", c.Made)
}

// strangeNodes are nodes that cannot be observed, but that a program can make.
func strangeNodes(g *gorgonia.ExprGraph) map[string]*gorgonia.Node {
	matrix := gorgonia.TensorType{Dims: 2, Of: tensor.Float32}
	removed := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("removed"))
	g.RemoveNode(removed)
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("x2"))
	in := func(opts ...gorgonia.NodeConsOpt) *gorgonia.Node {
		return gorgonia.NewUniqueNode(append([]gorgonia.NodeConsOpt{gorgonia.In(g)}, opts...)...)
	}
	base := in(gorgonia.WithType(matrix), gorgonia.WithName("base"), gorgonia.WithShape(4, 3))
	in(gorgonia.WithOp(gorgonia.Iop{}), gorgonia.WithChildren(gorgonia.Nodes{base}), gorgonia.WithName("an alias without a type"))
	return map[string]*gorgonia.Node{
		"nil":                         nil,
		"zero":                        {},
		"constant":                    gorgonia.NewConstant(float32(1)),
		"removed":                     removed,
		"another graph's":             gorgonia.NewScalar(gorgonia.NewGraph(), tensor.Float32, gorgonia.WithName("y")),
		"statement":                   gorgonia.Read(x, new(gorgonia.Value)),
		"int":                         gorgonia.NewVector(g, tensor.Int, gorgonia.WithShape(3), gorgonia.WithName("i")),
		"no type":                     in(gorgonia.WithName("a"), gorgonia.WithShape(4, 3)),
		"a type variable":             in(gorgonia.WithType(hm.TypeVariable('a')), gorgonia.WithName("b")),
		"a tensor of nothing":         in(gorgonia.WithType(gorgonia.TensorType{Dims: 2}), gorgonia.WithName("c")),
		"the zero Dtype":              in(gorgonia.WithType(tensor.Dtype{}), gorgonia.WithName("d")),
		"of an alias without a type":  base,
		"a passed on form of nothing": in(gorgonia.WithOp(gorgonia.Iop{}), gorgonia.WithName("e")),
	}
}

// TestAttachLeavesNothing: whatever the error, the graph has the nodes that it had, and they are read by
// those that read them.
func TestAttachLeavesNothing(t *testing.T) {
	c := &hostile.Calls{T: t, Sentinels: sentinels}
	n := newNet(tensor.Float32)
	nodes := strangeNodes(n.g)
	wide := gorgonia.NewMatrix(n.g, tensor.Float32, gorgonia.WithShape(math.MaxInt/4, 3), gorgonia.WithName("wide"))
	negative := gorgonia.NewMatrix(n.g, tensor.Float32, gorgonia.WithShape(-1, 3), gorgonia.WithName("negative"))
	before, readers := slices.Clone(n.g.AllNodes()), readersOf(n)
	try := func(name string, g *gorgonia.ExprGraph, key string, node *gorgonia.Node, opts ...Option) {
		c.Refused(name, func() error {
			_, err := Attach(g, map[string]*gorgonia.Node{"a": n.x, "b": n.pre, key: node, "z": n.act}, opts...)
			return err
		})
		if !slices.Equal(n.g.AllNodes(), before) || !reflect.DeepEqual(readersOf(n), readers) {
			t.Errorf("%s: the graph has %d nodes after it, want the %d from before", name, len(n.g.AllNodes()), len(before))
		}
	}
	for name, node := range nodes {
		try(name, n.g, "m", node)
	}
	try("no graph", nil, "m", n.x)
	try("another graph", gorgonia.NewGraph(), "m", n.x)
	try("no key", n.g, "", n.x)
	try("a key that is no text", n.g, "\xff", n.x)
	try("a nil option", n.g, "m", n.x, nil)
	try("an unknown key", n.g, "m", n.x, PerChannel(0, "m", "q"))
	try("a constant", n.g, "m", n.x, WithMovingAverage(2))
	for _, axis := range []int{math.MinInt, -1, 2, math.MaxInt} {
		try(fmt.Sprint("axis ", axis), n.g, "m", n.x, PerChannel(axis, "m"))
	}
	try("a huge axis", n.g, "m", wide, PerChannel(0, "m"), WithMovingAverage(0.1))
	try("a negative axis", n.g, "m", negative, PerChannel(0, "m"))
	t.Logf("%d calls", c.Made)
}

func readersOf(n *net) (ids []int64) {
	for _, node := range []*gorgonia.Node{n.x, n.pre, n.act} {
		for users := n.g.To(node.ID()); users.Next(); {
			ids = append(ids, users.Node().ID())
		}
	}
	return ids
}

// TestAddAllOrNone: what was checked is added without an error; should one come all the same, those before it
// go.
func TestAddAllOrNone(t *testing.T) {
	n, other := newNet(tensor.Float32), newNet(tensor.Float32)
	before := slices.Clone(n.g.AllNodes())
	observers := []*observer{
		{Base: graph.NewBase("observe"), key: "good", entry: &entry{axis: perTensor}, operands: gorgonia.Nodes{n.x}},
		{Base: graph.NewBase("observe"), key: "too", entry: &entry{axis: perTensor}, operands: gorgonia.Nodes{n.act}},
		{Base: graph.NewBase("observe"), key: "bad", entry: &entry{axis: perTensor}, operands: gorgonia.Nodes{n.x, other.x}},
	}
	if err := add(n.g, observers); !errors.Is(err, ErrNode) || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("got %v, want an ErrNode that names the key", err)
	}
	if !slices.Equal(n.g.AllNodes(), before) {
		t.Errorf("got %d nodes, want the %d from before", len(n.g.AllNodes()), len(before))
	}
}

// TestManyChannels: up to MaxChannels histograms, and not one more; what a shape claims is not allocated.
func TestManyChannels(t *testing.T) {
	values := make([]float32, MaxChannels+1)
	p := new(Profile)
	if err := p.ObserveAxis("k", 0, denseOf(values[1:], MaxChannels)); err != nil {
		t.Fatal(err)
	}
	for name, shape := range map[string][]int{"vector": {MaxChannels + 1}, "row": {1, MaxChannels + 1}} {
		err := new(Profile).ObserveAxis("k", len(shape)-1, denseOf(values, shape...))
		if !errors.Is(err, qtensor.ErrShape) || !strings.Contains(fmt.Sprint(err), "record it per tensor") {
			t.Errorf("%s: got %v, want an ErrShape that says what to do", name, err)
		}
	}
	var before, after runtime.MemStats
	cases := 0
	for n := 17; n < bits.UintSize-1; n++ { // from little to much: the first that is allocated ends the test
		g := gorgonia.NewGraph()
		x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(1<<n), gorgonia.WithName("x"))
		runtime.ReadMemStats(&before)
		_, err := Attach(g, map[string]*gorgonia.Node{"x": x}, PerChannel(0))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, qtensor.ErrShape) || got > 1<<20 {
			t.Fatalf("2^%d channels: got %v and %d bytes, want ErrShape and no memory", n, err, got)
		}
		if _, err := Attach(g, map[string]*gorgonia.Node{"x": x}); err != nil {
			t.Errorf("2^%d elements per tensor: %v", n, err)
		}
		cases += 2
	}
	t.Logf("%d shapes", cases+3)
}

// TestUnfitSchemes: a scheme whose scales are kept otherwise than histograms were recorded is told with what would fit.
func TestUnfitSchemes(t *testing.T) {
	values := denseOf(make([]float32, 8), 2, 4)
	cases := 0
	for recorded, want := range map[int]string{
		perTensor: "recorded per tensor, want a scheme per tensor", 0: "recorded as 2 channels on axis 0, want a scheme per tensor or per axis 0",
		1: "recorded as 4 channels on axis 1, want a scheme per tensor or per axis 1",
	} {
		p := new(Profile)
		err := p.ObserveAxis("k", recorded, values)
		if recorded == perTensor {
			err = p.Observe("k", values)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 0), qtensor.PerChannelAffine(8, 1), qtensor.Int4().PerGroup(1, 4)} {
			if axis, _ := s.Axis(); s.GroupSize() == 0 && axis == recorded {
				continue
			}
			cases++
			if _, err := p.Params("k", s, MinMax()); !errors.Is(err, qtensor.ErrScheme) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v: got %v, want an ErrScheme that ends with %q", s, err, want)
			}
		}
	}
	t.Logf("%d schemes", cases)
}
