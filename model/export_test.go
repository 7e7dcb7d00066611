package model

import (
	"context"
	"io"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Parts returns in how many parts a run of a batch is split.
func (m *Model) Parts(batch int) int { return m.parts(batch) }

// Split returns the outputs for inputs whose batch is computed in so many parts.
func (m *Model) Split(in map[string]tensor.Tensor, parts int) ([][]float32, error) {
	x, batch, err := m.read(in)
	if err != nil {
		return nil, err
	}
	y := make([][]float32, len(m.outputs))
	for i, id := range m.outputs {
		y[i] = make([]float32, m.values[id].size.at(batch))
	}
	return y, m.split(context.Background(), x, batch, parts, y)
}

// ReadLater works like Load of a file that is mapped.
func ReadLater(r io.ReaderAt, size int64) (*Model, error) {
	f, err := qtensor.Read(r, size)
	if err != nil {
		return nil, err
	}
	return load(f, true)
}

// Prepare has every constant and every layer ready to run, as a run has.
func (m *Model) Prepare() error {
	for _, v := range m.values {
		if v.data != nil {
			if _, err := v.data(); err != nil {
				return err
			}
		}
	}
	for _, s := range m.steps {
		if s.layer != nil {
			if _, err := s.layer(); err != nil {
				return err
			}
		}
		if s.table != nil {
			if _, err := s.table(); err != nil {
				return err
			}
		}
	}
	return nil
}
