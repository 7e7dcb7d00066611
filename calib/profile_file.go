package calib

import (
	"fmt"

	"euryale/internal/atomicfile"
	"euryale/internal/safeio"
)

// Save writes what Write writes to the file at path, which LoadProfile reads. It replaces a file as
// qtensor.Save does: a failed Save leaves an existing one as it was. Errors: those of Write; fs.ErrPermission
// for a read-only file; fs.ErrInvalid for anything but a regular file; those of the file system.
func (p *Profile) Save(path string) error {
	if err := atomicfile.Write(path, p.Write); err != nil {
		return fmt.Errorf("calib: Profile.Save: %w", err)
	}
	return nil
}

// LoadProfile returns the profile in the file at path. Errors: those of ReadProfile; fs.ErrInvalid for
// anything but a regular file, such as a pipe; those of the file system.
func LoadProfile(path string) (*Profile, error) {
	f, err := safeio.Open(path)
	if err != nil {
		return nil, fmt.Errorf("calib: LoadProfile: %w", err)
	}
	defer f.Close()
	p, err := ReadProfile(f)
	if err != nil {
		return nil, fmt.Errorf("calib: LoadProfile: %s: %w", path, err)
	}
	return p, nil
}
