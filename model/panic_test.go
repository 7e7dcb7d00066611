package model_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// rude is a context that panics in one of its methods, from a call on, and reports who calls.
type rude struct {
	context.Context
	method  string
	allowed int // calls before it panics
	callers func()
}

var errRude = errors.New("rude")

func (r *rude) called(method string) {
	r.callers()
	if method != r.method {
		return
	}
	if r.allowed--; r.allowed < 0 {
		panic(errRude)
	}
}

func (r *rude) Done() <-chan struct{} { r.called("Done"); return r.Context.Done() }
func (r *rude) Err() error            { r.called("Err"); return r.Context.Err() }
func (r *rude) Value(key any) any     { r.called("Value"); return r.Context.Value(key) }
func (r *rude) Deadline() (time.Time, bool) {
	r.called("Deadline")
	return r.Context.Deadline()
}

// goroutine returns the name of the goroutine that calls.
func goroutine() string {
	var b [64]byte
	name, _, _ := strings.Cut(string(b[:runtime.Stack(b[:], false)]), "[")
	return name
}

// caught returns what f panics with.
func caught(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// TestPanics has what belongs to the user panic in every place: contexts in their methods, functions that
// look on at each value, and operations. The panic is the caller's, no goroutine but the caller's calls what
// is the user's, and the model goes on as before.
func TestPanics(t *testing.T) {
	threads(t, 3)
	layers := quantized(t, mlp(), batchOf(1, 16, 20), "dynamic-int8")
	in := batchOf(1, 600, 20)
	want := run(t, newModel(t, mlp(), layers), in, "p")
	cases := 0
	for name, fresh := range map[string]bool{"first run": true, "later run": false} {
		m := newModel(t, mlp(), layers)
		if !fresh {
			_ = run(t, m, in, "p")
		}
		check := func(what string, f func()) {
			t.Helper()
			cases++
			if fresh {
				m = newModel(t, mlp(), layers)
			}
			if r, _ := caught(f).(error); !errors.Is(r, errRude) {
				t.Errorf("%s: %s: got panic %v, want the user's", name, what, r)
			}
			await(t, what, m.Idle)
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					out, err := m.Run(context.Background(), in)
					if err != nil || !slices.Equal(out["p"].(*tensor.Dense).Float32s(), want) {
						t.Errorf("%s: %s: error %v, or other bits afterwards", name, what, err)
					}
				})
			}
			group.Wait()
		}
		me := goroutine()
		for _, c := range []struct {
			method  string
			allowed int
		}{{"Done", 0}, {"Err", 0}, {"Err", 1}} {
			ctx, cancel := context.WithCancel(context.Background())
			r := &rude{ctx, c.method, c.allowed, func() {
				if who := goroutine(); who != me {
					t.Errorf("%s calls a method of the context of %s", who, me)
				}
			}}
			check(fmt.Sprintf("%s after %d calls", c.method, c.allowed), func() {
				_ = m.Observe(r, in, func(name string, _ []float32) error {
					if name == "r1" {
						cancel()
					}
					return nil
				})
			})
			cancel()
		}
		for _, value := range []string{"x", "r1", "h2", "t2", "h3", "p"} {
			for _, ctx := range []context.Context{context.Background(), t.Context()} {
				check("a function at "+value, func() {
					_ = m.Observe(ctx, in, func(name string, _ []float32) error {
						if who := goroutine(); who != me {
							t.Errorf("%s calls the function of %s", who, me)
						}
						if name == value {
							panic(errRude)
						}
						return nil
					})
				})
			}
		}
	}
	t.Logf("%d panics", cases)
}

// TestNilContext runs without a context: whatever the batch is, it is an error.
func TestNilContext(t *testing.T) {
	threads(t, 2)
	m := newModel(t, mlp(), quantized(t, mlp(), batchOf(1, 16, 20), "dynamic-int8"))
	for _, batch := range []int{1, 300, 20000} {
		in := batchOf(1, batch, 20)
		var none context.Context
		for range 2 {
			_, err := m.Run(none, in)
			_, timeErr := m.Time(none, in)
			for _, err := range []error{err, timeErr, m.Observe(none, in, func(string, []float32) error { return nil })} {
				if !errors.Is(err, qtensor.ErrParams) {
					t.Errorf("batch %d: got error %v, want ErrParams", batch, err)
				}
			}
			_ = run(t, m, in, "p")
		}
	}
}

// TestPanicOfCall has an operation panic, or end its goroutine: by a goroutine of its own if the run may be
// left. The model goes on.
func TestPanicOfCall(t *testing.T) {
	bad := true
	g := reversing(func(ctx context.Context, batch int, in []ir.Array) (ir.Array, error) {
		if bad {
			panic(errRude)
		}
		return reverse(ctx, batch, in)
	})
	m := newModel(t, g, nil)
	for name, ctx := range map[string]context.Context{
		"a context that ends": t.Context(),
		"one that does not":   context.Background(),
	} {
		bad = true
		r, _ := caught(func() { _, _ = m.Run(ctx, batchOf(1, 2, 3)) }).(error) // perhaps with the stack
		if !errors.Is(r, errRude) {
			t.Errorf("%s: got panic %v, want that of the operation", name, r)
		}
		bad = false
		_ = run(t, m, batchOf(1, 2, 3), "y")
		if !m.Idle() {
			t.Errorf("%s: the model is in use after a panic", name)
		}
	}
	g = reversing(func(context.Context, int, []ir.Array) (ir.Array, error) {
		runtime.Goexit()
		return ir.Array{}, nil
	})
	m, _ = model.New(g, nil)
	if out, err := m.Run(t.Context(), batchOf(1, 2, 3)); err == nil || out != nil {
		t.Errorf("a goroutine that ends: got %v, error %v", out, err)
	}
}

// TestCallThatBlocks cancels runs whose operation does not return, and takes no notice of its context. They
// are left: Run returns, also the one for which there is no room, and the next one works once they are done.
func TestCallThatBlocks(t *testing.T) {
	type entered struct {
		ctx context.Context
		in  []float32
	}
	begun, release := make(chan entered, 100), make(chan struct{})
	blocks := false
	m := newModel(t, reversing(func(ctx context.Context, batch int, in []ir.Array) (ir.Array, error) {
		if blocks {
			begun <- entered{ctx, in[0].Data}
			<-release
		}
		return reverse(ctx, batch, in)
	}), nil)
	in := batchOf(1, 2, 3)
	_ = run(t, m, in, "y") // so that only the call may take long
	blocks = true
	const runs = 20
	left := 0
	for i := range runs {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := m.Run(ctx, in)
			ended <- err
		}()
		if i < model.MaxAbandoned {
			e := <-begun
			cancel()
			<-e.ctx.Done()
			left++
		}
		for range 1000 { // in which a run would begin
			runtime.Gosched()
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run %d: got error %v, want that of the context", i, err)
		}
		scribble(in["x"])
	}
	if len(begun) != 0 {
		t.Errorf("%d runs began while %d were left, want none", len(begun), left)
	}
	if m.Idle() {
		t.Error("got no run that is left")
	}
	close(release)
	await(t, "runs that were left", m.Idle)
	blocks = false
	in = batchOf(1, 2, 3)
	copy(in["x"].Data().([]float32), []float32{1, 2, 1, 0, 10, 2})
	if got, want := run(t, m, in, "y"), []float32{6, 40, 0, 3, 8, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	t.Logf("%d runs, %d of them left", runs, left)
}
