package duel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"euryale/bench/internal/workload"
)

func TestGeoMean(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{5}, 5},
		{[]float64{0.5, 2}, 1},
		{[]float64{1, 10, 100}, 10},
	} {
		if got := GeoMean(c.x); math.Abs(got-c.want) > 1e-12*c.want {
			t.Errorf("%v: got %v, want %v", c.x, got, c.want)
		}
	}
	if got := GeoMean(nil); !math.IsNaN(got) {
		t.Errorf("nothing: got %v, want NaN", got)
	}
}

func TestParse(t *testing.T) {
	for args, want := range map[string]string{"-repeats 3": "lib.so", "-ort= -repeats 3": ""} {
		o, err := Parse(strings.Fields(args), workload.Menu{Works: []string{"one"}}, "lib.so", io.Discard)
		if err != nil || o.Repeats != 3 || !slices.Equal(o.Threads, []int{1, 2}) || o.ORT != want {
			t.Errorf("%s: got %+v, %v, want -ort %q", args, o, err, want)
		}
	}
}

// TestTruth compares what is sampled of a product with all of it, by its definition.
func TestTruth(t *testing.T) {
	for _, s := range []workload.Shape{{M: 1, K: 1, N: 1}, {M: 2, K: 5, N: 3}, {M: 40, K: 7, N: 300}} {
		o := workload.NewOperands(s)
		y := make([]float32, s.M*s.N)
		for i := range s.M {
			for j := range s.N {
				var sum float64
				for p := range s.K {
					sum += float64(o.Element(o.Q[i*s.K+p])) * float64(o.Scales[j]) * float64(o.W[p*s.N+j])
				}
				y[i*s.N+j] = float32(sum)
			}
		}
		truth := QuantizedProduct(o)
		if got := truth.SQNR(y); got < 120 {
			t.Errorf("%v: got %v dB, want float32's 140 or so", s, got)
		}
		if first, last := truth.at[0], truth.at[len(truth.at)-1]; first != 0 || last != len(y)-1 {
			t.Errorf("%v: sampled from %d to %d, want 0 to %d", s, first, last, len(y)-1)
		}
	}
}

func TestSQNR(t *testing.T) {
	truth := Truth{at: []int{0, 2}, want: []float64{3, 4}}
	for _, c := range []struct {
		got  []float32
		want float64
	}{
		{[]float32{3, 99, 4}, Exact},
		{[]float32{3, 99, 4.5}, 20},
		{[]float32{0, 99, 0}, 0},
		{[]float32{300, 99, 400}, 0},
		{[]float32{float32(math.NaN()), 99, 4}, 0},
		{[]float32{float32(math.Inf(1)), 99, 4}, 0},
	} {
		if got := float64(truth.SQNR(c.got)); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: got %v dB, want %v", c.got, got, c.want)
		}
	}
}

func TestMeasure(t *testing.T) {
	var order []string
	contender := func(name string, output float32) Contender {
		return Contender{
			Name:   name,
			Run:    func() error { order = append(order, name); return nil },
			Output: func() []float32 { return []float32{output} },
		}
	}
	truth := Truth{at: []int{0}, want: []float64{1}}
	results, err := Measure(t.Context(), []Contender{contender("a", 1), contender("b", 0.9)}, truth, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(order, ""), "ab"+"aabb"+"bbaa"+"aabb"; got != want {
		t.Errorf("order: got %s, want %s", got, want)
	}
	if a, b := results[0], results[1]; a.SQNR != Exact || math.Abs(float64(b.SQNR)-20) > 1e-5 || len(a.seconds) != 3 || a.Seconds() <= 0 {
		t.Errorf("got %+v and %+v", a, b)
	}
}

// TestUnknown measures what has no output, and what has a truth of its own alone.
func TestUnknown(t *testing.T) {
	own := Truth{at: []int{0}, want: []float64{1}}
	results, err := Measure(t.Context(), []Contender{
		{Name: "own", Run: func() error { return nil }, Output: func() []float32 { return []float32{1} }, Own: own},
		{Name: "meter", Meter: func(time.Duration) float64 { return 3 }},
	}, Truth{}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; r.SQNR.Known() || r.Own != Exact {
		t.Errorf("own: got %v and %v dB, want none and %v", r.SQNR, r.Own, Exact)
	}
	if r := results[1]; r.SQNR.Known() || r.Own.Known() || r.Seconds() != 3 {
		t.Errorf("meter: got %v and %v dB in %v s, want none in 3", r.SQNR, r.Own, r.Seconds())
	}
	var text, data bytes.Buffer
	report := Report{Rows: Rows("any", million(1), 1, results)}
	if err := errors.Join(report.WriteTable(&text), report.WriteJSON(&data)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(data.String(), `"peer_sqnr": null`) || strings.Contains(text.String(), "NaN") {
		t.Errorf("got\n%s\nand\n%s", &data, &text)
	}
}

func TestMeasureStops(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		name string
		run  func() error
		want error
	}{
		{"a failure", func() error { return broken }, broken},
		{"an interrupt", func() error { cancel(); return nil }, context.Canceled},
	} {
		calls := 0
		contender := Contender{
			Name:   c.name,
			Run:    func() error { calls++; return c.run() },
			Output: func() []float32 { return []float32{1} },
		}
		_, err := Measure(ctx, []Contender{contender}, Truth{at: []int{0}, want: []float64{1}}, 1000, time.Hour)
		if !errors.Is(err, c.want) || calls != 1 {
			t.Errorf("%s: got %v after %d calls, want %v after 1", c.name, err, calls, c.want)
		}
	}
}

// million is a product of some rows by a thousand by a thousand.
func million(rows int) Subject {
	return Subject{Name: workload.Shape{M: rows, K: 1000, N: 1000}.String(), Amount: 2e-3 * float64(rows), Unit: "GOP/s", Mean: rows >= 32}
}

// report is of a peer that is twice as slow, one that is as fast and one that is faster but does not count.
func report() Report {
	results := []Result{
		{Contender: Contender{Name: "ours", Kernel: "generic"}, seconds: []float64{1, 2, 4}},
		{Contender: Contender{Name: "slow"}, seconds: []float64{2, 4, 8}},
		{Contender: Contender{Name: "even"}, seconds: []float64{1, 2, 5}},
		{Contender: Contender{Name: "other", Aside: true}, seconds: []float64{0.5, 1, 2}},
	}
	rows := Rows("int8", million(1), 1, results)
	rows = append(rows, Rows("int8", million(32), 1, results)...)
	rows = append(rows, Rows("int8", million(64), 1, []Result{results[0], results[1]})...)
	rows = append(rows, Rows("quantize", Subject{Name: "floats", Amount: 1, Unit: "GB/s"}, 2, results[:1])...)
	return Report{Versions: map[string]string{"peer": "1.0"}, Rows: rows, Means: Means(rows)}
}

func TestRowsAndMeans(t *testing.T) {
	r := report()
	if got := len(r.Rows); got != 3+3+1+1 {
		t.Fatalf("got %d rows", got)
	}
	if slow, even := r.Rows[3], r.Rows[4]; slow.Ratio != 2 || slow.Best || even.Ratio != 1 || !even.Best || math.Abs(even.Ours-0.032) > 1e-9 {
		t.Errorf("m = 32: got %+v and %+v", slow, even)
	}
	if last := r.Rows[7]; last.Peer != "" || last.Unit != "GB/s" {
		t.Errorf("no peers: got %+v", last)
	}
	want := []Mean{
		{"int8", 1, "best", math.Sqrt2, 1, 2},
		{"int8", 1, "slow", 2, 2, 2},
		{"int8", 1, "even", 1, 1, 1},
		{"int8", 1, "other", 0.5, 0.5, 1},
	}
	if !slices.EqualFunc(r.Means, want, func(a, b Mean) bool {
		close := math.Abs(a.Ratio-b.Ratio) < 1e-12
		a.Ratio = b.Ratio
		return close && a == b
	}) {
		t.Errorf("means: got %+v, want %+v", r.Means, want)
	}
}

func TestWrite(t *testing.T) {
	var text, data bytes.Buffer
	r := report()
	if err := errors.Join(r.WriteTable(&text), r.WriteJSON(&data)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"peer 1.0\n", "\nint8\n", "\nquantize\n", "32x1000x1000  1        ours", "1 *", "GB/s",
		"geometric mean of 2, threads 1: ours/best 1.41 (least 1), slow 2, even 1, other 0.5\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("table: %q is not in\n%s", want, &text)
		}
	}
	var got struct {
		Rows  []map[string]any
		Means []map[string]any `json:"geomeans"`
	}
	if err := json.Unmarshal(data.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	row := got.Rows[4]
	for _, key := range []string{"work", "shape", "threads", "ours_speed", "ours_sqnr", "peer", "peer_speed", "ratio"} {
		if _, there := row[key]; !there {
			t.Errorf("JSON: %q is not in %v", key, row)
		}
	}
	if got.Means[0]["peer"] != "best" || got.Means[0]["threads"] != 1. {
		t.Errorf("JSON: got means %v", got.Means)
	}
}
