package main

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"runtime"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/qtensor"
)

// TestTwice wants the lines of some of the results again in the same process.
func TestTwice(t *testing.T) {
	some := []section{embeddings, files, ranges}
	first, err := digestOf(some)
	if err != nil {
		t.Fatal(err)
	}
	again, err := onThreads(some)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) < 300 || !maps.Equal(first, again) {
		t.Errorf("%d lines, then %d, want the same", len(first), len(again))
	}
}

// TestThreads wants an error where a result depends on the number of threads.
func TestThreads(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	_, err := onThreads([]section{func(d *digest) {
		d.add("same", nil, 1)
		d.add("other", nil, runtime.GOMAXPROCS(0))
	}})
	if err == nil || !strings.Contains(err.Error(), "differs: other\n") ||
		!strings.Contains(err.Error(), "compared 2 keys: 1 differ") {
		t.Errorf("got %v, want the key that differs", err)
	}
	if after := runtime.GOMAXPROCS(0); after != before {
		t.Errorf("GOMAXPROCS is %d, was %d", after, before)
	}
}

func TestCompare(t *testing.T) {
	sum := func(n int) string { return fmt.Sprintf("%064x", n) }
	old := lines{"a 1": sum(1), "a 2": sum(2), "a 3": sum(3)}
	for _, c := range []struct {
		name string
		new  lines
		same bool
		want string
	}{
		{"equal", maps.Clone(old), true, "compared 3 keys: 0 differ; 0 are missing from the new, 0 from the old\n"},
		{
			"differing",
			lines{"a 1": sum(1), "a 2": sum(9), "a 3": sum(3)},
			false,
			"differs: a 2\ncompared 3 keys: 1 differ; 0 are missing from the new, 0 from the old\n",
		},
		{
			"missing",
			lines{"a 1": sum(1), "a 3": sum(3)},
			false,
			"missing from the new: a 2\ncompared 2 keys: 0 differ; 1 are missing from the new, 0 from the old\n",
		},
		{
			"extra",
			lines{"a 1": sum(1), "a 2": sum(2), "a 3": sum(3), "b": sum(4)},
			false,
			"missing from the old: b\ncompared 3 keys: 0 differ; 0 are missing from the new, 1 from the old\n",
		},
		{"empty", lines{}, false, "compared 0 keys"},
	} {
		var got bytes.Buffer
		read, err := readLines(strings.NewReader(c.new.String()))
		if err != nil || !maps.Equal(read, c.new) {
			t.Errorf("%s: read %v, %v, want %v", c.name, read, err, c.new)
		}
		if err := compare(&got, old, read); (err == nil) != c.same ||
			!strings.HasSuffix(got.String(), c.want) && c.name != "empty" {
			t.Errorf("%s: got %v,\n%s, want\n%s", c.name, err, &got, c.want)
		}
	}
	if err := compare(&bytes.Buffer{}, lines{}, lines{}); err == nil {
		t.Error("a comparison of nothing passes")
	}
	for _, text := range []string{"a", "a " + sum(1)[1:], "a " + sum(1) + "\na " + sum(2) + "\n"} {
		if got, err := readLines(strings.NewReader(text)); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

// TestLines wants a line of its own for each of several results, and one line for all NaN.
func TestLines(t *testing.T) {
	seen := map[string]string{}
	for name, values := range map[string][]any{
		"nothing":     nil,
		"zero":        {float32(0)},
		"minus zero":  {negativeZero},
		"double":      {float64(0)},
		"list":        {[]float32{1, 2, 3}},
		"last bit":    {[]float32{1, 2, math.Nextafter32(3, 4)}},
		"cut":         {[]float32{1, 2}, []float32{3}},
		"tensor":      {dense([]float32{1, 2, 3}, 3)},
		"shape":       {dense([]float32{1, 2, 3}, 3, 1)},
		"codes":       {[]uint8{1, 2, 3}},
		"other codes": {[]uint8{1, 2, 4}},
		"text":        {"yes"},
		"NaN":         {nan},
		"scheme":      {qtensor.ErrScheme},
		"value":       {qtensor.ErrValue},
		"both":        {fmt.Errorf("%w, %w", qtensor.ErrValue, calib.ErrKey)},
	} {
		d := &digest{lines: lines{}}
		if len(values) == 1 {
			if err, ok := values[0].(error); ok {
				d.add("key", fmt.Errorf("a message: %w", err))
				values = nil
			}
		}
		if len(d.lines) == 0 {
			d.add("key", nil, values...)
		}
		if other, ok := seen[d.lines["key"]]; ok || d.err != nil {
			t.Errorf("%s: the line of %s; %v", name, other, d.err)
		}
		seen[d.lines["key"]] = name
	}
	for _, bits := range []uint32{0x7f800001, 0xffc00000, 0x7fffffff} {
		d := &digest{lines: lines{}}
		d.add("key", nil, math.Float32frombits(bits))
		if seen[d.lines["key"]] != "NaN" {
			t.Errorf("NaN %#x has a line of its own", bits)
		}
	}
}

func TestKeyTwice(t *testing.T) {
	_, err := digestOf([]section{func(d *digest) {
		d.add("key", nil, 1)
		d.add("key", nil, 1)
	}})
	if err == nil {
		t.Error("a key that comes twice passes")
	}
}
