package gemm

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic of one goroutine that is raised again in another, which waits for it.
type Panic struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// Error returns the value and the stack as text.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value where that is an error, else nil.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Catch calls f and returns its panic, or nil where there is none. A *Panic is returned as it is.
func Catch(f func()) (p *Panic) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Panic:
			p = r
		default:
			p = &Panic{r, debug.Stack()}
		}
	}()
	f()
	return nil
}
