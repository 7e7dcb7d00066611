package main

import (
	"io"
	"path/filepath"
	"slices"
	"testing"

	"euryale/qtensor"
)

// TestQAT trains on through few bits, which gives back what rounding alone has cost.
func TestQAT(t *testing.T) {
	out := t.TempDir()
	r, _ := result(t, "-data", smallSet(t, "t10k", 400), "-out", out, "-epochs", "4", "-qat")
	got := map[string]methodLine{}
	for _, m := range r.Methods[13:] {
		got[m.Method] = m
	}
	for _, bits := range []string{"4bit", "2bit"} {
		post, qat := got["post-"+bits], got["qat-"+bits]
		t.Logf("%s: accuracy %v after training, %v trained, float %v", bits, post.Accuracy, qat.Accuracy, r.Float.Accuracy)
		if post.Bytes == 0 || post.Bytes != qat.Bytes {
			t.Errorf("%s: got %d and %d bytes, want the same", bits, post.Bytes, qat.Bytes)
		}
	}
	if post, qat := got["post-2bit"], got["qat-2bit"]; qat.Accuracy < post.Accuracy+0.05 {
		t.Errorf("2 bits: got accuracy %v where they were trained, %v where not, want better", qat.Accuracy, post.Accuracy)
	}
}

// TestTuned wants the quantized weights of a saved network that was trained on: its weights quantized by
// its scales, with normalizations folded.
func TestTuned(t *testing.T) {
	c := config{model: "lenet-bn", seed: 1, epochs: 1}
	data, err := loadData(smallSet(t, "t10k", 400), c.seed)
	if err != nil {
		t.Fatal(err)
	}
	net := newNetwork(architectures[c.model], c.seed)
	before := slices.Clone(net.values["conv1"].Float32s())
	few, err := tuned(t.Context(), c, net, 2, data.train, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(net.values["conv1"].Float32s(), before) || net.bits != 0 {
		t.Error("the network that was given has changed")
	}
	path := filepath.Join(t.TempDir(), "model")
	if _, _, err := quantized(t.Context(), path, few, method{scheme: fewBits(8, 1)}, data, 0); err != nil {
		t.Fatal(err)
	}
	f, err := qtensor.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range net.params {
		if p.in == 0 {
			continue
		}
		got, err := f.QTensor(p.name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := qtensor.QuantizeWith(few.values[p.name],
			qtensor.Params{Scheme: fewBits(2, p.output()), Scales: few.values[p.scale()].Float32s()})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Codes().Int8s(), want.Codes().Int8s()) {
			t.Errorf("%s: got %v, want %v", p.name, got, want)
		}
	}
}
