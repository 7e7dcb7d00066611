package safetensors

import (
	"bytes"
	"fmt"

	"euryale/internal/strictjson"
)

// entry is what the header says of one tensor.
type entry struct {
	Dtype   Dtype   `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// named is the entry of a tensor. Its name is in no other one once locate has passed it.
type named struct {
	name string
	entry
}

// header is what a header holds, with tensors in its order.
type header struct {
	metadata texts
	tensors  []named
}

// Member returns what a key is decoded into.
func (h *header) Member(key string) (any, error) {
	if key != metadataKey {
		h.tensors = append(h.tensors, named{name: key})
		return &h.tensors[len(h.tensors)-1].entry, nil
	}
	if h.metadata != nil {
		return nil, fmt.Errorf("got key %q twice, want it once", key)
	}
	h.metadata = texts{}
	return &h.metadata, nil
}

// texts are the texts of the metadata by key.
type texts map[string]*string

// Member returns what a key is decoded into.
func (t texts) Member(key string) (any, error) {
	if t[key] != nil {
		return nil, fmt.Errorf("got key %.80q twice, want it once", key)
	}
	if len(t) == maxTexts {
		return nil, fmt.Errorf("got more than %d texts", maxTexts)
	}
	t[key] = new(string)
	return t[key], nil
}

// parseHeader returns the tensors and the metadata of the header text. It checks the JSON and the types of
// its values; names that are there twice, sizes and offsets are locate's.
func parseHeader(text []byte) (h header, err error) {
	if len(text) == 0 || text[0] != '{' {
		return h, fmt.Errorf("byte %d: got %q, want '{'", prefixBytes, text[:min(1, len(text))])
	}
	if err := strictjson.UnmarshalAt(prefixBytes, text, &h); err != nil {
		return h, err
	}
	if end := len(bytes.TrimRight(text, " ")) - 1; text[end] != '}' {
		return h, fmt.Errorf("byte %d: got %q after the header's object, want only spaces", prefixBytes+end, text[end:end+1])
	}
	return h, nil
}
