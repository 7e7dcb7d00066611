package ptq_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestNilArguments leaves out every combination of what Quantize takes.
func TestNilArguments(t *testing.T) {
	build, samples := floatNet(layered("a"), tensor.Float32)
	float, _, err := exprgraph.ReadBuild(t.Context(), build)
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for left := range 8 {
		cases++
		ctx, m, s := t.Context(), float, samples
		if left&1 > 0 {
			ctx = nil
		}
		if left&2 > 0 {
			m = nil
		}
		if left&4 > 0 {
			s = nil
		}
		m, r, err := ptq.Quantize(ctx, m, s, ptq.Config{})
		if left == 0 && err != nil || left > 0 && (!errors.Is(err, qtensor.ErrParams) || m != nil || r != nil) {
			t.Errorf("left out %03b: got %v, %v, error %v, want ErrParams", left, m, r, err)
		}
	}
	t.Logf("%d combinations", cases)
}

// TestReportOfNothing asks nil and zero reports, and layers.
func TestReportOfNothing(t *testing.T) {
	for _, r := range []*ptq.Report{
		nil,
		{},
		{Layers: make([]ptq.LayerReport, 1), Outputs: make([]ptq.OutputReport, 1)},
		{Layers: []ptq.LayerReport{{Quantized: true}}},
	} {
		float, quantized := r.Bytes()
		if text := r.String(); float != 0 || quantized != 0 || !strings.HasPrefix(text, "layer") ||
			strings.Contains(text, "NaN") {
			t.Errorf("%+v: got %d and %d bytes, and\n%s", r, float, quantized, text)
		}
	}
	for _, a := range []model.Activations{math.MinInt, -1, 0, 5, math.MaxInt} {
		if text := a.String(); text == "" || a != 0 && text != fmt.Sprintf("Activations(%d)", int(a)) {
			t.Errorf("%d: got %q", int(a), text)
		}
	}
}

// TestReportNames has names that would tear the table, at each place of it: as many lines as with plain ones,
// and as wide.
func TestReportNames(t *testing.T) {
	report := func(name string) *ptq.Report {
		return &ptq.Report{
			Layers: []ptq.LayerReport{
				{Name: name, Op: name, Reason: name},
				{Name: name, Op: "Gemm", Quantized: true, Weights: name, Activations: model.StaticInt8, FloatBytes: 4, Bytes: 1},
				{Name: name, Op: "Gather", Quantized: true, Weights: name},
			},
			Kept: []string{name, "Relu " + name}, OnQuantized: []string{name}, Outputs: []ptq.OutputReport{{Name: name}},
		}
	}
	lines := strings.Count(report("w").String(), "\n")
	for _, name := range []string{
		"", " ", "\n", "\t", "\v", "\f", "\r", "\x00", "\xff", "a\xffb", "a\tb\nc", "\u0085",
		"\x1b[2J", "名", "100%", "%s%d", `"`,
	} {
		text := report(name).String()
		if got := strings.Count(text, "\n"); got != lines || strings.ContainsAny(text, "\t\v\f\r\x00\x1b") ||
			strings.Contains(text, "%!") {
			t.Errorf("%q: got %d lines, want %d:\n%s", name, got, lines, text)
		}
		for _, bad := range []string{"\xff", "\u0085"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q: %q in\n%s", name, bad, text)
			}
		}
	}
}
