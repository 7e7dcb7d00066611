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
	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// reservedName is a name that no tensor in a file can have.
const reservedName = "__metadata__"

// metaKey is the key of the metadata that has the structure.
const metaKey = "euryale.model"

const fileVersion = 2

type fileJSON struct {
	Version int                  `json:"version"`
	Dims    []ir.Dim             `json:"dims,omitempty"`
	Inputs  []ir.Value           `json:"inputs"`
	Outputs []ir.Value           `json:"outputs"`
	Nodes   []ir.Node            `json:"nodes"`
	Layers  map[string]layerJSON `json:"layers"`
}

type layerJSON struct {
	Weight  string `json:"weight"`
	Compute string `json:"compute,omitempty"` // none for an embedding
	// Activations are the parameters of StaticInt8.
	Activations *paramsJSON `json:"activations,omitempty"`
}

// Save writes the model to a file, all or nothing, as qtensor.Save does. The path may be the one that the
// model was loaded from. Errors: those of qtensor.Save; ErrForeign; qtensor.ErrChanged for a model whose own
// file was changed in place since Load; os.ErrClosed after Close.
func (m *Model) Save(path string) error {
	err := m.use(func() error {
		b, err := m.bundle()
		if err == nil {
			err = qtensor.Save(path, b)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("model: Save: %w", err)
	}
	return nil
}

// Write writes to w what Save writes to a file. Errors: those of qtensor.Write; ErrForeign;
// qtensor.ErrChanged as for Save; os.ErrClosed after Close.
func (m *Model) Write(w io.Writer) error {
	err := m.use(func() error {
		b, err := m.bundle()
		if err == nil {
			err = qtensor.Write(w, b)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("model: Write: %w", err)
	}
	return nil
}

// ErrForeign reports that a model cannot be saved, because an operation of it is code (an Op).
var ErrForeign = errors.New("an operation that is code")

func (m *Model) bundle() (qtensor.Bundle, error) {
	for _, n := range m.graph.Nodes {
		if n.Foreign != nil {
			return qtensor.Bundle{}, fmt.Errorf("node %q: %w, which no file holds: %v", n.Name, ErrForeign, n.Foreign)
		}
	}
	b := qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{}, Float: map[string]*tensor.Dense{}}
	for name, c := range m.graph.Constants {
		if t := c.Trained; t != nil && len(m.layers) == 0 {
			if t.Err != nil {
				return b, fmt.Errorf("constant %q: as it was quantized in training: %w", name, t.Err)
			}
			b.Quantized[name] = t.Tensor
			continue
		}
		data, err := m.constants[name].data()
		if err != nil {
			return b, fmt.Errorf("constant %q: %w", name, err)
		}
		b.Float[name] = dense.New(data, tensor.Shape(c.Shape))
	}
	j := fileJSON{fileVersion, m.graph.Dims, m.graph.Inputs, m.graph.Outputs, m.graph.Nodes, map[string]layerJSON{}}
	names, embeddings := m.weightNames(), embeddingsOf(m.graph.Nodes)
	for _, node := range slices.Sorted(maps.Keys(m.layers)) {
		l := m.layers[node]
		name := names[l.weight]
		if b.Quantized[name] == nil {
			q, err := l.weight.read()
			if err != nil {
				return b, fmt.Errorf("node %q: %w", node, err)
			}
			b.Quantized[name] = q
		}
		j.Layers[node] = layerJSON{Weight: name}
		if !embeddings[node] {
			compute, params := l.activationsText()
			j.Layers[node] = layerJSON{name, compute, params}
		}
	}
	text, err := json.Marshal(j)
	b.Meta = map[string]string{metaKey: string(text)}
	return b, err
}

// smallHeader is less than the 100 MB that the header of a file may have.
const smallHeader = 90 << 20

// checkHeader returns an error for a model whose structure is too large for the header of a file.
func (m *Model) checkHeader() error {
	if m.headerBound() < smallHeader {
		return nil
	}
	b, err := m.bundle()
	if errors.Is(err, ErrForeign) {
		return nil // which no file holds anyway
	}
	if err == nil {
		err = qtensor.Write(io.Discard, b)
	}
	if err != nil {
		return fmt.Errorf("%w: no file holds so many nodes, or names so long, want fewer or shorter ones: %w",
			qtensor.ErrParams, err)
	}
	return nil
}

// quantizedArrays is for how many entries of a header a quantized tensor counts: up to seven arrays, and
// itself.
const quantizedArrays = 8

// headerBound returns an upper bound of the bytes of the file's header.
func (m *Model) headerBound() int {
	const node, layer, entry, number = 400, 300, 160, 24 // but for names and lists
	n := node
	for _, v := range slices.Concat(m.graph.Inputs, m.graph.Outputs) {
		n += entry + written(v.Name) + number*len(v.Shape)
	}
	for name, c := range m.graph.Constants {
		arrays := 1
		if c.Trained != nil {
			arrays = quantizedArrays
		}
		n += arrays * (entry + written(name) + number*len(c.Shape))
	}
	for _, d := range m.graph.Dims {
		n += entry + written(d.Name)
	}
	for _, o := range m.graph.Nodes {
		n += node + written(o.Name) + written(o.Output)
		for _, in := range o.Inputs {
			n += written(in) + 5
		}
		for _, list := range ir.Lists(&o) {
			n += number * len(*list)
		}
	}
	names := m.weightNames()
	for node, l := range m.layers {
		n += layer + written(node) + written(names[l.weight])
	}
	for w, name := range names {
		n += quantizedArrays * (entry + written(name) + number*len(w.shape))
	}
	return n
}

// written returns an upper bound of the bytes of a text in a header, in JSON or in JSON within a string of
// JSON: seven for a byte that is escaped.
func written(text string) int {
	n := len(text)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			n += 6
		}
	}
	return n
}

// weightNames returns the names of weights in a file.
func (m *Model) weightNames() map[*weight]string {
	names, taken, constants := map[*weight]string{}, map[string]bool{}, slices.Sorted(maps.Keys(m.graph.Constants))
	for _, node := range slices.Sorted(maps.Keys(m.layers)) {
		w := m.layers[node].weight
		if _, ok := names[w]; !ok {
			names[w] = weightName(node, constants, taken)
			taken[names[w]] = true
		}
	}
	return names
}

// weightName returns the name in a file of the weight of a node. No constant, of which the names are sorted,
// has it.
func weightName(node string, constants []string, taken map[string]bool) string {
	clash := func(name string) bool {
		i, _ := slices.BinarySearch(constants, name+".weight")
		return taken[name] || i < len(constants) && strings.HasPrefix(constants[i], name+".weight")
	}
	for more := "~"; clash(node); more += more { // doubled, as there may be many clashes
		node += more
	}
	return node
}
