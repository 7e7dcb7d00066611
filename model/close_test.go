package model_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// methods is every method of a model that returns an error.
func methods(dir string, in map[string]tensor.Tensor) map[string]func(m *model.Model) error {
	return map[string]func(m *model.Model) error{
		"Run": func(m *model.Model) error {
			_, err := m.Run(context.Background(), in)
			return err
		},
		"Observe": func(m *model.Model) error {
			return m.Observe(context.Background(), in, func(string, []float32) error { return nil })
		},
		"Time": func(m *model.Model) error {
			_, err := m.Time(context.Background(), in)
			return err
		},
		"Save":  func(m *model.Model) error { return m.Save(filepath.Join(dir, "copy")) },
		"Write": func(m *model.Model) error { return m.Write(io.Discard) },
	}
}

// dynamic is an mlp of 8 bits.
func dynamic(t *testing.T) *model.Model {
	t.Helper()
	return newModel(t, mlp(), quantized(t, mlp(), batchOf(1, 8, 20), "dynamic-int8"))
}

// open reports whether the process has the file open or mapped; it skips where the system does not tell.
func open(t *testing.T, path string) bool {
	t.Helper()
	return holds(t, path) > 0
}

// holds returns how many descriptors and mappings of the file the process has; it skips where the system does
// not tell.
func holds(t *testing.T, path string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell what is open")
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	n := strings.Count(string(maps), path)
	for _, f := range list {
		if to, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && to == path {
			n++
		}
	}
	return n
}

// TestClose closes models of every source, twice: what comes later is an error.
func TestClose(t *testing.T) {
	in := batchOf(1, 2, 20)
	m, path := reloaded(t, dynamic(t))
	file := bytesOf(t, m)
	read, err := model.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for name, m := range map[string]*model.Model{"Load": m, "Read": read, "New": newModel(t, mlp(), nil)} {
		if _, err := m.Run(t.Context(), in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Errorf("%s: Close: %v", name, err)
			}
			for method, call := range methods(t.TempDir(), in) {
				cases++
				if err := call(m); !errors.Is(err, os.ErrClosed) || !strings.HasPrefix(err.Error(), "model: "+method) {
					t.Errorf("%s: %s of a closed model: got error %v, want os.ErrClosed", name, method, err)
				}
			}
		}
		if len(m.Inputs()) != 1 || len(m.Outputs()) != 1 {
			t.Errorf("%s: a closed model has inputs %v and outputs %v", name, m.Inputs(), m.Outputs())
		}
	}
	t.Logf("%d calls of closed models", cases)
	if open(t, path) {
		t.Error("the file of a closed model is open")
	}
}

// TestManyLoads closes as many models as a process rarely has descriptors for, of which no collection takes
// any: the process has no more of the file than a single model does.
func TestManyLoads(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	m, path := reloaded(t, dynamic(t))
	one := holds(t, path)
	for range 1100 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if m, err = model.Load(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := holds(t, path); got != one {
		t.Errorf("got %d descriptors and mappings after 1,100 loads, want %d", got, one)
	}
	_ = m.Close()
	if got := holds(t, path); got != 0 {
		t.Errorf("got %d descriptors and mappings of a closed model, want none", got)
	}
}

// TestCloseWhileRunning closes a model while runs are at their first node: they end well, and the last of
// them closes the file.
func TestCloseWhileRunning(t *testing.T) {
	m, path := reloaded(t, dynamic(t))
	in := batchOf(1, 2, 20)
	want := run(t, dynamic(t), in, "p")
	var running, ended sync.WaitGroup
	release := make(chan struct{})
	got := make([][]float32, 4)
	for i := range got {
		running.Add(1)
		ended.Go(func() {
			err := m.Observe(context.Background(), in, func(name string, x []float32) error {
				switch name {
				case "x":
					running.Done()
					<-release
				case "p":
					got[i] = slices.Clone(x)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if err := m.Close(); err != nil { // a Close that waits for them waits for ever
		t.Error(err)
	}
	if _, err := m.Run(t.Context(), in); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got error %v, want os.ErrClosed", err)
	}
	close(release)
	ended.Wait()
	for i := range got {
		if !slices.Equal(got[i], want) {
			t.Errorf("run %d: other bits from a model that was closed meanwhile", i)
		}
	}
	if open(t, path) {
		t.Error("the file is open after the last run")
	}
}

// TestNoModel calls everything on nil and on the zero Model.
func TestNoModel(t *testing.T) {
	for name, m := range map[string]*model.Model{"nil": nil, "zero": {}} {
		for method, call := range methods(t.TempDir(), nil) {
			if err := call(m); !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), method) {
				t.Errorf("%s: %s: got error %v, want ErrParams", name, method, err)
			}
		}
		if err := m.Close(); !errors.Is(err, qtensor.ErrParams) {
			t.Errorf("%s: Close: got error %v, want ErrParams", name, err)
		}
		if m.Inputs() != nil || m.Outputs() != nil || m.QuantizedValues() != nil || m.Layers() != nil {
			t.Errorf("%s: got inputs %v, outputs %v, quantized %v, want none", name, m.Inputs(), m.Outputs(), m.QuantizedValues())
		}
	}
	m := newModel(t, mlp(), nil)
	var typed *tensor.Dense
	for name, in := range map[string]map[string]tensor.Tensor{
		"nil": nil, "empty": {}, "a nil tensor": {"x": nil}, "a typed nil": {"x": typed},
		"an empty tensor": {"x": new(tensor.Dense)},
		"a sparse tensor": {"x": new(tensor.CS)},
	} {
		if _, err := m.Run(t.Context(), in); !errors.Is(err, qtensor.ErrNotFound) && !errors.Is(err, qtensor.ErrLayout) {
			t.Errorf("%s: got error %v, want ErrNotFound or ErrLayout", name, err)
		}
	}
	if err := m.Observe(t.Context(), batchOf(1, 2, 20), nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("no function: got error %v, want ErrParams", err)
	}
	for _, opts := range [][]model.Option{{nil}, {model.WithMemoryLimit(0)}, {model.WithMemoryLimit(-1)}} {
		if _, err := model.New(mlp(), nil, opts...); !errors.Is(err, qtensor.ErrParams) {
			t.Errorf("got error %v, want ErrParams", err)
		}
	}
}

// TestManyAtOnce has thousands of goroutines run, cancel, observe, save and close one model after the other.
func TestManyAtOnce(t *testing.T) {
	threads(t, 4)
	const goroutines = 2000
	first, path := reloaded(t, dynamic(t))
	_ = first.Close()
	in := batchOf(1, 300, 20)
	want := run(t, dynamic(t), in, "p")
	var answers, left, refused atomic.Int64
	for round := range 3 {
		m, err := model.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for i := range goroutines {
			group.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var err error
				switch i % 8 {
				case 0:
					err = m.Observe(ctx, in, func(name string, _ []float32) error {
						if name == "h1" || name == "r1" {
							cancel()
						}
						return nil
					})
				case 1:
					err = m.Write(io.Discard)
					for i < 16 && err == nil { // two write until the model is closed
						err = m.Write(io.Discard)
					}
				case 2:
					if i > goroutines/2 {
						for answers.Load() < int64(200*(round+1)) {
							runtime.Gosched()
						}
						_ = m.Close()
					}
				case 3:
					go cancel()
					fallthrough
				default:
					var out map[string]tensor.Tensor
					if out, err = m.Run(ctx, in); err == nil {
						answers.Add(1)
						if !slices.Equal(out["p"].(*tensor.Dense).Float32s(), want) {
							t.Error("other bits")
						}
					}
				}
				switch {
				case errors.Is(err, context.Canceled):
					left.Add(1)
				// and not its file meanwhile
				case errors.Is(err, os.ErrClosed) && strings.Contains(err.Error(), "the model was closed"):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				}
			})
		}
		group.Wait()
		await(t, "runs that were left", m.Idle)
	}
	t.Logf("%d goroutines: %d answers, %d cancelled, %d refused", 3*goroutines, answers.Load(), left.Load(), refused.Load())
	if open(t, path) {
		t.Error("the file is open")
	}
}
