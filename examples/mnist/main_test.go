package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"euryale/examples/mnist/digits"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// smallSet writes a set of n digits as IDX files and returns its folder.
func smallSet(t *testing.T, prefix string, n int) string {
	t.Helper()
	dir := t.TempDir()
	images, err := os.Create(filepath.Join(dir, prefix+"-images-idx3-ubyte"))
	if err != nil {
		t.Fatal(err)
	}
	defer images.Close()
	labels, err := os.Create(filepath.Join(dir, prefix+"-labels-idx1-ubyte"))
	if err != nil {
		t.Fatal(err)
	}
	defer labels.Close()
	if err := digits.Write(images, labels, n, 7); err != nil {
		t.Fatal(err)
	}
	return dir
}

// result runs the job, without speeds unless it is given a -turn, and returns its JSON.
func result(t *testing.T, args ...string) (r report, progress string) {
	t.Helper()
	var out, log bytes.Buffer
	if err := run(t.Context(), append([]string{"-json", "-turn", "0"}, args...), &out, &log); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	return r, log.String()
}

// withoutSpeeds wants speeds in r, and sets them to 0, since they differ from run to run.
func withoutSpeeds(t *testing.T, r *report) {
	t.Helper()
	if r.Float.PerSecond <= 0 || r.Float.AtOne <= 0 {
		t.Errorf("float: got %v and %v images/s", r.Float.PerSecond, r.Float.AtOne)
	}
	r.Float.PerSecond, r.Float.AtOne = 0, 0
	for i := range r.Methods {
		m := &r.Methods[i]
		if min(m.PerSecond, m.AtOne, m.TimesFloat, m.TimesAtOne) <= 0 {
			t.Errorf("%s: got speeds %+v", m.Method, m)
		}
		m.PerSecond, m.AtOne, m.TimesFloat, m.TimesAtOne = 0, 0, 0, 0
	}
}

func TestRun(t *testing.T) {
	data, out := smallSet(t, "t10k", 400), t.TempDir()
	first, progress := result(t, "-data", data, "-out", out, "-epochs", "3", "-turn", "100us")
	if strings.Contains(progress, "float weights of an earlier run") {
		t.Errorf("a run in an empty folder loaded weights: %s", progress)
	}
	withoutSpeeds(t, &first)
	if first.Float.Accuracy < 0.5 || first.Float.Bytes != 4*(784*512+512*256+256*10) {
		t.Errorf("float: got %+v", first.Float)
	}
	if len(first.Methods) != 17 {
		t.Fatalf("got %d methods, want 17", len(first.Methods))
	}
	for _, m := range first.Methods {
		want := map[string]float64{
			"Int4": 4, "UInt4": 4, "int4-group32": 4.5, "Float16": 16, "BFloat16": 16, "codebook-4bit": 4.25, "codebook-3bit": 3.25, "codebook-2bit": 2.25, "float32-model": 32,
		}[m.Method]
		if want == 0 {
			want = 8
		}
		if m.BitsPerWeight < want || m.BitsPerWeight > want+0.07 {
			t.Errorf("%s: got %v bits a weight, want %v and a little", m.Method, m.BitsPerWeight, want)
		}
		if m.SQNR < 6 || want > 4.5 && (m.SQNR < 30 || m.Agreement < 0.95) {
			t.Errorf("%s: got %.1f dB, agreement %v", m.Method, m.SQNR, m.Agreement)
		}
	}

	checkFiles(t, out)
	checkWeights(t, data, out)
	damageWeights(t, out)
	repaired, progress := result(t, "-data", data, "-out", out, "-epochs", "3")
	if !strings.Contains(progress, "training again") {
		t.Errorf("weights of another shape: got %s", progress)
	}
	for i, m := range first.Methods {
		if repaired.Methods[i] != m {
			t.Errorf("one seed, several results: %+v, %+v", m, repaired.Methods[i])
		}
	}
}

// checkWeights wants the float weights of an earlier run with the same digits in place of training.
func checkWeights(t *testing.T, data, out string) {
	t.Helper()
	c := config{model: "mlp", out: out, epochs: 3, seed: 1}
	set, err := loadData(data, c.seed)
	if err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	if _, err := trained(t.Context(), c, set, &progress); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(progress.String(), "float weights of an earlier run") {
		t.Errorf("the second run did not load the weights: %s", &progress)
	}
}

// TestRace measures the float network of every architecture beside one that takes no time.
func TestRace(t *testing.T) {
	data, err := loadData(smallSet(t, "t10k", 400), 1)
	if err != nil {
		t.Fatal(err)
	}
	none := func(*tensor.Dense) ([]float32, error) { return nil, nil }
	for name, a := range architectures {
		for _, batch := range []int{1, batchSize} {
			s, err := race(t.Context(), newNetwork(a, 1), none, data.test, batch, time.Microsecond)
			if err != nil || !(s.float > 0) || !(s.quantized > s.float) || !(s.ratio > 1) {
				t.Errorf("%s, batches of %d: got %+v, error %v, want the float network slower", name, batch, s, err)
			}
		}
	}
}

// damageWeights gives the saved float weights a bias of another shape.
func damageWeights(t *testing.T, out string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(out, "mlp-float-*"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("got float weights %q, %v, want one file", paths, err)
	}
	f, err := qtensor.Open(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := f.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Float["layer1.bias"].Reshape(1, 512); err != nil {
		t.Fatal(err)
	}
	if err := qtensor.Save(paths[0], b); err != nil {
		t.Fatal(err)
	}
}

func TestHalfASet(t *testing.T) {
	dir := smallSet(t, "t10k", 400)
	if err := os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), []string{"-data", dir, "-out", t.TempDir()}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "half a set") {
		t.Errorf("got %v, want an error that says half a set", err)
	}
}

// checkFiles reads back what a run leaves.
func checkFiles(t *testing.T, out string) {
	t.Helper()
	f, err := qtensor.Open(filepath.Join(out, "mlp-int4-group32.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := strings.Join(f.Quantized(), " "); got != "layer1 layer2 layer3" {
		t.Errorf("saved model has %s", got)
	}
	picture, err := os.Open(filepath.Join(out, "disagreements.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer picture.Close()
	if _, err := png.Decode(picture); err != nil {
		t.Error(err)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	args := []string{"-data", smallSet(t, "train", 400), "-out", t.TempDir(), "-epochs", "1", "-turn", "100us"}
	if err := run(t.Context(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for _, m := range methods(false, false) {
		if !strings.Contains(out.String(), m.name+" ") {
			t.Errorf("no line for %s in\n%s", m.name, out.String())
		}
	}
	for _, line := range lines[1:14] {
		if len([]rune(line)) != len([]rune(lines[0])) {
			t.Errorf("not aligned:\n%s\n%s", lines[0], line)
		}
	}
}

// An interrupt ends the run with its error, and leaves no weights that are half trained.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := t.TempDir()
	err := run(ctx, []string{"-data", smallSet(t, "t10k", 400), "-out", out}, io.Discard, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	left, err := os.ReadDir(out)
	if err != nil || len(left) > 0 {
		t.Errorf("got files %v, %v, want none", left, err)
	}
}

func TestBadFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-model", "resnet"}, "want mlp"},
		{[]string{"-epochs", "0"}, "want 1 or more"},
		{[]string{"-data", "no such folder"}, "no set of digits"},
		{[]string{"extra"}, "want flags only"},
		{[]string{"-no-such-flag"}, "not defined"},
	} {
		err := run(t.Context(), append([]string{"-out", t.TempDir()}, test.args...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want an error with %q", test.args, err, test.want)
		}
	}
}

// TestLenet is the convolutional networks, which have no methods of 16 bits.
func TestLenet(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for several seconds")
	}
	for _, model := range []string{"lenet", "lenet-bn"} {
		r, _ := result(t, "-data", smallSet(t, "t10k", 200), "-out", t.TempDir(), "-epochs", "2", "-model", model)
		if len(r.Methods) != 15 || r.Float.Bytes != 4*(16*25+32*400+512*128+1280) {
			t.Errorf("%s: got %d methods, want 15; float: %+v", model, len(r.Methods), r.Float)
		}
		for _, m := range r.Methods {
			if m.BitsPerWeight > 6 && (m.SQNR < 20 || m.Agreement < 0.95) {
				t.Errorf("%s, %s: got %.1f dB, agreement %v", model, m.Method, m.SQNR, m.Agreement)
			}
		}
	}
}
