package calib

import (
	"fmt"
	"slices"

	"euryale/internal/graph"

	"gorgonia.org/gorgonia"
)

// Option changes what Attach records.
type Option func(*settings) error

type settings struct {
	axes    []axisOption // in the order they were given
	average *MovingAverage
}

type axisOption struct {
	axis int
	keys []string
}

// PerChannel records the points of the given keys, or all where none is given, along an axis: a histogram for
// each index. Of two options for one point the last holds. A negative axis is qtensor.ErrShape from Attach.
func PerChannel(axis int, keys ...string) Option {
	return func(s *settings) error {
		s.axes = append(s.axes, axisOption{axis, keys})
		_, err := along(axis)
		return err
	}
}

// WithMovingAverage keeps a MovingAverage with constant c beside each histogram; a batch is a run. Of two the
// last holds. A c outside (0, 1] is ErrOption from Attach.
func WithMovingAverage(c float64) Option {
	return func(s *settings) (err error) {
		s.average, err = NewMovingAverage(c)
		return err
	}
}

// checkKeys returns an error if an option names a key that is not among keys.
func (s *settings) checkKeys(keys []string) error {
	for _, o := range s.axes {
		for _, key := range o.keys {
			if !slices.Contains(keys, key) {
				return fmt.Errorf("%w: PerChannel got %q, want one of %q", ErrKey, key, keys)
			}
		}
	}
	return nil
}

// observer returns the op that records the node n under key. It and its operands are checked to be of nodes.
func (s *settings) observer(key string, n *gorgonia.Node, nodes map[*gorgonia.Node]bool) (*observer, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := checkNode(n, nodes); err != nil {
		return nil, err
	}
	e, err := s.entry(key, n)
	if err != nil {
		return nil, err
	}
	o := &observer{Base: graph.NewBase("observe"), key: key, entry: e, operands: append(gorgonia.Nodes{n}, graph.Aliases(n)...)}
	for _, alias := range o.operands[1:] {
		if err := checkNode(alias, nodes); err != nil {
			return nil, fmt.Errorf("%w: %q shares memory with %w", ErrNode, n.Name(), err)
		}
	}
	return o, nil
}

// entry returns an empty entry for the node n under key.
func (s *settings) entry(key string, n *gorgonia.Node) (*entry, error) {
	e := &entry{axis: perTensor}
	for _, o := range s.axes {
		if len(o.keys) == 0 || slices.Contains(o.keys, key) {
			e.axis = o.axis
		}
	}
	if err := e.open(n.Shape()); err != nil {
		return nil, err
	}
	if s.average != nil {
		e.averages = slices.Repeat([]MovingAverage{*s.average}, len(e.channels))
	}
	return e, nil
}
