// Package strictjson decodes JSON that a file holds, refusing what encoding/json lets pass: keys that occur
// twice in an object, fields that nobody reads, and text after the value.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Unmarshal decodes the one JSON value in data into v. An error names the byte offset where it can.
func Unmarshal(data []byte, v any) error {
	if err := checkKeys(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// object is the state of an open object or array.
type object struct {
	keys  map[string]bool // nil in an array
	isKey bool            // the next string is a key
}

// checkKeys returns an error if data is not one JSON value, or one of its objects has a key twice.
func checkKeys(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var open []object
	for values := 0; ; {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && values == 1 && len(open) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("at byte %d: %w", d.InputOffset(), io.ErrUnexpectedEOF)
		case err != nil:
			return fmt.Errorf("at byte %d: %w", d.InputOffset(), err)
		case len(open) == 0 && values == 1:
			return fmt.Errorf("at byte %d: got a second value, want one", d.InputOffset())
		}
		if key, ok := token.(string); ok && len(open) > 0 && open[len(open)-1].isKey {
			top := &open[len(open)-1]
			if top.keys[key] {
				return fmt.Errorf("at byte %d: got key %.80q twice", d.InputOffset(), key)
			}
			top.keys[key], top.isKey = true, false
			continue
		}
		switch token {
		case json.Delim('{'):
			open = append(open, object{keys: map[string]bool{}, isKey: true})
			continue
		case json.Delim('['):
			open = append(open, object{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		// A value has ended.
		if len(open) == 0 {
			values++
		} else if top := &open[len(open)-1]; top.keys != nil {
			top.isKey = true
		}
	}
}
