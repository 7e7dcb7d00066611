package main

import (
	"fmt"

	"euryale/bench/internal/workload"
	"euryale/model"
)

// mixedRows adds a network whose first and last layers stay float32, beside all int8 and all float32.
func (s *session) mixedRows(d *workload.Design) error {
	n, static, float, err := models(d, observed)
	if err != nil {
		return err
	}
	var layers []string // in order
	for _, node := range n.Graph.Nodes {
		if n.Layers[node.Name] != nil {
			layers = append(layers, node.Name)
		}
	}
	ends, err := n.Static([]string{layers[0], layers[len(layers)-1]})
	if err != nil {
		return err
	}
	for _, batch := range []int{1, observed} {
		inputs := n.Inputs(n.Images[:batch*len(n.Images)/observed])
		var list []timed
		for _, m := range []*model.Model{static, ends, float} {
			run := runner(m, inputs)
			if err := workload.Call(s, run); err != nil {
				return err
			}
			list = append(list, timed{batch, run})
		}
		rates, err := s.rates(list)
		if err != nil {
			return err
		}
		for i, kind := range []string{"int8", "ends float32", "float32"} {
			s.add(fmt.Sprintf("batch %d, %s", batch, kind), rates[i], rates[i]/rates[0], rates[i]/rates[2])
		}
	}
	return nil
}
