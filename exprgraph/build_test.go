package exprgraph

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// TestTurn: who waits for a turn stops with the context; who has it, or was started by who has it, does not
// wait; and a turn ends with what was done in it, however that ends.
func TestTurn(t *testing.T) {
	turn := newTurn()
	ended, cancel := context.WithCancel(t.Context())
	failed := errors.New("failed")
	nothing := func() error { return nil }
	err := turn.take(t.Context(), func() error {
		var own, below, other error
		own = turn.take(context.Background(), nothing)
		var wait sync.WaitGroup
		wait.Go(func() {
			below = turn.take(context.Background(), nothing)
			wait.Go(func() { // two goroutines away
				cancel()
				other = turn.take(ended, nothing)
			})
		})
		wait.Wait()
		if !errors.Is(own, ErrReentrant) || !errors.Is(below, ErrReentrant) || !errors.Is(other, context.Canceled) {
			t.Errorf("got errors %v, %v and %v, want ErrReentrant twice, and that of the context", own, below, other)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got error %v, want %v", err, failed)
	}
	func() {
		defer func() { _ = recover() }()
		_ = turn.take(t.Context(), func() error { panic("slipped") })
	}()
	if err := turn.take(t.Context(), nothing); err != nil {
		t.Errorf("after a panic: got error %v", err)
	}
	count := 0
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if err := turn.take(context.Background(), func() error { count++; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if count != 50 {
		t.Errorf("got %d turns, want 50", count)
	}
}
