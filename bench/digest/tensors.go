package main

import (
	"bytes"
	"fmt"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// tensors are quantized values and parameters of every scheme, the dequantized values, and what was lost.
func tensors(d *digest) {
	for _, s := range schemes(1) {
		d.addTensor(s, gauss, 33, 45)
		if !principal[s.name] {
			continue
		}
		for _, x := range distributions {
			d.addTensor(s, x, 5, 66)
		}
		for _, shape := range [][]int{{}, {1}, {7}, {1, 1}, {1, 300}, {300, 1}, {2, 3, 4, 5}, {64, 100}} {
			d.addTensor(s, gauss, shape...)
		}
	}
}

// addTensor adds the lines of one tensor.
func (d *digest) addTensor(s named, from distribution, shape ...int) {
	key := fmt.Sprintf("tensor scheme=%s numbers=%s shape=%s", s.name, from.name, sizes(shape))
	x := dense(from.make(key, tensor.Shape(shape).TotalSize()), shape...)
	q, err := qtensor.Quantize(x, s.scheme)
	if err != nil {
		d.add(key, err)
		return
	}
	d.add(key+" codes", nil, q.Codes())
	d.add(key+" params", nil, parameters(q.Params())...)
	if p := q.Params(); p.Scheme.IsCodebook() {
		d.add(key+" levels", nil, p.Levels)
		d.add(key+" multipliers", nil, p.GroupMultipliers)
	}
	r, err := q.Dequantize(tensor.Float32)
	d.add(key+" dequantized", err, r)
	stats, err := q.Compare(x)
	d.add(key+" compared", err, stats.SQNR, stats.Max, stats.Mean, stats.Cosine, stats.Clipped)
}

// parameters returns all fields of p.
func parameters(p qtensor.Params) []any {
	return []any{p.Scheme.Bits(), p.Scales, p.ZeroPoints, p.Offsets, p.Min, p.Max, p.Multiplier}
}

// files are what a file of tensors gives back.
func files(d *digest) {
	x := drawn("saved", 33, 45)
	b := qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{},
		Float:     map[string]*tensor.Dense{"single": x, "double": double(x)},
	}
	for _, s := range schemes(1) {
		if q, err := qtensor.Quantize(x, s.scheme); err == nil {
			b.Quantized[s.name] = q
		}
	}
	var file bytes.Buffer
	err := qtensor.Write(&file, b)
	d.add("file written", err, "yes")
	f, err := qtensor.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	d.add("file read", err, "yes")
	if err != nil {
		return
	}
	for _, s := range schemes(1) {
		key := "file scheme=" + s.name
		q, err := f.QTensor(s.name)
		if err != nil {
			d.add(key, err)
			continue
		}
		d.add(key+" codes", nil, q.Codes())
		d.add(key+" params", nil, parameters(q.Params())...)
	}
	for _, name := range []string{"single", "double"} {
		y, err := f.Float(name)
		d.add("file float="+name, err, y)
	}
}
