package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"euryale/bench/internal/workload"
)

// small returns options that take a moment, of the networks given.
func small(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parse(append([]string{"-json", "-threads", "1,2", "-repeats", "1", "-burst", "0"}, args...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	o.batches, o.bytes, o.singles, o.beside, o.images = []int{1, 64, 128}, 8e6, 20, 64, 8
	return o
}

// TestWorks looks for the rows of each work, and at their figures.
func TestWorks(t *testing.T) {
	networks := "lenet,resnet8,mobilenet"
	if testing.Short() {
		networks = "lenet"
	}
	o := small(t, "-networks", networks)
	var out bytes.Buffer
	if err := run(t.Context(), &out, io.Discard, o); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	counts, cases := map[string]int{}, map[string]bool{}
	for _, r := range rows {
		counts[r.Work]++
		cases[r.Network+" "+r.Case] = true
		for name, x := range r.Figures {
			if !(x > 0) || math.IsInf(x, 0) {
				t.Errorf("%+v: got %v %s, want a positive number", r, x, name)
			}
		}
	}
	for _, w := range works {
		// of a network: batches of two kinds; alone and beside; pauses; batches of three kinds; five and their stages
		want := map[string]int{"batches": 2 * 6, "latency": 2 * 4, "single": 2, "mixed": 2 * 6, "calibration": 2 * 10}[w.name]
		if want *= len(o.networks); counts[w.name] != want {
			t.Errorf("%s: got %d rows, want %d", w.name, counts[w.name], want)
		}
	}
	if !testing.Short() && !cases["mobilenet int8, batch 72 (0.008 GB)"] {
		t.Errorf("got no row of MobileNet for 8 MB of images: %v", cases)
	}
	if len(rows) > 0 && len(rows[0].Figures) != len(works[0].columns) {
		t.Errorf("got figures %v, want %q", rows[0].Figures, works[0].columns)
	}
}

// TestInterrupted writes the table of what there was.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &session{Context: ctx, options: small(t, "-networks", "lenet", "-work", "mixed"), progress: io.Discard}
	if err := s.measure(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := writeTables(&out, s.rows); err != nil || !strings.Contains(out.String(), "batch 64, ends float32") {
		t.Errorf("got %v and\n%s", err, &out)
	}
	cancel()
	out.Reset()
	err := run(ctx, &out, io.Discard, s.options)
	if err == nil || !strings.Contains(err.Error(), "interrupted, with 0 rows") || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("got %v and\n%s", err, &out)
	}
}

// TestMixed holds a network with ends in float32 to the float one.
func TestMixed(t *testing.T) {
	n, static, float, err := models(workload.LeNet(), observed)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := n.Static([]string{"conv1", "fc2"})
	if err != nil {
		t.Fatal(err)
	}
	all := static.Layers()
	for i, l := range ends.Layers() {
		if end := i == 0 || i == len(all)-1; !all[i].Quantized || l.Quantized == end {
			t.Errorf("layer %s: got quantized %v, and %v in all int8, want the ends float32", l.Name, l.Quantized, all[i].Quantized)
		}
	}
	want, err := float.Run(t.Context(), n.Inputs(n.Images))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ends.Run(t.Context(), n.Inputs(n.Images))
	if err != nil {
		t.Fatal(err)
	}
	var signal, noise float64
	for i, x := range want[n.Output()].Data().([]float32) {
		off := float64(x - got[n.Output()].Data().([]float32)[i])
		signal += float64(x) * float64(x)
		noise += off * off
	}
	if db := 10 * math.Log10(signal/noise); !(db > 30) {
		t.Errorf("got %.1f dB, want 30 or more", db)
	}
}
