package graphop

import (
	"hash"
	"hash/fnv"
	"testing"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// identity is an op that returns its input.
type identity struct{ Base }

func (identity) Arity() int    { return 1 }
func (identity) Type() hm.Type { return hm.NewFnType(hm.TypeVariable('a'), hm.TypeVariable('a')) }

func (identity) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape), nil
}

func (identity) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return v[0], nil }

func hashOf(write func(hash.Hash)) uint32 {
	h := fnv.New32a()
	write(h)
	return h.Sum32()
}

func TestBaseIsItsIdentity(t *testing.T) {
	a, b, other := NewBase("op"), NewBase("op"), NewBase("other")
	for name, hashes := range map[string][2]uint32{
		"Hashcode":             {a.Hashcode(), b.Hashcode()},
		"Hashcode, other name": {a.Hashcode(), other.Hashcode()},
		"WriteHash":            {hashOf(a.WriteHash), hashOf(b.WriteHash)},
	} {
		if hashes[0] == hashes[1] {
			t.Errorf("%s: got %d for two ops, want two values", name, hashes[0])
		}
	}
	named, renamed := Base{"op", 7}, Base{"other", 7}
	if hashOf(named.WriteHash) == hashOf(renamed.WriteHash) {
		t.Error("WriteHash: got one hash for two names, want two")
	}
	if same := a; same.Hashcode() != a.Hashcode() || hashOf(same.WriteHash) != hashOf(a.WriteHash) {
		t.Error("got another identity for a copy, want the same")
	}
	if got := named.String(); got != "op#7" {
		t.Errorf("String: got %q, want op#7", got)
	}
	if !a.ReturnsPtr() || a.CallsExtern() || a.OverwritesInput() != -1 {
		t.Errorf("got %t, %t, %d, want true, false, −1", a.ReturnsPtr(), a.CallsExtern(), a.OverwritesInput())
	}
}

func TestBasesMakeNodesOfTheirOwn(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	op := identity{NewBase("op")}
	a := gorgonia.Must(gorgonia.ApplyOp(op, x))
	b := gorgonia.Must(gorgonia.ApplyOp(identity{NewBase("op")}, x))
	if a == b {
		t.Error("got one node for two ops on the same input, want two")
	}
	if again := gorgonia.Must(gorgonia.ApplyOp(op, x)); again != a {
		t.Error("got a second node for one op on the same input, want the first")
	}
}
