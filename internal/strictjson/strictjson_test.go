package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type value struct {
	A int
	B map[string]int
	C []map[string]int
	S *strict `json:"S,omitempty"`
}

type strict struct {
	Number   uint8           `json:"n"`
	Text     onlyA           `json:"t"`
	Pointer  *bool           `json:"p"`
	Optional float32         `json:"o,omitempty"`
	Raw      json.RawMessage `json:"r,omitempty"`
	_        int
}

type onlyA string

func (a *onlyA) UnmarshalText(text []byte) error {
	if *a = onlyA(text); *a != "a" {
		return fmt.Errorf("got %s, want a", text)
	}
	return nil
}

// FuzzUnmarshal checks that encoding/json takes what Unmarshal takes, for the same.
func FuzzUnmarshal(f *testing.F) {
	for _, text := range []string{
		`{"A":1,"B":{"A":2,"a":3},"C":[{"x":1},{"x":2}]}`, ` { "A" : -0 , "B" : null } `, ` { "A" : 0 , "B" : null } `,
		`{"C":[null,{},{"\"\\\u0041":7}]}`,
		`{"S":{"n":1,"t":"\u0061","p":true,"o":-1.5e-3,"r":[1,"2]}",{"x":null}]}}`, `{"A":1,"A":2}`, `[[`, "\"\xff", `{"a":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, want value
		if Unmarshal(text, &got) != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v, %v", text, got, want, err)
		}
	})
}

func TestUnmarshal(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"A":1,"B":{"A":2,"a":3},"C":[{"x":1},{"x":2}]}`, ""},
		{` {} `, ""},
		{``, "unexpected end"},
		{`{"A":1`, "unexpected end"},
		{`{"A":1,"A":2}`, `key "A" twice`},
		{`{"A":1,"\u0041":2}`, `key "A" twice`},
		{`{"B":{"x":1,"y":2,"x":3}}`, `key "x" twice`},
		{`{"B":{"x":1,"y":2,"\u0078":3}}`, `key "x" twice`},
		{`{"C":[{"x":1,"x":1}]}`, `key "x" twice`},
		{`{"A":1}{"A":1}`, "after top-level value"},
		{`{"A":1}]`, "at byte 7"},
		{`{"A":1} x`, "at byte 8"},
		{`{"D":1}`, "unknown field"},
		{`{"a":1}`, "unknown field"},
		{`{"A":1,"a":2}`, "unknown field"},
		{`{"C":[{"x":1}],"b":{}}`, "unknown field"},
		{`{"B":{"w":1,"W":2}}`, ""},
		{strings.Repeat("[", 33) + strings.Repeat("]", 33), "want an object"},
		{strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5), "depth"},
		{`{"A":"1"}`, "want int"},
		{`{"A":1.5}`, "want int"},
		{`{"A":-0}`, "want int"},
		{`{"S":{"n":-0,"t":"a","p":true}}`, "want uint8"},
		{`{"A":1e2}`, "want int"},
		{`{"A":null}`, "want int"},
		{`{"A":9223372036854775808}`, "want int"},
		{`{"A":1,}`, "at byte"},
		{`[1,2]`, "want an object"},
		{`null`, "want an object"},
		{"{\"B\":{\"\xff\":1}}", "UTF-8"},
		{`{"B":{"\ud800":1}}`, "UTF-8"},
		{`{"B":{"\ud83d\ude00":1,"\\ud800":2}}`, ""},
		{`{"B":null,"C":null}`, ""},
		{`{"C":[]}`, ""},
		{`{"C":[ ]}`, ""},
		{`{"C":[null,{}]}`, ""},
		{`{"C":{}}`, "want an array"},
		{`{"C":[1]}`, "want an object"},
		{`{"S":{"n":1,"t":"a","p":null}}`, ""},
		{`{"S":{"n":1,"t":"a","p":true,"o":-1.5,"r":[1,"2",{"x":null}]}}`, ""},
		{`{"S":{"t":"a","p":null}}`, `without "n"`},
		{`{"S":{"n":1,"p":null}}`, `without "t"`},
		{`{"S":{"n":1,"t":"a"}}`, `without "p"`},
		{`{"S":{"n":256,"t":"a","p":null}}`, "want uint8"},
		{`{"S":{"n":1,"t":"b","p":null}}`, "got b"},
		{`{"S":{"n":1,"t":1,"p":null}}`, "want a string"},
		{`{"S":{"n":1,"t":null,"p":null}}`, "want a string"},
		{`{"S":{"n":1,"t":"a","p":1}}`, "want bool"},
		{`{"S":{"n":1,"t":"a","p":null,"o":1e39}}`, "want float32"},
		{`{"S":{"n":1,"t":"a","p":null,"o":0}}`, `empty "o"`},
		{`{"S":{"n":1,"t":"a","p":null,"o":-0.0}}`, `empty "o"`},
		{`{"S":{"n":1,"t":"a","p":null,"r":[]}}`, ""},
		{`{"S":null}`, `empty "S"`},
		{`{"S":{"n":1,"t":"a","p":null,"o":"NaN"}}`, "want float32"},
		{`{"S":{"n":1,"t":"a","p":null,"_":1}}`, "unknown field"},
	} {
		var v value
		err := Unmarshal([]byte(test.text), &v)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.text, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want an error with %q", test.text, err, test.want)
		}
	}
	var v value
	if err := Unmarshal([]byte(`{"A":7,"B":{"k":8},"C":[{"x":9}]}`), &v); err != nil || v.A != 7 ||
		!maps.Equal(v.B, map[string]int{"k": 8}) || v.C[0]["x"] != 9 {
		t.Errorf("got %+v, %v", v, err)
	}
	if err := Unmarshal([]byte(strings.Repeat("[", 1e6)), &v); err == nil {
		t.Error("a million open arrays: got no error")
	}
}

// byKey is an object of numbers, of which "list" has more.
type byKey struct {
	numbers map[string]*int
	list    []int
}

func (o *byKey) Member(key string) (any, error) {
	if key == "list" {
		return &o.list, nil
	}
	if o.numbers[key] != nil {
		return nil, fmt.Errorf("got %q twice", key)
	}
	o.numbers[key] = new(int)
	return o.numbers[key], nil
}

// TestObject decodes values by their keys, of a file from byte 100.
func TestObject(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"a":1,"list":[2,3],"b":4}`, ""},
		{`{"a":1,"a":2}`, `at byte 110: got "a" twice`},
		{`{"a":1,"b":"2"}`, `"b": at byte 111: got "\"2\"", want int`},
		{`{"a":1,"list":2}`, `"list": at byte 114`},
		{`{"a":1,}`, "at byte 107"},
		{`{"a":1`, "at byte 105: unexpected end"},
		{"{\"\xff\":1}", "at byte 102"},
		{`null`, "at byte 100: got \"null\", want an object"},
		{`[]`, "want an object"},
	} {
		o := byKey{numbers: map[string]*int{}}
		err := UnmarshalAt(100, []byte(test.text), &o)
		switch {
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want an error with %q", test.text, err, test.want)
		case test.want == "" && (err != nil || len(o.numbers) != 2 || *o.numbers["b"] != 4 || !slices.Equal(o.list, []int{2, 3})):
			t.Errorf("%s: got %v, %v", test.text, o, err)
		}
	}
}
