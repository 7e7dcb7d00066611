package calib

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHistogramJSON(t *testing.T) {
	for name, values := range samples {
		want := histogramOf(values)
		text, err := json.Marshal(*want) // by value too
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := histogramOf([]float32{1, 2, nan})
		err = json.Unmarshal(text, got)
		if again, failed := json.Marshal(got); failed != nil || string(again) != string(text) ||
			!slices.Equal(slices.Collect(got.Bins()), slices.Collect(want.Bins())) {
			t.Errorf("%s: got %s, %v, want %s, and the same bins", name, again, failed, text)
		}
		if got.unpack(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v from %s, want %+v", name, got, err, text, want)
		}
		got.Observe(values)
		want.Observe(values)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v after more values, want %+v", name, got, want)
		}
	}
}

func TestHistogramJSONText(t *testing.T) {
	for text, values := range map[string][]float32{
		`{"count":0,"non_finite":0,"min":0,"max":0,"exponent":0,"bins":[]}`:                                        nil,
		`{"count":0,"non_finite":2,"min":0,"max":0,"exponent":0,"bins":[]}`:                                        {nan, inf},
		`{"count":5,"non_finite":0,"min":-2,"max":4093.5,"exponent":0,"bins":[[-2,1,1],[1,2],[4093,1]]}`:           {-2, -0.5, 1, 1.5, 4093.5},
		`{"count":2,"non_finite":0,"min":0.1,"max":0.1,"exponent":-27,"bins":[[13421773,2]]}`:                      {0.1, 0.1},
		`{"count":1,"non_finite":0,"min":1e-45,"max":1e-45,"exponent":-149,"bins":[[1,1]]}`:                        {tiny},
		`{"count":2,"non_finite":0,"min":-3.4028235e+38,"max":0,"exponent":117,"bins":[[-2048,1],[0,1]]}`:          {-huge, 0},
		`{"count":2,"non_finite":0,"min":-3.4028235e+38,"max":-1e+38,"exponent":116,"bins":[[-4096,1],[-1204,1]]}`: {-huge, -1e38},
	} {
		got, err := json.Marshal(histogramOf(values))
		if err != nil || string(got) != text {
			t.Errorf("%v: got %s, %v, want %s", values, got, err, text)
		}
	}
}

func TestHistogramJSONCountsPast53Bits(t *testing.T) {
	h := Histogram{nonFinite: maxCount}
	h.Observe([]float32{1})
	h.count, h.bins[0] = maxCount, maxCount
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatalf("2^53 values: %v", err)
	}
	var got Histogram
	err = json.Unmarshal(text, &got)
	if got.unpack(); err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("2^53 values: got %+v, %v, want %+v", got, err, h)
	}
	for name, h := range map[string]Histogram{"finite": {count: maxCount + 1}, "other": {nonFinite: maxCount + 1}} {
		if text, err := json.Marshal(h); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: got %s, %v, want ErrProfile", name, text, err)
		}
	}
}

// Each text is damaged in the one way that its name says; the first is not.
func TestHistogramJSONHostile(t *testing.T) {
	const sound = `{"count":5,"non_finite":0,"min":-2,"max":4093.5,"exponent":0,"bins":[[-2,1,1],[1,2],[4093,1]]}`
	if err := new(Histogram).UnmarshalJSON([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	change := func(old, by string) string {
		if !strings.Contains(sound, old) {
			t.Fatalf("no %s in the text", old)
		}
		return strings.Replace(sound, old, by, 1)
	}
	for name, text := range map[string]string{
		"nothing":                     ``,
		"null":                        `null`,
		"array":                       `[]`,
		"string":                      `"x"`,
		"empty object":                `{}`,
		"cut":                         sound[:len(sound)-1],
		"cut in a name":               `{"cou`,
		"cut behind a name":           `{"count"`,
		"cut in a value":              `{"count":[`,
		"trailing":                    sound + `{}`,
		"trailing brace":              sound + `}`,
		"trailing comma":              change(`]]}`, `]],}`),
		"number as a name":            `{1:2}`,
		"unknown member":              change(`"non_finite":0`, `"non_finite":0,"mean":1`),
		"member twice":                change(`"non_finite":0`, `"non_finite":0,"non_finite":0`),
		"missing bins":                change(`,"bins":[[-2,1,1],[1,2],[4093,1]]`, ``),
		"missing exponent":            `{"count":1,"non_finite":0,"min":1,"max":1,"bins":[[8388608,1]]}`,
		"null bins":                   change(`[[-2,1,1],[1,2],[4093,1]]`, `null`),
		"negative count":              change(`"count":5`, `"count":-5`),
		"fraction":                    change(`"count":5`, `"count":5.5`),
		"count past 64 bits":          change(`"count":5`, `"count":18446744073709551621`),
		"count past 53 bits":          change(`"non_finite":0`, `"non_finite":9007199254740993`),
		"count too big":               change(`"count":5`, `"count":6`),
		"count too small":             change(`"count":5`, `"count":4`),
		"count of one":                `{"count":1,"non_finite":0,"min":-1,"max":-0.99999994,"exponent":-23,"bins":[[-8388608,1]]}`,
		"min past float32":            change(`"min":-2`, `"min":-1e39`),
		"min as a string":             change(`"min":-2`, `"min":"-2"`),
		"min above max":               change(`"min":-2`, `"min":5000`),
		"min above max, no bins":      `{"count":1,"non_finite":0,"min":1,"max":0,"exponent":-149,"bins":[]}`,
		"min in another bin":          change(`"min":-2`, `"min":-1`),
		"max in another bin":          change(`"max":4093.5`, `"max":4092.5`),
		"exponent too big":            change(`"exponent":0`, `"exponent":1`),
		"exponent too small":          change(`"exponent":0`, `"exponent":-1`),
		"exponent out of range":       change(`"exponent":0`, `"exponent":1000000`),
		"exponent past 64 bits":       change(`"exponent":0`, `"exponent":-9999999999999999999`),
		"no bins":                     change(`[[-2,1,1],[1,2],[4093,1]]`, `[]`),
		"bins, no runs":               change(`[[-2,1,1],[1,2],[4093,1]]`, `[1,2,3]`),
		"empty run":                   change(`[1,2]`, `[]`),
		"null run":                    change(`[1,2]`, `null`),
		"run without counts":          change(`[1,2]`, `[1]`),
		"another run without counts":  change(`[1,2]`, `[1,2],[5]`),
		"count of 0 in a run":         change(`[1,2]`, `[1,2,0]`),
		"count below 0 in a run":      change(`[1,2]`, `[1,3,-1]`),
		"run before the first bin":    change(`[-2,1,1]`, `[-3,1,1]`),
		"run behind the last bin":     change(`[4093,1]`, `[4094,1]`),
		"run past the last bin":       change(`[4093,1]`, `[4092,1,1,1]`),
		"run too long":                change(`[4093,1]`, `[4093,1,1]`),
		"counts past the last bin":    strings.Replace(change(`[4093,1]`, `[4093,1,1]`), `"count":5`, `"count":6`, 1),
		"run past all bins":           `{"count":2,"non_finite":0,"min":-2,"max":-1,"exponent":-11,"bins":[[-4096,1],[-2048,1],[9223372036854775807,1]]}`,
		"run at the end of int64":     change(`[4093,1]`, `[9223372036854775807,1,1]`),
		"run at the start of int64":   change(`[-2,1,1]`, `[-9223372036854775808,1,1]`),
		"run past int64":              change(`[-2,1,1]`, `[-9223372036854775809,1,1]`),
		"counts that overflow":        change(`[1,2]`, `[1,9223372036854775807,9223372036854775807,4]`),
		"runs out of order":           change(`[1,2],[4093,1]`, `[4093,1],[1,2]`),
		"runs that overlap":           change(`[1,2]`, `[-1,2]`),
		"runs that touch":             change(`[1,2]`, `[0,2]`),
		"first bin missing":           change(`[-2,1,1]`, `[-1,2]`),
		"last bin missing":            change(`[1,2],[4093,1]`, `[1,3]`),
		"a range without values":      `{"count":0,"non_finite":0,"min":0,"max":1,"exponent":0,"bins":[]}`,
		"a minimum without values":    `{"count":0,"non_finite":0,"min":-1,"max":0,"exponent":0,"bins":[]}`,
		"an exponent without values":  `{"count":0,"non_finite":0,"min":0,"max":0,"exponent":-149,"bins":[]}`,
		"bins without values":         `{"count":0,"non_finite":0,"min":0,"max":0,"exponent":0,"bins":[[0,1]]}`,
		"a range that infinities cut": `{"count":2,"non_finite":0,"min":-Infinity,"max":Infinity,"exponent":117,"bins":[[0,2]]}`,
	} {
		h := histogramOf([]float32{7, nan})
		if err := h.UnmarshalJSON([]byte(text)); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: got %+v, %v from %s, want ErrProfile", name, h, err, text)
		}
		if want := histogramOf([]float32{7, nan}); !reflect.DeepEqual(h, want) {
			t.Errorf("%s: got %+v after an error, want %+v", name, h, want)
		}
	}
}

func sampleProfile(t *testing.T) *Profile {
	t.Helper()
	p := profileOf(t, "fc1.in", perTensor, gaussians(1, 200, 1), 200)
	for _, other := range []*Profile{
		profileOf(t, `"fc1".out <é>`, 1, gaussians(2, 200, 3), 50, 4),
		profileOf(t, "rows", 0, gaussians(3, 6, 1e-20), 3, 2),
		profileOf(t, "empty", perTensor, []float32{nan}, 1),
		profileOf(t, "one row", 0, []float32{1, 2}, 1, 2),
	} {
		if err := p.Merge(other); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func sameProfile(t *testing.T, got, want *Profile) {
	t.Helper()
	if len(got.Keys()) != len(want.Keys()) {
		t.Fatalf("got keys %q, want %q", got.Keys(), want.Keys())
	}
	for _, key := range want.Keys() {
		axis, channels, err := got.Channels(key)
		wantAxis, wantChannels, _ := want.Channels(key)
		if err != nil || axis != wantAxis || !reflect.DeepEqual(channels, wantChannels) {
			t.Errorf("%q: got %v on axis %d, %v, want %v on %d", key, channels, axis, err, wantChannels, wantAxis)
		}
	}
}

func TestProfileJSON(t *testing.T) {
	for _, want := range []*Profile{new(Profile), sampleProfile(t)} {
		first := text(t, want)
		got, err := ReadProfile(iotest.OneByteReader(strings.NewReader(first)))
		if err != nil {
			t.Fatal(err)
		}
		sameProfile(t, got, want)
		if second := text(t, got); second != first {
			t.Errorf("got %s, want the same bytes as %s", second, first)
		}
		if err := got.Merge(want); err != nil {
			t.Errorf("merging what was read: %v", err)
		}
	}
}

func TestProfileJSONText(t *testing.T) {
	const want = `{"version":1,"tensors":{` +
		`"a":{"axis":-1,"histograms":[{"count":2,"non_finite":0,"min":1,"max":2,"exponent":-11,"bins":[[2048,1],[4096,1]]}]},` +
		`"b":{"axis":1,"histograms":[{"count":1,"non_finite":0,"min":0,"max":0,"exponent":-149,"bins":[[0,1]]},{"count":0,"non_finite":1,"min":0,"max":0,"exponent":0,"bins":[]}]}}}` + "\n"
	p := profileOf(t, "a", perTensor, []float32{1, 2}, 2)
	if err := p.Merge(profileOf(t, "b", 1, []float32{0, nan}, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if got := text(t, p); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReadProfileHostile(t *testing.T) {
	const histogram = `{"count":1,"non_finite":0,"min":1,"max":1,"exponent":-23,"bins":[[8388608,1]]}`
	one := func(entry string) string { return `{"version":1,"tensors":{"a":` + entry + `}}` }
	whole := `{"axis":-1,"histograms":[` + histogram + `]}`
	for _, sound := range []string{one(whole), " \n" + strings.ReplaceAll(one(whole), ",", " , ") + "\n\n", `{"tensors":{},"version":1}`} {
		if _, err := ReadProfile(strings.NewReader(sound)); err != nil {
			t.Fatalf("%s: %v", sound, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":               ``,
		"null":                  `null`,
		"array":                 `[` + one(whole) + `]`,
		"no version":            `{"tensors":{}}`,
		"no tensors":            `{"version":1}`,
		"version 0":             `{"version":0,"tensors":{}}`,
		"version 2":             `{"version":2,"tensors":{}}`,
		"version text":          `{"version":"1","tensors":{}}`,
		"version null":          `{"version":null,"tensors":{}}`,
		"version twice":         `{"version":1,"version":1,"tensors":{}}`,
		"unknown member":        `{"version":1,"tensors":{},"rules":{}}`,
		"tensors twice":         `{"version":1,"tensors":{},"tensors":{}}`,
		"tensors null":          `{"version":1,"tensors":null}`,
		"tensors in an array":   `{"version":1,"tensors":[]}`,
		"trailing object":       one(whole) + `{}`,
		"trailing text":         one(whole) + `x`,
		"trailing NUL":          one(whole) + "\x00",
		"key twice":             `{"version":1,"tensors":{"a":` + whole + `,"a":` + whole + `}}`,
		"key twice, escaped":    `{"version":1,"tensors":{"a":` + whole + `,"\u0061":` + whole + `}}`,
		"no key":                `{"version":1,"tensors":{"":` + whole + `}}`,
		"entry null":            one(`null`),
		"entry empty":           one(`{}`),
		"entry is a histogram":  one(histogram),
		"no axis":               one(`{"histograms":[` + histogram + `]}`),
		"no histograms":         one(`{"axis":-1}`),
		"histograms none":       one(`{"axis":0,"histograms":[]}`),
		"histograms null":       one(`{"axis":0,"histograms":null}`),
		"histogram null":        one(`{"axis":0,"histograms":[null]}`),
		"histogram null, later": one(`{"axis":0,"histograms":[` + histogram + `,null]}`),
		"axis null":             one(`{"axis":null,"histograms":[` + histogram + `]}`),
		"axis −2":               one(`{"axis":-2,"histograms":[` + histogram + `]}`),
		"axis text":             one(`{"axis":"0","histograms":[` + histogram + `]}`),
		"axis a fraction":       one(`{"axis":0.5,"histograms":[` + histogram + `]}`),
		"two of one tensor":     one(`{"axis":-1,"histograms":[` + histogram + `,` + histogram + `]}`),
		"entry member unknown":  one(`{"axis":-1,"histograms":[` + histogram + `],"x":1}`),
		"histogram damaged":     one(`{"axis":-1,"histograms":[` + strings.Replace(histogram, `"count":1`, `"count":2`, 1) + `]}`),
		"deep":                  strings.Repeat(`{"tensors":`, 20000),
	} {
		if p, err := ReadProfile(strings.NewReader(text)); !errors.Is(err, ErrProfile) || p != nil {
			t.Errorf("%s: got %v, %v, want ErrProfile", name, p, err)
		}
	}
	_, err := ReadProfile(strings.NewReader(`{"version":7,"rules":{}}`))
	if want := "got version 7, want 1"; !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("another version: got error %v, want %q", err, want)
	}
}

var errBroken = errors.New("broken")

func TestProfileReadAndWriteErrors(t *testing.T) {
	if _, err := ReadProfile(iotest.ErrReader(errBroken)); !errors.Is(err, errBroken) || errors.Is(err, ErrProfile) {
		t.Errorf("got error %v, want the reader's", err)
	}
	if err := new(Profile).Write(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("got error %v, want the writer's", err)
	}
	if err := tooManyValues().Write(new(bytes.Buffer)); !errors.Is(err, ErrProfile) {
		t.Errorf("2^53 + 1 values: got error %v, want ErrProfile", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// tooManyValues returns a profile that cannot be written.
func tooManyValues() *Profile {
	return &Profile{map[string]*entry{"x": {axis: perTensor, channels: []Histogram{{nonFinite: maxCount + 1}}}}}
}

func TestProfileSave(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "profile.json")
	for _, want := range []*Profile{sampleProfile(t), new(Profile)} {
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := LoadProfile(path)
		if err != nil {
			t.Fatal(err)
		}
		sameProfile(t, got, want)
	}
	onlyFile(t, dir, "profile.json")
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != name {
		t.Errorf("got files %v, %v, want only %s", files, err, name)
	}
}

func TestProfileSaveKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "profile.json")
	want := sampleProfile(t)
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := tooManyValues().Save(path); !errors.Is(err, ErrProfile) {
		t.Errorf("got error %v, want ErrProfile", err)
	}
	got, err := LoadProfile(path)
	if err != nil {
		t.Fatal(err)
	}
	sameProfile(t, got, want)
	onlyFile(t, dir, "profile.json")
}

func TestProfileSaveErrors(t *testing.T) {
	dir := t.TempDir()
	if err := new(Profile).Save(filepath.Join(dir, "none", "profile.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got error %v, want fs.ErrNotExist", err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := new(Profile).Save(folder); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("onto a folder: got error %v, want fs.ErrInvalid", err)
	}
	onlyFile(t, dir, "folder")
}

func TestLoadProfileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadProfile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got error %v, want fs.ErrNotExist", err)
	}
	path := filepath.Join(dir, "damaged.json")
	if err := os.WriteFile(path, []byte(`{"version":1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadProfile(path); !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged file: got error %v, want ErrProfile with the path", err)
	}
}

func FuzzReadProfile(f *testing.F) {
	const histogram = `{"count":5,"non_finite":0,"min":-2,"max":4093.5,"exponent":0,"bins":[[-2,1,1],[1,2],[4093,1]]}`
	f.Add([]byte(`{"version":1,"tensors":{"a":{"axis":-1,"histograms":[` + histogram + `]}}}`))
	f.Add([]byte(`{"version":1,"tensors":{"a":{"axis":1,"histograms":[` + histogram + `,` + histogram + `]},"b":{}}}`))
	f.Add([]byte(`{"version":1,"tensors":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadProfile(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrProfile) {
				t.Fatalf("%q: got error %v, want ErrProfile", data, err)
			}
			return
		}
		first := text(t, p)
		again, err := ReadProfile(strings.NewReader(first))
		if err != nil || text(t, again) != first {
			t.Fatalf("%q: got %v from what was written, %s", data, err, first)
		}
		for _, key := range p.Keys() {
			h, err := p.Histogram(key)
			if err != nil {
				t.Fatalf("%q: key %q: %v", data, key, err)
			}
			h.Observe([]float32{1, -huge, tiny})
			var total uint64
			for b := range h.Bins() {
				total += b.Count
			}
			if total != h.Count() {
				t.Fatalf("%q: key %q: got %d values in bins, want %d", data, key, total, h.Count())
			}
		}
	})
}
