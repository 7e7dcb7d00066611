package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// TestEveryOperation compares the operations that a model computes with those of the table.
func TestEveryOperation(t *testing.T) {
	var named []string
	for _, d := range ir.Describe() {
		named = append(named, d.Name)
	}
	if got := slices.Sorted(slices.Values(append(model.Ops(), ir.OpForeign))); !slices.Equal(got, named) {
		t.Errorf("a model computes %q, and ir names %q", got, named)
	}
}

// TestFormatDocument compares the operations in FORMAT.md with those of the table.
func TestFormatDocument(t *testing.T) {
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, d := range ir.Describe() {
		if d.Name == ir.OpForeign {
			continue // which no file holds
		}
		inputs, since, attributes := fmt.Sprint(d.Least), "–", "–"
		switch {
		case d.Most == 1<<16:
			inputs += " or more"
		case d.Most > d.Least:
			inputs += fmt.Sprint(" to ", d.Most)
		}
		if d.Since > 0 {
			since = fmt.Sprint(d.Since)
		}
		if d.Attributes != "" {
			attributes = "`" + strings.ReplaceAll(d.Attributes, ", ", "`, `") + "`"
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |", d.Name, since, inputs, attributes))
	}
	for _, row := range want {
		if !slices.Contains(rows, row) {
			t.Errorf("FORMAT.md lacks the row\n%s", row)
		}
	}
	for _, row := range rows {
		if !slices.Contains(want, row) {
			t.Errorf("FORMAT.md has a row that the table of operations has not:\n%s", row)
		}
	}
}

// TestFormatExample compares the example in FORMAT.md with what Write writes.
func TestFormatExample(t *testing.T) {
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	g := &ir.Network{
		Dims:    []ir.Dim{{Name: "batch"}, {Name: "length", Size: 8}},
		Inputs:  []ir.Value{{Name: "ids", Shape: []int{-1, -2}, Type: ir.Int64}},
		Outputs: []ir.Value{{Name: "y", Shape: []int{-1, 4}}},
		Nodes: []ir.Node{
			{Op: "Gather", Name: "words", Inputs: []string{"words.w", "ids"}, Output: "e"},
			{Op: "ReduceSum", Name: "sum", Inputs: []string{"e"}, Output: "s", Axes: []int{1}, KeepDims: new(false)},
			{Op: "Gemm", Name: "fc1", Inputs: []string{"s", "fc1.w", "fc1.b"}, Output: "y", TransB: true},
		},
		Constants: map[string]*ir.Constant{"words.w": count(9, 3), "fc1.w": count(4, 3), "fc1.b": count(4)},
	}
	m := newModel(t, g, map[string]model.Layer{
		"words": {Weight: quantize(t, g.Constants["words.w"], qtensor.Symmetric(8))},
		"fc1": {
			Weight: quantize(t, g.Constants["fc1.w"], qtensor.PerChannelSymmetric(8, 0)), Activations: model.StaticInt8,
			Params: qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{1. / 128}, ZeroPoints: []int32{128}},
		},
	})
	file := bytesOf(t, m)
	rewritten(t, file, func(got string) string {
		var want, have any
		if err := errors.Join(json.Unmarshal([]byte(example), &want), json.Unmarshal([]byte(got), &have)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, have) {
			t.Errorf("got\n%s\nand FORMAT.md has\n%s", got, example)
		}
		return got
	})
}
