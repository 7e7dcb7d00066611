package safetensors

import (
	"fmt"

	"euryale/internal/atomicfile"
)

// WriteFile writes the tensors and metadata, as Write does, to the file at path, all or nothing, as
// atomicfile.Write does. What Write refuses is refused before a file is touched.
func WriteFile(path string, tensors []Tensor, metadata map[string]string) error {
	l, err := plan(tensors, metadata)
	if err == nil {
		err = atomicfile.Write(path, l.write)
	}
	if err != nil {
		return fmt.Errorf("safetensors: WriteFile: %w", err)
	}
	return nil
}
