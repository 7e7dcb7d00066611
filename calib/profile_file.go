package calib

import (
	"fmt"
	"os"

	"euryale/internal/atomicfile"
)

// Save writes the profile, as Write does, to the file at path, all or nothing: a file that was there keeps its
// content unless all of the profile is on the disk. A symbolic link is followed; anything but a regular file
// is refused with fs.ErrInvalid.
func (p *Profile) Save(path string) error {
	if err := atomicfile.Write(path, p.Write); err != nil {
		return fmt.Errorf("calib: Profile.Save: %w", err)
	}
	return nil
}

// LoadProfile returns the profile in the file at path, as ReadProfile does.
func LoadProfile(path string) (*Profile, error) {
	f, err := os.Open(path)
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
