package calib

import (
	"encoding/json"
	"fmt"
	"io"
)

type profileJSON struct {
	Version version              `json:"version"`
	Tensors map[string]entryJSON `json:"tensors"`
}

// entryJSON has axis −1 where the one histogram is the whole tensor's.
type entryJSON struct {
	Axis       int         `json:"axis"`
	Histograms []Histogram `json:"histograms"`
}

// version stands for the one version of the JSON there is.
type version struct{}

const versionOne = "1"

func (version) MarshalJSON() ([]byte, error) { return []byte(versionOne), nil }

func (version) UnmarshalJSON(data []byte) error {
	if string(data) != versionOne {
		return fmt.Errorf("got version %s, want %s", data, versionOne)
	}
	return nil
}

// Write writes the profile as JSON, from which ReadProfile makes the same. Equal profiles have equal bytes.
func (p *Profile) Write(w io.Writer) error {
	j := profileJSON{Tensors: make(map[string]entryJSON)}
	for key, e := range p.entries {
		j.Tensors[key] = entryJSON{e.axis, e.channels}
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
// another version, a name that comes twice or is none of the format's, data behind the profile.
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
	var tensors json.RawMessage
	if err := readObject(data, map[string]any{"version": new(version), "tensors": &tensors}); err != nil {
		return err
	}
	return eachMember(tensors, func(key string, value json.RawMessage) error {
		e, err := readEntry(value)
		if err == nil {
			err = checkKey(key)
		}
		if err == nil {
			p.put(key, e)
		}
		return err
	})
}

func readEntry(data []byte) (*entry, error) {
	e := new(entry)
	if err := readObject(data, map[string]any{"axis": &e.axis, "histograms": &e.channels}); err != nil {
		return nil, err
	}
	if n := len(e.channels); n == 0 || e.axis < perTensor || e.axis == perTensor && n > 1 {
		return nil, fmt.Errorf("got axis %d with %d histograms, want -1 with one, or an axis with one for each index", e.axis, n)
	}
	return e, nil
}
