package ptq_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// calling is a model that sums over the batch, which is a call of Gorgonia in a graph that build makes, and
// does then what inner says.
type calling struct {
	*model.Model
	lock  sync.Mutex
	inner func(batch int) error
	built map[int]int // by batch
}

func newCalling(t *testing.T) *calling {
	t.Helper()
	c := &calling{built: map[int]int{}}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 1, 1, 3, 4)}, nil)
	}
	var err error
	if c.Model, _, err = quantizeBuild(t.Context(), c.build, samples, ptq.Config{AllowFloat: true}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *calling) build(batch int) (exprgraph.Graph, error) {
	c.lock.Lock()
	c.built[batch]++
	inner := c.inner
	c.lock.Unlock()
	if inner != nil {
		if err := inner(batch); err != nil {
			return exprgraph.Graph{}, err
		}
	}
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 4), gorgonia.WithName("x"))
	return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{must(gorgonia.Sum(x, 0))}}, nil
}

// set changes what builds do.
func (c *calling) set(inner func(batch int) error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.inner = inner
}

// run sums ones.
func (c *calling) run(ctx context.Context, batch int) error {
	x := slices.Repeat([]float32{1}, 4*batch)
	y, err := c.Run(ctx, map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(batch, 4), tensor.WithBacking(x))})
	if err != nil {
		return err
	}
	got := y[c.Outputs()[0].Name].(*tensor.Dense).Float32s()
	if want := slices.Repeat([]float32{float32(batch)}, 4); !slices.Equal(got, want) {
		return errors.New("got another sum")
	}
	return nil
}

// TestBuilds: builds in Run that do what they should not, and several goroutines that wait for them.
func TestBuilds(t *testing.T) {
	failed := errors.New("failed")
	reenters := func(err error) error {
		if !errors.Is(err, exprgraph.ErrReentrant) {
			return errors.Join(errors.New("a run within a build ended otherwise"), err)
		}
		return nil
	}
	count := 0
	for _, c := range []struct {
		name  string
		inner func(m *calling, batch int) error
		want  error
		says  string
	}{
		{"plain", func(*calling, int) error { return nil }, nil, ""},
		{"fails", func(*calling, int) error { return failed }, failed, "build for batch size"},
		{"panics", func(*calling, int) error { panic("slipped") }, nil, "panics: slipped"},
		{"panics with an error", func(*calling, int) error { panic(failed) }, failed, "panics: failed"},
		{"at the same batch", func(m *calling, batch int) error { return reenters(m.run(context.Background(), batch)) }, nil, ""},
		{"at another batch", func(m *calling, batch int) error {
			return reenters(m.run(context.Background(), batch+100))
		}, nil, ""},
		{"at one that is built", func(m *calling, _ int) error { return m.run(context.Background(), 4) }, nil, ""},
		{"and fails of it", func(m *calling, batch int) error { return m.run(context.Background(), batch) }, nil, "that it belongs to"},
		{"in a goroutine of its own", func(m *calling, batch int) error {
			done := make(chan error)
			go func() { done <- m.run(context.Background(), batch) }()
			return reenters(<-done)
		}, nil, ""},
	} {
		for _, goroutines := range []int{1, 2, 8} {
			for _, batches := range []int{1, 3} {
				count++
				m := newCalling(t)
				if err := m.run(t.Context(), 4); err != nil {
					t.Fatal(err)
				}
				m.set(func(batch int) error { return c.inner(m, batch) })
				good := c.want == nil && c.says == ""
				var wait sync.WaitGroup
				for g := range goroutines {
					wait.Go(func() {
						err := m.run(context.Background(), 5+g%batches)
						if (err == nil) != good || !good && !strings.Contains(err.Error(), c.says) ||
							c.want != nil && !errors.Is(err, c.want) {
							t.Errorf("%s, %d goroutines: got error %v, want %v that says %q", c.name, goroutines, err,
								c.want, c.says)
						}
					})
				}
				wait.Wait()
				m.set(nil)
				for batch := range 3 {
					if err := m.run(t.Context(), 5+batch); err != nil {
						t.Errorf("%s, %d goroutines: got error %v afterwards", c.name, goroutines, err)
					}
					if good && batch < min(batches, goroutines) && m.built[5+batch] != 1 {
						t.Errorf("%s, %d goroutines: built %d times for batch size %d, want once", c.name, goroutines,
							m.built[5+batch], 5+batch)
					}
				}
			}
		}
	}
	t.Logf("%d cases", count)
}

// TestSlowBuild: who waits for a build stops with the context; a run at a batch whose graph is there does not
// wait.
func TestSlowBuild(t *testing.T) {
	m := newCalling(t)
	if err := m.run(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	begun, goOn := make(chan bool), make(chan bool)
	var first atomic.Bool
	m.set(func(int) error {
		if !first.Swap(true) {
			close(begun)
			<-goOn
		}
		return nil
	})
	slow := make(chan error)
	go func() { slow <- m.run(context.Background(), 7) }()
	<-begun
	for _, batch := range []int{7, 8} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.run(ctx, batch) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("batch size %d: got error %v, want that of the context", batch, err)
		}
	}
	if err := m.run(t.Context(), 4); err != nil {
		t.Errorf("a run at a batch whose graph is there: got error %v", err)
	}
	close(goOn)
	if err := <-slow; err != nil {
		t.Errorf("the run that built: got error %v", err)
	}
	if err := m.run(t.Context(), 8); err != nil {
		t.Errorf("a run afterwards: got error %v", err)
	}
}
