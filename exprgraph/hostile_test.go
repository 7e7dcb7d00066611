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
	"euryale/internal/graphop"
	"euryale/internal/hostile"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var sentinels = []error{
	ErrNode, calib.ErrKey, calib.ErrOption,
	qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout, qtensor.ErrScheme, qtensor.ErrParams, qtensor.ErrValue,
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
	try := func(name string, g *gorgonia.ExprGraph, key string, node *gorgonia.Node, opts ...calib.CalibratorOption) {
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
	try("an unknown key", n.g, "m", n.x, calib.PerChannel(0, "m", "q"))
	try("a constant", n.g, "m", n.x, calib.WithMovingAverage(2))
	for _, axis := range []int{math.MinInt, -1, 2, math.MaxInt} {
		try(fmt.Sprint("axis ", axis), n.g, "m", n.x, calib.PerChannel(axis, "m"))
	}
	try("a huge axis", n.g, "m", wide, calib.PerChannel(0, "m"), calib.WithMovingAverage(0.1))
	try("a negative axis", n.g, "m", negative, calib.PerChannel(0, "m"))
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
		{Base: graphop.NewBase("observe"), key: "good", operands: gorgonia.Nodes{n.x}},
		{Base: graphop.NewBase("observe"), key: "too", operands: gorgonia.Nodes{n.act}},
		{Base: graphop.NewBase("observe"), key: "bad", operands: gorgonia.Nodes{n.x, other.x}},
	}
	if err := add(n.g, observers); !errors.Is(err, ErrNode) || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("got %v, want an ErrNode that names the key", err)
	}
	if !slices.Equal(n.g.AllNodes(), before) {
		t.Errorf("got %d nodes, want the %d from before", len(n.g.AllNodes()), len(before))
	}
}
