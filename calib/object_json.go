package calib

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// readObject decodes the JSON object data into members, pointers by name: each name once, in its exact
// spelling, none missing and no others, which encoding/json alone would let pass.
func readObject(data []byte, members map[string]any) error {
	seen := 0
	err := eachMember(data, func(name string, value json.RawMessage) error {
		into, known := members[name]
		if !known {
			return fmt.Errorf("got %q, want one of %q", name, slices.Sorted(maps.Keys(members)))
		}
		seen++
		return json.Unmarshal(value, into)
	})
	if err == nil && seen < len(members) {
		err = fmt.Errorf("got %d members, want all of %q", seen, slices.Sorted(maps.Keys(members)))
	}
	return err
}

// eachMember calls f with the name and the value of each member of the JSON object data, which is all there
// is in data. A name that comes twice is an error, and so is a null.
func eachMember(data []byte, f func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.Join(errors.New("got no JSON object"), err)
	}
	names := make(map[string]bool)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		key := name.(string) // what else would be no valid JSON, and an error of Token
		if names[key] || string(value) == "null" {
			return fmt.Errorf("got %q twice or null, want it once", key)
		}
		names[key] = true
		if err := f(key, value); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("got data behind the object, want none")
	}
	return nil
}
