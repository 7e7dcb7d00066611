package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/internal/strictjson"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// metaKey is the key of the metadata that has the structure.
const metaKey = "euryale.model"

const fileVersion = 1

type fileJSON struct {
	Version int                  `json:"version"`
	Inputs  []flow.Value         `json:"inputs"`
	Outputs []flow.Value         `json:"outputs"`
	Nodes   []flow.Node          `json:"nodes"`
	Layers  map[string]layerJSON `json:"layers"`
}

type layerJSON struct {
	Weight  string `json:"weight"`
	Compute string `json:"compute"`
	// Activations are the parameters of StaticInt8.
	Activations *paramsJSON `json:"activations,omitempty"`
}

// Save writes the model to a file, all or nothing. Errors: those of qtensor.Save; ErrCall.
func (m *Model) Save(path string) error {
	b, err := m.bundle()
	if err == nil {
		err = qtensor.Save(path, b)
	}
	if err != nil {
		return fmt.Errorf("model: Save: %w", err)
	}
	return nil
}

// Write writes the bytes of a file that holds the model. Errors: those of qtensor.Write; ErrCall.
func (m *Model) Write(w io.Writer) error {
	b, err := m.bundle()
	if err == nil {
		err = qtensor.Write(w, b)
	}
	if err != nil {
		return fmt.Errorf("model: Write: %w", err)
	}
	return nil
}

// ErrCall reports a model that does not go into a file: one of its operations is code.
var ErrCall = errors.New("an operation of Gorgonia")

func (m *Model) bundle() (qtensor.Bundle, error) {
	for _, s := range m.steps {
		if s.call != nil {
			return qtensor.Bundle{}, fmt.Errorf("node %q: %w, which no file holds: %s", s.node.Name, ErrCall, s.call.What)
		}
	}
	b := qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{}, Float: map[string]*tensor.Dense{}}
	for name, t := range m.graph.Constants {
		b.Float[name] = dense.New(t.Data, tensor.Shape(t.Shape))
	}
	j := fileJSON{fileVersion, m.graph.Inputs, m.graph.Outputs, m.graph.Nodes, map[string]layerJSON{}}
	names := map[*qtensor.QTensor]string{}
	for _, node := range slices.Sorted(maps.Keys(m.layers)) {
		l := m.layers[node]
		name, ok := names[l.Weight]
		if !ok {
			name = m.weightName(node, b.Quantized)
			names[l.Weight], b.Quantized[name] = name, l.Weight
		}
		compute, params := computeText(l.Compute)
		j.Layers[node] = layerJSON{name, compute, params}
	}
	text, err := json.Marshal(j)
	b.Meta = map[string]string{metaKey: string(text)}
	return b, err
}

// weightName returns the name in a file of the weight of a node: one that belongs to no constant.
func (m *Model) weightName(node string, taken map[string]*qtensor.QTensor) string {
	clash := func(name string) bool {
		if taken[name] != nil {
			return true
		}
		for constant := range m.graph.Constants {
			if strings.HasPrefix(constant, name+".weight") {
				return true
			}
		}
		return false
	}
	for clash(node) {
		node += "~"
	}
	return node
}

// Load returns the model that Save wrote. Errors: qtensor.ErrFormat, and the error of what is wrong, for a file that is
// damaged or that New would refuse; those of the file system.
func Load(path string) (*Model, error) {
	f, err := qtensor.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: Load: %w", err)
	}
	m, err := load(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("model: Load %s: %w", path, err)
	}
	return m, nil
}

// Read returns the model in the first size bytes of r. Errors: as for Load.
func Read(r io.ReaderAt, size int64) (*Model, error) {
	f, err := qtensor.Read(r, size)
	if err != nil {
		return nil, fmt.Errorf("model: Read: %w", err)
	}
	m, err := load(f)
	if err != nil {
		return nil, fmt.Errorf("model: Read: %w", err)
	}
	return m, nil
}

func load(f *qtensor.File) (*Model, error) {
	text, ok := f.Meta()[metaKey]
	if !ok || len(f.Meta()) != 1 {
		return nil, fmt.Errorf("%w: got metadata %q, want %q", qtensor.ErrFormat, slices.Sorted(maps.Keys(f.Meta())), metaKey)
	}
	var j fileJSON
	if err := strictjson.Unmarshal([]byte(text), &j); err != nil {
		return nil, fmt.Errorf("%w: metadata %q: %w", qtensor.ErrFormat, metaKey, err)
	}
	if j.Version != fileVersion {
		return nil, fmt.Errorf("%w: metadata %q: got version %d, want %d", qtensor.ErrFormat, metaKey, j.Version, fileVersion)
	}
	g := &flow.Graph{Inputs: j.Inputs, Outputs: j.Outputs, Nodes: j.Nodes, Constants: map[string]*flow.Tensor{}}
	for _, name := range f.Floats() {
		d, err := f.Float(name)
		if err != nil {
			return nil, err
		}
		if d.Dtype() != tensor.Float32 {
			return nil, fmt.Errorf("%w: tensor %q is %v, want float32", qtensor.ErrFormat, name, d.Dtype())
		}
		data, err := dense.Slice[float32](d)
		if err != nil {
			return nil, err
		}
		g.Constants[name] = &flow.Tensor{Shape: d.Shape(), Data: data}
	}
	layers, err := j.read(f, g)
	if err != nil {
		return nil, err
	}
	m, err := build(g, layers)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", qtensor.ErrFormat, err)
	}
	for name := range g.Constants {
		if g.Constants[name].Data != nil && m.graph.Constants[name] == nil {
			return nil, fmt.Errorf("%w: no node reads tensor %q", qtensor.ErrFormat, name)
		}
	}
	return m, nil
}

// read returns the layers, and adds to g the constants that they replace, without data.
func (j *fileJSON) read(f *qtensor.File, g *flow.Graph) (map[string]Layer, error) {
	weights := map[string]*qtensor.QTensor{}
	for _, name := range f.Quantized() {
		q, err := f.QTensor(name)
		if err != nil {
			return nil, err
		}
		weights[name] = q
	}
	if err := j.checkSharing(weights); err != nil {
		return nil, err
	}
	layers, used := map[string]Layer{}, map[string]bool{}
	for node, l := range j.Layers {
		c, err := parseCompute(l.Compute, l.Activations)
		if err != nil {
			return nil, fmt.Errorf("%w: layer %q: %w", qtensor.ErrFormat, node, err)
		}
		if weights[l.Weight] == nil {
			return nil, fmt.Errorf("%w: layer %q: %w: the file has no quantized %q", qtensor.ErrFormat, node, qtensor.ErrNotFound, l.Weight)
		}
		layers[node], used[l.Weight] = Layer{weights[l.Weight], c}, true
	}
	if len(used) != len(weights) {
		return nil, fmt.Errorf("%w: got %d quantized tensors, want the %d that layers read", qtensor.ErrFormat, len(weights), len(used))
	}
	made := map[string]bool{} // names that a node or the caller gives
	for _, v := range j.Inputs {
		made[v.Name] = true
	}
	for _, n := range j.Nodes {
		made[n.Output] = true
	}
	for _, n := range j.Nodes {
		l, ok := layers[n.Name]
		if ok && len(n.Inputs) > 1 && g.Constants[n.Inputs[1]] == nil && !made[n.Inputs[1]] {
			g.Constants[n.Inputs[1]] = &flow.Tensor{Shape: l.Weight.Shape()}
		}
	}
	return layers, nil
}

// maxSharing bounds how many convolutions there are for a weight, on average by size: each prepares where its elements lie.
const maxSharing = 16

func (j *fileJSON) checkSharing(weights map[string]*qtensor.QTensor) error {
	have, want := int64(0), int64(0)
	for _, q := range weights {
		have += int64(q.Len())
	}
	for _, n := range j.Nodes {
		if q := weights[j.Layers[n.Name].Weight]; q != nil && n.Op == "Conv" {
			want += int64(q.Len())
		}
	}
	if want > maxSharing*have {
		return fmt.Errorf("%w: got convolutions with %d elements of %d that the file has, want at most %d times as many", qtensor.ErrFormat, want, have, maxSharing)
	}
	return nil
}
