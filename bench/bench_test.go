package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"euryale/bench/internal/workload"
	"euryale/bench/limits"
	"euryale/internal/isa"
	"euryale/internal/kernel"
)

func TestParse(t *testing.T) {
	best := kernel.Current().Tier
	for _, c := range []struct {
		args  string
		tiers []isa.Tier
		chart string
	}{
		{"", []isa.Tier{best}, ""},
		{"-tier generic", []isa.Tier{isa.Generic}, ""},
		{"-tier generic," + best.String(), []isa.Tier{isa.Generic, best}, ""},
		{"-tier all -chart a/b.svg", tiers(), "a/b.svg"},
	} {
		o, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil || !slices.Equal(o.tiers, c.tiers) || o.chart != c.chart || !slices.Equal(o.Works, menu().Works) || o.Threads[0] != 1 {
			t.Errorf("%q: got %+v, %v", c.args, o, err)
		}
	}
	for args, want := range map[string]string{
		"-tier avx1":       `got "avx1", want one of generic`,
		"-tier generic,":   `got "", want one of generic`,
		"-chart roof.jpeg": `got "roof.jpeg", want a name that ends in one of [.png .svg]`,
		"-work int9":       `got "int9", want one of int8,`,
	} {
		var stderr bytes.Buffer
		if o, err := parse(strings.Fields(args), &stderr); err == nil || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: got %+v, %v and %q on stderr, want %q", args, o, err, &stderr, want)
		}
	}
	var stderr bytes.Buffer
	if _, err := parse([]string{"-h"}, &stderr); !errors.Is(err, flag.ErrHelp) || !strings.Contains(stderr.String(), "-chart file") {
		t.Errorf("-h: got %v and\n%s", err, &stderr)
	}
}

// small returns options under which everything runs, and nothing for long.
func small(t *testing.T, args string) options {
	t.Helper()
	o, err := parse(strings.Fields("-repeats 1 -burst 1ns "+args), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestRun measures everything once and looks at what is printed and drawn.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chart.png")
	var out, progress bytes.Buffer
	o := small(t, "-json -tier all -threads 1,2 -shapes 1x64x33,40x64x33 -chart "+file)
	if err := run(t.Context(), &out, &progress, o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(progress.String(), "int8 1x64x33, generic, threads 1\n") {
		t.Errorf("progress: got\n%s", &progress)
	}
	checkJSON(t, out.Bytes(), len(plan(o)))
	checkImage(t, file)
}

// TestChart draws every work in every format.
func TestChart(t *testing.T) {
	r := report{Limits: []limitRow{
		{Name: "I", Kind: limits.Peak, Threads: 1, Rate: 100, tier: isa.AVX2},
		{Name: "memory", Kind: limits.Reading, Threads: 1, Rate: 10},
	}}
	for i, name := range menu().Works {
		r.Rows = append(r.Rows, row{Work: name, Tier: "avx2", Threads: 1, intensity: float64(2 + 100*i), GOPS: float64(10 + i), planes: 1})
	}
	for end := range formats {
		file := filepath.Join(t.TempDir(), "chart"+end)
		if err := r.writeChart(file); err != nil {
			t.Fatal(err)
		}
		checkImage(t, file)
	}
}

func checkJSON(t *testing.T, data []byte, rows int) {
	t.Helper()
	var got struct{ Limits, Rows []map[string]any }
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != rows {
		t.Errorf("got %d rows, want %d", len(got.Rows), rows)
	}
	positive := func(in map[string]any, key string) {
		t.Helper()
		if v, ok := in[key].(float64); !ok || !(v > 0) || math.IsInf(v, 0) {
			t.Errorf("%v: got %q %v, want a positive finite value", in, key, in[key])
		}
	}
	for _, r := range got.Rows {
		for _, key := range []string{"work", "shape", "tier"} {
			if s, _ := r[key].(string); s == "" {
				t.Errorf("%v: got no %q", r, key)
			}
		}
		positive(r, "threads")
		positive(r, "gbps")
		if product := strings.Contains(r["shape"].(string), "x"); product {
			positive(r, "gops")
		} else if r["gops"] != nil || r["limit"] != "copy" {
			t.Errorf("%v: got an arithmetic of a conversion, want none", r)
		}
		unlimited := r["tier"] == "generic" &&
			(r["shape"] == "40x64x33" || strings.HasPrefix(r["work"].(string), "conv"))
		switch {
		case unlimited != (r["limit"] == nil) || unlimited != (r["percent_of_limit"] == nil):
			t.Errorf("%v: a limit is known is %v, want %v", r, !unlimited, unlimited)
		case !unlimited:
			positive(r, "percent_of_limit")
		}
	}
	if len(got.Limits) < 2*5 {
		t.Errorf("got %d limits, want 5 of each count of threads at least", len(got.Limits))
	}
	for _, l := range got.Limits {
		positive(l, "rate")
		if unit := map[any]string{"peak": "GOP/s", "read": "GB/s", "copy": "GB/s"}[l["kind"]]; l["unit"] != unit || l["name"] == "" {
			t.Errorf("%v: got unit %v, want %q", l, l["unit"], unit)
		}
	}
}

func checkImage(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(file) == ".png" {
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil || img.Bounds().Dx() < 500 || img.Bounds().Dy() < 500 {
			t.Errorf("%s: got %d bytes, %v", file, len(data), err)
		}
		return
	}
	texts := 0
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "text" {
			texts++
		}
	}
	if texts < 20 {
		t.Errorf("%s: got %d labels, want 20 or more", file, texts)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	progress := writerFunc(func(line []byte) {
		if bytes.HasPrefix(line, []byte("3/")) {
			cancel()
		}
	})
	err := run(ctx, &out, progress, small(t, "-work int8 -shapes 1x8x8,2x8x8,3x8x8,4x8x8 -threads 1"))
	if err == nil || err.Error() != "interrupted, with 2 rows measured" {
		t.Errorf("got %v", err)
	}
	if got := out.String(); !strings.Contains(got, " 2x8x8 ") || strings.Contains(got, " 3x8x8 ") {
		t.Errorf("got the table\n%s", got)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func TestChartWithoutPoints(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chart.png")
	if err := (report{Rows: []row{{Work: "quantize"}}}).writeChart(file); !errors.Is(err, errNoPoints) {
		t.Errorf("got %v, want %v", err, errNoPoints)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("got a file, want none")
	}
}

// TestRow compares percentages with those worked out by hand: a product of 2 GOP on 1 GB of weights.
func TestRow(t *testing.T) {
	c := measurement{work: work{name: "int8", bits: 8}, shape: workload.Shape{M: 1, K: 1 << 17, N: 1e9 >> 17}, tier: isa.Generic, threads: 1}
	amount := c.shape.Amount()
	for _, test := range []struct {
		name    string
		bounds  []bound
		limit   string
		percent float64
	}{
		{"none", nil, "", 0},
		{"one", []bound{{name: "read", factor: 2, rates: []float64{10, 10, 10}}}, "read", 100 * amount / 2 / 20},
		{"the lower", []bound{{name: "peak", factor: 1, rates: []float64{50, 50, 50}}, {name: "read", factor: 2, rates: []float64{10, 10, 10}}}, "read", 100 * amount / 2 / 20},
		{"two for one", []bound{{name: "peak", factor: 0.5, rates: []float64{30, 30, 30}}, {name: "read", factor: 2, rates: []float64{10, 10, 10}}}, "peak", 100 * amount / 2 / 15},
		{"by turns", []bound{{name: "read", factor: 1, rates: []float64{amount, amount / 2, amount / 8}}}, "read", 100},
	} {
		seconds := []float64{1, 2, 8}
		r := c.row(1e9, seconds, test.bounds)
		if r.Limit != test.limit || math.Abs(r.Percent-test.percent) > 1e-9*test.percent {
			t.Errorf("%s: got %v%% of %q, want %v%% of %q", test.name, r.Percent, r.Limit, test.percent, test.limit)
		}
		if math.Abs(r.GOPS-amount/2) > 1e-9 || math.Abs(r.GBPS-0.5) > 1e-9 || math.Abs(r.intensity-amount) > 1e-9 {
			t.Errorf("%s: got %+v, want %v GOP/s, 0.5 GB/s", test.name, r, amount/2)
		}
	}
}

func TestBounds(t *testing.T) {
	names := func(list []bound) (s []string) {
		for _, b := range list {
			s = append(s, b.name)
		}
		return s
	}
	for _, w := range works {
		for _, tier := range tiers() {
			for _, m := range []int{1, manyRows} {
				c := measurement{w, workload.Shape{M: m, K: 64, N: 32}, tier, 1}
				list := c.bounds(task{bytes: 2048})
				var want []string
				if w.bits == 0 {
					want = []string{"copy"}
				} else {
					for _, l := range limits.Peaks() {
						if l.Tier == tier && tier != isa.Generic {
							want = append(want, perPlanes(l.Name, kernel.Of(tier).Format.Operand(w.bits).Planes))
						}
					}
					if want != nil || m < manyRows {
						want = append(want, "read")
					}
				}
				if got := names(list); !slices.Equal(got, want) {
					t.Errorf("%v: got %q, want %q", c, got, want)
				}
				for _, b := range list {
					if b.name == "read" && b.factor != float64(2*m) {
						t.Errorf("%v: got %v operations a byte, want %d", c, b.factor, 2*m)
					}
				}
			}
		}
	}
}

func TestRoofs(t *testing.T) {
	all := []limitRow{
		{Name: "I", Kind: limits.Peak, Threads: 1, Rate: 100, tier: isa.AVX2},
		{Name: "I", Kind: limits.Peak, Threads: 2, Rate: 200, tier: isa.AVX2},
		{Name: "F", Kind: limits.Peak, Threads: 1, Rate: 60, tier: isa.Generic},
		{Name: "L1", Kind: limits.Reading, Threads: 1, Rate: 1000},
		{Name: "memory", Kind: limits.Reading, Threads: 1, Rate: 10},
		{Name: "copy", Kind: limits.Copying, Threads: 1, Rate: 9},
	}
	rows := []row{
		{Work: "int8", Tier: "avx2", Threads: 1, intensity: 2, GOPS: 18, planes: 1},
		{Work: "int8-weights-fixed24", Tier: "avx2", Threads: 1, intensity: 64, GOPS: 40, planes: 2},
	}
	f := frameOf(rows, all)
	if !(f.left < 2 && 64 < f.right && f.bottom < 18 && 100 < f.top && f.top < 200) {
		t.Errorf("got frame %+v", f)
	}
	var got []string
	for _, r := range f.roofs(rows, all) {
		got = append(got, r.label)
		if !r.level && math.Abs(r.ends[1].Y-100) > 1e-9 {
			t.Errorf("%s: got it to end at %v, want the peak, 100", r.label, r.ends[1])
		}
		for _, end := range r.ends {
			if end.X < f.left || end.X > f.right || end.Y < f.bottom || end.Y > f.top {
				t.Errorf("%s: got an end at %v, outside of %+v", r.label, end, f)
			}
		}
	}
	if want := []string{"I: 100 GOP/s", "I/2: 50 GOP/s", "F: 60 GOP/s", "memory: 10 GB/s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTable(t *testing.T) {
	r := report{
		Go: "go1", Arch: "any",
		Limits: []limitRow{{Name: "memory", Kind: limits.Reading, Bytes: 1, Threads: 2, Rate: 15.25}},
		Rows: []row{
			{Work: "int8", Shape: "1x2x3", Tier: "generic", Threads: 2, GOPS: 12345.6, GBPS: 3.25, Percent: 87.65, Limit: "read"},
			{Work: "int8", Shape: "32x2x3", Tier: "generic", Threads: 2, GOPS: 12, GBPS: 3.25},
			{Work: "quantize", Shape: "9 floats", Tier: "generic", Threads: 1, GBPS: 7, Percent: 50, Limit: "copy"},
		},
	}
	var out bytes.Buffer
	if err := r.writeTable(&out); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(out.String()), " ")
	const want = "go1 any limit threads GOP/s GB/s memory 2 15.25 " +
		"No peaks: this build has no assembly, or this machine none of its instructions. " +
		"int8 shape tier threads GOP/s GB/s % of 1x2x3 generic 2 12346 3.25 87.7 read 32x2x3 generic 2 12 3.25 " +
		"quantize shape tier threads GOP/s GB/s % of 9 floats generic 1 7 50.0 copy"
	if got != want {
		t.Errorf("got\n%s\nwant the words\n%s", &out, want)
	}
}
