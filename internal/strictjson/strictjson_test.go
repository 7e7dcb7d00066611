package strictjson

import (
	"maps"
	"strings"
	"testing"
)

func TestUnmarshal(t *testing.T) {
	type value struct {
		A int
		B map[string]int
		C []map[string]int
	}
	for _, test := range []struct{ text, want string }{
		{`{"A":1,"B":{"A":2,"a":3},"C":[{"x":1},{"x":2}]}`, ""},
		{` {} `, ""},
		{``, "unexpected EOF"},
		{`{"A":1`, "unexpected EOF"},
		{`{"A":1,"A":2}`, `key "A" twice`},
		{`{"A":1,"\u0041":2}`, `key "A" twice`},
		{`{"B":{"x":1,"y":2,"x":3}}`, `key "x" twice`},
		{`{"C":[{"x":1,"x":1}]}`, `key "x" twice`},
		{`{"A":1}{"A":1}`, "second value"},
		{`{"A":1}]`, "at byte"},
		{`{"A":1} x`, "at byte"},
		{`{"D":1}`, "unknown field"},
		{`{"a":1}`, "exact spelling"},
		{`{"A":1,"a":2}`, "exact spelling"},
		{`{"C":[{"x":1}],"b":{}}`, "exact spelling"},
		{`{"B":{"w":1,"W":2}}`, ""},
		{strings.Repeat("[", 33) + strings.Repeat("]", 33), "nested deeper than 32"},
		{strings.Repeat("[", 32) + strings.Repeat("]", 32), "cannot unmarshal"},
		{`{"A":"1"}`, "cannot unmarshal"},
		{`{"A":1,}`, "at byte"},
		{`[1,2]`, "cannot unmarshal"},
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
	if err := Unmarshal([]byte(`{"A":7,"B":{"k":8},"C":[{"x":9}]}`), &v); err != nil || v.A != 7 || !maps.Equal(v.B, map[string]int{"k": 8}) || v.C[0]["x"] != 9 {
		t.Errorf("got %+v, %v", v, err)
	}
	if err := Unmarshal([]byte(strings.Repeat("[", 1e6)), &v); err == nil {
		t.Error("a million open arrays: got no error")
	}
}
