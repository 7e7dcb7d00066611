package calib

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Save writes the profile, as Write does, to the file at path. It is written under a temporary name in the
// same folder, which then takes the path's place: a file that was there is replaced by a whole one or not at
// all.
func (p *Profile) Save(path string) error {
	if err := p.save(path); err != nil {
		return fmt.Errorf("calib: Profile.Save: %w", err)
	}
	return nil
}

func (p *Profile) save(path string) error {
	temp := filepath.Join(filepath.Dir(path), ".profile-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = p.Write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
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
