package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

const (
	channels = 1024
	depth    = 1024
)

// A matrix is weights of channels, side by side: x[channel·row + place].
type matrix struct {
	x             []float32
	channels, row int
}

// A source is what weights are drawn from, with the matrices that figures are averaged over.
type source struct {
	name     string
	ceiling  bool // 6.02 dB a bit is the bound
	plain    bool // formats that are not searched for are measured too
	matrices []func() matrix
	figures  func(f *format) (target, peer float64)
}

// sourcesOf returns the sources in the order of the table.
func sourcesOf(o options) ([]source, error) {
	drawn := func(draw func(r *rand.Rand) matrix) (all []func() matrix) {
		for seed := range o.seeds {
			all = append(all, func() matrix { return draw(rand.New(rand.NewPCG(uint64(seed)+1, 0))) })
		}
		return all
	}
	sources := []source{
		{"gaussian", true, true, drawn(gaussian), func(f *format) (float64, float64) { return f.gaussian, f.peer }},
		{"Student t, 4", false, false, drawn(student), func(f *format) (float64, float64) { return f.student, 0 }},
		{"inputs 1…10", false, false, drawn(inputs), func(*format) (float64, float64) { return 0, 0 }},
	}
	if o.net == "" {
		return sources, nil
	}
	layers, err := layersOf(o.net)
	return append(sources, layers...), err
}

func gaussian(r *rand.Rand) matrix {
	m := matrix{make([]float32, channels*depth), channels, depth}
	for i := range m.x {
		m.x[i] = float32(r.NormFloat64())
	}
	return m
}

// student draws from Student's t distribution of 4 degrees: z/√(χ²/4).
func student(r *rand.Rand) matrix {
	m := gaussian(r)
	for i, z := range m.x {
		chi := 0.0
		for range 4 {
			y := r.NormFloat64()
			chi += float64(y * y)
		}
		m.x[i] = float32(float64(z) / math.Sqrt(chi/4))
	}
	return m
}

// inputs draws gaussian weights, times a factor for each place of the depth whose logarithm is uniform, from 1 to 10.
func inputs(r *rand.Rand) matrix {
	m := gaussian(r)
	for place := range m.row {
		factor := float32(math.Pow(10, r.Float64()))
		for channel := range m.channels {
			m.x[channel*m.row+place] *= factor
		}
	}
	return m
}

// layersOf returns the weights of a file, each a source: those of two dimensions are (in, out), others (out, …).
func layersOf(path string) ([]source, error) {
	file, err := qtensor.Open(path)
	if err != nil {
		return nil, fmt.Errorf("-net: %w", err)
	}
	defer file.Close()
	bundle, err := file.Bundle()
	if err != nil {
		return nil, fmt.Errorf("-net: %w", err)
	}
	var sources []source
	for name, t := range bundle.Float {
		m, ok := matrixOf(t)
		if !ok {
			continue
		}
		sources = append(sources, source{name: name, matrices: []func() matrix{func() matrix { return m }}, figures: func(f *format) (float64, float64) {
			return f.trained, 0
		}})
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("-net: %s has no float32 tensor of two or more dimensions", path)
	}
	slices.SortFunc(sources, func(a, b source) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return sources, nil
}

// matrixOf returns a tensor's weights by channel, and whether it has such.
func matrixOf(t *tensor.Dense) (matrix, bool) {
	shape := t.Shape()
	x, ok := t.Data().([]float32)
	if !ok || shape.Dims() < 2 {
		return matrix{}, false
	}
	if shape.Dims() > 2 {
		return matrix{x, shape[0], len(x) / shape[0]}, true
	}
	m := matrix{make([]float32, len(x)), shape[1], shape[0]}
	for i, v := range x {
		m.x[i%m.channels*m.row+i/m.channels] = v
	}
	return m, true
}
