// Package strictjson decodes JSON that a file holds, refusing what encoding/json lets pass: keys that occur
// twice in an object, fields that nobody reads or that are spelled in other letters, text after the value, and
// values nested deeper than maxDepth.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how many objects and arrays may be open at once: far more than any file of this module has.
const maxDepth = 32

// Unmarshal decodes the one JSON value in data into v, a pointer to something that marshals to what it was decoded
// from. An error names the byte offset where it can.
func Unmarshal(data []byte, v any) error {
	if err := checkKeys(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	return checkSpelling(data, v)
}

// checkSpelling returns an error for a key in data that v, decoded from it, does not marshal to: encoding/json takes
// "VERSION" for "version".
func checkSpelling(data []byte, v any) error {
	again, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(data, &got), json.Unmarshal(again, &want)); err != nil {
		return err
	}
	return contains(want, got)
}

// contains returns an error if an object in got has a key that the same object in want lacks.
func contains(want, got any) error {
	switch got := got.(type) {
	case map[string]any:
		object, _ := want.(map[string]any)
		for key, value := range got {
			other, ok := object[key]
			if !ok {
				return fmt.Errorf("got key %.80q, want the exact spelling of a field", key)
			}
			if err := contains(other, value); err != nil {
				return err
			}
		}
	case []any:
		array, _ := want.([]any)
		for i := range min(len(array), len(got)) {
			if err := contains(array[i], got[i]); err != nil {
				return err
			}
		}
	}
	return nil
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
		if len(open) == maxDepth && (token == json.Delim('{') || token == json.Delim('[')) {
			return fmt.Errorf("at byte %d: got values nested deeper than %d", d.InputOffset(), maxDepth)
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
