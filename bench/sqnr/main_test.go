package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// The formats that have a target reach it.
func TestTargets(t *testing.T) {
	var out bytes.Buffer
	only := "8 per channel|8 group|float|group (16|32|64)$"
	if testing.Short() {
		only = "8 per channel|8 group|^b?float|codebook4 learned, group 32"
	}
	if err := run(&out, options{seeds: 1, speed: true, asJSON: true, only: only}); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	reached := 0
	for _, r := range rows {
		if r.Ceiling > 0 && r.SQNR > r.Ceiling {
			t.Errorf("%s, %s: got %.2f dB, above the bound %.2f", r.Weights, r.Format, r.SQNR, r.Ceiling)
		}
		if r.Speed <= 0 {
			t.Errorf("%s, %s: got %v Mweights/s", r.Weights, r.Format, r.Speed)
		}
		if r.Target > 0 {
			reached++
			if r.SQNR < r.Target-0.05 { // one seed moves by less than that
				t.Errorf("%s, %s: got %.2f dB, want %.2f", r.Weights, r.Format, r.SQNR, r.Target)
			}
		}
	}
	if reached < 6 {
		t.Errorf("got targets in %d of %d rows, want 6 or more", reached, len(rows))
	}
}

// TestNet measures the layers of a file, and tells where there is none.
func TestNet(t *testing.T) {
	dir := t.TempDir()
	weights := func(shape ...int) *tensor.Dense {
		x := tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
		for i, data := 0, x.Data().([]float32); i < len(data); i++ {
			data[i] = float32(i%7) - 3
		}
		return x
	}
	net, biases := filepath.Join(dir, "net"), filepath.Join(dir, "biases")
	for path, float := range map[string]map[string]*tensor.Dense{
		net:    {"dense": weights(40, 3), "kernel": weights(4, 2, 3, 3), "bias": weights(3)},
		biases: {"bias": weights(3)},
	} {
		if err := qtensor.Save(path, qtensor.Bundle{Float: float}); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := run(&out, options{seeds: 1, net: net, only: "codebook4 learned, group 32"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dense", "kernel"} {
		if !strings.Contains(out.String(), name+"  codebook4") {
			t.Errorf("got no row of %q:\n%s", name, out.String())
		}
	}
	if strings.Contains(out.String(), "bias") || strings.Contains(out.String(), "No rows") {
		t.Errorf("got a row of biases, or no rows:\n%s", out.String())
	}
	for _, path := range []string{biases, filepath.Join(dir, "none")} {
		if err := run(&out, options{seeds: 1, net: path}); err == nil {
			t.Errorf("-net %s: got no error", filepath.Base(path))
		}
	}
}

// TestChannels turns a matrix (in, out), whose channels are columns.
func TestChannels(t *testing.T) {
	m, ok := matrixOf(tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6})))
	if !ok || m.channels != 3 || m.row != 2 || m.x[0] != 1 || m.x[1] != 4 || m.x[5] != 6 {
		t.Errorf("got %+v, %v", m, ok)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, options{seeds: 1, only: "^int8"}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 1+2+2 || !strings.Contains(got, "No rows of a trained net") {
		t.Errorf("got %s", got)
	}
	for _, o := range []options{{}, {seeds: 1, only: "("}} {
		if err := run(&out, o); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
}
