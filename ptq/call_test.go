package ptq_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestStockOps runs an operation that model does not have, at more batch sizes than there are graphs kept.
func TestStockOps(t *testing.T) {
	values := map[string]*tensor.Dense{}
	build := func(batch int) (ptq.Graph, error) {
		z := newZoo(tensor.Float32, batch, values)
		h := must(gorgonia.Sparsemax(z.Dense(z.Input("x", 20), "a", 20, 30)))
		y := z.Dense(h, "b", 30, 10)
		return ptq.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 5, 1, 8, 20)}, nil)
	}
	m, r, err := ptq.Quantize(t.Context(), build, samples, ptq.Config{Activations: ptq.Static})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%v", r)
	if kept := strings.Join(r.Kept, ", "); !strings.Contains(kept, "sparsemaxOp") || len(r.Layers) != 2 || r.Outputs[0].SQNR < 25 || r.Outputs[0].ReadSQNR < 110 {
		t.Errorf("got:\n%v", r)
	}
	if err := m.Write(io.Discard); !errors.Is(err, model.ErrCall) {
		t.Errorf("Write: got error %v, want ErrCall", err)
	}
	var ins []*tensor.Dense
	var wants [][]float64
	for batch := range 7 {
		x := draw(tensor.Float32, uint64(batch), 1, batch+2, 20)
		ins, wants = append(ins, x), append(wants, output(t, m, x))
	}
	var wait sync.WaitGroup
	for g := range 16 {
		wait.Go(func() {
			for i := range 10 {
				k := (g + i) % len(ins)
				y, err := m.Run(t.Context(), map[string]tensor.Tensor{"x": ins[k]})
				if err != nil || !slices.Equal(wide(y[m.Outputs()[0].Name].(*tensor.Dense)), wants[k]) {
					t.Errorf("batch %d: got another result, or error %v", k+2, err)
				}
			}
		})
	}
	wait.Wait()
}
