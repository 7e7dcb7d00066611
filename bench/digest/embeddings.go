package main

import (
	"fmt"
	"strings"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// embeddings are rows of tables, one of them named twice; and of a row that the table lacks.
func embeddings(d *digest) {
	for _, s := range schemes(0) {
		tables := [][]int{{30, 16}}
		if principal[s.name] {
			tables = append(tables, []int{2, 1}, []int{7, 33}, []int{100, 3}, []int{5, 4, 6})
		}
		for _, shape := range tables {
			rows := shape[0]
			d.embed(s, shape, "known", rows-1, 0, rows/2, rows-1, rows/3, 0)
		}
		d.embed(s, tables[0], "unknown", 0, 1, 30, 2, 3, 4)
	}
}

// embed adds what an embedding gives for six indices.
func (d *digest) embed(s named, shape []int, kind string, indices ...int) {
	key := fmt.Sprintf("embedding scheme=%s table=%s rows=%s", s.name, sizes(shape), kind)
	table, err := qtensor.Quantize(drawn("table "+sizes(shape), shape...), s.scheme)
	if err != nil {
		d.add(key, err)
		return
	}
	x := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking(indices))
	y, err := inGraph(x, func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.Embedding(x, table) })
	d.add(key, err, y)
}

// sizes returns a shape as keys have it.
func sizes(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", "x"), "[]")
}
