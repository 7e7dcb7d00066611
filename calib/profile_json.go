package calib

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"euryale/internal/strictjson"
)

// version is that of the JSON that Write writes.
const version = 1

type profileJSON struct {
	Version int                  `json:"version"`
	Tensors map[string]entryJSON `json:"tensors"`
}

// entryJSON has axis −1 where the one histogram is the whole tensor's.
type entryJSON struct {
	Axis       *int        `json:"axis"`
	Histograms []Histogram `json:"histograms"`
}

// Write writes the profile as JSON, from which ReadProfile makes the same. Equal profiles have equal bytes.
func (p *Profile) Write(w io.Writer) error {
	j := profileJSON{version, make(map[string]entryJSON)}
	for key, e := range p.entries {
		j.Tensors[key] = entryJSON{&e.axis, e.channels}
	}
	data, err := json.Marshal(j)
	if err == nil {
		_, err = w.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("calib: Profile.Write: %w", err)
	}
	return nil
}

// ReadProfile returns the profile that Write wrote. Anything else is an error that wraps ErrProfile: damage,
// another version, a key that comes twice, a member that is not of this version, data behind the profile.
func ReadProfile(r io.Reader) (*Profile, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("calib: ReadProfile: %w", err)
	}
	p := new(Profile)
	if err := p.read(data); err != nil {
		return nil, fmt.Errorf("calib: ReadProfile: %w: %w", ErrProfile, err)
	}
	return p, nil
}

func (p *Profile) read(data []byte) error {
	var header struct{ Version int }
	if err := json.Unmarshal(data, &header); err != nil {
		return err
	}
	if header.Version != version {
		return fmt.Errorf("got version %d, want %d", header.Version, version)
	}
	var j profileJSON
	if err := strictjson.Unmarshal(data, &j); err != nil {
		return err
	}
	if j.Tensors == nil {
		return errors.New("got no tensors, want an object, if only an empty one")
	}
	for key, t := range j.Tensors {
		if err := checkKey(key); err != nil {
			return err
		}
		if n := len(t.Histograms); t.Axis == nil || *t.Axis < perTensor || n == 0 || *t.Axis == perTensor && n > 1 {
			return fmt.Errorf("key %q: got %d histograms, want axis -1 and one, or an axis and one for each index", key, n)
		}
		p.put(key, &entry{axis: *t.Axis, channels: t.Histograms})
	}
	return nil
}
