package exprgraph

import (
	"errors"
	"fmt"
	"strings"
)

// refusals are what cannot be read of a graph, in the order in which it was met.
type refusals struct {
	list     []refusal
	stand    map[*value]bool // what stands for the result of a node that cannot be read, so that reading goes on
	callable int             // nodes that AllowGorgonia keeps
}

// refusal is nodes of one op that cannot be read for one reason.
type refusal struct {
	unsupported // of the first of them
	nodes       map[string]bool
}

// refuse notes that a node cannot be read, unless that is because one before it cannot, and returns what stands
// for its result.
func (r *reader) refuse(p pair, err error) *value {
	v := &value{shape: p.shape(), from: &step{}}
	if r.refusals.stand == nil {
		r.refusals.stand = map[*value]bool{}
	}
	r.refusals.stand[v] = true
	operands, failed := p.operands()
	if failed == nil {
		for _, operand := range operands {
			if r.refusals.stand[r.done[operand]] && !operand.isShaped() {
				return v
			}
		}
	}
	r.refusals.add(err)
	if !r.calls && p.a.Op() != nil && len(operands) > 0 {
		if _, err := r.call(p, operands, err); err == nil {
			r.refusals.callable++
		}
	}
	return v
}

// isShaped reports whether what stands for the result of a node is as it would be: computed, and of its shape.
func (p pair) isShaped() bool {
	return p.a.Op() != nil && !isConstant(p.a) && (p.of == nil || p.of.failed[p.a] == nil)
}

// add notes an error of a node.
func (l *refusals) add(err error) {
	u, ok := errors.AsType[unsupported](err)
	if !ok {
		u = unsupported{"", "none", err.Error()}
	}
	for _, of := range l.list {
		if of.op == u.op && of.reason == u.reason {
			of.nodes[u.node] = true
			return
		}
	}
	l.list = append(l.list, refusal{u, map[string]bool{u.node: true}})
}

// error returns one that lists all that cannot be read; nil for nothing.
func (l *refusals) error() error {
	if len(l.list) == 0 {
		return nil
	}
	var all []string
	count := 0
	for _, of := range l.list {
		count += len(of.nodes)
		all = append(all, fmt.Sprintf("%d of op %s, as node %q: %s", len(of.nodes), of.op, of.node, of.reason))
	}
	err := fmt.Errorf("%w: %d nodes: %s", ErrUnsupported, count, strings.Join(all, "; "))
	if count == 1 {
		err = l.list[0].unsupported
	}
	if l.callable > 0 {
		err = fmt.Errorf("%w (AllowGorgonia keeps %d as calls of Gorgonia's ops, in a model that cannot be saved)", err, l.callable)
	}
	return err
}
