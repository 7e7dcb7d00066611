package model

import (
	"fmt"
	"os"

	"euryale/qtensor"
)

// closed is set in using by Close. It is more than any number of runs and saves.
const closed = 1 << 62

// Close releases the file of a model that Load returned. After Close, Run, Observe, Time, Network, Save and
// Write return os.ErrClosed, also for a model without a file. Calls in progress end as usual, and the last of
// them closes the file; Close does not wait for them. A second Close does nothing. Errors: those of the file
// system.
func (m *Model) Close() error {
	err := m.made()
	if err == nil {
		m.using.Add(1)
		m.using.Or(closed)
		err = m.leave()
	}
	if err != nil {
		return fmt.Errorf("model: Close: %w", err)
	}
	return nil
}

// made returns an error for a model that no function returned.
func (m *Model) made() error {
	switch {
	case m == nil:
		return fmt.Errorf("%w: got a nil Model, want one of New, Load or Read", qtensor.ErrParams)
	case m.limit == 0:
		return fmt.Errorf("%w: got the zero Model, want one of New, Load or Read", qtensor.ErrParams)
	}
	return nil
}

// enter notes that the model is used until leave, and returns an error where it was not made or was closed.
func (m *Model) enter() error {
	if err := m.made(); err != nil {
		return err
	}
	if m.using.Add(1) < closed {
		return nil
	}
	_ = m.leave() // what closes the file is an error of Close, if of anything
	return fmt.Errorf("the model was closed: %w", os.ErrClosed)
}

// leave closes the file where it is the last of a model that was closed.
func (m *Model) leave() error {
	if m.using.Add(-1) != closed || m.file == nil {
		return nil
	}
	return m.file()
}

// use calls f while the model is in use.
func (m *Model) use(f func() error) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer func() { _ = m.leave() }()
	return f()
}
