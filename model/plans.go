package model

import (
	"slices"
	"sync"

	"euryale/internal/ir"
)

// A model has a plan for the sizes that its free dimensions state, and makes one for any others that a run
// meets. The batch is no part of them: a plan is for all batches.

// maxPlans bounds the plans that a model keeps besides its first.
const maxPlans = 16

// planCache keeps the plans for the sizes that runs met last.
type planCache struct {
	lock sync.Mutex
	list []*planned // the one that was used last is the last
}

type planned struct {
	sizes []int
	plan  func() (*plan, error) // makes it when called first
}

// at returns the plan for sizes, which make makes.
func (c *planCache) at(sizes []int, make func() (*plan, error)) *planned {
	c.lock.Lock()
	defer c.lock.Unlock()
	at := slices.IndexFunc(c.list, func(p *planned) bool { return slices.Equal(p.sizes, sizes) })
	p := &planned{sizes, onceValues(make)}
	if at >= 0 {
		p = c.list[at]
		c.list = slices.Delete(c.list, at, at+1)
	} else if len(c.list) == maxPlans {
		c.list = slices.Delete(c.list, 0, 1)
	}
	c.list = append(c.list, p)
	return p
}

// drop forgets a plan that could not be made.
func (c *planCache) drop(p *planned) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.list = slices.DeleteFunc(c.list, func(other *planned) bool { return other == p })
}

// planFor returns the plan for sizes of the free dimensions but the batch. It does not wait for one that has
// to be made when done is closed, and returns errStopped then.
func (m *Model) planFor(sizes []int, done <-chan struct{}) (*plan, error) {
	if slices.Equal(sizes, m.sizes()) {
		return m.plan, nil
	}
	sizes = slices.Clone(sizes)
	p := m.plans.at(sizes, func() (*plan, error) { return m.newPlan(sizes) })
	made := make(chan struct{})
	var plan *plan
	var err error
	get := func() {
		defer close(made)
		if plan, err = p.plan(); err != nil {
			m.plans.drop(p)
		}
	}
	if done == nil {
		get()
		return plan, err
	}
	go get()
	select {
	case <-made:
		return plan, err
	case <-done:
		return nil, errStopped
	}
}

// sizes returns what the free dimensions but the batch state.
func (m *Model) sizes() []int { return stated(m.graph.Dims) }

func stated(dims []ir.Dim) (sizes []int) {
	for _, d := range dims[min(1, len(dims)):] {
		sizes = append(sizes, d.Size)
	}
	return sizes
}
