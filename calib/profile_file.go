package calib

import (
	"fmt"

	"euryale/internal/atomicfile"
	"euryale/internal/safeio"
)

// Save writes the profile, as Write does, to the file at path, atomically, as qtensor.Save does: a failed
// Save leaves an existing file as it was. A file that is replaced passes on its mode, and its owner where the
// system permits that; a symbolic link is followed. Errors: those of Write; fs.ErrPermission for a read-only
// file; fs.ErrInvalid for anything but a regular file; those of the file system.
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
