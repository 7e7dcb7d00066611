package ptq_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"euryale/exprgraph"
	nets "euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestForeignOps runs an operation that model does not have, at more batch sizes than there are graphs kept.
func TestForeignOps(t *testing.T) {
	values := map[string]*tensor.Dense{}
	build := func(batch int) (exprgraph.Graph, error) {
		z := newZoo(tensor.Float32, batch, values)
		h := must(gorgonia.ApplyOp(nets.NewIdentity("mine", func() error { return nil }), z.Dense(z.Input("x", 20), "a", 20, 30)))
		y := z.Dense(h, "b", 30, 10)
		return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 5, 1, 8, 20)}, nil)
	}
	m, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Activations: model.StaticInt8})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%v", r)
	if kept := strings.Join(r.Kept, ", "); !strings.Contains(kept, "mine") || len(r.Layers) != 2 ||
		r.Outputs[0].SQNR < 25 || r.Read.Outputs[0].SQNR < 110 {
		t.Errorf("got:\n%v", r)
	}
	if err := m.Write(io.Discard); !errors.Is(err, model.ErrForeign) {
		t.Errorf("Write: got error %v, want ErrForeign", err)
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

// TestCallsOfTheUser: an op of the user's that panics, fails, or never ends while a model runs; and one that
// keeps its result in its own memory, which several goroutines call.
func TestCallsOfTheUser(t *testing.T) {
	var do atomic.Pointer[func() error]
	set := func(f func() error) { do.Store(&f) }
	set(func() error { return nil })
	build := func(batch int) (exprgraph.Graph, error) {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 4), gorgonia.WithName("x"))
		op := nets.NewIdentity("mine", func() error { return (*do.Load())() })
		y := must(gorgonia.Tanh(must(gorgonia.ApplyOp(op, x))))
		return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, nil
	}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 2, 1, 3, 4)}, nil)
	}
	m, _, err := quantizeBuild(t.Context(), build, samples, ptq.Config{AllowFloat: true})
	if err != nil {
		t.Fatal(err)
	}
	run := func(ctx context.Context) error {
		_, err := m.Run(ctx, map[string]tensor.Tensor{"x": draw(tensor.Float32, 2, 1, 5, 4)})
		return err
	}
	failed := errors.New("failed")
	for name, f := range map[string]func() error{
		"fails": func() error { return failed }, "panics": func() error { panic("slipped") },
		"panics with an error": func() error { panic(failed) },
		"runs the model":       func() error { return run(context.Background()) },
	} {
		for _, ctx := range []context.Context{t.Context(), context.Background()} {
			set(f)
			if err := run(ctx); !errors.Is(err, exprgraph.ErrOp) || !strings.Contains(err.Error(), "identity") {
				t.Errorf("%s: got error %v, want one that names the op", name, err)
			}
			_, _, err := quantizeBuild(ctx, build, samples, ptq.Config{AllowFloat: true})
			if name != "runs the model" && err == nil {
				t.Errorf("%s: Quantize took it", name)
			}
			set(func() error { return nil })
			if err := run(ctx); err != nil {
				t.Errorf("%s: got error %v afterwards", name, err)
			}
		}
	}
	begun, goOn := make(chan bool), make(chan bool)
	set(func() error { close(begun); <-goOn; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- run(ctx) }()
	<-begun
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("one that does not end: got error %v, want that of the context", err)
	}
	set(func() error { return nil })
	waits, cancel := context.WithCancel(t.Context())
	go func() { ended <- run(waits) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a run behind it: got error %v, want that of the context", err)
	}
	close(goOn)
	var count int // of nobody's but the op
	set(func() error { count++; return nil })
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if err := run(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if count != 20 {
		t.Errorf("got %d calls of the op, want 20, one at a time", count)
	}
}
