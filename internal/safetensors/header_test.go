package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestHeaderValues puts every kind of value into every place of a header: those of the format alone are
// taken.
func TestHeaderValues(t *testing.T) {
	values := []string{
		"null", "true", "false", "0", "1", "-0", "-1", "1.0", "1e0", "01", "+1", "0x1", "1_0", "9223372036854775807",
		"9223372036854775808", "1e999", "NaN",
		`""`, `"U8"`, `"\u00558"`, `"u8"`, `"U8 "`, `"1"`, `"\ud800"`, `"\x"`, "\"\x01\"", "\"\xff\"",
		"[]", "[0]", "[1]", "[ 1 ]", "[1,]", "[,1]", "[1 1]", "[1", "1]", "[0,1]", "[0,1,1]", "[1,1]", "[null]", "[-0]",
		"[0,-1]", "[[1]]", `["1"]`, "[{}]",
		"{}", "{ }", `{"a":""}`, `{"a":"","a":""}`, `{"a":"","\u0061":""}`, `{"a":null}`, `{"a":1}`, `{"a":[]}`,
		`{"a":{}}`, `{"a":"",}`, `{"a"}`, `{"a":}`, "{1:2}", "",
		`{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`, `{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}`,
		`{"dtype":"U8","shape":[1]}`, `{"Dtype":"U8","shape":[1],"data_offsets":[0,1]}`,
		`{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":0}`,
	}
	cases, taken := 0, 0
	for _, place := range []struct {
		header string
		fine   []string
	}{
		{`%s`, nil},
		{`{"w":%s}`, []string{`{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`}},
		{`{"__metadata__":%s,"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, []string{"{}", "{ }", `{"a":""}`}},
		{
			`{"__metadata__":{"k":%s},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
			[]string{`""`, `"U8"`, `"\u00558"`, `"u8"`, `"U8 "`, `"1"`},
		},
		{`{"w":{"dtype":%s,"shape":[1],"data_offsets":[0,1]}}`, []string{`"U8"`, `"\u00558"`}},
		{`{"w":{"dtype":"U8","shape":%s,"data_offsets":[0,1]}}`, []string{"[]", "[1]", "[ 1 ]", "[1,1]"}},
		{`{"w":{"dtype":"U8","shape":[1,%s],"data_offsets":[0,1]}}`, []string{"1"}},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":%s}}`, []string{"[0,1]"}},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[%s,1]}}`, []string{"0"}},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,%s]}}`, []string{"1"}},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}%s`, []string{""}},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"dtype":%s}}`, nil},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"shape":%s}}`, nil},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":%s}}`, nil},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":%s}`, nil},
		{`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0077":%s}`, nil},
		{`{"__metadata__":{},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":%s}`, nil},
	} {
		for _, value := range values {
			header := strings.Replace(place.header, "%s", value, 1)
			fine := slices.Contains(place.fine, value)
			file := container(header, 1)
			_, err := Read(bytes.NewReader(file), int64(len(file)))
			if cases++; fine {
				taken++
			}
			if fine != (err == nil) || err != nil && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "want")) {
				t.Errorf("%s: got error %v, want one: %v", header, err, !fine)
			}
		}
	}
	t.Logf("%d headers, of which %d are of the format", cases, taken)
}

// TestManyTensors has names twice among many, in headers whose offsets put them far apart.
func TestManyTensors(t *testing.T) {
	const n = 1000
	cases := 0
	for _, twice := range []int{-1, 0, 1, n / 2, n - 1} {
		for _, last := range []string{"[0]", "[0,5]", "[1]"} {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `"%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]},`, i, n-1-i, n-i)
			}
			size, name := 0, "more"
			if last == "[1]" {
				size = 1
			}
			if twice >= 0 {
				name = fmt.Sprint(twice)
			}
			header := fmt.Sprintf(`{%s"%s":{"dtype":"U8","shape":%s,"data_offsets":[%d,%d]}}`, b.String(), name, last, n, n+size)
			file := container(header, n+size)
			f, err := Read(bytes.NewReader(file), int64(len(file)))
			cases++
			switch {
			case twice < 0 && (err != nil || len(f.Names()) != n+1):
				t.Errorf("got %d tensors and error %v, want %d", len(f.Names()), err, n+1)
			case twice >= 0 && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), fmt.Sprintf("key %q twice", name))):
				t.Errorf("%q twice: got error %v, want one that says so", name, err)
			}
		}
	}
	t.Logf("%d headers of %d tensors", cases, n+1)
}
