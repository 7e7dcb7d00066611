package model_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"euryale/internal/flow"
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
	real, err := (&flow.Trained{Tensor: trained}).Float32s()
	if err != nil {
		t.Fatal(err)
	}
	g.Constants = map[string]*model.Constant{
		"w": {Shape: []int{2, 2}, Data: real, Trained: &flow.Trained{Tensor: trained}},
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
	g.Constants["w"].Trained = &flow.Trained{Err: errors.New("torn")}
	if err := newModel(t, g, nil).Write(new(bytes.Buffer)); err == nil {
		t.Error("what was trained and is torn: got no error")
	}
}
