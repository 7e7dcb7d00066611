package safetensors

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// source is a file that Open opened. It is mapped, and known by its path alone, or it is kept open.
type source struct {
	path   string   // where a mapped file was, absolute and without links
	file   *os.File // one that is not mapped
	mapped *mapping // or nil
	was    state    // before anything was read of it
}

// open takes over a file, unless it fails.
func open(path string, file *os.File, was state, mapFile func(*os.File, int64) ([]byte, error)) (*source, error) {
	whole := &source{file: file, was: was}
	path, err := filepath.EvalSymlinks(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return whole, nil // the file has no path any more
	}
	data, err := mapFile(file, was.size())
	if err != nil {
		return whole, nil
	}
	if err := file.Close(); err != nil { // the mapping stays
		return nil, errors.Join(err, unmap(data))
	}
	return &source{path: path, mapped: newMapping(data), was: was}, nil
}

// changed returns an error if the file is not what it was when it was opened. A mapped one is looked for
// where it was: if another file is there, or none, it was replaced or removed, and its pages stay. Changes to
// a file that was moved elsewhere are not seen. Neither are those within one tick of the system's clock, nor,
// on systems whose files have no time of change, those of files that keep their size and are given their old
// time.
func (o *source) changed() error {
	var now state
	var err error
	if o.file != nil {
		now, err = stateOf(o.file)
	} else if now, err = stateAt(o.path); err != nil || !now.sameFile(o.was) {
		return nil
	}
	switch {
	case err != nil:
		return err
	case now.size() < o.was.size():
		return fmt.Errorf("%w: got %d bytes, want %d: %w", ErrChanged, now.size(), o.was.size(), io.ErrUnexpectedEOF)
	case !now.sameContent(o.was):
		return ErrChanged
	}
	return nil
}

func (o *source) close() error {
	if o.mapped != nil {
		return o.mapped.close()
	}
	return o.file.Close()
}
