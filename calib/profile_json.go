package calib

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"euryale/internal/safeio"
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

// Write writes the profile as JSON, which ReadProfile reads. Equal profiles have equal bytes, and a nil one
// has those of an empty one. The values −1, 0 and 0.5, per tensor, are
//
//	{"version": 1, "tensors": {"fc1.in": {"axis": -1, "histograms": [{"count": 3, "non_finite": 0,
//	    "min": -1, "max": 0.5, "exponent": -11, "bins": [[-2048, 1], [0, 1], [1024, 1]]}]}}}
//
// where axis is the channel axis, or −1, and bins are the runs of bins that are not empty: the number of the
// run's first bin, and the count of each. Bin b is [b·2^exponent, (b + 1)·2^exponent).
//
// Errors: ErrProfile for more than 256 MiB, or counts past 2^53; fs.ErrInvalid for a nil w; those of w.
func (p *Profile) Write(w io.Writer) error { return p.write(w, maxProfile) }

func (p *Profile) write(w io.Writer, limit int) error {
	j := profileJSON{version, make(map[string]entryJSON)}
	for _, key := range p.Keys() {
		e := p.entries[key]
		j.Tensors[key] = entryJSON{&e.axis, e.channels}
	}
	data, err := json.Marshal(j)
	if err == nil && len(data) >= limit {
		err = fmt.Errorf("%w: got %d bytes, want at most %d", ErrProfile, len(data)+1, limit)
	}
	if err == nil {
		_, err = safeio.Writer(w).Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("calib: Profile.Write: %w", err)
	}
	return nil
}

// maxProfile is how many bytes a profile has at most, 256 MiB.
const maxProfile = 1 << 28

// ReadProfile returns the profile that Write wrote to r, which it reads to its end. Reading takes at most 16
// times the profile's bytes and 64 MiB of memory.
//
// Errors: ErrProfile for damage, another version, a duplicate key, a missing or unknown member, trailing
// data, more than MaxChannels histograms of a key, and more than 256 MiB; fs.ErrInvalid for a nil r; those of
// r.
func ReadProfile(r io.Reader) (*Profile, error) { return readProfile(r, maxProfile) }

func readProfile(r io.Reader, limit int64) (*Profile, error) {
	data, err := io.ReadAll(io.LimitReader(safeio.Reader(r), limit+1))
	if err != nil {
		return nil, fmt.Errorf("calib: ReadProfile: %w", err)
	}
	p := new(Profile)
	if int64(len(data)) > limit {
		err = fmt.Errorf("got more than %d bytes, want at most those", limit)
	} else {
		err = p.read(data)
	}
	if err != nil {
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
		n := len(t.Histograms)
		if n > MaxChannels {
			return fmt.Errorf("key %q: got %d histograms, want at most %d", key, n, MaxChannels)
		}
		if t.Axis == nil || *t.Axis < perTensor || n == 0 || *t.Axis == perTensor && n > 1 {
			return fmt.Errorf("key %q: got %d histograms, want axis -1 and one, or an axis and one for each index", key, n)
		}
		p.put(key, &entry{axis: *t.Axis, channels: t.Histograms})
	}
	return nil
}
