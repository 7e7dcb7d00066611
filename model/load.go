package model

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"euryale/internal/borrow"
	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/internal/strictjson"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Load returns the model in the file at path, which Save wrote.
//
// On Unix it maps the file, and reads only its structure, biases, and scales that are not per group: a file
// with 1 GB of 8-bit weights opens in under 100 ms, and takes 1 MB of memory. Each weight is read, checked
// and packed when a run first comes to its node, from the mapping itself and by all threads. So the first run
// is slow (a second or so for 1 GB), a damaged weight is an error of Run, and 1 GB of packed weights stays in
// memory. A file that cannot be mapped is read whole, as Read does.
//
// The model keeps its file open until Close, or until nothing refers to the model. The file may meanwhile be
// removed, or replaced by rename, as Save does. If it is cut or written to in place, the next Run, Save or
// Write that reads of it returns qtensor.ErrChanged.
//
// Until the file is found to be sound, reading it takes memory of at most 16 times its header, and 64 MiB.
//
// Errors:
//
//   - qtensor.ErrFormat, which wraps the cause, for a file that is damaged, that is no model's, or that New
//     would refuse;
//   - ErrMemory for a file whose tensors, or whose network for a batch of one, pass the memory limit;
//   - fs.ErrInvalid for anything but a regular file, such as a pipe, and those of the file system;
//   - qtensor.ErrParams for an option.
func Load(path string, opts ...Option) (*Model, error) {
	f, err := qtensor.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: Load: %w", err)
	}
	m, err := load(f, f.Mapped(), opts)
	if err != nil || !f.Mapped() {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("model: Load %s: %w", path, err)
	}
	return m, nil
}

// Read returns the model in the first size bytes of r, such as a file that go:embed has in the program. It
// reads and checks all of it, and does not use r after that. 1 GB of 8-bit weights takes 1 GB of memory, and
// another 1 GB once runs have packed them. Errors: as for Load, and those that Load leaves to Run.
func Read(r io.ReaderAt, size int64, opts ...Option) (*Model, error) {
	f, err := qtensor.Read(r, size)
	if err != nil {
		return nil, fmt.Errorf("model: Read: %w", err)
	}
	m, err := load(f, false, opts)
	if err != nil {
		return nil, fmt.Errorf("model: Read: %w", err)
	}
	return m, nil
}

// load returns the model of a file. Where later is true, weights and constants are read when a run needs them
// first.
func load(f *qtensor.File, later bool, opts []Option) (*Model, error) {
	m, err := configured(opts)
	if err != nil {
		return nil, err
	}
	if err := m.within(f); err != nil {
		return nil, err
	}
	if later {
		m.file = sync.OnceValue(f.Close)
	}
	meta := f.Meta()
	text, ok := meta[metaKey]
	if !ok || len(meta) != 1 {
		return nil, fmt.Errorf("%w: got %d keys in the metadata, want %q alone: model.Save did not write this file",
			qtensor.ErrFormat, len(meta), metaKey)
	}
	var j fileJSON
	if err := strictjson.Unmarshal([]byte(text), &j); err != nil {
		return nil, fmt.Errorf("%w: metadata %q: %w", qtensor.ErrFormat, metaKey, err)
	}
	if j.Version != fileVersion {
		return nil, fmt.Errorf("%w: metadata %q: got version %d, want %d", qtensor.ErrFormat, metaKey, j.Version, fileVersion)
	}
	constants, data, err := readConstants(f, later)
	if err != nil {
		return nil, err
	}
	var weights map[string]*weight
	if len(j.Layers) == 0 {
		err = readTrained(f, constants, data)
	} else {
		weights, err = readWeights(f, later)
	}
	if err != nil {
		return nil, err
	}
	layers, err := j.read(weights)
	if err != nil {
		return nil, err
	}
	g := &ir.Network{Dims: j.Dims, Inputs: j.Inputs, Outputs: j.Outputs, Nodes: j.Nodes, Constants: constants}
	j.addReplaced(g, layers)
	if err := m.build(g, layers, data); err != nil {
		return nil, fmt.Errorf("%w: %w", qtensor.ErrFormat, err)
	}
	for name := range data {
		if m.graph.Constants[name] == nil {
			return nil, fmt.Errorf("%w: no node reads tensor %q", qtensor.ErrFormat, name)
		}
	}
	return m, nil
}

// readWeights returns the quantized tensors of a file by name. Parameters of groups, of which there may be as
// many as of quantized values, are read with those.
func readWeights(f *qtensor.File, later bool) (map[string]*weight, error) {
	weights := map[string]*weight{}
	for _, name := range f.Quantized() {
		scheme, shape, err := f.Scheme(name)
		if err != nil {
			return nil, err
		}
		if !later {
			q, err := f.QTensor(name)
			if err != nil {
				return nil, err
			}
			weights[name] = inMemory(q)
			continue
		}
		if scheme.GroupSize() == 0 {
			if _, err := f.Params(name); err != nil {
				return nil, err
			}
		}
		weights[name] = &weight{
			scheme, shape,
			func() (*qtensor.QTensor, error) { return f.QTensor(name) },
			func(use func(q *qtensor.QTensor) error) error { return borrow.View(f, name, use) },
		}
	}
	return weights, nil
}

// readConstants returns the float32 tensors of a file by name, and functions that return their elements.
func readConstants(f *qtensor.File, later bool) (map[string]*ir.Constant, map[string]func() ([]float32, error), error) {
	constants, data := map[string]*ir.Constant{}, map[string]func() ([]float32, error){}
	for _, name := range f.Floats() {
		dtype, shape, err := f.Dtype(name)
		if err != nil {
			return nil, nil, err
		}
		if dtype != tensor.Float32 {
			return nil, nil, fmt.Errorf("%w: tensor %q is %v, want float32", qtensor.ErrFormat, name, dtype)
		}
		constants[name] = &ir.Constant{Shape: shape}
		data[name] = onceValues(func() ([]float32, error) {
			d, err := f.Float(name)
			if err != nil {
				return nil, err
			}
			return dense.Slice[float32](d)
		})
		if !later {
			if _, err := data[name](); err != nil {
				return nil, nil, err
			}
		}
	}
	return constants, data, nil
}

// readTrained adds the quantized tensors of a float model: constants as they were quantized in training.
func readTrained(f *qtensor.File, constants map[string]*ir.Constant, data map[string]func() ([]float32, error)) error {
	for _, name := range f.Quantized() {
		q, err := f.QTensor(name)
		if err != nil {
			return err
		}
		t := &ir.Trained{Tensor: q}
		constants[name] = &ir.Constant{Shape: q.Shape(), Trained: t}
		data[name] = onceValues(t.Float32s)
	}
	return nil
}

// read returns the layers.
func (j *fileJSON) read(weights map[string]*weight) (map[string]layer, error) {
	layers, used, embeddings := map[string]layer{}, map[string]bool{}, embeddingsOf(j.Nodes)
	for node, l := range j.Layers {
		a, params, err := l.activations(embeddings[node])
		if err != nil {
			return nil, fmt.Errorf("%w: layer %q: %w", qtensor.ErrFormat, node, err)
		}
		if weights[l.Weight] == nil {
			return nil, fmt.Errorf("%w: layer %q: %w: the file has no quantized %q", qtensor.ErrFormat, node, qtensor.ErrNotFound, l.Weight)
		}
		layers[node], used[l.Weight] = layer{weights[l.Weight], a, params}, true
	}
	if len(used) != len(weights) {
		return nil, fmt.Errorf("%w: got %d quantized tensors, want the %d that layers read", qtensor.ErrFormat, len(weights), len(used))
	}
	return layers, nil
}

// addReplaced adds to g the constants that layers replace, without data.
func (j *fileJSON) addReplaced(g *ir.Network, layers map[string]layer) {
	made := map[string]bool{} // names of inputs and of results of nodes
	for _, v := range j.Inputs {
		made[v.Name] = true
	}
	for _, n := range j.Nodes {
		made[n.Output] = true
	}
	for _, n := range j.Nodes {
		l, ok := layers[n.Name]
		if name := n.Weight(); ok && name != "" && g.Constants[name] == nil && !made[name] {
			g.Constants[name] = &ir.Constant{Shape: l.weight.shape}
		}
	}
}
