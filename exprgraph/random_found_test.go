package exprgraph_test

import (
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// found are networks that random ones of which something was wrong shrank to.
var found = []struct {
	name    string
	batch   int
	values  []randomValue
	refused map[string]string // by a reader, with these words
}{
	{"an input of two rows a sample", 2, []randomValue{
		{op: "input", shape: []int{-2, 3}, ints: []int{0}},
		{op: "tanh", in: []int{0}, shape: []int{-2, 3}},
	}, nil},
	{"matrices that are the same for all samples and not for all heads", 2, []randomValue{
		{op: "input", shape: []int{-1, 2, 4, 3}, ints: []int{0}},
		{op: "by batch", shape: []int{-1, 2, 3, 5}, ints: []int{0}, seed: 1},
		{op: "batched product", in: []int{0, 1}, shape: []int{-1, 2, 4, 5}, ints: []int{0, 0}},
	}, nil},
	{"constants that Gorgonia cannot contract", 4, []randomValue{
		{op: "input", shape: []int{-1, 2, 2, 3}, ints: []int{0}},
		{op: "weight", shape: []int{1, 1, 3, 2}, ints: []int{0, 0}, seed: 1},
		{op: "repeat", in: []int{1, 0}, shape: []int{-1, 2, 3, 2}, ints: []int{3}},
		{op: "weight", shape: []int{3, 4}, ints: []int{0, 0}, seed: 2},
		{op: "tensordot", in: []int{2, 3}, shape: []int{-1, 2, 2, 4}, ints: []int{2, 0}},
		{op: "batched product", in: []int{0, 4}, shape: []int{-1, 2, 3, 4}, ints: []int{1, 0}},
	}, nil},
	{"a softmax along the batch", 3, []randomValue{
		{op: "input", shape: []int{-1, 2, 5}, ints: []int{0}},
		{op: "softmax", in: []int{0}, shape: []int{-1, 2, 5}, ints: []int{0}},
	}, map[string]string{"Read": "which is the batch, want one within each sample"}},
	{"a weight repeated by the size of what puts constants before samples", 2, []randomValue{
		{op: "input", shape: []int{-1, 3}, ints: []int{0}},
		{op: "by batch", shape: []int{-1, 3}, ints: []int{0}, seed: 1},
		{op: "concat", in: []int{1, 0}, shape: []int{-2, 3}, ints: []int{0}},
		{op: "weight", shape: []int{1, 4}, ints: []int{0, 0}, seed: 2},
		{op: "repeat", in: []int{3, 2}, shape: []int{-2, 4}, ints: []int{1}},
		{op: "sum", in: []int{4}, shape: []int{4}, ints: []int{0}},
	}, map[string]string{"Read": "puts samples behind what is none", "ReadBuild": "other values at another batch size"}},
	{"a log softmax of one", 7, []randomValue{
		{op: "input", shape: []int{-1, 1}, ints: []int{0}, seed: 3},
		{op: "log softmax", in: []int{0}, shape: []int{-1, 1}, ints: []int{1}},
	}, nil},
	{"a weight repeated by the size of a part of what puts constants behind samples", 6, []randomValue{
		{op: "input", shape: []int{-1, 4, 3}, ints: []int{0}},
		{op: "by batch", shape: []int{-1, 4, 3}, ints: []int{0}, seed: 1},
		{op: "concat", in: []int{0, 0, 1}, shape: []int{-3, 4, 3}, ints: []int{0}},
		{op: "slice", in: []int{2}, shape: []int{-3, 4, 2}, ints: []int{2, 0, 2, 1}},
		{op: "weight", shape: []int{1, 2, 3}, ints: []int{0, 0}, seed: 2},
		{op: "repeat", in: []int{4, 3}, shape: []int{-3, 2, 3}, ints: []int{1}},
	}, map[string]string{"Read": "puts samples behind what is none, or in another order: use ReadBuild"}},
}

func TestRandomFound(t *testing.T) {
	for _, c := range found {
		for reader := range randomReaders {
			n := &randomNet{batch: c.batch, dt: tensor.Float32, values: c.values, outputs: []int{len(c.values) - 1}}
			n.prune()
			says, refused := c.refused[reader]
			o, _ := readRandom(n, reader)
			if refused != (o.kind == wasRefused) || o.kind == wasWrong || !strings.Contains(o.reason, says) {
				t.Errorf("%s, %s: got %v, want it read, or refused with %q\n%v", c.name, reader, o, says, n)
			}
		}
	}
}
