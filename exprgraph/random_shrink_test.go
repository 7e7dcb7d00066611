package exprgraph_test

import (
	"errors"
	"fmt"
	"slices"
)

// failure says what is wrong with a network.
func (n *randomNet) failure(reader string) string {
	o, _ := readRandom(n, reader)
	return fmt.Sprintf("%s: %s\n%v", reader, o.reason, n)
}

// shrunk returns a smaller network of which the same is wrong: fewer outputs, earlier ones, and operations
// whose operands stand in for them.
func (n *randomNet) shrunk(reader string, o outcome) *randomNet {
	kind := func(o outcome) string { // a mismatch, a panic, an error, a difference
		return o.kind + reasonOf(errors.New(o.reason))
	}
	for again := true; again; {
		again = false
		for _, m := range n.smaller() {
			if other, _ := readRandom(m, reader); kind(other) == kind(o) {
				n, again = m, true
				break
			}
		}
	}
	return n
}

// smaller returns networks with one thing less.
func (n *randomNet) smaller() (list []*randomNet) {
	add := func(change func(m *randomNet)) {
		m := *n
		m.values, m.outputs = slices.Clone(n.values), slices.Clone(n.outputs)
		change(&m)
		m.prune()
		if len(m.values) < len(n.values) || len(m.outputs) < len(n.outputs) {
			list = append(list, &m)
		}
	}
	for k := range n.outputs {
		if len(n.outputs) > 1 {
			add(func(m *randomNet) { m.outputs = slices.Delete(m.outputs, k, k+1) })
		}
	}
	for i := range n.values {
		if v := n.values[i]; v.free && !v.index && !v.isLeaf() && len(batchAxes(v.shape)) < 2 {
			add(func(m *randomNet) { m.outputs = []int{i} })
		}
	}
	for i, v := range n.values {
		for _, j := range v.in {
			if w := n.values[j]; slices.Equal(w.shape, v.shape) && !w.index && (w.free || !v.free) {
				add(func(m *randomNet) { m.replace(i, j) })
			}
		}
		if !v.isLeaf() && !v.index && (!v.free || len(v.shape) == 1 || len(v.shape) > 1 && !n.single) {
			add(func(m *randomNet) { // a leaf in its place
				op := "weight"
				switch {
				case v.free:
					op = "input"
				case len(batchAxes(v.shape)) > 0:
					op = "by batch"
				}
				m.values[i] = randomValue{op: op, shape: v.shape, ints: []int{drawnElements, rowMajor}, seed: uint64(i), free: v.free}
			})
		}
	}
	for i, v := range n.values { // an input that nothing needs
		used := slices.Contains(n.outputs, i) || slices.ContainsFunc(n.values, func(w randomValue) bool { return slices.Contains(w.in, i) })
		if (v.op == "input" || v.op == "indices") && !used {
			add(func(m *randomNet) { m.values[i].op = "weight" })
		}
	}
	return list
}

// replace has value j in the place of i.
func (n *randomNet) replace(i, j int) {
	for k := range n.values {
		n.values[k].in = slices.Clone(n.values[k].in)
		for at, of := range n.values[k].in {
			if of == i {
				n.values[k].in[at] = j
			}
		}
	}
	for at, of := range n.outputs {
		if of == i {
			n.outputs[at] = j
		}
	}
}
