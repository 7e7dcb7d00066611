package exprgraph

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gorgonia.org/gorgonia"
)

// Graph is a float graph for some batch size. A node that has a value and is not among Inputs is a constant,
// such as a weight.
//
// Inputs of the model have the names of the nodes; those without a name are called input, input_2 and so on.
// Outputs of the model are in the order of Outputs, and have names of their own, such as "Relu_1.out", which
// model.Model.Outputs lists.
type Graph struct{ Inputs, Outputs gorgonia.Nodes }

// Build makes the float graph for a batch size, which is the size of an axis of the inputs. It is called
// several times, and has to give the same graph with the same weights each time. If the model keeps calls of
// Gorgonia's ops, it is called for each new batch size of a run, one call at a time. Nothing that it returns
// is changed.
type Build func(batch int) (Graph, error)

// at returns the graph for a batch size. A panic of the build is an error.
func (build Build) at(batch int) (s Graph, err error) {
	defer func() {
		if r := recover(); r != nil {
			cause, ok := r.(error)
			if !ok {
				cause = fmt.Errorf("%v", r)
			}
			s, err = Graph{}, fmt.Errorf("build for batch size %d panics: %w", batch, cause)
		}
	}()
	if s, err = build(batch); err != nil {
		return Graph{}, fmt.Errorf("build for batch size %d: %w", batch, err)
	}
	return s, nil
}

// builds makes the graphs of a network, and keeps those for some batch sizes.
type builds struct {
	build Build
	turn  *turn // of who builds
	lock  sync.Mutex
	kept  []*built // the last used last
}

// mostBuilt bounds the graphs that are kept.
const mostBuilt = 4

// at returns the graph for a batch size. One is built at a time, since build may have variables of its own;
// who waits for that stops with ctx.
func (b *builds) at(ctx context.Context, batch int) (k *built, err error) {
	if k := b.find(batch); k != nil {
		return k, nil
	}
	err = b.turn.take(ctx, func() error {
		if k = b.find(batch); k != nil { // in the meantime
			return nil
		}
		s, err := b.build.at(batch)
		if err != nil {
			return err
		}
		k = &built{batch: batch, source: s, nodes: map[*position]*gorgonia.Node{}}
		b.lock.Lock()
		defer b.lock.Unlock()
		b.kept = append(b.kept, k)
		b.kept = slices.Delete(b.kept, 0, max(0, len(b.kept)-mostBuilt))
		return nil
	})
	return k, err
}

func (b *builds) find(batch int) *built {
	b.lock.Lock()
	defer b.lock.Unlock()
	i := slices.IndexFunc(b.kept, func(k *built) bool { return k.batch == batch })
	if i < 0 {
		return nil
	}
	k := b.kept[i]
	b.kept = append(slices.Delete(b.kept, i, i+1), k)
	return k
}

// turn lets one goroutine at a time run code of the user's.
type turn struct {
	taken chan struct{} // holds one while it is somebody's
	by    atomic.Uint64 // the goroutine whose turn it is; 0 for none
}

func newTurn() *turn { return &turn{taken: make(chan struct{}, 1)} }

// take runs f when nobody else does. Errors: f's; that of ctx, where it ends before; ErrReentrant in a
// goroutine whose turn it is, and in those that it started, where waiting would never end. Those that these
// start wait until ctx ends.
func (t *turn) take(ctx context.Context, f func() error) error {
	own, parent := goroutine()
	if by := t.by.Load(); by != 0 && (by == own || by == parent) {
		return fmt.Errorf("%w, want a build that only makes a graph, and an op that only computes", ErrReentrant)
	}
	select {
	case t.taken <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	t.by.Store(own)
	defer func() {
		t.by.Store(0)
		<-t.taken
	}()
	return f()
}

// goroutine returns the ids of the caller's goroutine and of the one that started it, 0 for what is not
// known. Go has them only in the text of a stack: "goroutine 7 [running]:" in its first line, and "created by
// … in goroutine 5" in the last but one.
func goroutine() (own, parent uint64) {
	text := make([]byte, 16<<10)
	text = text[:runtime.Stack(text, false)]
	_, _ = fmt.Sscanf(string(text[:min(40, len(text))]), "goroutine %d ", &own)
	if i := bytes.LastIndex(text, []byte(" in goroutine ")); i >= 0 {
		_, _ = fmt.Sscanf(string(text[i:]), " in goroutine %d", &parent)
	}
	return own, parent
}
