package calib

import (
	"fmt"

	"euryale/internal/atomicfile"
	"euryale/internal/safeio"
)

// Save writes the profile, as Write does, to the file at path, all or nothing: a file that was there keeps
// its content unless all of the profile is on the disk. A file that is replaced passes on its mode, and its
// owner where the system permits that; what a killed Save left behind is removed by the next to the same
// path. A symbolic link is followed. Errors: those of Write; fs.ErrPermission for a read-only file;
// fs.ErrInvalid for anything but a regular file; those of the file system.
func (p *Profile) Save(path string) error {
	if err := atomicfile.Write(path, p.Write); err != nil {
		return fmt.Errorf("calib: Profile.Save: %w", err)
	}
	return nil
}

// LoadProfile returns the profile in the file at path, as ReadProfile does. Anything but a regular file, such
// as a pipe, is refused with fs.ErrInvalid and not waited for.
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
