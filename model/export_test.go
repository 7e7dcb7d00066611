package model

import (
	"io"

	"euryale/qtensor"
)

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
	}
	return nil
}
