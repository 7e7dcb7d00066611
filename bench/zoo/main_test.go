package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
)

// cheap matches architectures that take a moment.
const cheap = "^(iris|logistic regression|DQN|weight-normalised dense layers)$"

// TestCheap takes a few from the graph to a file: they are saved, and reach what they are to reach.
func TestCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	o, err := parse([]string{"-json", "-ranges", "-repeats", "1", "-turn", "0", "-run", cheap}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, io.Discard, o); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(cheap, "|") + 1; len(rows) != want {
		t.Fatalf("got %d rows, want %d:\n%s", len(rows), want, out.Bytes())
	}
	for _, r := range rows {
		if !r.Saved || !(r.DynamicDB >= leastDynamic) || !(r.StaticDB >= leastStatic) || !(r.Int4DB > 5) || !(r.Int4PlainDB > 5) || r.Bytes < 1 || r.FloatBytes < 1 ||
			!(r.Times64 > 0 && r.Times1 > 0) || r.Name == "logistic regression" && !slices.Contains(r.KeptFloat, "Exp Exp_1") {
			t.Errorf("%s: got %+v", r.Name, r)
		}
		if !slices.Contains(slices.Collect(maps.Values(r.Ranges)), r.StaticDB) || len(r.Ranges) != len(estimators) {
			t.Errorf("%s: got %v by range, want %.1f among them", r.Name, r.Ranges, r.StaticDB)
		}
	}
}

// TestArchitectures holds what the table says of itself, and makes the graphs of all of them.
func TestArchitectures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	names := map[string]bool{}
	for _, a := range architectures {
		if names[a.name] || a.size == "" || (a.steps > 0) != (a.rate > 0) || (a.steps > 0) != (a.loss != nil) {
			t.Errorf("%s: got %+v", a.name, a)
		}
		names[a.name] = true
		n, err := a.graph(1, values{})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		s := a.draw(rand.New(rand.NewPCG(1, 1)), 1)
		if len(s.inputs) != len(n.Inputs) || len(s.targets) < len(a.loss) {
			t.Errorf("%s: got %d inputs, %d targets, want %d and %d or more", a.name, len(s.inputs), len(s.targets), len(n.Inputs), len(a.loss))
		}
		for i, x := range s.inputs {
			if !x.Shape().Eq(n.Inputs[i].Shape()) {
				t.Errorf("%s: input %d: got data of %v, want %v", a.name, i, x.Shape(), n.Inputs[i].Shape())
			}
		}
	}
	if len(names) != 26 {
		t.Errorf("got %d architectures, want 26", len(names))
	}
}

// TestTable has a row that failed and one that was not timed.
func TestTable(t *testing.T) {
	rows := []row{
		{
			Name: "a", Saved: true, DynamicDB: 35, StaticDB: 24.9, Int4DB: 20, Bytes: 25, FloatBytes: 100,
			Ranges: map[string]float64{"minmax": 24.9, "mse": 31},
		},
		{Name: "b", Error: "it has failed", DynamicDB: 40, StaticDB: 40},
	}
	var out bytes.Buffer
	if err := writeTable(&out, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"error: it has failed", "0.250",
		"minmax", "31.0",
		"Of 2 architectures 1 are saved, 1 dynamic ones reach 35 dB and 0 static ones 25 dB.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Against") {
		t.Errorf("got a speed that was not measured:\n%s", out.String())
	}
}

// TestFails has what fails as an error of the program, and what ctx ends.
func TestFails(t *testing.T) {
	for _, args := range [][]string{{"-repeats", "-1"}, {"-run", "("}, {"iris"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
	o, err := parse([]string{"-run", "no such"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), io.Discard, io.Discard, o); err == nil {
		t.Error("-run without a match: got no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o, err = parse([]string{"-json", "-run", "iris"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(ctx, &out, io.Discard, o); err == nil || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("interrupted: got %q, %v", out.String(), err)
	}
	if db := decibels([]float64{1, 2}, []float64{1, math.NaN()}); !math.IsNaN(db) {
		t.Errorf("NaN: got %v dB", db)
	}
}

// TestBroken has architectures that fail: each is a row with its error, and all of them an error of the program.
func TestBroken(t *testing.T) {
	defer func(list []architecture) { architectures = list }(architectures)
	good := architectures[slices.IndexFunc(architectures, func(a architecture) bool { return a.name == "iris" })]
	good.steps = 0
	panics, unread, untrained := good, good, good
	panics.name, panics.make = "panics", func(n *net) gorgonia.Nodes { return gorgonia.Nodes{must(gorgonia.Mul(n.input(2), n.input(3)))} }
	unread.name, unread.make = "unread", func(n *net) gorgonia.Nodes { return gorgonia.Nodes{must(gorgonia.Sum(n.input(5), 0))} }
	untrained.name, untrained.steps, untrained.rate, untrained.loss = "untrained", 1, 1, one(func(*net, node, node) node { panic("no loss") })
	architectures = []architecture{panics, unread, untrained, good}
	o, err := parse([]string{"-json", "-repeats", "0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, io.Discard, o); err == nil || err.Error() != "3 of 4 architectures fail" {
		t.Errorf("got error %v, want 3 of 4", err)
	}
	var rows []row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 4 {
		t.Fatalf("got %v, %v", rows, err)
	}
	for i, want := range []string{"graph of batch 7: ", "exprgraph: Read: ", "train: loss: no loss", ""} {
		if got := rows[i]; !strings.HasPrefix(got.Error, want) || (want == "") != (got.Error == "") || got.Saved != (want == "") {
			t.Errorf("%s: got %+v, want error %q", got.Name, got, want)
		}
	}
}
