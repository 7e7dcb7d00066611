// Package strictjson decodes JSON that a file holds, refusing what encoding/json lets pass: keys that occur
// twice in an object, fields that nobody reads, that are missing or that are spelled in other letters, and
// text that is not UTF-8.
package strictjson

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Unmarshal decodes the one JSON value in data into v, a pointer. Numbers, strings, booleans, slices,
// structs, pointers, maps with string keys, and types with UnmarshalJSON or UnmarshalText are what it may
// hold. An object has the fields of its struct and no others, each once. A field with a tag must be there;
// one whose tag says omitempty is left out if and only if it is empty. null is a nil slice, map or pointer.
//
// An error names the byte offset; part of v is set then. Memory beyond that of v is at most some 8 times
// len(data), and so is v's but for structs without fields that must be there.
func Unmarshal(data []byte, v any) error { return UnmarshalAt(0, data, v) }

// UnmarshalAt is Unmarshal of data that begins at an offset of a file, whose bytes errors name.
func UnmarshalAt(offset int, data []byte, v any) error {
	d := decoder{data: data, offset: offset, structs: map[reflect.Type][]field{}}
	if d.at = InvalidText(data); d.at >= 0 {
		return d.errorf("got %q, want UTF-8", data[d.at:min(d.at+6, len(data))])
	}
	d.at = 0
	if !json.Valid(data) {
		return d.syntax()
	}
	return d.value(reflect.ValueOf(v).Elem())
}

// syntax returns the error for what is not JSON.
func (d *decoder) syntax() error {
	err := json.Unmarshal(d.data, new(any)) // fails before it decodes
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		d.at = max(0, int(syntax.Offset)-1)
	}
	return d.errorf("%w, want JSON", err)
}

// Object is an object whose keys tell what their values are.
type Object interface {
	// Member returns a pointer to what the value of the next key is decoded into, or an error, such as for a
	// key that was there.
	Member(key string) (any, error)
}

// decoder reads one value, whose syntax is right, by the type that it is decoded into: it nests no deeper
// than that.
type decoder struct {
	data    []byte
	at      int
	offset  int // of data
	structs map[reflect.Type][]field
}

// field is an exported field of a struct.
type field struct {
	name     string
	index    int
	required bool // there, whatever it holds
	omitted  bool // where it is empty
}

func (d *decoder) fields(t reflect.Type) []field {
	list, ok := d.structs[t]
	if ok {
		return list
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" {
			continue // as encoding/json has it
		}
		if name == "" {
			name = f.Name
		}
		omitted := strings.Contains(options, "omitempty")
		list = append(list, field{name, i, tagged && !omitted, omitted})
	}
	d.structs[t] = list
	return list
}

// next returns the first byte of what comes next.
func (d *decoder) next() byte {
	for {
		switch c := d.data[d.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			d.at++
		default:
			return c
		}
	}
}

func (d *decoder) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %w", d.offset+d.at, fmt.Errorf(format, args...))
}

// want returns the error for a value that is none of the kind.
func (d *decoder) want(kind string) error {
	return d.errorf("got %.40q, want %s", d.data[d.at:], kind)
}

func (d *decoder) value(v reflect.Value) error {
	c := d.next()
	switch u := v.Addr().Interface().(type) {
	case Object:
		return d.members(u)
	case json.Unmarshaler:
		if err := u.UnmarshalJSON(d.raw()); err != nil {
			return d.errorf("%w", err)
		}
		return nil
	case encoding.TextUnmarshaler:
		text, err := d.text()
		if err == nil {
			err = u.UnmarshalText(text)
		}
		if err != nil {
			return d.errorf("%w", err)
		}
		return nil
	}
	switch kind := v.Kind(); kind {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if c == 'n' {
			d.at += len("null")
			v.SetZero()
			return nil
		}
		switch kind {
		case reflect.Slice:
			return d.slice(v)
		case reflect.Map:
			return d.mapping(v)
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(v.Elem())
	case reflect.Struct:
		return d.structure(v)
	case reflect.String:
		text, err := d.text()
		v.SetString(string(text))
		return err
	default:
		return d.scalar(v)
	}
}

// maxPreallocated is how many times the bytes of its text an array takes before its elements are read.
const maxPreallocated = 8

func (d *decoder) slice(v reflect.Value) error {
	if d.next() != '[' {
		return d.want("an array")
	}
	n, size := d.count()
	v.Set(reflect.MakeSlice(v.Type(), 0, min(n, maxPreallocated*size/max(1, int(v.Type().Elem().Size())))))
	d.at++
	for i := range n {
		v.Grow(1)
		v.SetLen(i + 1)
		if err := d.value(v.Index(i)); err != nil {
			return err
		}
	}
	d.next()
	d.at++
	return nil
}

func (d *decoder) structure(v reflect.Value) error {
	fields := d.fields(v.Type())
	seen := make([]bool, 0, 32)[:len(fields)]
	err := d.object(func(key []byte) error {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == string(key) })
		switch {
		case i < 0:
			return d.errorf("got unknown field %.80q, want %s", key, names(fields))
		case seen[i]:
			return d.errorf("got key %q twice, want it once", key)
		}
		seen[i] = true
		member := v.Field(fields[i].index)
		if err := d.value(member); err != nil {
			return err
		}
		if fields[i].omitted && isEmpty(member) {
			return d.errorf("got an empty %q, want it left out", key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, f := range fields {
		if f.required && !seen[i] {
			return d.errorf("got an object without %q, want one with %s", f.name, names(fields))
		}
	}
	return nil
}

// isEmpty reports what omitempty leaves out.
func isEmpty(v reflect.Value) bool {
	switch kind := v.Kind(); {
	case kind == reflect.Slice || kind == reflect.Map:
		return v.Len() == 0
	case v.CanFloat():
		return v.Float() == 0 // −0 too, which would come back as 0
	default:
		return kind != reflect.Struct && v.IsZero()
	}
}

// names returns the names of fields that errors show.
func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, strconv.Quote(f.name))
	}
	return strings.Join(list, ", ")
}

func (d *decoder) mapping(v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	return d.object(func(key []byte) error {
		k := reflect.ValueOf(string(key)).Convert(v.Type().Key())
		if v.MapIndex(k).IsValid() {
			return d.errorf("got key %.80q twice, want it once", key)
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(element); err != nil {
			return fmt.Errorf("%.80q: %w", key, err)
		}
		v.SetMapIndex(k, element)
		return nil
	})
}

func (d *decoder) members(o Object) error {
	return d.object(func(key []byte) error {
		v, err := o.Member(string(key))
		if err != nil {
			return d.errorf("%w", err)
		}
		if err := d.value(reflect.ValueOf(v).Elem()); err != nil {
			return fmt.Errorf("%.80q: %w", key, err)
		}
		return nil
	})
}

// object reads an object; value has to read what follows each key.
func (d *decoder) object(value func(key []byte) error) error {
	if d.next() != '{' {
		return d.want("an object")
	}
	d.at++
	for d.next() != '}' {
		key, err := d.text()
		if err == nil {
			err = value(key)
		}
		if err != nil {
			return err
		}
	}
	d.at++
	return nil
}

// text reads a string.
func (d *decoder) text() ([]byte, error) {
	if d.next() != '"' {
		return nil, d.want("a string")
	}
	raw := d.raw()
	if !slices.Contains(raw, '\\') {
		return raw[1 : len(raw)-1], nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return []byte(text), err
}

// scalar reads a number or a boolean.
func (d *decoder) scalar(v reflect.Value) error {
	begin := d.at
	text := string(d.raw())
	var err error
	bits := 0
	if v.CanInt() || v.CanUint() || v.CanFloat() {
		bits = v.Type().Bits()
	}
	switch {
	case text == "-0" && bits > 0 && !v.CanFloat():
		err = strconv.ErrSyntax // which would come back as 0
	case v.CanInt():
		var n int64
		n, err = strconv.ParseInt(text, 10, bits)
		v.SetInt(n)
	case v.CanUint():
		var n uint64
		n, err = strconv.ParseUint(text, 10, bits)
		v.SetUint(n)
	case v.CanFloat() && strings.IndexByte("-0123456789", text[0]) >= 0:
		var x float64
		x, err = strconv.ParseFloat(text, bits)
		v.SetFloat(x)
	case v.Kind() == reflect.Bool && (text == "true" || text == "false"):
		v.SetBool(text == "true")
	default:
		err = strconv.ErrSyntax
	}
	if err != nil {
		d.at = begin
		return d.errorf("got %.40q, want %v", text, v.Kind())
	}
	return nil
}
