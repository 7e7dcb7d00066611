package model_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// TestNetwork gives back what New took, also after Load; its lists are the caller's.
func TestNetwork(t *testing.T) {
	trained := quantize(t, values([]int{2, 2}, 1, 0, 0.5, -1), qtensor.Symmetric(4))
	g := &model.Network{
		Inputs: []model.Value{{Name: "x", Shape: []int{-1, 2}}}, Outputs: []model.Value{{Name: "y", Shape: []int{-1, 2}}},
		Nodes: []model.Node{{Op: "Gemm", Name: "n", Inputs: []string{"x", "w", "b"}, Output: "h"}, {Op: "Tanh", Name: "t", Inputs: []string{"h"}, Output: "y"}},
	}
	real, err := (&ir.Trained{Tensor: trained}).Float32s()
	if err != nil {
		t.Fatal(err)
	}
	g.Constants = map[string]*model.Constant{
		"w": {Shape: []int{2, 2}, Data: real, Trained: &ir.Trained{Tensor: trained}},
		"b": values([]int{2}, 1, 2),
	}
	made := newModel(t, g, nil)
	path := filepath.Join(t.TempDir(), "m")
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*model.Model{"made": made, "loaded": loaded} {
		for range 2 { // what the first changes is its own
			got, err := m.Network()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			q := got.Constants["w"].Trained.Tensor
			if !reflect.DeepEqual(got.Nodes, g.Nodes) || !reflect.DeepEqual(got.Inputs, g.Inputs) || !reflect.DeepEqual(got.Constants["w"].Data, real) ||
				!reflect.DeepEqual(got.Constants["b"], g.Constants["b"]) || q.Scheme() != trained.Scheme() || !reflect.DeepEqual(q.Codes().Data(), trained.Codes().Data()) {
				t.Fatalf("%s: got %+v, want %+v", name, got, g)
			}
			got.Nodes[0].Op, got.Nodes[1].Inputs[0], got.Inputs[0].Shape[1] = "Conv", "y", 7
			delete(got.Constants, "w")
		}
	}
	if err := loaded.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.Network(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: got error %v, want ErrClosed", err)
	}
	quantized := newModel(t, g, map[string]model.Layer{"n": {Weight: trained}})
	for name, m := range map[string]*model.Model{"quantized": quantized, "nil": nil, "zero": {}} {
		if got, err := m.Network(); !errors.Is(err, qtensor.ErrParams) || got != nil {
			t.Errorf("%s: got %v, error %v, want ErrParams", name, got, err)
		}
	}
	g.Constants["w"].Trained = &ir.Trained{Err: errors.New("torn")}
	if err := newModel(t, g, nil).Write(new(bytes.Buffer)); err == nil {
		t.Error("what was trained and is torn: got no error")
	}
}

// TestTrainedNames has constants that were quantized in training, with names so long that a header just holds
// them, or does not: what New takes, Write writes.
func TestTrainedNames(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("takes long")
	}
	q := quantize(t, values([]int{1, 1}, 1), qtensor.Uniform(4).PerAxis(1).WithScales(qtensor.ScaleFloat16))
	for _, size := range []int{600 << 10, 1 << 20, 2 << 20} {
		g := &model.Network{Inputs: []model.Value{{Name: "x", Shape: []int{-1, 1}}}, Constants: map[string]*model.Constant{}}
		in := "x"
		for i := range 12 {
			name := fmt.Sprint(strings.Repeat("w", size), i)
			g.Constants[name] = &model.Constant{Shape: []int{1, 1}, Data: []float32{1}, Trained: &ir.Trained{Tensor: q}}
			g.Nodes = append(g.Nodes, model.Node{Op: "Add", Name: fmt.Sprint("n", i), Inputs: []string{in, name}, Output: fmt.Sprint("y", i)})
			in = fmt.Sprint("y", i)
		}
		g.Outputs = []model.Value{{Name: in}}
		m, err := model.New(g, nil)
		t.Logf("names of %d KB: %.100v", size>>10, err)
		if err == nil {
			if err := m.Write(io.Discard); err != nil {
				t.Errorf("names of %d bytes: New takes what Write does not: %.200v", size, err)
			}
		} else if size == 600<<10 {
			t.Errorf("names of %d bytes: %.200v", size, err)
		}
	}
}
