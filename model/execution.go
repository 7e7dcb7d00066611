package model

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"euryale/internal/dense"
	"euryale/internal/gemm"

	"gorgonia.org/tensor"
)

// A long run whose context may end is detached: a goroutine of its own computes it, on copies of the inputs,
// in a workspace that it gives back when it ends. The caller waits for it or for the context. When the
// context ends first, the goroutine reads no more of the caller's memory, ends at the next node, tile or
// task, and its results are dropped. The caller's goroutine alone calls what belongs to the user: the context
// and the observer.

// longest is about how long a run that is not detached may take, in seconds. A split batch checks the context
// between its tasks.
const longest = 5e-3

var (
	errStopped = errors.New("stopped") // the caller abandoned the run
	errTask    = errors.New("a task")  // a task of a run that is not detached failed; compute the run whole
)

// execution is one run of a model.
type execution struct {
	m         *Model
	p         *plan
	in        []input
	batch     int
	w         observer
	shown     *shown          // of w.observe, which may be nil
	y         [][]float32     // memory of the outputs; nil for those that are not wanted
	stop      <-chan struct{} // closed when the caller abandons the run; nil where it never does
	ctx       context.Context // of calls: ends with stop, and is not the user's
	lock      sync.Mutex      // held while the caller's memory is read
	detached  bool            // computed by a goroutine of its own
	copies    [][]float32     // of inputs, for the time of the run
	ended     bool            // the goroutine has ended
	abandoned bool            // nobody waits for the goroutine, and m.abandoned counts it
}

func (e *execution) stopped() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

// run computes the outputs, and sets out to them where it is not nil. No other function calls methods of ctx.
func (m *Model) run(ctx context.Context, in map[string]tensor.Tensor, w observer, out map[string]tensor.Tensor) error {
	if err := m.made(); err != nil {
		return err
	}
	done, err := begin(ctx)
	if err != nil {
		return err
	}
	e := &execution{m: m, w: w, y: make([][]float32, len(m.graph.Outputs)), stop: done, ctx: context.Background()}
	if err := e.open(in); errors.Is(err, errStopped) {
		return ended(ctx)
	} else if err != nil {
		return err
	}
	if w.observe != nil {
		if e.shown, err = e.p.showing(w.names); err != nil {
			return err
		}
	}
	if err := e.p.fits(e.batch, w.observe != nil); err != nil {
		return err
	}
	if done == nil || !e.p.long(e.batch, out != nil) {
		err = m.use(func() error { return e.compute(out != nil) })
	} else {
		err = errTask
	}
	switch {
	case errors.Is(err, errStopped):
		err = ended(ctx)
	case errors.Is(err, errTask):
		err = e.detach(ctx, done, out != nil)
	}
	if err != nil {
		return err
	}
	for i, id := range e.p.outputs {
		if out == nil {
			break
		}
		v := &e.p.values[id]
		shape := make(tensor.Shape, len(v.size))
		v.size.Put(shape, e.batch)
		out[v.name] = dense.New(e.y[i], shape)
	}
	return nil
}

// detach has the run computed by another goroutine, and returns when it is done or the context ends.
func (e *execution) detach(ctx context.Context, done <-chan struct{}, outputs bool) error {
	select {
	case e.m.abandoned <- struct{}{}: // there is room for one more
		<-e.m.abandoned
	case <-done:
		return ended(ctx)
	}
	if err := e.m.enter(); err != nil {
		return err
	}
	own, cancel := context.WithCancel(context.Background())
	e.ctx, e.stop, e.detached = own, own.Done(), true
	defer e.abandon(cancel)
	type seen struct {
		name string
		x    []float32
	}
	observed, answers := make(chan seen), make(chan error)
	show := e.w.observe
	if show != nil {
		e.w.observe = func(name string, x []float32) error {
			select {
			case observed <- seen{name, x}:
			case <-e.stop:
				return errStopped
			}
			select {
			case err := <-answers:
				return err
			case <-e.stop:
				return errStopped
			}
		}
	}
	err := errStopped // where an operation ends the goroutine
	ready := make(chan *gemm.Panic, 1)
	go func() {
		var p *gemm.Panic
		defer func() {
			e.end()
			ready <- p
		}()
		p = gemm.Catch(func() { err = e.compute(outputs) })
	}()
	for {
		select {
		case <-done:
			e.abandon(cancel)
			return ended(ctx)
		default:
		}
		select {
		case <-done: // the loop sees it
		case s := <-observed:
			answers <- show(s.name, s.x)
		case p := <-ready:
			if p != nil {
				panic(p)
			}
			return err
		}
	}
}

// maxAbandoned bounds the goroutines of a model that nobody waits for: while there are so many, the next run
// waits for one of them to end.
const maxAbandoned = 8

// abandon has the goroutine stop. Nothing reads the caller's memory afterwards: the lock is held while a part
// of it is read.
func (e *execution) abandon(cancel func()) {
	cancel()
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.ended || e.abandoned {
		return
	}
	select {
	case e.m.abandoned <- struct{}{}:
		e.abandoned = true
	default: // more at once than maxAbandoned, as many as were waited for
	}
}

// end notes that the goroutine ends.
func (e *execution) end() {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.ended = true; e.abandoned {
		<-e.m.abandoned
	}
	_ = e.m.leave() // what closes the file is an error of Close, if of anything
}

// compute reads the inputs, and sets the outputs where they are wanted.
func (e *execution) compute(outputs bool) error {
	x, err := e.read()
	defer func() {
		for _, x := range e.copies {
			e.m.copies.Put(&x)
		}
		e.copies = nil
	}()
	if err != nil {
		return err
	}
	if !outputs {
		return e.pass(x, e.batch, e.y, false)
	}
	for i, id := range e.p.outputs {
		if e.y[i], err = e.output(e.p.values[id].size.At(e.batch)); err != nil {
			return err
		}
	}
	if tasks := e.p.tasks(e.batch); tasks > 1 {
		switch err := e.split(x, tasks); {
		case err == nil:
			return nil
		case e.stopped():
			return errStopped
		case e.stop != nil && !e.detached:
			return errTask
		}
	}
	// The error of a task may name an index within the task.
	if !e.p.learns(e.batch) {
		return e.pass(x, e.batch, e.y, false)
	}
	shared, begin := e.p.pace.shares(), time.Now()
	err = e.pass(x, e.batch, e.y, !shared)
	e.p.pace.note(shared, time.Since(begin)/time.Duration(e.batch))
	return err
}

// allocatedAtOnce is how many zeroed float32 the runtime allocates in less than a millisecond.
const allocatedAtOnce = 1 << 20

// output returns n float32. A caller that may abandon the run does not wait for a large allocation.
func (e *execution) output(n int) ([]float32, error) {
	if n <= allocatedAtOnce || e.stop == nil || e.detached {
		return make([]float32, n), nil
	}
	ready := make(chan []float32, 1)
	go func() { ready <- make([]float32, n) }()
	select {
	case y := <-ready:
		return y, nil
	case <-e.stop:
		return nil, errStopped
	}
}

// readAtOnce is how many elements of an input are read between checks of the context.
const readAtOnce = 1 << 13

// read returns the inputs: the caller's memory, or copies where the caller may abandon the run.
func (e *execution) read() ([][]float32, error) {
	list := make([][]float32, len(e.in))
	for i, in := range e.in {
		if in.own != nil && !e.detached {
			list[i] = in.own
			continue
		}
		var x []float32
		if old, _ := e.m.copies.Get().(*[]float32); old != nil {
			x = *old
		}
		x = grow(x, in.size)
		e.copies = append(e.copies, x)
		for first := 0; first < len(x); first += readAtOnce {
			if err := e.readPart(in, x[first:min(first+readAtOnce, len(x))], first); err != nil {
				return nil, fmt.Errorf("input %q: %w", e.m.graph.Inputs[i].Name, err)
			}
		}
		list[i] = x
	}
	return list, nil
}

func (e *execution) readPart(in input, dst []float32, first int) error {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.stopped() {
		return errStopped
	}
	return in.read(dst, first)
}

// pass computes the outputs y for the inputs x of a batch. Outputs that are nil are not copied.
func (e *execution) pass(x [][]float32, batch int, y [][]float32, singleThreaded bool) error {
	p := e.p
	ws, err := p.workspace()
	if err != nil {
		return err
	}
	for i, id := range p.inputs {
		ws.values[id].x = x[i]
	}
	p.reshape(ws, batch)
	ws.batch, ws.singleThreaded = batch, singleThreaded
	if !singleThreaded {
		gemm.Wake(p.expected(batch))
	}
	err = e.steps(ws)
	for i, id := range p.outputs {
		if err == nil {
			copy(y[i], ws.values[id].x)
		}
	}
	for i := range p.values {
		if root := p.root(i); root.buffer < 0 && root.data == nil {
			ws.values[i].x = nil // the caller's
		}
	}
	p.workspaces.Put(ws)
	return err
}

// steps computes every node.
func (e *execution) steps(ws *workspace) error {
	p := e.p
	for _, id := range p.inputs {
		if err := e.show(ws, id); err != nil {
			return fmt.Errorf("input %q: %w", p.values[id].name, err)
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		if e.stopped() {
			return errStopped
		}
		if e.shown != nil {
			p.addFloat(ws, s, e.shown)
		}
		if err := e.step(ws, s); err != nil {
			return fmt.Errorf("node %q (%s): %w", s.node.Name, s.node.Op, err)
		}
		if e.shown != nil {
			p.forget(ws, i, e.shown)
		}
	}
	if e.stopped() {
		return errStopped
	}
	p.ready.Store(true)
	return nil
}

// step computes a node, and has its result observed.
func (e *execution) step(ws *workspace, s *step) error {
	if e.w.begin != nil {
		e.w.begin(s)
	}
	var begin time.Time
	if e.w.took != nil {
		begin = time.Now()
	}
	err := e.do(ws, s)
	if e.w.took != nil {
		e.w.took(s, time.Since(begin))
	}
	if err == nil {
		err = e.show(ws, s.out)
	}
	return err
}
