package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"euryale/internal/strictjson"
)

// entry is what the header says of one tensor.
type entry struct {
	Dtype   Dtype   `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// parseHeader returns the tensors and the metadata of the header h. It checks the JSON and the types of its values;
// sizes and offsets are the caller's.
func parseHeader(h []byte) (tensors map[string]entry, metadata map[string]string, err error) {
	if len(h) == 0 || h[0] != '{' {
		return nil, nil, fmt.Errorf("byte %d: got %q, want '{'", prefixBytes, h[:min(1, len(h))])
	}
	if i := strictjson.InvalidText(h); i >= 0 {
		return nil, nil, fmt.Errorf("byte %d: got %q, want UTF-8", prefixBytes+i, h[i:min(i+6, len(h))])
	}
	p := parser{json.NewDecoder(bytes.NewReader(h))}
	p.dec.UseNumber()
	tensors, metadata = map[string]entry{}, map[string]string{}
	seen := false // the metadata
	has := func(key string) bool { return key == metadataKey && seen || hasKey(tensors, key) }
	err = p.object(has, func(key string) (err error) {
		if key == metadataKey {
			seen = true
			err = p.object(func(key string) bool { return hasKey(metadata, key) }, func(key string) (err error) {
				if metadata[key], err = token[string](p, "a string"); len(metadata) > maxTexts {
					err = p.errorf("got more than %d texts", maxTexts)
				}
				return err
			})
		} else {
			tensors[key], err = p.entry()
		}
		if err != nil {
			return fmt.Errorf("%.80q: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	end := int(p.dec.InputOffset())
	if rest := bytes.TrimLeft(h[end:], " "); len(rest) > 0 {
		return nil, nil, fmt.Errorf("byte %d: got %q after the header's object, want only spaces",
			prefixBytes+len(h)-len(rest), rest[:1])
	}
	return tensors, metadata, nil
}

func hasKey[T any](m map[string]T, key string) bool {
	_, ok := m[key]
	return ok
}

// parser reads a header token by token: decoding into maps and structs would let duplicate keys pass. As each value has
// to be of one known kind, nothing nests deeper than the format does.
type parser struct{ dec *json.Decoder }

// errorf returns an error that says where in the file the last token ended.
func (p parser) errorf(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", prefixBytes+p.dec.InputOffset(), fmt.Sprintf(format, args...))
}

// token returns the next token, which has to be a T.
func token[T string | json.Number | json.Delim](p parser, want string) (T, error) {
	var none T
	tok, err := p.dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return none, p.errorf("%v, want %s", err, want)
	}
	t, ok := tok.(T)
	if !ok {
		return none, p.errorf("got %.80v, want %s", tok, want)
	}
	return t, nil
}

// delim reads the bracket or brace d.
func (p parser) delim(d json.Delim) error {
	got, err := token[json.Delim](p, strconv.QuoteRune(rune(d)))
	if err == nil && got != d {
		err = p.errorf("got %q, want %q", rune(got), rune(d))
	}
	return err
}

// object reads an object; value has to read what follows each key, and has tells which keys there were.
func (p parser) object(has func(key string) bool, value func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	for p.dec.More() {
		key, err := token[string](p, "a key")
		if err != nil {
			return err
		}
		if has(key) {
			return p.errorf("got key %.80q twice, want it once", key)
		}
		if err := value(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

// entry reads the object of one tensor.
func (p parser) entry() (e entry, err error) {
	has := func(key string) bool {
		return key == "dtype" && e.Dtype != "" || key == "shape" && e.Shape != nil || key == "data_offsets" && e.Offsets != nil
	}
	err = p.object(has, func(key string) (err error) {
		switch key {
		case "dtype":
			var s string
			if s, err = token[string](p, "a dtype"); err == nil && s == "" {
				err = p.errorf("got an empty dtype, want one of the known")
			}
			e.Dtype = Dtype(s)
		case "shape":
			e.Shape, err = numbers[int](p, strconv.IntSize-1)
		case "data_offsets":
			e.Offsets, err = numbers[int64](p, 63)
		default:
			err = p.errorf("got field %.80q, want dtype, shape or data_offsets", key)
		}
		return err
	})
	switch {
	case err != nil:
	case e.Dtype == "":
		err = p.errorf("got no dtype, want one")
	case e.Shape == nil:
		err = p.errorf("got no shape, want one")
	case len(e.Offsets) != 2:
		err = p.errorf("got %d data_offsets, want 2", len(e.Offsets))
	}
	return e, err
}

// numbers reads an array of decimal integers in [0, 2^bits), which T holds; the result is not nil.
func numbers[T int | int64](p parser, bits int) ([]T, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	list := []T{}
	for p.dec.More() {
		n, err := token[json.Number](p, "a number")
		if err != nil {
			return nil, err
		}
		v, err := strconv.ParseUint(n.String(), 10, bits)
		if err != nil {
			return nil, p.errorf("got %.80s, want an integer in [0, 2^%d)", n, bits)
		}
		list = append(list, T(v))
	}
	return list, p.delim(']')
}
